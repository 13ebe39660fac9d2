"""Stock MicroPython on the virtual board, from one reset to the next, with its REPL."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from simulator.board_console import Console
from simulator.chips.mcu import SOFT_RESET, Mcu
from simulator.micropython import MicroPythonProcess

_READ = 1 << 16
_LOOK_S = 0.05
_BUSY_S = 0.25
_ASLEEP_LOOKS = 3
_LOOKS_BLIND = 20
_LOOKS = 60
_WATCHED_LOOKS = 40
_FUTEX = {"x86_64": "202", "aarch64": "98"}


class ReplProcess(MicroPythonProcess):
    """boot.py, main.py and the REPL, until the chip is reset.

    raw: begin in the raw REPL, without main.py, as after a soft reset from there; afterwards:
    which REPL was on.
    """

    _module = "start_board"

    def __init__(self, mcu: Mcu, console: Console, raw: bool, heap: int) -> None:
        super().__init__(mcu, heap=heap)
        self.raw = raw
        self._serial = console
        self._out = self._child_out = -1
        self._started = False
        self._insisting: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None

    def interrupt(self) -> None:
        """The interrupt character has come.  Most programs hear of it from the bridge, between
        two steps; only one that never asks the chip is interrupted by a signal.
        """
        if self._started and self._bridge is not None and self._process is not None:
            self._bridge.keyboard()
            if self._insisting is None or self._insisting.done():
                self._insisting = asyncio.create_task(self._insist(self._process))

    # -- MicroPythonProcess

    def _arguments(self) -> tuple[str, ...]:
        return ("raw" if self.raw else "friendly",)

    def _operations(self) -> dict[str, Callable[..., Any]]:
        return {**self.mcu.operations, **self._serial.operations(self._drain)}

    def _console_streams(self) -> tuple[int, int]:
        self._serial.program_starts()
        self._out, self._child_out = os.pipe()
        os.set_blocking(self._out, False)
        return self._serial.stdin, self._child_out

    async def _listen(self, process: asyncio.subprocess.Process) -> int:
        os.close(self._child_out)
        loop = asyncio.get_running_loop()
        loop.add_reader(self._out, self._readable)
        status = await process.wait()
        loop.remove_reader(self._out)
        self._drain()
        os.close(self._out)
        self._out = -1
        for task in (self._insisting, self._watching):
            if task is not None:
                task.cancel()
        return status

    def _told(self, what: str, facts: tuple[Any, ...]) -> None:
        if what == "raw":
            self.raw = facts[0]
        elif what == "started":
            self._started = True
            super()._told(what, facts)
            if self._serial.interrupted:
                self.interrupt()
        elif what != "crash":  # the board goes on with its REPL
            super()._told(what, facts)

    # -- inside

    def _readable(self) -> None:
        if self._serial.congested:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._out)
            loop.call_later(_LOOK_S, self._listen_again)
            return
        self._take()

    def _listen_again(self) -> None:
        if self._out >= 0:
            asyncio.get_running_loop().add_reader(self._out, self._readable)

    def _take(self) -> bool:
        """Print what is there; whether there was anything."""
        if self._out < 0:
            return False
        try:
            data = os.read(self._out, _READ)
        except BlockingIOError:
            return False
        if not data:
            asyncio.get_running_loop().remove_reader(self._out)
            return False
        self._serial.print(data)
        return True

    def _drain(self) -> None:
        while self._take():
            pass

    async def _insist(self, process: asyncio.subprocess.Process) -> None:
        """Interrupt a program that does not hear of it.

        One that waits for something else than the chip gets a signal, and so does one that only
        computes; there the signal may strike anywhere, inside MicroPython's memory management
        too.  One that is busy with its files and nothing else must not be struck by a signal:
        its interpreter starts again, as from a soft reset.
        """
        calls, asleep, looks, begun_s = self.calls, 0, 0, _cpu_s(process.pid)
        for _ in range(_LOOKS):
            await asyncio.sleep(_LOOK_S)
            if not self._serial.interrupted or process.returncode is not None:
                return
            if self.calls != calls:
                calls, asleep, looks, begun_s = self.calls, 0, 0, _cpu_s(process.pid)
                continue
            looks += 1
            asleep = asleep + 1 if _asleep(process.pid) else 0
            now_s = _cpu_s(process.pid)
            if now_s is None or begun_s is None:
                computes = looks > _LOOKS_BLIND
            else:
                computes = now_s - begun_s > _BUSY_S
            if computes or asleep > _ASLEEP_LOOKS:
                break
        else:
            self.mcu.reset(SOFT_RESET)
            return
        self._serial.interrupted = False
        process.send_signal(signal.SIGINT)
        if self._watching is not None:
            self._watching.cancel()
        self._watching = asyncio.create_task(self._watch(process))

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Restart the interpreter if the signal has left a lock behind that nobody opens."""
        stuck = 0
        for _ in range(_WATCHED_LOOKS):
            await asyncio.sleep(_LOOK_S)
            stuck = stuck + 1 if _waits_for_itself(process.pid) else 0
            if stuck > _ASLEEP_LOOKS:
                self.mcu.reset(SOFT_RESET)
                return


def _stat(pid: int) -> list[str] | None:
    """What Linux tells of a process, from its state on; None elsewhere."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _cpu_s(pid: int) -> float | None:
    stat = _stat(pid)
    return None if stat is None else (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def _asleep(pid: int) -> bool:
    stat = _stat(pid)
    return stat is not None and stat[0] == "S"


def _waits_for_itself(pid: int) -> bool:
    """Whether its only thread waits for a lock, which only that thread could open."""
    try:
        call = Path(f"/proc/{pid}/syscall").read_text().split()[0]
    except (OSError, IndexError):
        return False
    return call == _FUTEX.get(os.uname().machine)
