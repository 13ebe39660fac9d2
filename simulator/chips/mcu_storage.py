"""The ESP32's partitions on its flash chip, as ESP-IDF's partition API gives them to
MicroPython.
"""

from __future__ import annotations

from typing import Any

from simulator.chips.nor_flash import BLOCK, NorFlash
from simulator.clock import NS_PER_US, Clock

_TYPES = {"app": 0, "data": 1}
# esp-idf docs, partition tables: subtypes of app and data.
_SUBTYPES = {
    ("app", "factory"): 0x00,
    ("app", "test"): 0x20,
    ("data", "ota"): 0x00,
    ("data", "phy"): 0x01,
    ("data", "nvs"): 0x02,
    ("data", "coredump"): 0x03,
    ("data", "nvs_keys"): 0x04,
    ("data", "efuse"): 0x05,
    ("data", "undefined"): 0x06,
    ("data", "fat"): 0x81,
    ("data", "spiffs"): 0x82,
    ("data", "littlefs"): 0x83,
} | {("app", f"ota_{slot}"): 0x10 + slot for slot in range(16)}

_BOOT = 0
_RUNNING = 1
_READ_CALL_NS = 20 * NS_PER_US

_ENOENT = 2
_EINVAL = 22


class Partitions:
    """`table` are the board file's [[partitions]]: name, type, subtype, offset, size."""

    def __init__(self, clock: Clock, flash: NorFlash | None, table: list[dict[str, Any]]) -> None:
        self._clock = clock
        self._flash = flash
        self._table = [
            (
                _TYPES[entry["type"]],
                _SUBTYPES[entry["type"], entry["subtype"]],
                int(entry["offset"]),
                int(entry["size"]),
                str(entry["name"]),
                False,
            )
            for entry in table
        ]

    def find(self, type: int, subtype: int, label: str | None) -> tuple[tuple[Any, ...], ...]:
        """The infos (type, subtype, address, size, label, encrypted) that match; subtype 0xFF
        matches all.
        """
        return tuple(
            info
            for info in self._table
            if info[0] == type
            and subtype in (0xFF, info[1])
            and (label is None or label == info[4])
        )

    def get(self, which: str | int) -> tuple[Any, ...]:
        """The info of a partition by its label, or of the one that boots (0) or runs (1)."""
        if which in (_BOOT, _RUNNING):
            apps = [info for info in self._table if info[0] == _TYPES["app"]]
            if apps:
                return apps[0]
        for info in self._table:
            if info[4] == which:
                return info
        raise OSError(_ENOENT)

    def _place(self, address: int, size: int, offset: int, count: int) -> NorFlash:
        if self._flash is None:
            raise OSError(_ENOENT)
        if offset < 0 or offset + count > size:
            raise OSError(_EINVAL)
        return self._flash

    def read(self, address: int, size: int, offset: int, count: int) -> bytes:
        """`count` bytes from `offset` in the partition at `address`."""
        flash = self._place(address, size, offset, count)
        self._clock.spend(_READ_CALL_NS)
        return flash.read(address + offset, count)

    def program(self, address: int, size: int, offset: int, data: bytes) -> None:
        """Clear bits; nothing is erased."""
        flash = self._place(address, size, offset, len(data))
        flash.program(address + offset, data)

    def erase(self, address: int, size: int, offset: int, count: int) -> None:
        """Erase whole blocks."""
        flash = self._place(address, size, offset, count)
        if offset % BLOCK or count % BLOCK:
            raise OSError(_EINVAL)
        for block in range(address + offset, address + offset + count, BLOCK):
            flash.erase(block)
