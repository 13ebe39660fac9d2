"""What can be wrong with EMV data.  Each of these ends an application, never the program."""

from kassa.system.errors import KassaError


class EmvError(KassaError):
    """The root of this floor's errors."""


class TlvError(EmvError):
    """Bytes that are not BER-TLV as EMV wants it, or an object that may not be there."""


class DolError(EmvError):
    """A data object list that cannot be read or asks for more than a command can carry."""


class ConfigError(EmvError):
    """A configuration that must not be used; the message names the AID and the field.

    `path` leads to the place: names and positions from the top of the document.
    """

    def __init__(self, message: str, path: "tuple[str | int, ...]" = ()) -> None:
        super().__init__(message)
        self.path = path


class CardDataError(EmvError):
    """The card said something the rules end the application for.

    `error` is a short name ("card data missing", "status bytes" ...) as Book C-2's error
    indications call it; `sw` the status word where there was one.
    """

    def __init__(self, error: str, sw: "int | None" = None) -> None:
        super().__init__(error)
        self.error = error
        self.sw = sw
