"""A whole terminal on the virtual board: a sale, and then a technician on its port."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from host_tools.build import build
from host_tools.cli import app
from simulator import emv_configuration, provisioning
from simulator.board_thread import BoardThread
from simulator.chips.mcu import HARD_RESET, PWRON_RESET
from simulator.chips.nor_flash import BLOCK
from simulator.sandbox import SocketSandbox
from tests.board import terminals


@pytest.fixture
def terminal(board: BoardThread) -> Iterator[BoardThread]:
    """A terminal of the sandbox, online."""

    async def begin() -> SocketSandbox:
        sandbox = await terminals.open_sandbox()
        built = build(board.board.board, "0.1.0+1", key=emv_configuration.signing_key())
        config = provisioning.files({}, *sandbox.address, sandbox.pki)
        await terminals.start(board, built, config)
        return sandbox

    sandbox = board.do(begin)
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


def test_the_slot_has_come_up_and_says_so(terminal: BoardThread) -> None:
    def told() -> list[dict[str, object]]:
        return [e for e in terminal.hands.events if e["is"] == "came up"]

    assert terminal.until(lambda: bool(told()))
    assert told()[0]["slot"] == "slot_a"
    assert told()[0]["version"] == "0.1.0+1"


def test_a_damaged_main_file_system_leads_to_the_service_screen(terminal: BoardThread) -> None:
    async def spoil() -> bytes:
        await terminal.board.cut_power()
        place, journal = (terminal.board.wiring.partition(n) for n in ("kassa", "journal"))
        terminal.board.flash.load(b"\x55" * BLOCK * 2, place["offset"])
        await terminal.board.power_on()
        return terminal.board.flash.image(journal["offset"], journal["size"])

    before = terminal.do(spoil)
    assert terminal.until(lambda: terminal.hands.events[-1]["is"] == "service")
    assert terminal.hands.events[-1]["why"] == "file system damaged"
    assert terminal.until(lambda: terminal.board.console.said.endswith(b">>> "))
    journal = terminal.board.wiring.partition("journal")
    assert terminal.board.flash.image(journal["offset"], journal["size"]) == before
    assert not terminal.board.violations


def test_a_version_on_trial_that_leaves_too_little_memory_gives_way(
    terminal: BoardThread,
) -> None:
    """Of the heap from which TLS lives: one connection is there, and no room for the next."""
    mcu = terminal.board.wiring.mcu
    enough = mcu.idf_heap

    async def offer() -> None:
        await terminal.board.cut_power()
        terminal.board.flash.power_on()
        trial = {"use": "slot_b", "try": "slot_a", "host": False, "tries": 0}
        files = terminal.board.wiring.filesystem()
        files.write_file("/state/slots", json.dumps(trial).encode())
        terminal.hands.events.clear()
        mcu.idf_heap = ((200_000, 9_000, 5_000, 4_000),)
        await terminal.board.power_on()

    terminal.do(offer)
    events = terminal.hands.events
    assert terminal.until(
        lambda: any("no memory on trial" in str(e.get("task")) for e in events), 30
    )
    assert "came up" not in [e["is"] for e in events]
    mcu.idf_heap = enough
    assert terminal.until(lambda: "came up" in [e["is"] for e in events], 30)


def test_a_version_on_trial_that_cannot_read_cards_gives_way(terminal: BoardThread) -> None:
    """The configuration is signed, and this version does not understand it."""
    key = emv_configuration.signing_key()
    content = b'{"combinations": "of another time"}'

    async def offer() -> None:
        await terminal.board.cut_power()
        terminal.board.flash.power_on()
        files = terminal.board.wiring.filesystem()
        files.write_file("/config/emv.json", content)
        files.write_file("/config/emv.sig", key.sign(content))
        trial = {"use": "slot_b", "try": "slot_a", "host": False, "tries": 0}
        files.write_file("/state/slots", json.dumps(trial).encode())
        terminal.hands.events.clear()
        await terminal.board.power_on()

    terminal.do(offer)
    events = terminal.hands.events
    assert terminal.until(lambda: "no cards on trial" in [e["is"] for e in events], 30)
    assert "came up" not in [e["is"] for e in events]
    assert terminal.until(lambda: terminal.board.starts[:2] == [PWRON_RESET, HARD_RESET])
