"""`kassa flash` on a board: what is written, what is kept, and what happens when it is cut off."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from host_tools import board as boards
from host_tools import flash, partitions, stock_image
from host_tools.partitions import FlashError, Partition
from host_tools.port import DeviceError
from tests.host_tools import stock_micropython as stock
from tests.host_tools.esptool_fake import FakeBoard

BOARD = "esp32s3_devkitc"
GARBAGE = b"old \x00 stuff "


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> flash.Layout:
    image = stock_image.read(stock.write(tmp_path_factory.mktemp("stock")))
    return flash.lay_out(image, boards.load(BOARD))


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> FakeBoard:
    return FakeBoard().attach(monkeypatch)


@contextlib.contextmanager
def silent(words: str, resume: str) -> Iterator[Callable[[float], None]]:
    assert words and resume
    yield lambda part: None


def put(layout: flash.Layout, *, begin_anew: bool = False, overwrite: bool = False) -> flash.Plan:
    return flash.flash(layout, "/dev/ttyUSB0", 460_800, begin_anew, overwrite, silent)


def refused(layout: flash.Layout, board: FakeBoard, **options: bool) -> str:
    before = bytes(board.flash)
    with pytest.raises((FlashError, DeviceError)) as failure:
        put(layout, **options)
    assert bytes(board.flash) == before and not board.changing
    said = str(failure.value)
    assert said.startswith("/dev/ttyUSB0: ") and "\n" not in said
    return said


def place(layout: flash.Layout, name: str) -> Partition:
    found = partitions.named(layout.partitions, name)
    assert found is not None
    return found


def content(board: FakeBoard, part: Partition, size: int | None = None) -> bytes:
    return bytes(board.flash[part.offset : part.offset + (size or part.size)])


def fill(board: FakeBoard, part: Partition, words: bytes = GARBAGE) -> bytes:
    """Let the partition hold something from its first byte to its last."""
    held = (words * (part.size // len(words) + 1))[: part.size]
    board.flash[part.offset : part.end] = held
    return held


def give_table(board: FakeBoard, table: bytes) -> None:
    at = partitions.OFFSET
    board.flash[at : at + partitions.SIZE] = table.ljust(partitions.SIZE, b"\xff")


def moved(layout: flash.Layout, name: str, by: int) -> list[Partition]:
    """The layout's partitions, one of them somewhere else."""
    found = []
    for each in layout.partitions:
        offset = each.offset + (by if each.name == name else 0)
        found.append(Partition(offset, each.size, each.name, each.kind, each.subtype))
    return found


def terminal(layout: flash.Layout, board: FakeBoard) -> dict[str, bytes]:
    """Make the board a terminal: Kassa's table, and something in every partition of data."""
    give_table(board, layout.table)
    data = [each for each in layout.partitions if each.kind == partitions.DATA]
    return {each.name: fill(board, each, each.name.encode()) for each in data}


def is_flashed(layout: flash.Layout, board: FakeBoard) -> bool:
    return all(
        board.flash[each.offset : each.end] == layout.part(each)
        for each in (layout.boot_loader, layout.app)
    ) and (board.flash[0x8000:0x9000] == layout.table)


# -- what is written


def test_a_bare_board_gets_boot_loader_table_and_micropython(
    layout: flash.Layout, board: FakeBoard
) -> None:
    put(layout)
    assert is_flashed(layout, board)
    assert board.restarts == 1


def test_the_table_comes_last(layout: flash.Layout, board: FakeBoard) -> None:
    put(layout)
    assert board.changing[-2:] == ["write-flash 0x0 0x10000", "write-flash 0x8000"]


def test_nothing_is_written_outside_of_what_is_told(
    layout: flash.Layout, board: FakeBoard
) -> None:
    board.flash[:] = GARBAGE * (len(board.flash) // len(GARBAGE)) + GARBAGE[:4]
    before = bytes(board.flash)
    done = put(layout, overwrite=True)
    told = [(each.offset, each.end) for each in done.erase]
    told += [(0x8000, 0x9000), (0, layout.boot_loader.end), (0x10000, layout.app.end)]
    last = 0
    for start, end in sorted(told):
        assert board.flash[last:start] == before[last:start]
        last = -(-end // 4096) * 4096
    assert board.flash[last:] == before[last:]


def test_every_file_system_and_the_journal_begin_blank_on_another_board(
    layout: flash.Layout, board: FakeBoard
) -> None:
    give_table(board, stock.stock_table())
    data = [each for each in layout.partitions if each.kind == partitions.DATA]
    for part in data:
        fill(board, part)
    done = put(layout)
    for part in data:
        size = 8192 if part.name in flash.FILE_SYSTEMS else part.size
        assert content(board, part, size) == b"\xff" * size
    assert not done.kept


# -- what is kept


def test_a_terminal_keeps_files_and_journal(layout: flash.Layout, board: FakeBoard) -> None:
    held = terminal(layout, board)
    done = put(layout)
    assert {name: content(board, place(layout, name)) for name in held} == held
    assert board.changing == ["write-flash 0x0 0x10000"]  # the table is what it was
    assert board.restarts == 1
    assert {each.name for each in done.kept} == held.keys() and not done.erase


def test_a_terminal_whose_application_gets_more_room_keeps_files_and_journal(
    layout: flash.Layout, board: FakeBoard
) -> None:
    held = terminal(layout, board)
    smaller = [
        Partition(each.offset, each.size // 2, each.name, each.kind, each.subtype)
        if each.name == "factory"
        else each
        for each in layout.partitions
    ]
    give_table(board, partitions.write(smaller))
    put(layout)
    assert {name: content(board, place(layout, name)) for name in held} == held
    assert is_flashed(layout, board)


@pytest.mark.parametrize("name", ["vfs", "journal"])
def test_a_journal_that_holds_something_is_kept_when_partitions_move(
    layout: flash.Layout, board: FakeBoard, name: str
) -> None:
    terminal(layout, board)
    give_table(board, partitions.write(moved(layout, name, -0x10000)))
    said = refused(layout, board)
    assert "journal (" in said and "`kassa backup` first" in said and "--overwrite" in said


def test_one_byte_in_the_journal_is_enough(layout: flash.Layout, board: FakeBoard) -> None:
    give_table(board, partitions.write(moved(layout, "vfs", -0x10000)))
    board.flash[place(layout, "journal").end - 1] = 0
    assert "journal (" in refused(layout, board)


def test_a_blank_journal_need_not_be_asked_for(layout: flash.Layout, board: FakeBoard) -> None:
    give_table(board, partitions.write(moved(layout, "vfs", -0x10000)))
    put(layout)
    assert is_flashed(layout, board)


def test_the_journal_goes_when_told(layout: flash.Layout, board: FakeBoard) -> None:
    terminal(layout, board)
    give_table(board, partitions.write(moved(layout, "vfs", -0x10000)))
    put(layout, overwrite=True)
    journal = place(layout, "journal")
    assert content(board, journal) == b"\xff" * journal.size
    assert is_flashed(layout, board)


def test_a_terminal_told_to_give_up_the_journal_keeps_its_files(
    layout: flash.Layout, board: FakeBoard
) -> None:
    held = terminal(layout, board)
    done = put(layout, overwrite=True)
    journal = place(layout, "journal")
    assert content(board, journal) == b"\xff" * journal.size
    assert content(board, place(layout, "vfs")) == held["vfs"]
    assert [each.name for each in done.erase] == ["journal"]


def test_a_board_that_lost_its_table_is_asked_about(
    layout: flash.Layout, board: FakeBoard
) -> None:
    terminal(layout, board)
    give_table(board, b"\x00" * 4096)
    assert "has no partition table, but journal (" in refused(layout, board)


def test_files_are_not_taken_from_under_a_journal(layout: flash.Layout, board: FakeBoard) -> None:
    terminal(layout, board)
    assert "the keys to read it go" in refused(layout, board, begin_anew=True)


def test_a_terminal_begins_anew_when_told(layout: flash.Layout, board: FakeBoard) -> None:
    held = terminal(layout, board)
    journal = place(layout, "journal")
    fill(board, journal, b"\xff")
    put(layout, begin_anew=True)
    for name in flash.FILE_SYSTEMS:
        if partitions.named(layout.partitions, name):
            assert content(board, place(layout, name), 8192) == b"\xff" * 8192
    assert content(board, place(layout, "nvs")) == held["nvs"]


# -- cut off


def test_a_run_that_was_cut_off_anywhere_goes_on_with_the_same_command(
    layout: flash.Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> FakeBoard:
        board = FakeBoard().attach(monkeypatch)
        for part in layout.partitions:
            fill(board, part)
        give_table(board, stock.stock_table())
        return board

    board = full()
    put(layout)
    uncut, steps = bytes(board.flash), len(board.commands)
    assert steps >= 6
    for step in range(steps):
        board = full()
        cut_off(layout, board, step)
        put(layout)
        assert board.flash == uncut, f"cut off in step {step}"


def cut_off(layout: flash.Layout, board: FakeBoard, step: int) -> None:
    board.cut = step
    with pytest.raises(FlashError, match="the connection broke while"):
        put(layout)
    assert board.cut is None


@pytest.mark.parametrize("step", range(2))
def test_a_terminal_that_was_cut_off_has_lost_nothing(
    layout: flash.Layout, board: FakeBoard, step: int
) -> None:
    held = terminal(layout, board)
    cut_off(layout, board, step)
    put(layout)
    assert is_flashed(layout, board)
    assert {name: content(board, place(layout, name)) for name in held} == held


# -- the wrong board


def test_another_chip_is_refused(layout: flash.Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    board = FakeBoard("ESP32", 4).attach(monkeypatch)
    said = refused(layout, board)
    assert "has an esp32, esp32s3_devkitc an esp32s3" in said and "--board" in said


def test_too_small_a_flash_is_refused(
    layout: flash.Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = FakeBoard(size_mib=8).attach(monkeypatch)
    assert "has 8 MiB of flash, esp32s3_devkitc 16 MiB" in refused(layout, board)


def test_a_board_that_was_changed_for_another_is_noticed(
    layout: flash.Layout, board: FakeBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = board.run

    def change(*arguments: Any) -> tuple[int, str]:
        done = run(*arguments)
        board.chip = "ESP32"
        return done

    monkeypatch.setattr("host_tools.rom_loader.run", change)
    assert "another board is there now, with an ESP32" in refused(layout, board)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "A fatal error occurred: Failed to connect to ESP32: No serial data received.",
            "no ESP32 answers; hold BOOT",
        ),
        (
            "A fatal error occurred: Failed to connect to ESP32: Wrong boot mode detected (0x13)!",
            "no ESP32 answers; hold BOOT",
        ),
        (
            "A fatal error occurred: Could not open it, the port is busy or doesn't exist.",
            "there is no such port",
        ),
        ("/usr/bin/python3: No module named esptool", "esptool is missing"),
        (
            "A fatal error occurred: The moon is full.\nNote: howl",
            "esptool says: The moon is full.",
        ),
    ],
)
def test_a_board_that_cannot_be_reached_is_one_line(
    layout: flash.Layout, board: FakeBoard, said: str, words: str
) -> None:
    board.says = said
    with pytest.raises((FlashError, DeviceError)) as failure:
        put(layout)
    assert words in str(failure.value) and "\n" not in str(failure.value)


def test_a_board_file_without_a_place_for_micropython_is_refused() -> None:
    described = boards.load(BOARD) | {"partitions": []}
    with pytest.raises(FlashError, match="no app of subtype"):
        flash.factory(described)


def test_a_temporary_folder_is_left_behind_by_none(
    layout: flash.Layout, board: FakeBoard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    put(layout)
    assert not list(tmp_path.iterdir())
