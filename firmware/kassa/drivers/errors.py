"""The drivers' family of errors; each chip derives its own."""

from kassa.system.errors import KassaError


class DriverError(KassaError):
    """A chip is missing, does not answer, or answers what its data sheet does not know."""
