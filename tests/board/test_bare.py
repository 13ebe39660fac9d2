"""A board out of the box: the real esptool, as `kassa flash` runs it, on the loader in its ROM."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from host_tools import board as boards
from host_tools import partitions, stock_image
from host_tools.device import Device
from host_tools.flash import lay_out
from simulator.board_thread import BoardThread
from tests.host_tools import stock_micropython as stock

BOARD = "esp32s3_devkitc"
WITHIN_S = 240
KASSA = (sys.executable, "-c", "from host_tools.cli import main; main()")
Make = Callable[..., BoardThread]


def start_flash(port: str, image: Path, *options: str) -> subprocess.Popen[str]:
    command = [*KASSA, "flash", "--port", port, "--micropython", str(image), *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def flash(port: str, image: Path, *options: str) -> tuple[int, str]:
    """Exit status, and all that it says."""
    done = start_flash(port, image, *options)
    _, said = done.communicate(timeout=WITHIN_S)
    return done.returncode, said


def place(name: str) -> partitions.Partition:
    found = partitions.named(partitions.of_board(boards.load(BOARD)), name)
    assert found is not None
    return found


def journal(board: BoardThread) -> bytes:
    return board.board.flash.image(place("journal").offset, 4096)


def starts(board: BoardThread) -> None:
    assert board.until(lambda: b">>> " in board.board.console.said), board.board.console.said


@pytest.mark.parametrize(("name", "chip"), [(BOARD, "esp32s3"), ("esp32_devkitc", "esp32")])
def test_a_bare_board_starts_micropython_once_it_is_flashed(
    new_board: Make, tmp_path: Path, name: str, chip: str
) -> None:
    board = new_board(board=name, bare=True)
    assert board.until(lambda: b"invalid header" in board.board.console.said)
    status, said = flash(board.pty(), stock.write(tmp_path, chip), "--board", name)
    assert status == 0, said
    starts(board)
    assert board.board.starts == [1]
    table = partitions.read(board.board.flash.image(partitions.OFFSET, partitions.SIZE))
    assert table == partitions.of_board(boards.load(name))


def test_a_board_with_a_journal_keeps_it_and_its_files_when_micropython_is_renewed(
    new_board: Make, tmp_path: Path
) -> None:
    board = new_board(bare=True)
    layout = lay_out(stock_image.read(stock.write(tmp_path)), boards.load(BOARD))
    board.do(board.board.flash.load, layout.whole)
    board.do(board.board.press_reset)
    starts(board)
    port = board.tcp()
    with Device(port) as device:
        device.run("with open('/kept', 'w') as file: file.write('still here')\n")
    board.do(board.board.flash.program, place("journal").offset, b"a payment")
    newer = stock.write(tmp_path, version="1.27.0")
    status, said = flash(port, newer)
    assert status == 0 and "Kept as it is: nvs, phy_init, vfs, kassa, journal" in said, said
    assert journal(board).startswith(b"a payment")
    assert board.board.flash.image(0x10000, len(newer.read_bytes())).find(b"v1.27.0") > 0
    with Device(port) as device:
        assert device.read_file("/kept") == b"still here"


def test_a_journal_in_another_table_is_not_given_up(new_board: Make, tmp_path: Path) -> None:
    board = new_board(bare=True)
    old = [each for each in partitions.of_board(boards.load(BOARD)) if each.name != "kassa"]
    board.do(board.board.flash.load, partitions.write(old), partitions.OFFSET)
    board.do(board.board.flash.program, place("journal").offset, b"a payment")
    before = board.board.flash.snapshot()
    status, said = flash(board.pty(), stock.write(tmp_path))
    last = said.splitlines()[-1]
    assert status == 1 and "payments that were never sent" in last and "Traceback" not in said
    assert board.board.flash.snapshot() == before


def test_a_cable_that_is_pulled_is_one_line_and_the_same_command_goes_on(
    new_board: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "esptool.cfg"
    settings.write_text(
        "[esptool]\nconnect_attempts = 1\n"
    )  # else it waits for the cable to return
    monkeypatch.setenv("ESPTOOL_CFGFILE", str(settings))
    image = tmp_path / "large.bin"
    image.write_bytes(stock.image(application=stock.app(size=300_000)))
    board = new_board(bare=True)
    running = start_flash(board.pty(), image)
    deadline = time.monotonic() + WITHIN_S
    while board.board.flash.counters.programmed_bytes < 100_000 and time.monotonic() < deadline:
        time.sleep(0.002)
    board.do(board.board.unplug)
    _, said = running.communicate(timeout=WITHIN_S)
    last = said.splitlines()[-1]
    assert running.returncode == 1, said
    assert "the connection broke while writing MicroPython 1.26.1" in last, said
    assert "Run the same command again" in last and "Traceback" not in said
    assert b">>> " not in board.board.console.said
    status, said = flash(board.pty(), image)
    assert status == 0, said
    starts(board)
