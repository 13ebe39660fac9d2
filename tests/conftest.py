"""Fixtures for everybody: a board, its chips on wires, and a world in which firmware modules run.

def test_a_pressed_key_comes_out(world, wiring):
    keypad = world.load("kassa.drivers.keypad")
    ...
    assert world.run(keypad_object.next(), timeout_s=1) == "5"
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from host_tools.board import load as load_board
from simulator.clock import VirtualClock
from simulator.standins.world import World
from simulator.wiring import Wiring

# The same examples on every run, so that a failure belongs to the change that is being tested;
# `KASSA_EXPLORE=1 make test` draws new ones.
# No example is timed: how long one takes is the machine's business.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("explore", print_blob=True, deadline=None)
settings.load_profile("explore" if os.environ.get("KASSA_EXPLORE") else "repeatable")

ROOT = Path(__file__).resolve().parent.parent
REFERENCE_BOARD = "esp32s3_devkitc"
# `ticks_ms` wraps five seconds after power-on, so that every test crosses the wrap sooner or
# later.
TICKS_START_MS = 2**30 - 5_000


def micropython_binary() -> str:
    """The MicroPython binary of the environment; skips the test where there is none."""
    binary = shutil.which("micropython", path=str(Path(sys.executable).parent))
    if binary is None:
        pytest.skip("no MicroPython binary for this platform")
    return binary


def bare_board(name: str = REFERENCE_BOARD) -> dict[str, Any]:
    """A board with nothing on its pins: chip, flash, PSRAM and partition table alone."""
    board = load_board(name)
    kept = ("name", "title", "chip", "flash", "psram", "partitions")
    return {key: board[key] for key in kept if key in board}


def new_world(
    board_name: str | dict[str, Any] = REFERENCE_BOARD,
    seed: int = 0,
    *,
    wiring: Wiring | None = None,
    ticks_start_ms: int = TICKS_START_MS,
    **kw: Any,
) -> World:
    """A freshly powered terminal; `world.wiring` are its chips.  Give `wiring` to power the same
    one again; `board_name` may be a parsed board, too.
    """
    if wiring is None:
        board = load_board(board_name) if isinstance(board_name, str) else board_name
        wiring = Wiring(board, VirtualClock(), seed)
    world = World(wiring.mcu, ticks_start_ms=ticks_start_ms, **kw)
    world.wiring = wiring
    return world


@pytest.fixture
def board() -> dict[str, Any]:
    """The reference board's file, parsed."""
    return load_board(REFERENCE_BOARD)


@pytest.fixture
def wiring(board: dict[str, Any]) -> Wiring:
    """The reference board's chips on a virtual clock; nothing is powered yet."""
    return Wiring(board, VirtualClock())


@pytest.fixture
def world(wiring: Wiring) -> Iterator[World]:
    """A terminal of the reference board, powered, without files and without network; main.py does
    not run.
    """
    world = new_world(wiring=wiring)
    yield world
    world.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("kassa", "a real board")
    group.addoption(
        "--device",
        metavar="PORT",
        help="Run the tests that are marked `device`, and no other, on the board there; "
        "without it they run on a virtual one.",
    )
    group.addoption(
        "--device-board", metavar="NAME", default=REFERENCE_BOARD, help="Which board it is."
    )
    group.addoption(
        "--device-attended",
        action="store_true",
        help="Somebody is there to press keys, hold cards and answer questions.",
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With a real board, look for no other tests than its own: it is quicker."""
    folder = ROOT / "tests" / "device"
    inside = collection_path.is_relative_to(folder) or folder.is_relative_to(collection_path)
    return True if config.getoption("--device") and not inside else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With a real board only its tests are left."""
    if config.getoption("--device"):
        others = [item for item in items if not item.get_closest_marker("device")]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item.get_closest_marker("device")]


# pytest-xdist 3.8 puts a group's name into `_nodeid`, which pytest 9.2 does not read any more; so
# the turns are told from what a test is called.
_REAL_TIME = re.compile(
    r"tests/(board|browser|device|on_micropython)/|tests/deploy/test_(on_a_board|refusals)"
    r"|micropython|real_interpreter"
)


def turn_of(nodeid: str) -> str:
    """Tests in real time (the real binary, the browser, pseudo-terminals) take turns, so that they
    do not slow each other down, nor meet on a port of the same name; the scenarios on the real
    binary, which mostly wait, are a turn of their own.  Every other test is one by itself.
    """
    if "test_scenarios.py" in nodeid and ("real_binary" in nodeid or "both_runtimes" in nodeid):
        return "scenarios"
    return "real time" if _REAL_TIME.search(nodeid) else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class Turns(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return turn_of(nodeid)

    return Turns(config, log)
