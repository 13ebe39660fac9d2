"""The ESP32's non-volatile storage as `esp32.NVS` reaches it: i32 and blobs in namespaces.

Kept in its partition in ESP-IDF's own format (`nvs_pages`), so that a flash image holds it, a
power cut can tear it and ESP-IDF's tools read it.  A value is in flash when the call that sets it
returns: `commit` has nothing left to do, as in ESP-IDF today, though its manual asks for it.
"""

from __future__ import annotations

import struct

from simulator.chips.nor_flash import BLOCK, NorFlash
from simulator.chips.nvs_pages import (
    ACTIVE,
    BLOB_DATA,
    BLOB_INDEX,
    CORRUPT,
    EMPTY,
    ENTRIES,
    ENTRY,
    FREEING,
    FULL,
    I32,
    NO_CHUNK,
    U8,
    Item,
    Page,
    crc,
)

# esp_err_t of nvs.h; MicroPython raises OSError with the negative number.
NOT_FOUND = -0x1102
NOT_ENOUGH_SPACE = -0x1105
INVALID_NAME = -0x1106
KEY_TOO_LONG = -0x1109
VALUE_TOO_LONG = -0x110E

_NAMES = {
    NOT_FOUND: "ESP_ERR_NVS_NOT_FOUND",
    NOT_ENOUGH_SPACE: "ESP_ERR_NVS_NOT_ENOUGH_SPACE",
    INVALID_NAME: "ESP_ERR_NVS_INVALID_NAME",
    KEY_TOO_LONG: "ESP_ERR_NVS_KEY_TOO_LONG",
    VALUE_TOO_LONG: "ESP_ERR_NVS_VALUE_TOO_LONG",
}
_LONGEST_KEY = 15
_MOST_CHUNKS = 127
_NAMESPACES = 0  # the namespace of the namespaces' own names
_OTHER_VERSION = 0x80


def _error(number: int) -> OSError:
    return OSError(number, _NAMES[number])


class Nvs:
    """The partition of `size` bytes at `offset`.

    erase_at_boot: the platform loses everything at the next `power_on()`, as MicroPython's start
        does when it finds no free page or a version of the format that it does not know.
    """

    def __init__(self, flash: NorFlash, offset: int, size: int) -> None:
        if size < 3 * BLOCK or size % BLOCK:
            raise ValueError(f"nvs: {size} bytes; at least 3 blocks of {BLOCK}")
        self.erase_at_boot = False
        self._pages = [Page(flash, offset + place) for place in range(0, size, BLOCK)]
        self._loaded = False

    # -- what esp32.NVS asks

    def get_i32(self, namespace: str, key: str) -> int:
        """The value; OSError(NOT_FOUND) when there is none."""
        item = self._get(namespace, I32, key)
        return struct.unpack("<i", item.data[:4])[0]

    def set_i32(self, namespace: str, key: str, value: int) -> None:
        self._check_key(key)
        number = self._namespace(namespace, create=True)
        self._put(Item(number, I32, key, struct.pack("<i", value) + b"\xff" * 4))

    def get_blob(self, namespace: str, key: str) -> bytes:
        """The value; OSError(NOT_FOUND) when there is none, or when a part of it is damaged."""
        index = self._get(namespace, BLOB_INDEX, key)
        size, count, start = struct.unpack("<IBB", index.data[:6])
        parts = [
            self._get(namespace, BLOB_DATA, key, chunk).more
            for chunk in range(start, start + count)
        ]
        value = b"".join(parts)
        if len(value) != size:
            raise _error(NOT_FOUND)
        return value

    def set_blob(self, namespace: str, key: str, value: bytes) -> None:
        """Store a value beside the old one, then switch over."""
        self._check_key(key)
        value = bytes(value)
        number = self._namespace(namespace, create=True)
        old = self._find((number, BLOB_INDEX, key, NO_CHUNK))
        start, old_chunks = 0, range(0)
        if old is not None:
            size, count, old_start = struct.unpack("<IBB", old[2].data[:6])
            old_chunks = range(old_start, old_start + count)
            start = 0 if old_start else _OTHER_VERSION
            if size == len(value) and self._intact(namespace, key) == value:
                return
        self._drop(number, key, range(start, start + _MOST_CHUNKS))
        count = self._write_chunks(number, key, value, start)
        self._put(
            Item(
                number,
                BLOB_INDEX,
                key,
                struct.pack("<IBBH", len(value), count, start, 0xFFFF),
            )
        )
        self._drop(number, key, old_chunks)

    def erase_key(self, namespace: str, key: str) -> None:
        """Forget a value of either type; OSError(NOT_FOUND) when there is none."""
        number = self._namespace(namespace)
        erased = False
        for type in (I32, BLOB_INDEX):
            erased |= self._erase((number, type, key, NO_CHUNK))
        self._drop(number, key, range(256))
        if not erased:
            raise _error(NOT_FOUND)

    def commit(self, namespace: str) -> None:
        """Everything is in flash already."""

    # -- power

    def power_on(self) -> None:
        """ESP-IDF opens the storage; what a power cut left half done is finished or undone."""
        for page in self._pages:
            page.load()
        for page in self._pages:
            if page.state == CORRUPT:
                page.erase()
        self._finish_freeing()
        if self.erase_at_boot or not self._free():
            self.erase_at_boot = False
            for page in self._pages:
                if page.state != EMPTY:
                    page.erase()
        self._loaded = True
        self._erase_duplicates()
        self._erase_orphans()

    def _finish_freeing(self) -> None:
        for old in [page for page in self._pages if page.state == FREEING]:
            newest = self._used()[-1]
            if newest is not old and newest.state == ACTIVE:
                newest.erase()  # it holds nothing but copies from the page that was being freed
            self._move(old, self._free()[0])

    def _erase_duplicates(self) -> None:
        """Power went between the new value and the end of the old: the new one counts."""
        seen = set()
        for page in reversed(self._used()):
            for index, item in reversed(list(page.items.items())):
                if item.name in seen:
                    page.erase_item(index)
                seen.add(item.name)

    def _erase_orphans(self) -> None:
        """Parts of a blob that no index names: power went while it was written or dropped."""
        wanted = set()
        for page in self._pages:
            for item in page.items.values():
                if item.type == BLOB_INDEX:
                    _, count, start = struct.unpack("<IBB", item.data[:6])
                    for chunk in range(start, start + count):
                        wanted.add((item.namespace, BLOB_DATA, item.key, chunk))
        for page in self._pages:
            for index, item in list(page.items.items()):
                if item.type == BLOB_DATA and item.name not in wanted:
                    page.erase_item(index)

    # -- items

    def _check_key(self, key: str) -> None:
        if not key:
            raise _error(INVALID_NAME)
        if len(key.encode()) > _LONGEST_KEY:
            raise _error(KEY_TOO_LONG)

    def _namespace(self, name: str, create: bool = False) -> int:
        self._check_key(name)
        if not self._loaded:
            self.power_on()
        found = self._find((_NAMESPACES, U8, name, NO_CHUNK))
        if found is not None:
            return found[2].data[0]
        if not create:
            raise _error(NOT_FOUND)
        taken = {
            item.data[0]
            for page in self._pages
            for item in page.items.values()
            if item.namespace == _NAMESPACES
        }
        number = min(set(range(1, 255)) - taken, default=0)
        if not number:
            raise _error(NOT_ENOUGH_SPACE)
        self._put(Item(_NAMESPACES, U8, name, bytes((number,)) + b"\xff" * 7))
        return number

    def _get(self, namespace: str, type: int, key: str, chunk: int = NO_CHUNK) -> Item:
        found = self._find((self._namespace(namespace), type, key, chunk))
        if found is None:
            raise _error(NOT_FOUND)
        return found[2]

    def _intact(self, namespace: str, key: str) -> bytes | None:
        try:
            return self.get_blob(namespace, key)
        except OSError:
            return None

    def _find(self, name: tuple[int, int, str, int]) -> tuple[Page, int, Item] | None:
        for page in reversed(self._used()):
            for index, item in page.find(name):
                return page, index, item
        return None

    def _put(self, item: Item) -> None:
        """Write a value of one entry, then let go of the one before."""
        old = self._find(item.name)
        if old is not None and old[2].data == item.data:
            return
        self._write(item)
        if old is not None:  # it may have moved to another page meanwhile
            for page in self._used():
                for index, other in list(page.find(item.name)):
                    if other is not item:
                        page.erase_item(index)

    def _erase(self, name: tuple[int, int, str, int]) -> bool:
        found = self._find(name)
        if found is not None:
            found[0].erase_item(found[1])
        return found is not None

    def _drop(self, number: int, key: str, chunks: range) -> None:
        for page in self._pages:
            for index, item in list(page.items.items()):
                if (item.namespace, item.type, item.key) == (number, BLOB_DATA, key) and (
                    item.chunk in chunks
                ):
                    page.erase_item(index)

    def _write_chunks(self, number: int, key: str, value: bytes, start: int) -> int:
        """Write the value in as many parts as the pages' ends ask for; how many those were."""
        if len(value) > (len(self._pages) - 1) * (ENTRIES - 1) * ENTRY:
            raise _error(VALUE_TOO_LONG)
        count = 0
        try:
            while count == 0 or value:
                room = (self._entries_left(2) - 1) * ENTRY
                part, value = value[:room], value[room:]
                data = struct.pack("<HHI", len(part), 0xFFFF, crc(part))
                self._write(Item(number, BLOB_DATA, key, data, start + count, part))
                count += 1
        except OSError:
            self._drop(number, key, range(start, start + count))
            raise
        return count

    # -- pages

    def _used(self) -> list[Page]:
        """Pages in use, oldest first."""
        used = [page for page in self._pages if page.state in (ACTIVE, FULL, FREEING)]
        return sorted(used, key=lambda page: page.sequence)

    def _free(self) -> list[Page]:
        return [page for page in self._pages if page.state == EMPTY]

    def _entries_left(self, at_least: int) -> int:
        page = self._page_for(at_least)
        return ENTRIES - page.next_entry

    def _write(self, item: Item) -> None:
        self._page_for(item.span).write(item)

    def _page_for(self, span: int) -> Page:
        """The active page, or a new one when it has no room; one page always stays free."""
        used = self._used()
        if used and used[-1].state == ACTIVE:
            if used[-1].room_for(span):
                return used[-1]
            used[-1].set_state(FULL)
        free = self._free()
        if len(free) > 1:
            free[0].activate(used[-1].sequence + 1 if used else 0)
            return free[0]
        oldest = max(used, key=lambda page: (page.erased, -page.sequence))
        if not oldest.erased or not free:
            raise _error(NOT_ENOUGH_SPACE)
        oldest.set_state(FREEING)
        page = self._move(oldest, free[0])
        if not page.room_for(span):
            return self._page_for(span)
        return page

    def _move(self, old: Page, new: Page) -> Page:
        """What counts in `old` goes to the empty page `new`, then `old` is erased."""
        new.activate(self._used()[-1].sequence + 1)
        for item in old.items.values():
            new.write(item)
        old.erase()
        return new
