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


class _Memory:
    """What a stream in memory can do on MicroPython, and no more."""

    _inner: Any

    def read(self, size: int = -1, /) -> Any:
        return self._inner.read(size)

    def readinto(self, buf: Any, nbytes: int = -1, /) -> int:
        view = memoryview(buf)
        return self._inner.readinto(view if nbytes < 0 else view[:nbytes])

    def readline(self, size: int = -1, /) -> Any:
        return self._inner.readline(size)

    def write(self, buf: Any, /) -> int:
        return self._inner.write(buf)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        return self._inner.tell()

    def flush(self) -> None:
        """Nothing is held back."""

    def getvalue(self) -> Any:
        return self._inner.getvalue()

    def close(self) -> None:
        self._inner.close()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return next(self._inner)


class BytesIO(_Memory):
    """Bytes in memory; a number instead of them reserves room."""

    def __init__(self, initial: Any = b"", /) -> None:
        self._inner = _io.BytesIO(b"" if isinstance(initial, int) else initial)


class StringIO(_Memory):
    """Text in memory; a number instead of it reserves room."""

    def __init__(self, initial: Any = "", /) -> None:
        self._inner = _io.StringIO("" if isinstance(initial, int) else initial)


def open(name: str, mode: str = "r") -> Any:
    return here.open(name, mode)


__all__ = ["BytesIO", "IOBase", "StringIO", "open"]
