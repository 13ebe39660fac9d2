"""A whole terminal of the sandbox on a virtual board: the real firmware in a slot, provisioned."""

from __future__ import annotations

import datetime
import json

from host_tools.build import Built
from simulator import provisioning
from simulator.board_thread import BoardThread
from simulator.clock import RealClock
from simulator.deployed import deploy, slot
from simulator.sandbox import SocketSandbox
from simulator.standins.world import World

_TERMINAL = "/config/terminal.json"


def utc() -> datetime.datetime:
    """What a virtual board's clock is set to."""
    return datetime.datetime.now(datetime.UTC)


async def open_sandbox() -> SocketSandbox:
    """An acquirer in real time, on a socket of its own."""
    sandbox = SocketSandbox(RealClock(), 1, utc)
    await sandbox.open()
    return sandbox


async def start(board: BoardThread, built: Built, config: dict[str, bytes]) -> None:
    """Deploy the firmware into slot_a and give the terminal its keys if it is provisioned; then
    the power comes.  config: what is on it beside the firmware, by path.
    """
    await board.board.cut_power()
    wiring = board.board.wiring
    deploy(wiring, built, slot(built, "slot_a") | config)
    board.board.flash.power_on()
    if _TERMINAL in config:
        world = World(wiring.mcu, root=wiring.filesystem())
        provisioning.inject_keys(world, json.loads(config[_TERMINAL])["terminal_id"])
        world.close()
    await board.board.power_on()
    wiring.rtc.set_utc(utc())
