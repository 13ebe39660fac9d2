"""What can go wrong between the reader and a card; shared by the reader's driver and the kernels
above it.
"""

from kassa.system.errors import KassaError


class CardError(KassaError):
    """The exchange with a card failed."""


class CardLost(CardError):
    """The card left the field or stopped answering."""


class TransmissionError(CardError):
    """The card answered, but what arrived was damaged beyond the protocol's own recovery."""


class ProtocolError(CardError):
    """The card broke ISO/IEC 14443-4: an answer no conforming card gives."""


class TwoCards(CardError):
    """More than one card answered in the field."""
