"""A whole terminal on the virtual board: a sale, and then a technician on its port."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from host_tools import image
from host_tools.cli import app
from simulator import provisioning
from simulator.board_thread import BoardThread
from simulator.chips.mcu import HARD_RESET, PWRON_RESET
from simulator.clock import RealClock
from simulator.filesystem import install
from simulator.sandbox import SocketSandbox
from simulator.standins.world import World


def utc() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


@pytest.fixture
def terminal(board: BoardThread) -> Iterator[BoardThread]:
    """A terminal of the sandbox, online."""

    async def open_sandbox() -> SocketSandbox:
        await board.board.cut_power()
        sandbox = SocketSandbox(RealClock(), 1, utc)
        await sandbox.open()
        config = provisioning.files({}, *sandbox.address, sandbox.pki)
        content = image.device_files(board.board.board, config=config)
        wiring = board.board.wiring
        vfs = wiring.partition("vfs")
        install(board.board.flash, vfs["offset"], vfs["size"], content)
        board.board.flash.power_on()
        world = World(wiring.mcu, root=wiring.filesystem())
        settings = json.loads(config["/config/terminal.json"])
        provisioning.inject_keys(world, settings["terminal_id"])
        world.close()
        await board.board.power_on()
        wiring.rtc.set_utc(utc())
        return sandbox

    sandbox = board.do(open_sandbox)
    assert board.do(board.hands.until_screen, "welcome"), board.board.console.said[-2000:]
    online = {("host", "connected")}
    assert board.until(lambda: online & {(e["at"], e["is"]) for e in board.hands.events})
    yield board
    board.do(board.board.cut_power)
    board.do(sandbox.close)


def test_a_terminal_that_has_sold_is_read_and_sells_again(terminal: BoardThread) -> None:
    def sell() -> None:
        terminal.do(terminal.hands.press, "1250", "ENTER")
        terminal.do(terminal.hands.tap, "visa_credit")
        assert terminal.do(terminal.hands.until_screen, "approved"), terminal.hands.screens[-3:]

    sell()
    port = terminal.pty()
    result = CliRunner().invoke(app, ["journal", "verify", port])
    assert result.exit_code == 0, result.output
    assert "nothing is missing" in result.stdout
    assert terminal.until(lambda: terminal.board.starts == [PWRON_RESET, HARD_RESET])
    shown = len(terminal.hands.screens)
    assert terminal.until(
        lambda: "welcome" in [screen["name"] for screen in terminal.hands.screens[shown:]]
    )
    sell()
    assert not terminal.board.violations
