"""The README's way from a board out of its box to a sale, word for word, on a virtual board."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from host_tools.mpy import ROOT
from simulator.board_thread import BoardThread
from tests.host_tools import stock_micropython as stock
from tests.readme_commands import Start, starting

WITHIN_S = 300


def commands() -> list[list[str]]:
    """The commands of the technician's section, in order."""
    text = (ROOT / "README.md").read_text("utf-8")
    section = text.split("### You have a board")[1].split("\n### ")[0]
    lines = [line.strip() for line in section.splitlines() if line.startswith("    .venv/bin/")]
    assert len(lines) >= 5
    return [shlex.split(line) for line in lines]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts one of the README's commands, in an empty folder and a new shop."""
    with starting(tmp_path, KASSA_HOME=str(tmp_path / "shop")) as start:
        yield start


def test_a_bare_board_sells_after_the_readmes_commands(
    new_board: Callable[..., BoardThread],
    start: Start,
    tmp_path: Path,
) -> None:
    board = new_board(bare=True)
    words = {"PORT": board.pty(), "FILE.bin": str(stock.write(tmp_path))}
    acquirer: subprocess.Popen[str] | None = None
    for command in commands():
        command = [words.get(word, word) for word in command]
        if command[:2] == [".venv/bin/kassa-sim", "acquirer"]:
            acquirer = start([*command, "--port", "0"])  # many tests may run on this machine
            assert acquirer.stdout is not None
            while not (line := acquirer.stdout.readline()).startswith("acquirer on "):
                assert line, "the acquirer has ended"
            continue
        process = start(command)
        said, _ = process.communicate(timeout=WITHIN_S)
        assert process.returncode == 0, f"{command}: {said}"
    shown = len(board.hands.screens)
    assert board.until(lambda: "welcome" in [s["name"] for s in board.hands.screens[shown:]], 60)
    board.do(board.hands.press, "1250", "ENTER")
    board.do(board.hands.tap, "visa_credit")
    assert board.do(board.hands.until_screen, "approved"), board.hands.screens[-3:]
    assert acquirer is not None
    acquirer.kill()
    told, _ = acquirer.communicate(timeout=WITHIN_S)
    messages = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    (answer,) = [m for m in messages if m["mti"] in ("0110", "0210")]
    assert answer["fields"]["39"] == "00"
    assert not board.board.violations
