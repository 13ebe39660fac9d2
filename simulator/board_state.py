"""What a virtual board keeps in a folder between two runs: its flash."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path

from simulator.chips.nor_flash import BLOCK, ERASED, NorFlash, Snapshot


class StateError(Exception):
    """The folder cannot be used; the message says why."""


class BoardState:
    """`folder`/flash.bin is the whole chip, as esptool reads it; `torn.json` beside it tells where
    a power cut has left an operation half done, which the bytes alone do not.

    Raises StateError when another board uses the folder, or the image is of another size.
    """

    def __init__(self, folder: Path, flash: NorFlash) -> None:
        self._flash = flash
        self._torn = folder / "torn.json"
        self._saved: Mapping[int, bytes] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
            self._file = os.open(folder / "flash.bin", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StateError(f"{folder}: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._load(folder / "flash.bin")
        except BlockingIOError:
            self._close()
            raise StateError(f"{folder} is in use by another board") from None
        except StateError:
            self._close()
            raise

    def save(self) -> None:
        """Write what has changed since the last time."""
        now = self._flash.snapshot()
        for block in now.blocks.keys() | self._saved.keys():
            content = now.blocks.get(block, ERASED)
            if content is not self._saved.get(block, ERASED):
                os.pwrite(self._file, content, block * BLOCK)
        self._saved = now.blocks
        torn = json.dumps({str(block): place for block, place in now.torn.items()})
        if not self._torn.exists() or self._torn.read_text("utf-8") != torn:
            self._torn.write_text(torn, "utf-8")

    def close(self) -> None:
        self.save()
        os.fsync(self._file)
        self._close()

    def _close(self) -> None:
        os.close(self._file)
        os.close(self._lock)

    def _load(self, image: Path) -> None:
        size = os.fstat(self._file).st_size
        if size == 0:
            for block in range(self._flash.size // BLOCK):
                os.pwrite(self._file, ERASED, block * BLOCK)
            return
        if size != self._flash.size:
            raise StateError(
                f"{image} has {size} bytes, the board's flash {self._flash.size}: "
                "it is another board's"
            )
        blocks = {}
        for block in range(size // BLOCK):
            content = os.pread(self._file, BLOCK, block * BLOCK)
            if content != ERASED:
                blocks[block] = content
        torn = {}
        if self._torn.exists():
            for block, (start, end) in json.loads(self._torn.read_text("utf-8")).items():
                torn[int(block)] = (start, end)
        self._flash.restore(Snapshot(blocks, torn))
        self._saved = blocks
