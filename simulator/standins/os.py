"""`os` of the ESP32: the file system under /, random bytes and who we are."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterator
from typing import Any

from simulator.standins import files
from simulator.standins.seam import here

_EPERM = 1
_ENOENT = 2
_ENODEV = 19
_DIRECTORY = 0x4000

_Uname = namedtuple("_Uname", "sysname nodename release version machine")

sep = "/"


def _call(operation: str, path: str) -> Any:
    fs, inner = _place(path)
    return here.guard(getattr(fs, operation), inner)


def _place(path: str) -> tuple[Any, str]:
    """The file system of a path, and the path there."""
    fs, inner = here.filesystem_of(files.absolute(path))
    if fs is None:
        raise OSError(_ENODEV)
    return fs, inner


def uname() -> Any:
    return _Uname("esp32", "esp32", "1.28.0", "v1.28.0 on 2026-04-06", here.board_title)


def urandom(n: int, /) -> bytes:
    """Random bytes of the chip, from the world's seed."""
    return here.operate("random", n)


def listdir(dir: str = "") -> list[str]:
    return [entry[0] for entry in ilistdir(dir)]


def ilistdir(dir: str = "") -> Iterator[tuple[str, int, int, int]]:
    """(name, 0x4000 for a directory or 0x8000 for a file, 0, size)"""
    return iter(list(_call("ilistdir", dir)))


def stat(path: str, /) -> tuple[int, ...]:
    """(mode, 0, 0, 0, 0, 0, size, atime, mtime, ctime)"""
    return _call("stat", path)


def statvfs(path: str, /) -> tuple[int, ...]:
    """(block size, same, blocks, free, same, 0, 0, 0, 0, longest name)"""
    return _call("statvfs", path)


def mkdir(path: str, /) -> None:
    _call("mkdir", path)


def rmdir(path: str, /) -> None:
    _call("rmdir", path)


def remove(path: str, /) -> None:
    _call("remove", path)


unlink = remove


def rename(old_path: str, new_path: str, /) -> None:
    """A file of the new name is replaced in the same step."""
    fs, old = _place(old_path)
    other, new = _place(new_path)
    if fs is not other:
        raise OSError(_EPERM)
    here.guard(fs.rename, old, new)


def getcwd() -> str:
    return here.cwd


def chdir(path: str, /) -> None:
    path = files.absolute(path)
    if path != "/" and not stat(path)[0] & _DIRECTORY:
        raise OSError(_ENOENT)
    here.cwd = path


def sync() -> None:
    """Everything closed is in flash already."""


__all__ = [
    "chdir",
    "getcwd",
    "ilistdir",
    "listdir",
    "mkdir",
    "remove",
    "rename",
    "rmdir",
    "sep",
    "stat",
    "statvfs",
    "sync",
    "uname",
    "unlink",
    "urandom",
]
