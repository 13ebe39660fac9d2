"""The board of these tests: the one on `--device PORT`, or else a virtual one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from host_tools.board import load as load_board
from host_tools.device import Device
from host_tools.port import DeviceError
from simulator.board_thread import BoardThread
from tests.device.bench import Attending, Bench, Person, Simulated
from tests.journal.bench import Terminal
from tests.on_micropython.run import need_micropython

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def virtual(request: pytest.FixtureRequest) -> Iterator[BoardThread | None]:
    """The virtual board, with a journal that no test may touch; None with a real one."""
    if request.config.getoption("--device"):
        yield None
        return
    need_micropython()
    with BoardThread(request.config.getoption("--device-board")) as board:
        journal = board.board.wiring.partition("journal")
        terminal = Terminal(size=journal["size"])
        records = terminal.start()
        for number in range(20):
            records.append(number, b"record %d" % number)
        image = terminal.flash.image()
        board.do(board.board.flash.load, image, journal["offset"])
        yield board
        assert board.board.flash.image(journal["offset"], journal["size"]) == image
        assert not board.board.violations


@pytest.fixture(scope="session")
def device(
    request: pytest.FixtureRequest,
    virtual: BoardThread | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Bench]:
    """The board, with mpremote.  A real one is reset at the end, so that its terminal goes on."""
    port = virtual.pty() if virtual is not None else _real(request.config.getoption("--device"))
    board = load_board(request.config.getoption("--device-board"))
    bench = Bench(port, board, tmp_path_factory.mktemp("mounted"))
    yield bench
    if virtual is None:
        bench.mpremote("resume", "reset")


def _real(port: str) -> str:
    """Stop the board's program; without such a board there is nothing to test."""
    try:
        with Device(port, reset_at_end=False):
            return port
    except DeviceError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)


@pytest.fixture
def person(request: pytest.FixtureRequest, virtual: BoardThread | None) -> Person:
    """Somebody who lends a hand; at a real board only with `--device-attended`."""
    if virtual is not None:
        return Simulated(virtual)
    if not request.config.getoption("--device-attended"):
        pytest.skip("needs a person in front of the board: --device-attended")
    capture = request.config.pluginmanager.getplugin("capturemanager")

    @contextmanager
    def uncaptured() -> Iterator[None]:
        """The terminal, keyboard included, is the person's."""
        capture.suspend(in_=True)
        try:
            yield
        finally:
            capture.resume()

    return Attending(uncaptured)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == HERE:
            item.add_marker(pytest.mark.device)
            if not config.getoption("--device"):
                item.add_marker(pytest.mark.micropython)
