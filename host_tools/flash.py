"""Put stock MicroPython and Kassa's partition table on a board, without touching its journal.

What is decided here, in this order:
- A board whose data partitions are all where its board file says keeps them: files, keys, journal.
- Any other board begins anew: its data partitions are blank afterwards, so that MicroPython and
  Kassa format them.  What must not be lost is looked at first: a journal that is not blank may
  hold payments that were never sent, and the files on the board hold the keys that can read it.
- What must be blank is erased first, the table is written last: a run that was cut off finds the
  old table, decides the same again, and goes on.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from host_tools import partitions, rom_loader
from host_tools.partitions import FlashError, Partition, Region, named, size_words
from host_tools.rom_loader import Found, RomLoader
from host_tools.stock_image import BOOT_LOADER_AT, StockImage

JOURNAL = "journal"
FILE_SYSTEMS = ("vfs", "kassa")
# littlefs keeps its superblock in the first two blocks; MicroPython formats what begins erased.
_SUPERBLOCKS = 2 * partitions.SECTOR
_MIB = 1 << 20
_AGAIN = "Run the same command again: what is in flash already is skipped."
_NOTHING_YET = "Nothing is changed yet: run the same command again."

# A step of the work, by what it does and how to resume it; in it, progress goes from 0 to 1.
Step = Callable[[str, str], AbstractContextManager[Callable[[float], None]]]


@dataclass(frozen=True)
class Layout:
    """What goes where on one board; `whole` is the flash from 0 to the end of the application."""

    board: Mapping[str, Any]
    partitions: list[Partition]
    whole: bytes
    boot_loader: Region
    app: Region

    @property
    def table(self) -> bytes:
        return self.whole[partitions.OFFSET : partitions.OFFSET + partitions.SIZE]

    @property
    def flash_bytes(self) -> int:
        return self.board["flash"]["size_mib"] * _MIB

    def part(self, region: Region) -> bytes:
        return self.whole[region.offset : region.end]


@dataclass(frozen=True)
class Plan:
    """erase: begins blank.  kept: stays as it is.  at_stake: must be blank, else `refusal`."""

    erase: list[Region] = field(default_factory=list)
    kept: list[Partition] = field(default_factory=list)
    at_stake: Region | None = None
    refusal: str = ""


def factory(board: Mapping[str, Any]) -> Partition:
    """The partition of a board that MicroPython goes into.  Raises FlashError."""
    for partition in partitions.of_board(board):
        if (partition.kind, partition.subtype) == (partitions.APP, partitions.FACTORY):
            return partition
    raise FlashError(
        f'{board["name"]}: its partitions have no app of subtype "factory"; MicroPython needs one'
    )


def lay_out(image: StockImage, board: Mapping[str, Any]) -> Layout:
    """Merge boot loader, the board's table and MicroPython.

    The boot loader is told the board's size of flash.  Raises FlashError.
    """
    found = partitions.of_board(board)
    boot_loader = Region(BOOT_LOADER_AT[image.chip], len(image.boot_loader), "boot loader")
    app = Region(factory(board).offset, len(image.app), f"MicroPython {image.version}")
    contents = {
        boot_loader.offset: image.boot_loader,
        partitions.OFFSET: partitions.write(found),
        app.offset: image.app,
    }
    size = f"{board['flash']['size_mib']}MB"
    with tempfile.TemporaryDirectory(prefix="kassa-flash-") as folder:
        merged = Path(folder, "merged.bin")
        command = ["--chip", image.chip, "merge-bin", "--flash-size", size, "-o", str(merged)]
        for offset, content in contents.items():
            path = Path(folder, f"{offset:x}.bin")
            path.write_bytes(content)
            command += [hex(offset), str(path)]
        code, said = rom_loader.run(command)
        if code:
            raise FlashError(f"{image.path}: esptool cannot merge it: {said.strip()[-200:]}")
        whole = merged.read_bytes()
    # esptool only warns when it leaves the header as it was.
    if 1 << (whole[boot_loader.offset + 3] >> 4) != board["flash"]["size_mib"]:
        raise FlashError(f"{image.path}: its boot loader cannot be told that the flash has {size}")
    return Layout(board, found, whole, boot_loader, app)


def plan(
    ours: list[Partition], present: list[Partition] | None, begin_anew: bool, overwrite: bool
) -> Plan:
    """What becomes of what is on a board.

    ours: its partitions from now on.  present: those it has, None without a table.  begin_anew:
    asked to give up the files.  overwrite: told to give up the journal.
    """
    data = [each for each in ours if each.kind == partitions.DATA]
    files = [
        Region(each.offset, min(each.size, _SUPERBLOCKS), each.name)
        for each in data
        if each.name in FILE_SYSTEMS
    ]
    journal = [each for each in data if each.name == JOURNAL]
    if present is not None and _places(data) <= _places(present):
        erase = [*(files if begin_anew else []), *(journal if overwrite else [])]
        gone = {each.name for each in erase}
        kept = [each for each in data if each.name not in gone]
        if begin_anew and journal and not overwrite:
            return Plan(erase, kept, journal[0], _payments(journal[0], "the keys to read it go"))
        return Plan(erase, kept)
    erase = _joined([*files, *(each for each in data if each.name not in FILE_SYSTEMS)])
    if overwrite:
        return Plan(erase)
    if present is None and journal:
        return Plan(
            erase,
            at_stake=journal[0],
            refusal=f"the board has no partition table, but {journal[0]} is not blank; if it was "
            "a terminal, give it back its table first (host_tools/README.md, by hand), if not, "
            "say --overwrite-journal",
        )
    theirs = named(present, JOURNAL)
    if theirs is None:
        return Plan(erase)
    return Plan(erase, at_stake=theirs, refusal=_payments(theirs, "the partitions move"))


def flash(
    layout: Layout, port: str, baud: int, begin_anew: bool, overwrite: bool, step: Step
) -> Plan:
    """Do all of it on the board at `port`; what became of what was on it.  Raises FlashError."""
    with RomLoader(port, baud) as board:
        with step(
            f"Asking the board on {port} for chip, flash and partitions", _NOTHING_YET
        ) as on:
            found = board.look(on)
        _right_board(layout, port, found)
        board.chip = layout.board["chip"]
        doing = plan(layout.partitions, partitions.read(found.table), begin_anew, overwrite)
        if doing.at_stake is not None:
            with step(f"Looking whether {doing.at_stake} is blank", _NOTHING_YET) as on:
                blank = board.is_blank(doing.at_stake, on)
            if not blank:
                raise FlashError(f"{port}: {doing.refusal}")
        for region in doing.erase:
            if doing.at_stake is not None and _is_in(region, doing.at_stake):
                continue  # it is blank
            with step(f"Erasing {region}, which begins blank", _AGAIN) as on:
                board.erase(region, on)
        same = found.table == layout.table
        with step(f"Writing the boot loader and {layout.app}, and verifying", _AGAIN) as on:
            parts = {each.offset: layout.part(each) for each in (layout.boot_loader, layout.app)}
            board.write(f"writing {layout.app.name}", parts, on, restart=same)
        if not same:
            with step("Writing the partition table, and restarting the board", _AGAIN) as on:
                table = {partitions.OFFSET: layout.table}
                board.write("writing the partition table", table, on, restart=True)
        return doing


def write_file(layout: Layout, path: Path, fill: bool, overwrite: bool) -> None:
    """Write the merged image.  fill: up to the end of the flash, as a board's flash is when bare.

    Raises FlashError, OSError.
    """
    content = layout.whole
    if fill:
        content = content.ljust(layout.flash_bytes, b"\xff")
    if path.is_file() and not overwrite:
        _no_journal_lost(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


# -- inside


def _is_in(region: Region, other: Region) -> bool:
    return other.offset <= region.offset and region.end <= other.end


def _places(found: Iterable[Partition]) -> set[tuple[str, int, int]]:
    return {(each.name, each.offset, each.size) for each in found}


def _payments(journal: Region, why: str) -> str:
    return (
        f"{journal} is not blank and may hold payments that were never sent, and {why}; "
        "`kassa backup` first, then say --overwrite-journal"
    )


def _right_board(layout: Layout, port: str, found: Found) -> None:
    name, chip = layout.board["name"], layout.board["chip"]
    if found.chip != chip:
        raise FlashError(
            f"{port}: the board has an {found.chip}, {name} an {chip}; "
            "say which board it is with --board"
        )
    if found.flash_bytes < layout.flash_bytes:
        raise FlashError(
            f"{port}: the board has {size_words(found.flash_bytes)} of flash, {name} "
            f"{size_words(layout.flash_bytes)}; say which board it is with --board"
        )


def _joined(regions: list[Region]) -> list[Region]:
    """In the order of their offsets; neighbours as one, since each erasing is a run of esptool."""
    joined: list[Region] = []
    for region in sorted(regions, key=lambda each: each.offset):
        last = joined[-1] if joined else None
        if last is not None and last.end == region.offset:
            size = last.size + region.size
            joined[-1] = Region(last.offset, size, f"{last.name} and {region.name}")
        else:
            joined.append(Region(region.offset, region.size, region.name))
    return joined


def _no_journal_lost(path: Path) -> None:
    """The file may be a virtual board's flash, and payments may wait in it as on any other."""
    old = path.read_bytes()
    table = old[partitions.OFFSET : partitions.OFFSET + partitions.SIZE]
    journal = named(partitions.read(table), JOURNAL)
    if journal is not None and old[journal.offset : journal.end].strip(b"\xff"):
        raise FlashError(f"{path}: {_payments(journal, 'the file is replaced')}")
