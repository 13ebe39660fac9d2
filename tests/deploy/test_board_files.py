"""Files on a board are put there whole, or are as they were."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from host_tools.board import load, names
from host_tools.board_files import BoardFiles, FullError
from host_tools.build import Built
from host_tools.image import boot_files
from host_tools.port import DeviceError
from simulator.chips.nor_flash import TORN
from simulator.clock import VirtualClock
from simulator.filesystem import Littlefs
from simulator.wiring import Wiring
from tests.deploy.world_board import WorldBoard

Boards = Callable[..., WorldBoard]
BEFORE, AFTER = b"before" * 400, b"after!" * 900
PATH = "/config/deep/in/terminal.json"


def test_a_file_is_put_there_and_comes_back(boards: Boards, old: Built) -> None:
    with boards(slot_a=old) as board:
        files = BoardFiles(board)
        assert files.put(PATH, AFTER) and not files.put(PATH, AFTER)
        assert files.get(PATH) == AFTER
        assert files.hashes("/config/deep").keys() == {"in/terminal.json"}
    assert board.wiring.filesystem().read_file(PATH) == AFTER


def test_a_bare_board_has_both_file_systems_too(boards: Boards) -> None:
    board = boards()
    with board:
        files = BoardFiles(board)
        assert not files.booted
        files.put(PATH, BEFORE)
        files.put("/boot/main.py", AFTER)
        assert files.hashes("/").keys() == {PATH[1:]}
        assert files.hashes("/boot").keys() == {"boot.py", "main.py"}
    assert board.wiring.filesystem("kassa").read_file(PATH) == BEFORE
    assert board.wiring.filesystem("vfs").read_file("/main.py") == AFTER


def test_no_power_cut_leaves_half_a_file(boards: Boards, old: Built) -> None:
    board = boards(slot_a=old)
    board.wiring.filesystem().write_file(PATH, BEFORE)
    start, cuts, ends = board.flash.snapshot(), 0, set()
    for how in TORN:
        operation = 0
        while True:
            operation += 1
            board.power_off()
            board.flash.restore(start)
            board.power_on()
            with board:
                files = BoardFiles(board)
                board.flash.cut_after(operation, how)
                try:
                    files.put(PATH, AFTER)
                except DeviceError as error:
                    assert "stopped answering while" in str(error)
            if board.flash.cut_pending:
                board.flash.no_cut()
                break
            cuts += 1
            place = board.wiring.partition("kassa")
            board.flash.power_on()
            content = Littlefs(board.flash, place["offset"], place["size"]).read_file(PATH)
            assert content in (BEFORE, AFTER), (operation, how)
            ends.add(content)
    print(f"{cuts} cuts")
    assert ends == {BEFORE, AFTER} and cuts > 5 * len(TORN)


def test_a_full_flash_is_told_and_what_was_there_stays(boards: Boards) -> None:
    with boards() as board:
        files = BoardFiles(board)
        files.put("/boot/main.py", BEFORE)
        with pytest.raises(FullError, match=r"flash is full while writing /boot/main\.py"):
            files.put("/boot/main.py", bytes(400_000))
        assert files.get("/boot/main.py") == BEFORE
        assert "main.py.new" not in files.listdir("/boot")


@pytest.mark.parametrize("name", names())
def test_two_boot_programs_have_room_beside_each_other(name: str) -> None:
    board = load(name)
    fs = Wiring(board, VirtualClock()).filesystem("vfs")
    for path, content in (boot_files(board) | boot_files(board | {"title": "Another"})).items():
        fs.write_file(f"/{path}", content)
    assert len([each for each in fs.listdir("/") if each.startswith("set_")]) == 2
    assert fs.statvfs()[3] >= 2  # what littlefs moves, and boot.py before it counts
