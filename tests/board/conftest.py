"""Boards for the tests, and mpremote as a technician runs it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from simulator.board_thread import BoardThread
from tests.on_micropython.run import need_micropython

WITHIN_S = 30
HERE = Path(__file__).parent


@dataclass
class Answer:
    """How a run of mpremote ended: exit status, standard output, standard error (lines end as
    on this side)."""

    status: int
    out: str
    err: str


@dataclass
class Mpremote:
    """The installed mpremote, in a process of its own, on one port."""

    port: str
    folder: Path

    def run(self, *arguments: str) -> Answer:
        command = [sys.executable, "-m", "mpremote", "connect", self.port, *arguments]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, timeout=WITHIN_S, check=False
        )
        out, err = (text.decode().replace("\r\n", "\n") for text in (done.stdout, done.stderr))
        return Answer(done.returncode, out, err)

    def __call__(self, *arguments: str) -> str:
        """What it prints; the test fails when it does not succeed."""
        answer = self.run(*arguments)
        assert answer.status == 0, answer
        return answer.out


@pytest.fixture(scope="module")
def board() -> Iterator[BoardThread]:
    """A board with an empty flash, for the tests of one file."""
    need_micropython()
    with BoardThread() as board:
        yield board


@pytest.fixture
def mpremote(board: BoardThread, tmp_path: Path) -> Iterator[Mpremote]:
    """mpremote on a pseudo-terminal of the module's board, in an empty folder."""
    port = board.pty()
    yield Mpremote(port, tmp_path)
    board.do(board.board.unplug)


@pytest.fixture
def new_board() -> Iterator[Callable[..., BoardThread]]:
    """Makes boards for one test: `new_board(state=...)`."""
    need_micropython()
    boards: list[BoardThread] = []

    def make(**settings: object) -> BoardThread:
        boards.append(BoardThread(**settings).__enter__())
        return boards[-1]

    yield make
    for board in boards:
        board.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == HERE:
            item.add_marker(pytest.mark.micropython)
