"""ROMFS images: files that MicroPython executes and reads in place, out of flash.

Written by mpremote's own library, so that what is here and what `mpremote romfs build` makes are
of one format (MicroPython, docs/reference/romfs.rst and extmod/vfs_rom.c).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mpremote.romfs import VfsRomWriter

_DIRECTORY = VfsRomWriter.ROMFS_RECORD_KIND_DIRECTORY
_FILE = VfsRomWriter.ROMFS_RECORD_KIND_FILE
_VERBATIM = VfsRomWriter.ROMFS_RECORD_KIND_DATA_VERBATIM


def write(files: Mapping[str, bytes]) -> bytes:
    """An image of files by their path (`kassa/app/sale.mpy`), sorted by name at every level."""
    tree: dict[str, Any] = {}
    for path, content in files.items():
        *folders, name = path.strip("/").split("/")
        inside = tree
        for folder in folders:
            inside = inside.setdefault(folder, {})
        inside[name] = content
    writer = VfsRomWriter()
    _fill(writer, tree)
    return bytes(writer.finalise())


def read(image: bytes) -> dict[str, bytes]:
    """All files of an image by path.  Raises ValueError when it is none, or is torn.

    What follows the image, such as the rest of a partition, is not looked at.
    """
    if image[:3] != VfsRomWriter.ROMFS_HEADER:
        raise ValueError("not a ROMFS image")
    size, start = _number(image, 3)
    if start + size > len(image):
        raise ValueError("a ROMFS image that ends too early")
    return dict(_walk(image, start, start + size, ""))


def _fill(writer: VfsRomWriter, tree: Mapping[str, Any]) -> None:
    for name in sorted(tree):
        if isinstance(tree[name], dict):
            writer.opendir(name)
            _fill(writer, tree[name])
            writer.closedir()
        else:
            writer.mkfile(name, tree[name])


def _walk(image: bytes, at: int, end: int, folder: str) -> Iterator[tuple[str, bytes]]:
    for kind, start, stop in _records(image, at, end):
        if kind not in (_DIRECTORY, _FILE):
            continue
        length, inside = _number(image, start)
        path = folder + image[inside : inside + length].decode("ascii")
        inside += length
        if kind == _DIRECTORY:
            yield from _walk(image, inside, stop, f"{path}/")
            continue
        for inner, first, last in _records(image, inside, stop):
            if inner != _VERBATIM:
                raise ValueError(f"{path}: content that stands elsewhere in the image")
            yield path, image[first:last]


def _records(image: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Kind, start and end of each record between two places."""
    while at < end:
        kind, at = _number(image, at)
        size, at = _number(image, at)
        if at + size > end:
            raise ValueError("a record that is longer than what it stands in")
        yield kind, at, at + size
        at += size


def _number(image: bytes, at: int) -> tuple[int, int]:
    """A number of 7 bits a byte, most significant first, and where it ends."""
    value = 0
    while at < len(image):
        byte = image[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            return value, at
    raise ValueError("a number without an end")
