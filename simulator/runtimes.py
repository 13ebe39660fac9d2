"""The two places in which the bench runs the firmware: in this process, or on the real binary.

A runtime is switched on and off like a terminal, and lets time pass until something is true.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from simulator.chips.nor_flash import PowerCut
from simulator.clock import NS_PER_S, Clock, RealClock, VirtualClock
from simulator.micropython import MicroPythonProcess
from simulator.sandbox import Sandbox, SocketSandbox, VirtualSandbox
from simulator.standins.world import World

if TYPE_CHECKING:
    import datetime

    from simulator.bench import Bench

_SLICE_S = 0.005
_HEAP_PROBE_EVERY = 50  # operations of the chip


class Runtime(Protocol):
    """What the bench asks of a runtime."""

    def __init__(self, bench: Bench) -> None: ...

    @staticmethod
    def make_clock() -> Clock: ...

    @staticmethod
    def make_sandbox(clock: Clock, seed: int, now: Callable[[], datetime.datetime]) -> Sandbox: ...

    async def measure(self) -> None:
        """Collect, and bring `heap` up to date."""
        ...

    async def power_on(self) -> None: ...

    async def power_off(self) -> None: ...

    async def run_until(self, happened: Callable[[], bool], deadline_ns: int) -> None:
        """Let the terminal run until `happened()`, the deadline (clock of the world) or a reset.

        Raises PowerCut when the flash chip's own cut came, DataSheetViolation when the firmware
        did what a chip forbids.
        """
        ...


class CpythonRuntime:
    """The firmware on stand-ins, in virtual time: nothing moves unless somebody waits for it.

    With `bench.realtime` the virtual clock keeps pace with the wall's, for a person at the page.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.world: World | None = None
        self._pacemaker: asyncio.Task[None] | None = None

    @staticmethod
    def make_clock() -> Clock:
        return VirtualClock()

    @staticmethod
    def make_sandbox(clock: Clock, seed: int, now: Callable[[], datetime.datetime]) -> Sandbox:
        return VirtualSandbox(clock, seed, now)

    @property
    def reset_cause(self) -> int | None:
        return None if self.world is None else self.world.reset_cause

    @property
    def heap(self) -> dict[str, int] | None:
        return None

    async def power_on(self) -> None:
        bench = self._bench
        bench.wiring.flash.power_on()
        self.world = World(
            bench.wiring.mcu,
            root=bench.wiring.filesystem(),
            network=bench.sandbox.network,
            console=bench.console_line,
        )
        self.world.start()
        if bench.realtime and self._pacemaker is None:
            self._pacemaker = asyncio.create_task(self._keep_pace())

    async def power_off(self) -> None:
        if self._pacemaker is not None and self._pacemaker is not asyncio.current_task():
            self._pacemaker.cancel()
            self._pacemaker = None
        if self.world is not None:
            self.world.close()
            self.world = None
        self._bench.sandbox.network.hang_up()

    async def measure(self) -> None:
        return

    async def run_until(self, happened: Callable[[], bool], deadline_ns: int) -> None:
        if not self._bench.realtime:
            self._advance(happened, deadline_ns)
            return
        pacemaker = self._pacemaker

        def broken() -> bool:
            return pacemaker is not None and pacemaker.done() and not pacemaker.cancelled()

        await _until_real(self._bench.clock, lambda: happened() or broken(), deadline_ns)
        if pacemaker is not None and broken():
            pacemaker.result()

    def _advance(self, happened: Callable[[], bool], deadline_ns: int) -> None:
        clock = self._bench.clock
        if self.world is not None:
            self.world.run_until(happened, deadline_ns)
        elif not happened():
            clock.advance_to(deadline_ns)

    async def _keep_pace(self) -> None:
        """Move the virtual clock along with the wall's, a slice at a time."""
        clock = self._bench.clock
        behind_ns = time.monotonic_ns() - clock.now_ns
        while True:
            await asyncio.sleep(_SLICE_S)
            self._advance(lambda: False, time.monotonic_ns() - behind_ns)


class MicroPythonRuntime:
    """The firmware as .mpy on the real MicroPython binary, in a process of its own, in
    real time.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._process = MicroPythonProcess(
            bench.wiring.mcu,
            heap=bench.heap,
            console=bench.console_line,
            measure_every=_HEAP_PROBE_EVERY if bench.heap_probe else 0,
        )

    @staticmethod
    def make_clock() -> Clock:
        return RealClock()

    @staticmethod
    def make_sandbox(clock: Clock, seed: int, now: Callable[[], datetime.datetime]) -> Sandbox:
        return SocketSandbox(clock, seed, now)

    @property
    def reset_cause(self) -> int | None:
        return self._process.reset_cause

    @property
    def heap(self) -> dict[str, int] | None:
        process = self._process
        return {
            "size": self._bench.heap,
            "at_start_bytes": process.heap_at_start,
            "peak_bytes": process.heap_peak,
            "used_bytes": process.heap_used,
        }

    async def power_on(self) -> None:
        self._bench.wiring.flash.power_on()
        await self._process.start()

    async def measure(self) -> None:
        if self._process.running:
            await self._process.measure()

    async def power_off(self) -> None:
        if self._process.ended is None:
            await self._process.stop()
        self._bench.sandbox.network.hang_up()

    async def run_until(self, happened: Callable[[], bool], deadline_ns: int) -> None:
        process = self._process

        def broken() -> BaseException | None:
            return process.ended.error if process.ended is not None else None

        await _until_real(
            self._bench.clock, lambda: happened() or broken() is not None, deadline_ns
        )
        error = broken()
        if error is not None and not (isinstance(error, PowerCut) and not self._bench.powered):
            raise error


async def _until_real(clock: Clock, happened: Callable[[], bool], deadline_ns: int) -> None:
    """Sleep in slices of the wall's time until something is true or the deadline has passed."""
    while not happened() and clock.now_ns < deadline_ns:
        left_s = (deadline_ns - clock.now_ns) / NS_PER_S
        await asyncio.sleep(min(_SLICE_S, max(0.0, left_s)))


RUNTIMES: dict[str, type[Runtime]] = {
    "cpython": CpythonRuntime,
    "micropython": MicroPythonRuntime,
}
