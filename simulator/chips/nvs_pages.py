"""A page of ESP-IDF's non-volatile storage: 126 entries of 32 bytes, two bits of state for each.

Layout and recovery as ESP-IDF describes them (API reference, "NVS library", "Internals"): header
(state, sequence, version, CRC), state bitmap, entries.  An entry is namespace, type, span, chunk,
CRC, key of 16 bytes, 8 bytes of data; longer data fill the entries that follow.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from simulator.chips.nor_flash import BLOCK, NorFlash

ENTRIES = 126
ENTRY = 32
_BITMAP = 32
_FIRST = 64
_VERSION = 0xFE

# Page states: each clears one more bit of the one before.
EMPTY, ACTIVE, FULL, FREEING, CORRUPT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFC, 0xFFFFFFF8, 0

# Entry states.
_UNUSED, _WRITTEN, _ERASED = 0b11, 0b10, 0b00

U8, I32, BLOB_DATA, BLOB_INDEX = 0x01, 0x14, 0x42, 0x48
NO_CHUNK = 0xFF

_HEADER = struct.Struct("<IIB19sI")
_ITEM = struct.Struct("<BBBBI16s8s")


def crc(data: bytes) -> int:
    """CRC-32 as ESP-IDF starts it."""
    return zlib.crc32(data, 0xFFFFFFFF)


@dataclass(frozen=True)
class Item:
    """One stored value or a part of one: `data` of 8 bytes in its first entry, `more` behind."""

    namespace: int
    type: int
    key: str
    data: bytes
    chunk: int = NO_CHUNK
    more: bytes = b""

    @property
    def span(self) -> int:
        """Entries that it takes."""
        return 1 + -(-len(self.more) // ENTRY)

    @property
    def name(self) -> tuple[int, int, str, int]:
        """What may exist only once."""
        return self.namespace, self.type, self.key, self.chunk

    def encode(self) -> bytes:
        key = self.key.encode().ljust(16, b"\0")
        head = bytes((self.namespace, self.type, self.span, self.chunk))
        rest = self.more + b"\xff" * (-len(self.more) % ENTRY)
        return head + struct.pack("<I", crc(head + key + self.data)) + key + self.data + rest


class Page:
    """One block of the partition.  `state` and `sequence` as found by `load`."""

    def __init__(self, flash: NorFlash, address: int) -> None:
        self._flash = flash
        self._address = address
        self.state = EMPTY
        self.sequence = 0
        self._states = [_UNUSED] * ENTRIES
        self.items: dict[int, Item] = {}

    # -- what is there

    @property
    def next_entry(self) -> int:
        """The first entry after the last used one."""
        used = [index for index, state in enumerate(self._states) if state != _UNUSED]
        return used[-1] + 1 if used else 0

    @property
    def erased(self) -> int:
        """Entries that an erase of the page would win back."""
        return self._states.count(_ERASED)

    def find(self, name: tuple[int, int, str, int]) -> Iterator[tuple[int, Item]]:
        """(index, item) of each item of that name, oldest first."""
        for index, item in self.items.items():
            if item.name == name:
                yield index, item

    # -- changes

    def load(self) -> None:
        """Read the page and put in order what a power cut left."""
        content = self._flash.read(self._address, BLOCK)
        self.items = {}
        self._states = [_UNUSED] * ENTRIES
        state, self.sequence, version, _, check = _HEADER.unpack_from(content)
        if content == b"\xff" * BLOCK:
            self.state = EMPTY
            return
        if (
            state not in (ACTIVE, FULL, FREEING)
            or check != crc(content[4:28])
            or version != _VERSION
        ):
            self.state = CORRUPT
            return
        self.state = state
        bitmap = content[_BITMAP:_FIRST]
        for index in range(ENTRIES):
            self._states[index] = bitmap[index // 4] >> index % 4 * 2 & 0b11
        index = 0
        while index < ENTRIES:
            index += self._load_entry(index, content)

    def _load_entry(self, index: int, content: bytes) -> int:
        """Take up the item that begins at `index`; how many entries that was."""
        state = self._states[index]
        place = _FIRST + index * ENTRY
        raw = content[place : place + ENTRY]
        if state == _UNUSED and raw == b"\xff" * ENTRY:
            return 1
        if state == _WRITTEN:
            namespace, type, span, chunk, check, key, data = _ITEM.unpack(raw)
            if check == crc(raw[:4] + raw[8:]) and 1 <= span <= ENTRIES - index:
                size = int.from_bytes(data[:2], "little") if span > 1 else 0
                more = content[place + ENTRY : place + ENTRY + size]
                text = key.rstrip(b"\0").decode("utf-8", "replace")
                item = Item(namespace, type, text, data, chunk, more)
                states = self._states[index : index + span]
                sound = span == 1 or int.from_bytes(data[4:], "little") == crc(more)
                if sound and item.span == span and states == [_WRITTEN] * span:
                    self.items[index] = item
                    return span
        if state != _ERASED:
            self._mark(index, 1, _ERASED)
        return 1

    def activate(self, sequence: int) -> None:
        """Begin to use an erased page."""
        body = struct.pack("<IB19s", sequence, _VERSION, b"\xff" * 19)
        header = struct.pack("<I", ACTIVE) + body + struct.pack("<I", crc(body))
        self._flash.program(self._address, header)
        self.state, self.sequence = ACTIVE, sequence

    def set_state(self, state: int) -> None:
        self._flash.program(self._address, struct.pack("<I", state))
        self.state = state

    def room_for(self, span: int) -> bool:
        return self.next_entry + span <= ENTRIES

    def write(self, item: Item) -> None:
        """Append an item: its entries first, then the bits that make them count."""
        index = self.next_entry
        self._flash.program(self._address + _FIRST + index * ENTRY, item.encode())
        self._mark(index, item.span, _WRITTEN)
        self.items[index] = item

    def erase_item(self, index: int) -> None:
        """The item at `index` counts no more."""
        self._mark(index, self.items.pop(index).span, _ERASED)

    def erase(self) -> None:
        """Erase the block."""
        self._flash.erase(self._address)
        self.state, self.items = EMPTY, {}
        self._states = [_UNUSED] * ENTRIES

    def _mark(self, index: int, count: int, state: int) -> None:
        for entry in range(index, index + count):
            self._states[entry] = state
        first, last = index // 4, (index + count - 1) // 4
        padded = [*self._states, _UNUSED, _UNUSED]
        bits = bytes(
            sum(padded[byte * 4 + bit] << bit * 2 for bit in range(4))
            for byte in range(first, last + 1)
        )
        self._flash.program(self._address + _BITMAP + first, bits)
