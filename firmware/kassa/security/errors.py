"""What can go wrong with keys and sealed data."""

from kassa.system.errors import KassaError


class SecurityError(KassaError):
    """A key is missing or damaged, or data is not what it claims to be."""


class AuthenticationFailed(SecurityError):
    """Sealed data was changed, or sealed under another key; nothing of it may be used."""


class KeysExhausted(SecurityError):
    """The key counter has reached its end: the terminal needs a new initial key."""


class NoKeys(SecurityError):
    """No initial key was injected, or the keys were zeroised."""


class KeysDamaged(SecurityError):
    """The key file cannot be read back; the message names it."""


class BadSignature(SecurityError):
    """Signed content was changed, is not signed, or is signed by somebody else."""
