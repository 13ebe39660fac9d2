"""A serial NOR flash chip: what the firmware does to it, its times, and what a power cut leaves.

Program only clears bits, erase sets a 4096-byte block to FF.  Times are the typical ones of
Winbond's W25Q128JV (data sheet, AC characteristics: tBP1 30 us, tBP2 2.5 us, tPP 0.4 to 3 ms,
tSE 45 ms), a chip of the kind in Espressif's modules.  Nothing is stored for a block that holds
only FF, and blocks are immutable, so a snapshot of a 16 MiB chip costs microseconds.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from simulator.chips.buses import DataSheetViolation
from simulator.clock import NS_PER_MS, NS_PER_US, Clock

BLOCK = 4096
PAGE = 256
ERASED = b"\xff" * BLOCK

_FIRST_BYTE_NS = 30 * NS_PER_US
_NEXT_BYTE_NS = 2_500
_PAGE_NS = NS_PER_MS // 2
_ERASE_NS = 45 * NS_PER_MS
_READ_BYTE_NS = 25  # quad I/O at 80 MHz

# How much of the interrupted operation happens; an int is a number of bytes.
TORN = ("none", "half", "all_but_last", "all", "random")
Torn = str | int


class PowerCut(BaseException):
    """The power failed inside a flash operation: nothing that runs on this chip goes on."""


@dataclass(frozen=True)
class Snapshot:
    """What a chip held at some moment; sharing blocks with the chip, which never changes one."""

    blocks: Mapping[int, bytes]
    torn: Mapping[int, tuple[int, int]]


@dataclass
class Counters:
    """What was done to a chip; operations are calls, a call may span pages."""

    reads: int = 0
    programs: int = 0
    erases: int = 0
    read_bytes: int = 0
    programmed_bytes: int = 0
    erased_bytes: int = 0

    @property
    def operations(self) -> int:
        """Programs and erases: what a power cut can interrupt."""
        return self.programs + self.erases

    def __sub__(self, earlier: Counters) -> Counters:
        return Counters(**{name: now - vars(earlier)[name] for name, now in vars(self).items()})


class NorFlash:
    """One chip of `size` bytes, empty at first.

    counters: everything since the chip was made; `wear[block]` is the number of erases of a block.
    conflicts: bytes inside a torn range that were programmed although they would have needed an
        erase; the chip kept old AND new.  Elsewhere that is a DataSheetViolation.
    on_cut: called when the power fails, before PowerCut is raised.
    powered: False after a power cut, until `power_on()`; such a chip answers nothing.
    """

    def __init__(self, size: int, clock: Clock, seed: int = 0) -> None:
        if size <= 0 or size % BLOCK:
            raise ValueError(f"flash size {size} is not a multiple of {BLOCK}")
        self.size = size
        self.counters = Counters()
        self.wear: Counter[int] = Counter()
        self.conflicts = 0
        self.on_cut: Callable[[], None] | None = None
        self.powered = True
        self.clock = clock
        self._random = random.Random(seed)
        self._blocks: dict[int, bytes] = {}
        self._torn: dict[int, tuple[int, int]] = {}
        self._cut_in = 0
        self._cut_how: Torn = "all"

    # -- what the ESP32 does

    def read(self, address: int, count: int) -> bytes:
        """`count` bytes from `address`."""
        self._check(address, count, "read")
        self.counters.reads += 1
        self.counters.read_bytes += count
        self.clock.spend(count * _READ_BYTE_NS)
        block, start = divmod(address, BLOCK)
        if start + count <= BLOCK:
            return self._blocks.get(block, ERASED)[start : start + count]
        return b"".join(
            self._blocks.get(block, ERASED)[start:end]
            for block, start, end in _parts(address, count)
        )

    def program(self, address: int, data: bytes) -> None:
        """Clear the bits that are 0 in `data`.

        Raises DataSheetViolation when a bit would have to become 1: that takes an erase.
        """
        data = bytes(data)
        self._check(address, len(data), "program")
        self.counters.programs += 1
        self.counters.programmed_bytes += len(data)
        how = self._due()
        if how is None:
            self._clear_bits(address, data)
            self.clock.spend(_program_ns(address, len(data)))
            return
        torn = self._torn_program(address, data, how)
        self._clear_bits(address, torn)
        if torn and torn != data:
            for block, start, end in _parts(address, len(data)):
                self._mark_torn(block, start, end)
        self._fail()

    def erase(self, address: int) -> None:
        """Set the 4096-byte block that begins at `address` to FF."""
        if address % BLOCK:
            raise DataSheetViolation(f"flash: erase at 0x{address:X}, which begins no block")
        self._check(address, BLOCK, "erase")
        block = address // BLOCK
        self.counters.erases += 1
        self.counters.erased_bytes += BLOCK
        self.wear[block] += 1
        how = self._due()
        if how is None:
            self._blocks.pop(block, None)
            self._torn.pop(block, None)
            self.clock.spend(_ERASE_NS)
            return
        self._torn_erase(block, how)
        self._fail()

    # -- power

    def cut_after(self, operations: int, torn: Torn = "all") -> None:
        """The power fails once, at the n-th program or erase from now (1 is the next).

        torn: what of that operation still happens. "none", "half" of its bytes, "all_but_last"
        byte, "all", the first n bytes, or "random": every byte of a program got a random part of
        its bits, every byte of an erased block holds anything (a chip programs to 0 before it
        erases).
        """
        if operations < 1:
            raise ValueError(f"cut_after({operations}): count from 1")
        if not (torn in TORN if isinstance(torn, str) else torn >= 0):
            raise ValueError(f"torn {torn!r}: one of {', '.join(TORN)} or a number of bytes")
        self._cut_in, self._cut_how = operations, torn

    def no_cut(self) -> None:
        """Take back `cut_after`."""
        self._cut_in = 0

    @property
    def cut_pending(self) -> bool:
        """Whether a cut was ordered that has not happened yet."""
        return self._cut_in > 0

    def power_on(self) -> None:
        """Power comes back."""
        self.powered = True

    # -- the bench's hands

    def image(self, address: int = 0, size: int | None = None) -> bytes:
        """The content, without time or counters: the whole chip, or a part of it."""
        size = self.size - address if size is None else size
        self._within(address, size, "image")
        return b"".join(
            self._blocks.get(block, ERASED)[start:end]
            for block, start, end in _parts(address, size)
        )

    def load(self, image: bytes, address: int = 0) -> None:
        """Replace the content from `address` (a block's) on, as a programmer would."""
        blocks = {
            start // BLOCK: bytes(image[start : start + BLOCK]).ljust(BLOCK, b"\xff")
            for start in range(0, len(image), BLOCK)
        }
        self.load_blocks(blocks, address, -(-len(image) // BLOCK) * BLOCK)

    def load_blocks(self, blocks: Mapping[int, bytes], address: int, size: int) -> None:
        """Replace `size` bytes from `address`: `blocks[n]` is their n-th block, FF for none."""
        self._within(address, size, "load")
        if address % BLOCK or size % BLOCK:
            raise ValueError(f"load at 0x{address:X}, {size} bytes: whole blocks only")
        first, count = address // BLOCK, size // BLOCK
        for block in [block for block in self._blocks if first <= block < first + count]:
            del self._blocks[block]
        for block in [block for block in self._torn if first <= block < first + count]:
            del self._torn[block]
        for block, content in blocks.items():
            if not 0 <= block < count or len(content) != BLOCK:
                raise ValueError(f"load: block {block} of {count}, {len(content)} bytes")
            self._store(first + block, content)

    def blocks(self, address: int, size: int) -> dict[int, bytes]:
        """The blocks that are not all FF, by their number from `address` on; for `load_blocks`."""
        self._within(address, size, "blocks")
        first, count = address // BLOCK, size // BLOCK
        return {
            block - first: content
            for block, content in self._blocks.items()
            if first <= block < first + count
        }

    def flip(self, address: int, bit: int = 0) -> None:
        """One bit of the byte at `address` changes by itself."""
        self._within(address, 1, "flip")
        block, offset = divmod(address, BLOCK)
        content = bytearray(self._blocks.get(block, ERASED))
        content[offset] ^= 1 << bit
        self._store(block, bytes(content))

    def snapshot(self) -> Snapshot:
        """The content of this moment, for `restore` or for another chip of the same size."""
        return Snapshot(dict(self._blocks), dict(self._torn))

    def restore(self, snapshot: Snapshot) -> None:
        """Hold what the snapshot held; counters, wear and power stay as they are."""
        self._blocks = dict(snapshot.blocks)
        self._torn = dict(snapshot.torn)

    def copy(self, clock: Clock | None = None) -> NorFlash:
        """Another chip with the same content and counters of its own."""
        other = NorFlash(self.size, clock or self.clock)
        other.restore(self.snapshot())
        return other

    # -- inside

    def _within(self, address: int, count: int, what: str) -> None:
        if address < 0 or count < 0 or address + count > self.size:
            raise DataSheetViolation(
                f"flash: {what} of {count} bytes at 0x{address:X}, outside {self.size} bytes"
            )

    def _check(self, address: int, count: int, what: str) -> None:
        if not self.powered:
            raise PowerCut(f"flash: {what} without power")
        self._within(address, count, what)

    def _due(self) -> Torn | None:
        """How this operation is torn, or None when the power holds."""
        if not self._cut_in:
            return None
        self._cut_in -= 1
        return None if self._cut_in else self._cut_how

    def _fail(self) -> None:
        self.powered = False
        if self.on_cut is not None:
            self.on_cut()
        raise PowerCut(f"flash: power cut in operation {self.counters.operations}")

    def _store(self, block: int, content: bytes) -> None:
        if content == ERASED:
            self._blocks.pop(block, None)
        else:
            self._blocks[block] = content

    def _clear_bits(self, address: int, data: bytes) -> None:
        used = 0
        for block, start, end in _parts(address, len(data)):
            old = self._blocks.get(block, ERASED)
            part = data[used : used + end - start]
            used += end - start
            before = old[start:end]
            if before != ERASED[start:end]:
                part = self._onto(block, start, before, part)
            self._blocks[block] = old[:start] + part + old[end:]

    def _onto(self, block: int, start: int, before: bytes, wanted: bytes) -> bytes:
        """`wanted` programmed over `before`: the bits that both have."""
        old, new = int.from_bytes(before, "big"), int.from_bytes(wanted, "big")
        if not new & ~old:
            return wanted
        torn_start, torn_end = self._torn.get(block, (0, 0))
        for offset, (was, now) in enumerate(zip(before, wanted, strict=True), start):
            if now & ~was:
                if not torn_start <= offset < torn_end:
                    raise DataSheetViolation(
                        f"flash: program of 0x{now:02X} onto 0x{was:02X} at "
                        f"0x{block * BLOCK + offset:X} needs an erase first"
                    )
                self.conflicts += 1
        return (old & new).to_bytes(len(wanted), "big")

    def _mark_torn(self, block: int, start: int, end: int) -> None:
        known = self._torn.get(block)
        self._torn[block] = (min(known[0], start), max(known[1], end)) if known else (start, end)

    def _torn_program(self, address: int, data: bytes, how: Torn) -> bytes:
        if how == "random":
            before = self.image(address, len(data))
            partly = self._random.randbytes(len(data))
            return bytes(
                (new | kept) & old for new, kept, old in zip(data, partly, before, strict=True)
            )
        return data[: _torn_length(len(data), how)]

    def _torn_erase(self, block: int, how: Torn) -> None:
        if how == "random":
            content = self._random.randbytes(BLOCK)
        else:
            done = _torn_length(BLOCK, how)
            content = ERASED[:done] + self._blocks.get(block, ERASED)[done:]
            if not done:
                return
        self._store(block, content)
        if how == "all":
            self._torn.pop(block, None)
        else:
            self._mark_torn(block, 0, BLOCK)


def _torn_length(length: int, how: Torn) -> int:
    if isinstance(how, int):
        return min(how, length)
    return {"none": 0, "half": length // 2, "all_but_last": length - 1, "all": length}[how]


def _parts(address: int, count: int) -> Iterator[tuple[int, int, int]]:
    """(block, start, end) of each block that a range touches; start and end within the block."""
    end = address + count
    while address < end:
        block, start = divmod(address, BLOCK)
        stop = min(BLOCK, start + end - address)
        yield block, start, stop
        address += stop - start


def _program_ns(address: int, count: int) -> int:
    """Page by page: the first byte, then each next one, at most a full page's time."""
    total, end = 0, address + count
    while address < end:
        in_page = min(PAGE - address % PAGE, end - address)
        total += min(_PAGE_NS, _FIRST_BYTE_NS + (in_page - 1) * _NEXT_BYTE_NS)
        address += in_page
    return total
