"""A newer version over TLS on real MicroPython: fetched, tried, kept once the host answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from host_tools.build import build
from host_tools.device import Device
from simulator import emv_configuration, provisioning, update_server
from simulator.acquirer.pki import SERVER_NAME
from simulator.board_thread import BoardThread
from simulator.sandbox import SocketSandbox
from tests.board import terminals
from tests.update.till import served

_FETCH = """\
import asyncio
from board import BOARD
from version import VERSION
from kassa.app.update import Updater
from kassa.host.download import Source
from kassa.system.log import Log
from kassa.system.slots import STATE, Slots
from kassa.system.state_file import StateFile
updater = Updater(
    Source("https://127.0.0.1:{port}/", "{name}"),
    Slots(StateFile(STATE)), StateFile("/state/update"), BOARD, VERSION, lambda: True, Log())
print(asyncio.run(updater.once()), updater.fetched_bytes)
"""


@pytest.fixture
def update(board: BoardThread) -> Iterator[tuple[BoardThread, update_server.Files, int]]:
    """A terminal of the sandbox that runs version 1 from slot_a; a server that has version 2."""
    described = board.board.board
    key = emv_configuration.signing_key()
    old, new = (build(described, f"0.1.0+{number}", key=key) for number in (1, 2))
    files = update_server.Files(served(new))

    async def begin() -> tuple[SocketSandbox, asyncio.Server, int]:
        sandbox = await terminals.open_sandbox()
        server = await update_server.serve(files, sandbox.pki)
        config = provisioning.files({}, *sandbox.address, sandbox.pki)
        await terminals.start(board, old, config)
        return sandbox, server, server.sockets[0].getsockname()[1]

    sandbox, server, port = board.do(begin)
    yield board, files, port
    board.do(board.board.cut_power)
    board.do(server.close)
    board.do(sandbox.close)


def came_up(board: BoardThread) -> list[tuple[object, object]]:
    return [(e["slot"], e["version"]) for e in board.hands.events if e["is"] == "came up"]


def test_a_terminal_updates_itself_over_tls_and_keeps_what_reaches_the_host(
    update: tuple[BoardThread, update_server.Files, int],
) -> None:
    board, files, port = update
    assert board.until(lambda: came_up(board) == [("slot_a", "0.1.0+1")], 40)
    with Device(board.pty()) as device:
        code = _FETCH.format(port=port, name=SERVER_NAME)
        said = device.run(code, "fetching the update", within_s=60).splitlines()
    offered, fetched = said[-1].split()
    assert offered == "True", said
    assert 0 < int(fetched) < 20_000  # nearly all was there
    asked = [path for path, _ in files.requests]
    assert "files/version.mpy" in asked
    assert "files/assets/fonts/32.kf" not in asked
    assert board.until(lambda: came_up(board)[-1:] == [("slot_b", "0.1.0+2")], 60)
    kinds = [e["is"] for e in board.hands.events]
    assert "connected" in kinds[: len(kinds) - kinds[::-1].index("came up")]
    assert not board.board.violations
