"""The journal: flash bytes a payload byte, erases a record, what a start reads, and its memory.

A typical sale record has 180 to 200 bytes before sealing.  The same records go, in the same run,
onto littlefs by appending, and into a tree of pages of which the last is rewritten each time (as
a btree file on littlefs does).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from kassa.journal.anchor import Anchor
from kassa.journal.journal import Journal

from host_tools.journal import HostSealer
from simulator.chips.mcu_storage import Partitions
from simulator.chips.nor_flash import BLOCK, NorFlash
from simulator.clock import NS_PER_MS, VirtualClock
from simulator.filesystem import Littlefs
from simulator.micropython import binary, run_script
from tests.benchmarks.result import Against, Result
from tests.journal import on_device
from tests.journal.bench import KEY, Events, FileAnchor

_RECORDS = 900
_LOG = 256 * 1024
_OTHER = 512 * 1024
_PAGE = 4096
_HEAPS = (6, 8, 10, 12, 16, 24, 32)


class _Partition:
    """The journal's partition, each call taking the time that ESP-IDF takes."""

    def __init__(self, flash: NorFlash) -> None:
        self.size = flash.size
        self._table = Partitions(
            flash.clock,
            flash,
            [
                {
                    "name": "journal",
                    "type": "data",
                    "subtype": "undefined",
                    "offset": 0,
                    "size": flash.size,
                }
            ],
        )

    def readblocks(self, block: int, buffer: bytearray, offset: int = 0) -> None:
        buffer[:] = self._table.read(0, self.size, block * BLOCK + offset, len(buffer))

    def writeblocks(self, block: int, data: bytes, offset: int) -> None:
        self._table.program(0, self.size, block * BLOCK + offset, bytes(data))

    def ioctl(self, operation: int, argument: int) -> int:
        if operation == 6:
            self._table.erase(0, self.size, argument * BLOCK, BLOCK)
            return 0
        return {4: self.size // BLOCK, 5: BLOCK}[operation]


def _records() -> list[bytes]:
    choose = random.Random(1)
    return [choose.randbytes(choose.randrange(180, 201)) for _ in range(_RECORDS)]


def _journal(flash: NorFlash, anchor: Anchor) -> Journal:
    journal = Journal(_Partition(flash), HostSealer(KEY), anchor, Events())
    journal.open()
    return journal


def _appending(flash: NorFlash) -> Callable[[bytes], None]:
    fs = Littlefs(flash, 0, flash.size)

    def append(record: bytes) -> None:
        with fs.open("/log", "ab") as file:
            file.write(len(record).to_bytes(2, "big") + record)

    return append


def _rewriting(flash: NorFlash) -> Callable[[bytes], None]:
    """Records in pages of 4096 bytes; the page that takes the record is written anew."""
    fs = Littlefs(flash, 0, flash.size)
    fs.write_file("/tree", b"")
    page = bytearray()
    number = 0

    def insert(record: bytes) -> None:
        nonlocal page, number
        entry = len(record).to_bytes(2, "big") + record
        if len(page) + len(entry) > _PAGE:
            page, number = bytearray(), number + 1
        page += entry
        with fs.open("/tree", "r+b") as file:
            file.seek(number * _PAGE)
            file.write(bytes(page.ljust(_PAGE, b"\0")))

    return insert


def _cost(store: Callable[[bytes], Any], flash: NorFlash) -> tuple[float, float, float]:
    """Flash bytes a payload byte, erases a record, milliseconds a record."""
    records = _records()
    before, start = flash.counters - type(flash.counters)(), flash.clock.now_ns
    for record in records:
        store(record)
    spent = flash.counters - before
    return (
        spent.programmed_bytes / sum(map(len, records)),
        spent.erases / len(records),
        (flash.clock.now_ns - start) / NS_PER_MS / len(records),
    )


def against_littlefs() -> list[Result]:
    """Writing the same records in three ways."""
    clock = VirtualClock()
    flash, other = NorFlash(_LOG, clock), NorFlash(_OTHER, clock)
    anchor = FileAnchor(Littlefs(other, 0, _OTHER))
    journal = _journal(flash, anchor)
    outside = other.counters.programmed_bytes
    ours, erases, ms = _cost(lambda record: journal.append(1, record), flash)
    anchored = (other.counters.programmed_bytes - outside) / sum(map(len, _records()))
    appended, tree = NorFlash(_OTHER, VirtualClock()), NorFlash(_OTHER, VirtualClock())
    append_cost = _cost(_appending(appended), appended)
    tree_cost = _cost(_rewriting(tree), tree)
    append_name, tree_name = "littlefs append", "rewriting a btree page on littlefs"
    return [
        Result(name, round(value, 3), unit, "cpython", Against(*against))
        for name, value, unit, against in (
            (
                "journal.flash_bytes_per_payload_byte",
                ours,
                "bytes/byte",
                (append_name, round(append_cost[0], 3)),
            ),
            (
                "journal.flash_bytes_per_payload_byte_against_btree",
                ours,
                "bytes/byte",
                (tree_name, round(tree_cost[0], 3)),
            ),
            (
                "journal.flash_bytes_per_payload_byte_with_anchor",
                ours + anchored,
                "bytes/byte",
                (append_name, round(append_cost[0], 3)),
            ),
            (
                "journal.erases_per_record",
                erases,
                "erases",
                (append_name, round(append_cost[1], 3)),
            ),
            (
                "journal.append_ms",
                ms,
                "virtual ms of flash",
                (append_name, round(append_cost[2], 3)),
            ),
        )
    ]


def starting() -> list[Result]:
    """Opening and replaying a full log of 256 KiB: reads, and the time the flash takes."""
    clock = VirtualClock()
    flash, other = NorFlash(_LOG, clock), NorFlash(_OTHER, clock)
    anchor = FileAnchor(Littlefs(other, 0, _OTHER))
    journal = _journal(flash, anchor)
    for record in _records():
        journal.append(1, record)
    while journal.free_slots:
        journal.append(1, bytes(190))
    results = []
    journal = Journal(_Partition(flash), HostSealer(KEY), anchor, Events())
    for name, action in (
        ("boot", journal.open),
        ("replay", lambda: sum(1 for _ in journal.records())),
    ):
        before, start = flash.counters - type(flash.counters)(), clock.now_ns
        action()
        reads = (flash.counters - before).reads
        results += [
            Result(f"journal.{name}_reads", reads, "reads of a full 256 KiB log", "cpython"),
            Result(
                f"journal.{name}_ms",
                round((clock.now_ns - start) / NS_PER_MS, 3),
                "virtual ms of flash",
                "cpython",
            ),
        ]
    return results


def memory() -> list[Result]:
    """The least free heap in which the real MicroPython opens and replays a full 256 KiB log."""
    if binary() is None:
        return []
    script = on_device.SETUP + on_device.FULL_LOG + on_device.SCAN
    script += f"print(next(size for size in {_HEAPS} if scan(size * 1024)))"
    needed = int(run_script(script, heap=1024 * 1024, timeout_s=60)) * 1024
    return [Result("journal.scan_heap_bytes", needed, "bytes", "micropython")]
