"""What can go wrong between the ESP32 and the PN532."""

from kassa.drivers.errors import DriverError


class ReaderFault(DriverError):
    """The reader does not do what it should; a restart may help."""


class ReaderNotFound(ReaderFault):
    """No PN532 answers, or what answers is not a PN532 that this driver knows."""


class ReaderSilent(ReaderFault):
    """The reader did not acknowledge or did not answer in time."""


class CommandRefused(ReaderFault):
    """The reader's firmware found the command or its parameters wrong (syntax error frame)."""


class FrameError(ReaderFault):
    """What came over the link is not a whole, undamaged frame."""


class ChecksumError(FrameError):
    """A frame's data does not add up to its check sum."""


class NoFrame(FrameError):
    """Bytes came, but no frame is in them."""
