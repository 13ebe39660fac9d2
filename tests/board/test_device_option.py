"""`pytest --device PORT`: the virtual board in the place of a real one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from simulator.board_thread import BoardThread
from simulator.chips.mcu import HARD_RESET, PWRON_RESET
from tests.conftest import ROOT

CHOSEN = "chip_is_the_boards or card_is_found"


def run(*options: str, answers: str = "") -> tuple[int, str]:
    command = [str(Path(sys.executable).with_name("pytest")), "-p", "no:cacheprovider", *options]
    done = subprocess.run(
        command,
        cwd=ROOT,
        input=answers,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_only_the_tests_of_the_board_run_and_the_terminal_goes_on(board: BoardThread) -> None:
    status, told = run("--device", board.pty(), "-k", CHOSEN)
    assert status == 0, told
    assert "1 passed, 1 skipped" in told and "deselected" in told
    # Stopped, two starts of a test, and the reset at the end.
    assert board.board.starts[0] == PWRON_RESET
    assert board.until(lambda: board.board.starts[-1] == HARD_RESET)


def test_a_port_without_a_board_is_one_line() -> None:
    status, told = run("--device", "/dev/ttyKASSA", "-k", CHOSEN)
    assert status == 4
    (line,) = [line for line in told.splitlines() if "ttyKASSA" in line]
    assert "there is no such port" in line and "Traceback" not in told


def test_the_tests_of_nothing_else_are_looked_for(board: BoardThread) -> None:
    status, told = run("--device", board.pty(), "--collect-only")
    assert status == 0
    files = {line.partition("::")[0] for line in told.splitlines() if "::" in line}
    assert files and all(name.startswith("tests/device/") for name in files)


def test_a_person_is_asked_and_believed(board: BoardThread) -> None:
    options = ("--device", board.pty(), "--device-attended", "-k", "lamps_light")
    status, told = run(*options, answers="y\nn\n")
    assert ">>> are the two lamps on the left lit, and no other? [y/n]" in told
    assert ">>> do you hear a high tone? [y/n]" in told
    assert status == 1 and "1 failed" in told
    status, told = run(*options, answers="y\ny\n")
    assert status == 0 and "1 passed" in told
