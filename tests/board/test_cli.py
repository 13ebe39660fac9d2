"""`kassa-sim board`, as a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.board.conftest import WITHIN_S, Mpremote
from tests.on_micropython.run import need_micropython

PROGRAM = [sys.executable, "-c", "from simulator.cli import main; main()", "board"]


class Board:
    """The running command."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*PROGRAM, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def port(self) -> str:
        assert self.process.stdout is not None
        word, port = self.process.stdout.readline().split()
        assert word == "port"
        return port

    def type(self, *lines: str) -> list[str]:
        """Type lines and `quit`; what it says until it has ended well."""
        typed = "".join(f"{line}\n" for line in (*lines, "quit"))
        said, err = self.process.communicate(typed, WITHIN_S)
        assert self.process.returncode == 0, err
        return said.splitlines()


@pytest.fixture
def run() -> Iterator[type[Board]]:
    need_micropython()
    running: list[Board] = []

    def start(*arguments: str) -> Board:
        running.append(Board(*arguments))
        return running[-1]

    yield start  # type: ignore[misc]
    for board in running:
        if board.process.poll() is None:
            board.process.kill()
        board.process.communicate()


def test_a_board_serves_on_both_ports_and_keeps_its_flash(
    run: type[Board], tmp_path: Path
) -> None:
    (tmp_path / "note").write_text("kept")
    first = run("--pty", "--tcp", "0", "--state", str(tmp_path / "state"))
    pty, tcp = first.port(), first.port()
    assert pty.startswith("/dev/") and tcp.startswith("socket://127.0.0.1:")
    Mpremote(pty, tmp_path)("fs", "cp", "note", ":/note")
    assert Mpremote(tcp, tmp_path)("fs", "cat", ":/note") == "kept"
    first.process.send_signal(signal.SIGTERM)
    assert first.process.wait(WITHIN_S) == 0
    second = run("--state", str(tmp_path / "state"))
    assert Mpremote(second.port(), tmp_path)("fs", "cat", ":/note") == "kept"
    assert second.type() == []


def test_a_person_types_what_a_person_would_do(run: type[Board], tmp_path: Path) -> None:
    board = run("--tcp", "0")
    board.port()
    picture = tmp_path / "screen.png"
    said = board.type("paper out", "paper wet", "screen", f"screen {picture}", "jump", "tap ace")
    assert said == [
        "? 'wet': ok or near_end or out",
        "? no screen was shown yet",
        "? 'jump' is no command; `help` lists them",
        "? there is no card called 'ace'",
    ]
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--board", "toaster"], "no such board"),
        (["--state", "/dev/null/state"], "/dev/null/state: "),
    ],
)
def test_a_wrong_wish_is_one_line(run: type[Board], arguments: list[str], said: str) -> None:
    process = run(*arguments).process
    _, err = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 1
    assert said in err and err.count("\n") == 1
