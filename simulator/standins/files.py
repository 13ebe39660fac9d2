"""Files as MicroPython has them on the ESP32: in text or in bytes, over the world's file system.

Text is UTF-8 and has no newline translation.  Errors are OSError with the device's number.  A file
that is never closed keeps its old content.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simulator.standins.seam import here

_ENOENT = 2
_ENODEV = 19
_EINVAL = 22
_POLL = 3
_SEEK_CUR = 1


def open(name: str, mode: str = "r", buffering: int = -1, encoding: str | None = None) -> Any:
    """A file below the root; `buffering` and `encoding` are accepted and ignored, as there."""
    if not here.mounts:
        raise OSError(_ENODEV)
    if not isinstance(name, str):
        raise TypeError("can't convert to str implicitly")
    if any(letter not in "rwxab+t" for letter in mode):
        raise OSError(_EINVAL)
    fs, inner = here.filesystem_of(absolute(name))
    if fs is None:
        raise OSError(_ENOENT)
    raw = here.guard(fs.open, inner, mode.replace("t", ""))
    return BinaryFile(raw) if "b" in mode else TextFile(raw)


def absolute(path: str) -> str:
    """`path` from the root, with `.` and `..` resolved against the current directory."""
    if not path.startswith("/"):
        path = f"{here.cwd.rstrip('/')}/{path}"
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


class BinaryFile:
    """An open file in bytes."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def read(self, size: int = -1, /) -> Any:
        return here.guard(self._raw.read, size)

    def readinto(self, buf: Any, nbytes: int = -1, /) -> int:
        view = memoryview(buf)
        data = self.read(len(view) if nbytes < 0 else min(nbytes, len(view)))
        view[: len(data)] = data
        return len(data)

    def readline(self, size: int = -1, /) -> Any:
        line = b""
        while size < 0 or len(line) < size:
            letter = here.guard(self._raw.read, 1)
            line += letter
            if not letter or letter == b"\n":
                break
        return line

    def readlines(self) -> list[Any]:
        return list(self)

    def write(self, buf: Any, /) -> int:
        data = buf.encode() if isinstance(buf, str) else bytes(memoryview(buf))
        return here.guard(self._raw.write, data)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return here.guard(self._raw.seek, offset, whence)

    def tell(self) -> int:
        return here.guard(self._raw.tell)

    def flush(self) -> None:
        here.guard(self._raw.flush)

    def close(self) -> None:
        here.guard(self._raw.close)

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def __iter__(self) -> Iterator[Any]:
        while line := self.readline():
            yield line


class TextFile(BinaryFile):
    """An open file in text; sizes count characters."""

    def read(self, size: int = -1, /) -> str:
        if size < 0:
            return super().read(-1).decode()
        text = b""
        for _ in range(size):
            text += self._letter()
        return text.decode()

    def _letter(self) -> bytes:
        letter = here.guard(self._raw.read, 1)
        if letter and letter[0] >= 0xC0:
            more = 1 + (letter[0] >= 0xE0) + (letter[0] >= 0xF0)
            letter += here.guard(self._raw.read, more)
        return letter

    def readline(self, size: int = -1, /) -> str:
        return super().readline(size).decode()


__all__ = ["BinaryFile", "TextFile", "absolute", "open"]
