"""`io`: memory streams, and the base class that makes a stream of the firmware's own out of a
class.
"""

from __future__ import annotations

import io as _io
from typing import Any

from simulator.standins.seam import here


class IOBase:
    """A class with `ioctl`, `read`/`readinto` and `write` derives from it to be used as a
    stream.
    """


class BytesIO(_io.BytesIO):
    """Bytes in memory."""

    def __init__(self, initial: Any = b"") -> None:
        # A number reserves room, as on the device.
        super().__init__(b"" if isinstance(initial, int) else initial)


class StringIO(_io.StringIO):
    """Text in memory."""

    def __init__(self, initial: Any = "") -> None:
        super().__init__("" if isinstance(initial, int) else initial)


def open(name: str, mode: str = "r") -> Any:
    return here.open(name, mode)


__all__ = ["BytesIO", "IOBase", "StringIO", "open"]
