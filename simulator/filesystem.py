"""littlefs on the flash chip, as MicroPython's VfsLfs2 has it on a partition of the ESP32.

The same file system in the same geometry (extmod/vfs_lfsx.c: block cycles 100, cache 4 times the
larger of read and prog size, which default to 32; lookahead 32), so that either side mounts what
the other wrote.  Modification times are not stored.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from littlefs import LittleFSError, lfs

from simulator.chips.nor_flash import BLOCK, ERASED, NorFlash
from simulator.clock import NS_PER_US, VirtualClock

READ_SIZE = PROG_SIZE = LOOKAHEAD_SIZE = 32
CACHE_SIZE = 128
BLOCK_CYCLES = 100
NAME_MAX = 255

DIRECTORY = 0x4000
REGULAR = 0x8000

_READ_CALL_NS = 20 * NS_PER_US  # ESP-IDF's partition read, before the first byte

_EIO = 5
_EBADF = 9
_EEXIST = 17

# What is the same for every bench start and every terminal of one firmware.
_SELDOM_CHANGES = ("/kassa/", "/lib/", "/assets/")
_MOST_IMAGES = 4
_FLAGS = lfs.LFSFileFlag


class _Chip:
    """What littlefs does to the flash.  An exception cannot pass through it, so it waits here."""

    def __init__(self, flash: NorFlash, offset: int) -> None:
        self._flash = flash
        self._offset = offset
        self.failure: BaseException | None = None

    def read(self, cfg: lfs.LFSConfig, block: int, off: int, size: int) -> bytes:
        if self.failure is None:
            try:
                self._flash.clock.spend(_READ_CALL_NS)
                return self._flash.read(self._offset + block * BLOCK + off, size)
            except BaseException as failure:  # noqa: BLE001 - raised again by `Littlefs`
                self.failure = failure
        return bytes(size)

    def prog(self, cfg: lfs.LFSConfig, block: int, off: int, data: bytes) -> int:
        return self._do(self._flash.program, self._offset + block * BLOCK + off, data)

    def erase(self, cfg: lfs.LFSConfig, block: int) -> int:
        return self._do(self._flash.erase, self._offset + block * BLOCK)

    def sync(self, cfg: lfs.LFSConfig) -> int:
        return 0 if self.failure is None else -_EIO

    def _do(self, operation: Any, *arguments: Any) -> int:
        if self.failure is None:
            try:
                operation(*arguments)
                return 0
            except BaseException as failure:  # noqa: BLE001 - raised again by `Littlefs`
                self.failure = failure
        return -_EIO


class Littlefs:
    """The file system on `size` bytes at `offset`, mounted.

    formatting: "blank" makes a new one first where the partition is blank, "always" whatever is
    there, "never" leaves both alone and raises OSError where there is none.

    Paths are absolute.  Errors are OSError with one argument, the errno, as MicroPython raises
    them; whatever the chip raises (PowerCut, DataSheetViolation) comes through and ends it.
    """

    def __init__(self, flash: NorFlash, offset: int, size: int, formatting: str = "blank") -> None:
        self._chip = _Chip(flash, offset)
        self._config = lfs.LFSConfig(
            context=self._chip,
            block_size=BLOCK,
            block_count=size // BLOCK,
            read_size=READ_SIZE,
            prog_size=PROG_SIZE,
            cache_size=CACHE_SIZE,
            lookahead_size=LOOKAHEAD_SIZE,
            block_cycles=BLOCK_CYCLES,
        )
        self._fs = lfs.LFSFilesystem()
        # littlefs keeps pointers to what is open, so that must live until it is closed.
        self._open: set[Any] = set()
        blank = flash.image(offset, BLOCK) == ERASED == flash.image(offset + BLOCK, BLOCK)
        if formatting == "always" or (formatting == "blank" and blank):
            self._do(lfs.format, self._config)
        self._do(lfs.mount, self._config)

    def open(self, path: str, mode: str = "r") -> LittlefsFile:
        """A file in binary, whatever `mode` says of text; `mode` as MicroPython reads it."""
        return LittlefsFile(self, path, mode)

    def listdir(self, path: str = "/") -> list[str]:
        return [entry[0] for entry in self.ilistdir(path)]

    def ilistdir(self, path: str = "/") -> Iterator[tuple[str, int, int, int]]:
        """(name, DIRECTORY or REGULAR, 0, size) of each entry."""
        directory = self._do(lfs.dir_open, _inner(path))
        self._open.add(directory)
        entries = []
        while (entry := self._do(lfs.dir_read, directory)) is not None:
            if entry.name not in (".", ".."):
                entries.append((entry.name, _kind(entry), 0, _size(entry)))
        self._do(lfs.dir_close, directory)
        self._open.discard(directory)
        return iter(entries)

    def stat(self, path: str) -> tuple[int, ...]:
        """(mode, 0, 0, 0, 0, 0, size, 0, 0, 0)."""
        inner = _inner(path)
        if inner in ("", "/"):
            return (DIRECTORY, *[0] * 9)
        entry = self._do(lfs.stat, inner)
        return (_kind(entry), 0, 0, 0, 0, 0, _size(entry), 0, 0, 0)

    def remove(self, path: str) -> None:
        """Remove a file or an empty directory, as MicroPython's `remove` and `rmdir` both do."""
        self._do(lfs.remove, _inner(path))

    rmdir = remove

    def rename(self, old: str, new: str) -> None:
        """Give another name; a file of the new name is replaced in the same step."""
        self._do(lfs.rename, _inner(old), _inner(new))

    def mkdir(self, path: str) -> None:
        self._do(lfs.mkdir, _inner(path))

    def statvfs(self, path: str = "/") -> tuple[int, ...]:
        """(block size, same, blocks, free blocks, same, 0, 0, 0, 0, longest name)."""
        blocks = self._config.block_count
        free = blocks - self._do(lfs.fs_size)
        return (BLOCK, BLOCK, blocks, free, free, 0, 0, 0, 0, NAME_MAX)

    # -- conveniences for host tools and tests

    def write_file(self, path: str, content: bytes) -> None:
        """Make a file and the directories it needs."""
        parts = _inner(path).strip("/").split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            try:
                self.mkdir("/" + "/".join(parts[:depth]))
            except OSError as error:
                if error.args[0] != _EEXIST:
                    raise
        with self.open(path, "wb") as file:
            file.write(content)

    def read_file(self, path: str) -> bytes:
        with self.open(path, "rb") as file:
            return file.read()

    def walk(self, path: str = "/") -> Iterator[str]:
        """Every file below `path`, by its absolute path."""
        for name, kind, _, _ in self.ilistdir(path):
            inner = f"{path.rstrip('/')}/{name}"
            if kind == DIRECTORY:
                yield from self.walk(inner)
            else:
                yield inner

    def _do(self, operation: Any, *arguments: Any) -> Any:
        if self._chip.failure is not None:
            raise self._chip.failure
        try:
            result = operation(self._fs, *arguments)
        except LittleFSError as error:
            if self._chip.failure is not None:
                raise self._chip.failure from None
            raise OSError(-error.code) from None
        if self._chip.failure is not None:
            raise self._chip.failure
        return result


class LittlefsFile:
    """An open file, read and written in bytes.  What was written counts after `flush` or `close`.

    A file that is never closed keeps its old content, as after a power cut.
    """

    def __init__(self, fs: Littlefs, path: str, mode: str) -> None:
        flags = _flags(mode)
        self.readable = bool(flags & _FLAGS.rdonly)
        self.writable = bool(flags & _FLAGS.wronly)
        self.closed = False
        self._fs = fs
        self._file = fs._do(lfs.file_open, _inner(path), flags)
        fs._open.add(self._file)

    def read(self, count: int = -1) -> bytes:
        """At most `count` bytes; all that are left when it is negative."""
        if count < 0:
            count = max(0, self._do(lfs.file_size) - self._do(lfs.file_tell))
        return self._do(lfs.file_read, count)

    def readinto(self, buffer: bytearray | memoryview) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def write(self, data: bytes) -> int:
        return self._do(lfs.file_write, bytes(data))

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._do(lfs.file_seek, offset, whence)

    def tell(self) -> int:
        return self._do(lfs.file_tell)

    def flush(self) -> None:
        self._do(lfs.file_sync)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._fs._do(lfs.file_close, self._file)
            self._fs._open.discard(self._file)

    def __enter__(self) -> LittlefsFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _do(self, operation: Any, *arguments: Any) -> Any:
        if self.closed:
            raise ValueError("file is closed")
        if operation is lfs.file_read and not self.readable:
            raise OSError(_EBADF)
        if operation is lfs.file_write and not self.writable:
            raise OSError(_EBADF)
        return self._fs._do(operation, self._file, *arguments)


def build_image(files: Mapping[str, bytes], size: int) -> dict[int, bytes]:
    """A file system of `size` bytes that holds `files`: the blocks that `load_blocks` takes.

    The firmware's part is kept, so that another set of configuration files costs a few ms.
    """
    firmware = {path: files[path] for path in files if path.startswith(_SELDOM_CHANGES)}
    base = _images.get(_key(firmware, size), lambda: _build({}, firmware, size))
    rest = {path: files[path] for path in files if path not in firmware}
    return dict(_images.get(_key(files, size), lambda: _build(base, rest, size)))


def install(flash: NorFlash, offset: int, size: int, files: Mapping[str, bytes]) -> None:
    """Put a new file system with `files` onto the chip, without time or wear."""
    flash.load_blocks(build_image(files, size), offset, size)


class _Images:
    """The images made last, by content."""

    def __init__(self) -> None:
        self._known: dict[str, dict[int, bytes]] = {}

    def get(self, key: str, make: Callable[[], dict[int, bytes]]) -> dict[int, bytes]:
        image = self._known.pop(key, None) or make()
        self._known[key] = image  # the newest comes last
        while len(self._known) > _MOST_IMAGES:
            del self._known[next(iter(self._known))]
        return image


_images = _Images()


def _key(files: Mapping[str, bytes], size: int) -> str:
    digest = hashlib.sha256(str(size).encode())
    for path in sorted(files):
        digest.update(struct.pack("<II", len(path.encode()), len(files[path])))
        digest.update(path.encode() + files[path])
    return digest.hexdigest()


def _build(base: Mapping[int, bytes], files: Mapping[str, bytes], size: int) -> dict[int, bytes]:
    flash = NorFlash(size, VirtualClock())
    flash.load_blocks(base, 0, size)
    fs = Littlefs(flash, 0, size)
    for path in sorted(files):
        fs.write_file(path, files[path])
    return flash.blocks(0, size)


def _inner(path: str) -> str:
    return "/" + path.lstrip("/")


def _kind(entry: lfs.LFSStat) -> int:
    return DIRECTORY if entry.type == lfs.LFSStat.TYPE_DIR else REGULAR


def _size(entry: lfs.LFSStat) -> int:
    return entry.size if entry.type == lfs.LFSStat.TYPE_REG else 0


def _flags(mode: str) -> int:
    """extmod/vfs_lfsx_file.c: the last of r, w, x, a counts, + adds the other direction."""
    flags = 0
    for letter in mode:
        if letter == "r":
            flags |= _FLAGS.rdonly
        elif letter == "w":
            flags |= _FLAGS.wronly | _FLAGS.creat | _FLAGS.trunc
        elif letter == "x":
            flags |= _FLAGS.wronly | _FLAGS.creat | _FLAGS.excl
        elif letter == "a":
            flags |= _FLAGS.wronly | _FLAGS.creat | _FLAGS.append
        elif letter == "+":
            flags |= _FLAGS.rdwr
    return flags or _FLAGS.rdonly
