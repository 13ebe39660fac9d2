"""Partition tables as they lie in flash at 0x8000 (ESP-IDF's format), from board files and back.

`esp-idf-defs` reads and writes the format: it is ESP-IDF's own table generator as a library.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from esp_idf_defs import PartitionDefinition, PartitionTable
from esp_idf_defs.partitions import SUBTYPES, TYPES, InputError

OFFSET = 0x8000
SIZE = 0x1000
SECTOR = 0x1000
APP, DATA = TYPES["app"], TYPES["data"]
FACTORY = SUBTYPES[APP]["factory"]


class FlashError(Exception):
    """Why flashing cannot go on: one line that says what to do."""


@dataclass(frozen=True)
class Region:
    """A part of the flash, in bytes, and what lies in it."""

    offset: int
    size: int
    name: str

    @property
    def end(self) -> int:
        return self.offset + self.size

    def __str__(self) -> str:
        return f"{self.name} ({self.offset:#x}, {size_words(self.size)})"


@dataclass(frozen=True)
class Partition(Region):
    """`kind` and `subtype` as ESP-IDF's numbers."""

    kind: int
    subtype: int


def of_board(board: Mapping[str, Any]) -> list[Partition]:
    """The partitions of a (checked) board file, in the order of their offsets."""
    found = []
    for entry in board["partitions"]:
        kind = TYPES[entry["type"]]
        found.append(
            Partition(
                entry["offset"],
                entry["size"],
                entry["name"],
                kind,
                SUBTYPES[kind][entry["subtype"]],
            )
        )
    return sorted(found, key=_offset)


def write(partitions: Iterable[Partition]) -> bytes:
    """The table, 4096 bytes: the entries, their MD5, erased flash."""
    table = PartitionTable()
    for partition in partitions:
        entry = PartitionDefinition()
        entry.name, entry.type, entry.subtype = partition.name, partition.kind, partition.subtype
        entry.offset, entry.size = partition.offset, partition.size
        table.append(entry)
    return table.to_binary().ljust(SIZE, b"\xff")


def read(table: bytes) -> list[Partition] | None:
    """The partitions of a table, in the order of their offsets; None where there is no table,
    or one whose MD5 is wrong.
    """
    try:
        entries = PartitionTable.from_binary(table[:SIZE])
    except (InputError, UnicodeDecodeError):
        return None
    found = [
        Partition(each.offset, each.size, each.name, each.type, each.subtype) for each in entries
    ]
    return sorted(found, key=_offset) or None


def named(partitions: Iterable[Partition] | None, name: str) -> Partition | None:
    """The partition of that name, if there is one."""
    return next((each for each in partitions or () if each.name == name), None)


def size_words(size: int) -> str:
    """`1 MiB`, `256 KiB`, `1.6 MiB`."""
    if size < 1 << 20:
        return f"{size / 1024:.4g} KiB"
    return f"{size / (1 << 20):.3g} MiB"


def _offset(region: Region) -> int:
    return region.offset
