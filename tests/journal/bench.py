"""A journal on a flash chip, with the state file and the log that it wants."""

from __future__ import annotations

import json
import random
from typing import Any

from kassa.journal.anchor import Anchor
from kassa.journal.journal import Journal
from kassa.journal.report import Report

from host_tools.journal import HostSealer
from simulator.chips.nor_flash import BLOCK, NorFlash
from simulator.clock import VirtualClock
from simulator.filesystem import Littlefs

KEY = bytes(range(16))
SMALL = 64 * 1024


class FlashPartition:
    """The first `size` bytes of a chip, the way esp32.Partition shows them."""

    def __init__(self, flash: NorFlash, size: int | None = None) -> None:
        self.flash = flash
        self.size = size or flash.size

    def readblocks(self, block: int, buffer: bytearray, offset: int = 0) -> None:
        buffer[:] = self.flash.read(block * BLOCK + offset, len(buffer))

    def writeblocks(self, block: int, data: bytes, offset: int) -> None:
        self.flash.program(block * BLOCK + offset, bytes(data))

    def ioctl(self, operation: int, argument: int) -> int:
        if operation == 6:
            self.flash.erase(argument * BLOCK)
            return 0
        return {4: self.size // BLOCK, 5: BLOCK}[operation]


class MemoryAnchor(Anchor):
    """The anchor's file, kept in memory; `fail` makes writing it fail."""

    def __init__(self, content: Any = None) -> None:
        super().__init__("anchor")
        self.content = content
        self.saves = 0
        self.fail = False

    def load(self) -> Any:
        return self.content

    def save(self, value: Any) -> None:
        if self.fail:
            raise OSError(28)
        self.saves += 1
        self.content = list(value)


class FileAnchor(Anchor):
    """The anchor's file on a littlefs."""

    def __init__(self, fs: Littlefs) -> None:
        super().__init__("/anchor")
        self._fs = fs

    def load(self) -> Any:
        try:
            return json.loads(self._fs.read_file(self.path))
        except OSError:
            return None

    def save(self, value: Any) -> None:
        with self._fs.open(self.path, "wb") as file:
            file.write(json.dumps(value).encode())


class Events:
    """A log that remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def event(self, at: str, what: str, **facts: object) -> None:
        self.said.append(what)

    def trouble(self, at: str, what: str, error: BaseException, **facts: object) -> None:
        self.said.append(what)


class Terminal:
    """Flash and anchor of one terminal; `start()` gives what its journal is after power-on."""

    def __init__(self, size: int = SMALL, seed: int = 0, sealer: Any = None) -> None:
        self.flash = NorFlash(size, VirtualClock(), seed)
        self.anchor = MemoryAnchor()
        self.events = Events()
        self.sealer = sealer or HostSealer(KEY)
        self._random = random.Random(seed)

    def start(self) -> Journal:
        self.flash.power_on()
        journal = Journal(
            FlashPartition(self.flash),
            self.sealer,
            self.anchor,
            self.events,
            random=self._random.randbytes,
        )
        journal.open()
        return journal


class WholeTerminal(Terminal):
    """The anchor is a file on the same chip, so that power can fail while it is written."""

    FILES = 128 * 1024

    def __init__(self, size: int = SMALL, seed: int = 0, sealer: Any = None) -> None:
        super().__init__(size, seed, sealer)
        self.size = size
        self.flash = NorFlash(size + self.FILES, VirtualClock(), seed)

    def start(self) -> Journal:
        self.flash.power_on()
        journal = Journal(
            FlashPartition(self.flash, self.size),
            self.sealer,
            FileAnchor(Littlefs(self.flash, self.size, self.FILES)),
            self.events,
            random=self._random.randbytes,
        )
        journal.open()
        return journal


def payloads(journal: Journal) -> dict[int, bytes]:
    """Everything that the journal gives, by sequence."""
    return {record.sequence: record.payload for record in journal.records()}


def damage(report: Report) -> list[tuple[str, int]]:
    """(what, sequence) of everything quarantined."""
    return [(found.what, found.sequence) for found in report.quarantined]
