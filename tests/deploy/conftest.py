"""Boards and images for the tests of putting a version onto a board."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from host_tools.board import load as load_board
from host_tools.build import Built
from simulator import deployed
from simulator.clock import VirtualClock
from simulator.wiring import Wiring
from tests.conftest import REFERENCE_BOARD
from tests.deploy.images import KEY, slot_content, small
from tests.deploy.world_board import WorldBoard

FILES = {
    "main.py": b"print('a version')\n",
    "assets/same.bin": bytes(range(256)) * 20,
    "assets/words/en.json": b'{"welcome": "Welcome"}',
    "kassa/app/sale.mpy": b"M\x06" + b"old sale" * 90,
    "kassa/gone.mpy": b"M\x06gone",
}
CHANGED = {key: value for key, value in FILES.items() if key != "kassa/gone.mpy"} | {
    "kassa/app/sale.mpy": b"M\x06" + b"new sale" * 120,
    "kassa/app/refund.mpy": b"M\x06" + b"refund" * 20,
    "kassa/tiny.mpy": b"M\x06",
}


@pytest.fixture(scope="session")
def older() -> Built:
    return small("0.1.0+0", FILES | {"main.py": b"print('the first')", "lib/typing.mpy": b"M"})


@pytest.fixture(scope="session")
def old() -> Built:
    return small("0.1.0+1", FILES)


@pytest.fixture(scope="session")
def new() -> Built:
    """Newer, with files that are the same, changed, gone and added; the boot files are old's."""
    return small("0.1.0+2", CHANGED)


@pytest.fixture(scope="session")
def other_boot() -> Built:
    """Newer, with other boot files, too."""
    return small("0.1.0+3", CHANGED, title="Another title")


@pytest.fixture
def boards(old: Built, new: Built, other_boot: Built) -> Iterator[Callable[..., WorldBoard]]:
    """Makes boards: bare, or a terminal with versions in its slots (`slot_a=old`)."""
    made: list[WorldBoard] = []

    def make(main: dict[str, str] | None = None, **slots: Built) -> WorldBoard:
        wiring = Wiring(load_board(REFERENCE_BOARD), VirtualClock())
        if slots:
            files = {"/config/signer.json": KEY.signer()}
            for name, built in slots.items():
                files |= {f"/{name}/{p}": c for p, c in slot_content(built).items()}
            deployed.deploy(wiring, next(iter(slots.values())), files)
        made.append(WorldBoard(wiring, (old, new, other_boot), main))
        return made[-1]

    yield make
    for board in made:
        board.power_off()
