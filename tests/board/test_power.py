"""What the virtual board does when power, chips or the file system do something to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from simulator.board_state import StateError
from simulator.board_thread import BoardThread
from simulator.chips.mcu import HARD_RESET, PWRON_RESET, SOFT_RESET, WDT_RESET
from simulator.chips.nor_flash import BLOCK
from simulator.filesystem import install
from tests.board.conftest import Mpremote

NewBoard = Callable[..., BoardThread]


def with_files(board: BoardThread, **files: str) -> None:
    """Put a new file system onto the flash and switch the board on again."""
    content = {f"/{name}.py": text.encode() for name, text in files.items()}

    async def rebuild() -> None:
        await board.board.cut_power()
        vfs = board.board.wiring.partition("vfs")
        install(board.board.flash, vfs["offset"], vfs["size"], content)
        await board.board.power_on()

    board.do(rebuild)


def heard(board: BoardThread, what: bytes, within_s: float = 20) -> bool:
    return board.until(lambda: what in board.board.console.said, within_s)


def test_the_flash_is_kept_between_two_runs(new_board: NewBoard, tmp_path: Path) -> None:
    (tmp_path / "note").write_text("kept")
    first = new_board(state=tmp_path / "state")
    Mpremote(first.pty(), tmp_path)("fs", "cp", "note", ":/note")
    first.close()
    second = new_board(state=tmp_path / "state")
    assert Mpremote(second.pty(), tmp_path)("fs", "cat", ":/note") == "kept"


def test_two_boards_do_not_share_a_flash(new_board: NewBoard, tmp_path: Path) -> None:
    new_board(state=tmp_path)
    with pytest.raises(StateError, match="in use by another board"):
        new_board(state=tmp_path)


def test_the_flash_of_another_board_is_refused(new_board: NewBoard, tmp_path: Path) -> None:
    (tmp_path / "flash.bin").write_bytes(b"\xff" * BLOCK)
    with pytest.raises(StateError, match="4096 bytes"):
        new_board(state=tmp_path)


def test_where_power_failed_is_kept_too(new_board: NewBoard, tmp_path: Path) -> None:
    first = new_board(state=tmp_path)
    assert heard(first, b">>> ")
    address = first.board.wiring.partition("journal")["offset"]
    first.do(first.board.flash.cut_after, 1, "half")
    program = f"import esp32; esp32.Partition('journal').writeblocks(0, b'\\0' * {BLOCK}, 0)"
    first.do(first.board.console.received, program.encode() + b"\r")
    assert first.until(lambda: not first.board.powered)
    torn = first.board.flash.snapshot()
    assert torn.torn and torn.blocks[address // BLOCK][: BLOCK // 2] == bytes(BLOCK // 2)
    first.close()
    assert new_board(state=tmp_path).board.flash.snapshot() == torn


def test_a_bare_board_formats_its_file_system(board: BoardThread, mpremote: Mpremote) -> None:
    assert "boot.py" in mpremote("fs", "ls")


def test_variables_and_the_clock_go_with_the_power(board: BoardThread, mpremote: Mpremote) -> None:
    mpremote("rtc", "--set")
    board.do(board.board.cut_power)
    board.do(board.board.power_on)
    assert board.board.starts == [PWRON_RESET]
    assert heard(board, b">>> ")
    assert "(2000, 1, 1" in mpremote("rtc")


def test_the_chips_of_the_board_answer(board: BoardThread, mpremote: Mpremote) -> None:
    lamp = board.board.board["lamps"]["pins"][0]
    mpremote("exec", f"from machine import Pin; Pin({lamp}, Pin.OUT, value=1)")
    assert board.board.wiring.lamps.states()[0]


def test_a_key_interrupts_the_prompt(board: BoardThread, mpremote: Mpremote) -> None:
    pad = board.board.board["keypad"]
    mpremote(
        "exec",
        "from machine import Pin\n"
        f"row = Pin({pad['rows'][0]}, Pin.OUT, value=0)\n"
        f"Pin({pad['columns'][0]}, Pin.IN, Pin.PULL_UP)"
        ".irq(lambda pin: print('key!'), Pin.IRQ_FALLING)",
    )
    key = pad["layout"][0][0]
    board.do(board.board.wiring.keypad.press, key)
    assert heard(board, b"key!\r\n")
    board.do(board.board.wiring.keypad.release, key)


def test_a_starving_watchdog_restarts_the_board(board: BoardThread, mpremote: Mpremote) -> None:
    mpremote("exec", "import machine; machine.WDT(timeout=300)")
    assert board.until(lambda: board.board.starts[-1] == WDT_RESET)


def test_what_a_data_sheet_forbids_is_a_panic(board: BoardThread) -> None:
    assert heard(board, b">>> ")
    program = (
        b"import esp32; j = esp32.Partition('journal'); "
        b"j.writeblocks(0, b'\\x00', 0); j.writeblocks(0, b'\\x01', 0)\r"
    )
    board.do(board.board.console.received, program)
    assert board.until(lambda: board.board.starts[-1] == HARD_RESET)
    assert "needs an erase" in str(board.board.violations[-1])
    board.do(board.board.flash.erase, board.board.wiring.partition("journal")["offset"])


def test_a_damaged_file_system_is_said_for_ever(board: BoardThread) -> None:
    async def spoil() -> None:
        await board.board.cut_power()
        offset = board.board.wiring.partition("vfs")["offset"]
        board.board.flash.load(b"\x55" * BLOCK * 2, offset)
        await board.board.power_on()

    board.do(spoil)
    assert heard(board, b"file system is damaged")
    with_files(board, boot="print('healed')")
    assert heard(board, b"healed")


def test_a_main_py_that_leaves_is_started_again_and_again(board: BoardThread) -> None:
    with_files(board, main="import sys\nsys.exit()")
    assert board.until(lambda: board.board.starts[:4] == [PWRON_RESET] + [SOFT_RESET] * 3)
    with_files(board)


def test_an_error_in_main_py_leads_to_the_prompt(board: BoardThread) -> None:
    said: list[bytes] = []
    board.board.console.on_output.append(said.append)
    with_files(board, main="x = 5\n1/0")
    end = b"ZeroDivisionError: divide by zero\r\n"
    assert board.until(lambda: end in b"".join(said) and b"".join(said).endswith(b">>> "))
    assert b'File "main.py", line 2, in <module>\r\n' in b"".join(said)
    board.do(board.board.console.received, b"x\r")
    assert board.until(lambda: b"".join(said).endswith(b"x\r\n5\r\n>>> "))


def test_a_pulled_cable_does_not_stop_the_board(new_board: NewBoard, tmp_path: Path) -> None:
    board = new_board()
    mpremote = Mpremote(board.pty(), tmp_path)
    mpremote("exec", "x = 5")
    board.do(board.board.unplug)
    assert mpremote.run("exec", "1").status == 1
    again = Mpremote(board.pty(), tmp_path)
    assert again("resume", "exec", "print(x)") == "5\n"
    assert len(board.board.starts) == 2  # the power, and mpremote's soft reset
