"""What can go wrong between the terminal and its host, sorted by what it means for the money."""

from kassa.system.errors import KassaError


class HostError(KassaError):
    """The exchange with the host failed."""


class NotSent(HostError):
    """Nothing left the terminal: the request may be tried again or dropped, nothing is owed."""


class NotConnected(NotSent):
    """No route to the host worked."""


class NotSealed(NotSent):
    """The terminal has no keys to seal the message with."""


class NoAnswer(HostError):
    """The request may have arrived and no answer can be believed: the outcome is unknown."""


class ConnectionLost(NoAnswer):
    """The connection ended after the request was sent."""


class BadAnswer(NoAnswer):
    """Something came back that is no valid answer: garbage, a wrong MAC, another transaction's
    data.
    """


class NotProvisioned(HostError):
    """Routes or certificates are missing or wrong; the message names the key or file to mend."""
