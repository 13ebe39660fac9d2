"""The two places in which the bench runs the firmware: in this process in virtual time, or on the real binary.

A runtime is switched on and off like a terminal, and lets time pass until something is true.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from simulator.clock import NS_PER_S, Clock, VirtualClock
from simulator.micropython import MicroPythonProcess
from simulator.network import Network
from simulator.standins.world import World
from simulator.wiring import Wiring


class Runtime(Protocol):
    """What the bench asks of a runtime."""

    name: str

    async def power_on(self) -> None: ...

    async def power_off(self) -> None: ...

    async def run_until(self, happened: Callable[[], bool], deadline_ns: int) -> bool:
        """Let the terminal run until `happened()` or the deadline (clock of the world); whether it happened."""
        ...

    async def close(self) -> None: ...


class CpythonRuntime:
    """The firmware on CPython's stand-ins, in virtual time: nothing moves unless somebody waits for it."""

    name = "cpython"

    def __init__(self, wiring: Wiring, network: Network, console: Callable[[str], None]) -> None:
        self._wiring = wiring
        self._network = network
        self._console = console
        self._world: World | None = None
        self._clock: VirtualClock = wiring.clock

    async def power_on(self) -> None:
        self._world = World(
            self._wiring.mcu,
            root=self._wiring.filesystem(),
            network=self._network,
            console=self._console,
        )
        self._world.start()

    async def power_off(self) -> None:
        self._world = None
        self._network.hang_up()

    async def run_until(self, happened: Callable[[], bool], deadline_ns: int) -> bool:
        if self._world is None:
            if not happened():
                self._clock.advance_to(deadline_ns)
            return happened()
        return self._world.run_until(happened, deadline_ns)

    async def close(self) -> None:
        await self.power_off()


class MicroPythonRuntime:
    """The firmware as .mpy on the real MicroPython binary, in a process of its own and in real time."""

    name = "micropython"
