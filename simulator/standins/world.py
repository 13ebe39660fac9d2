"""One power-on of one terminal on CPython: its modules, its loop, its console, in virtual time.

A `World` starts from nothing every time, so that a power cycle is a new `World` on the same chips.
What the firmware does to the chip goes through `operate`; a `DataSheetViolation` of a chip model
ends the world and reaches whoever runs it, whatever the firmware catches.  A world that has ended
(power cut, reset, violation) can no longer touch its chip, not even in a `finally`.
"""

from __future__ import annotations

import contextlib
import random
from collections import deque
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import ModuleType
from typing import Any

from simulator.chips.mcu import Mcu
from simulator.clock import NS_PER_MS, NS_PER_S, NS_PER_US, VirtualClock
from simulator.standins.console import Console
from simulator.standins.errors import as_device
from simulator.standins.modules import FIRMWARE, ModuleSpace, compile_source

_SCHEDULE_DEPTH = 8  # MICROPY_SCHEDULER_DEPTH


class Ended(BaseException):
    """Unwinds firmware whose world has ended; nothing that the firmware does can matter any
    more.
    """


class World:
    """The firmware from power-on until it loses power, resets or ends.

    root: the file system at / (`simulator.filesystem`), None for no files at all.  `mounts` has
    all that are mounted, by their mount point.
    network: what `asyncio.open_connection` and `socket` reach (`simulator.network`), None for no
    network.
    console: gets each line that the firmware prints, without its end.
    ticks_start_ms: `time.ticks_ms()` at power-on; the device starts at 0.

    `reset_cause` is None until the firmware resets the chip (or the watchdog does); `finished`
    says that main.py has come to its end, `error` with what exception.
    """

    def __init__(
        self,
        mcu: Mcu,
        root: Any = None,
        network: Any = None,
        console: Callable[[str], None] | None = None,
        *,
        board: dict[str, Any] | None = None,
        seed: int | None = None,
        ticks_start_ms: int = 0,
        firmware: Path = FIRMWARE,
    ) -> None:
        self.mcu = mcu
        self.mounts: dict[str, Any] = {} if root is None else {"/": root}
        self.network = network
        self.clock: VirtualClock = mcu.clock  # type: ignore[assignment]
        self.rng = random.Random(mcu.soft_rng.getrandbits(64) if seed is None else seed)
        self.cwd = "/"
        self.handlers: dict[int, Callable[[int], None] | None] = {}
        self.scheduler: Any = None
        self.reset_cause: int | None = None
        self.finished = False
        self.error: BaseException | None = None
        self.wiring: Any = None  # whoever made the world may leave its chips here
        self.heap_bytes = mcu.heap_bytes
        self.board_title = mcu.title
        self.build_name = mcu.build_name
        output = Console(console)
        self.lines = output.lines
        self.write = output.write
        self.print_exception = output.print_exception
        self._ended: BaseException | None = None
        self._firmware: Any = None  # the task of main.py's asyncio.run()
        self._awaited: list[Any] = []
        self._starting = False
        self._scheduled: deque[tuple[Callable[[Any], Any], Any]] = deque()
        self._in_callback = False
        self._ticks_zero_ns = self.clock.now_ns - ticks_start_ms * NS_PER_MS
        self._space = ModuleSpace(
            self,
            output.print,
            self.open,
            firmware,
            {"board": {"BOARD": mcu.board if board is None else board}},
        )
        mcu.power_on()
        mcu.on_irq = self._interrupt
        mcu.on_end = self._chip_ended

    # -- what a bench does with it

    def load(self, name: str) -> ModuleType:
        """The firmware's module `name`, imported inside this world."""
        return self._space.load(name)

    def execute(self, source: str, name: str = "test", filename: str = "<test>") -> ModuleType:
        """Run `source` as a module of the firmware; for tests that need a few lines on the
        device.
        """
        return self._space.execute(compile_source(source, filename), name, filename)

    def run(self, coro: Coroutine[Any, Any, Any], timeout_s: float = 60) -> Any:
        """Run everything until `coro` is done; its result or its exception.

        Raises TimeoutError when it takes longer than `timeout_s` of the world's time, and
        RuntimeError when it waits for something that nothing can bring any more or when the chip
        is reset meanwhile.
        """
        task = self.load("asyncio").create_task(coro)
        deadline_ns = self.clock.now_ns + int(timeout_s * NS_PER_S)
        if not self._run_task(task, deadline_ns):
            raise TimeoutError(f"{_name(coro)} was not done within {timeout_s} s")
        return _result(task)

    def start(self, *names: str) -> None:
        """Run these modules of the firmware as at power-on; main.py when none is named.

        `asyncio.run()` in main.py registers its task and returns at once; `run_until` then runs
        it. Nothing may follow it in main.py, because it would run at once too.
        """
        self._starting = True
        try:
            for name in names or ("main",):
                self._space.load(name)
        except Ended:
            self._raise_end()
            return
        except Exception as error:  # noqa: BLE001 - the device prints it and shows its prompt
            self._firmware_ended(error)
            return
        except BaseException as error:
            self._end(error)
            raise
        finally:
            self._starting = False
        if self._firmware is None:
            self._firmware_ended(None)

    def run_until(self, predicate: Callable[[], bool], deadline_ns: int) -> bool:
        """Run firmware and clock until `predicate()` or the deadline; whether the predicate came
        true.

        Returns early when the chip was reset: a new World must take over.  After the end of
        main.py only the clock goes on.
        """
        while not predicate():
            if self._ended is not None:
                self._raise_end()
                return False
            if not self._guarded_turn(deadline_ns):
                return predicate()
            firmware = self._firmware
            if firmware is not None and not self.finished:
                if firmware.done():
                    self._firmware_ended(firmware.result)
                elif self.scheduler.hopeless:
                    self._firmware_ended(None)
        return True

    def close(self) -> None:
        """The power goes: nothing of this world runs again, and nothing of it can touch the
        chip.
        """
        self._end(Ended())

    # -- time

    def ticks_ms(self) -> int:
        """Milliseconds of `time.ticks_ms()`, before they wrap."""
        return (self.clock.now_ns - self._ticks_zero_ns) // NS_PER_MS

    def ticks_us(self) -> int:
        return (self.clock.now_ns - self._ticks_zero_ns) // NS_PER_US

    def spend(self, duration_ns: int) -> None:
        """The processor is busy; soft interrupts wait until it is done."""
        self.guard(self.clock.spend, duration_ns)

    def wait(self, duration_ns: int) -> None:
        """The program sleeps; soft interrupts run as they come."""
        clock = self.clock
        end_ns = clock.now_ns + max(0, duration_ns)
        while True:
            next_ns = clock.next_due_ns()
            self.guard(clock.advance_to, end_ns if next_ns is None else min(end_ns, next_ns))
            if clock.now_ns >= end_ns:
                return

    # -- what the stand-ins ask

    @property
    def root(self) -> Any:
        """The file system at /, None where there is none."""
        return self.mounts.get("/")

    def filesystem_of(self, path: str) -> tuple[Any, str]:
        """The file system on which an absolute path lies, and the path there; None for none."""
        for point, mounted in self.mounts.items():
            if point != "/" and f"{path}/".startswith(f"{point}/"):
                return mounted, path[len(point) :] or "/"
        return self.root, path

    @property
    def modules(self) -> dict[str, ModuleType]:
        return self._space.modules

    @property
    def device_builtins(self) -> dict[str, Any]:
        """The built-in names of the firmware."""
        return self._space.device_builtins

    def operate(self, operation: str, *arguments: Any) -> Any:
        """One operation of the chip."""
        return self.guard(self.mcu.operations[operation], *arguments)

    def schedule(self, function: Callable[[Any], Any], argument: Any) -> bool:
        """Queue a soft interrupt; False when the queue is full."""
        if len(self._scheduled) >= _SCHEDULE_DEPTH:
            return False
        self._scheduled.append((function, argument))
        return True

    def guard(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call into the world outside.  OSError and ValueError are the firmware's; all else ends
        the run.
        """
        if self._ended is not None:
            raise Ended
        try:
            result = function(*arguments)
        except OSError as error:
            raise as_device(error) from None
        except ValueError:
            raise
        except BaseException as error:  # noqa: BLE001 - kept, and raised to whoever runs the world
            self._end(error)
            raise Ended from None
        if self._ended is not None:
            raise Ended
        if self._scheduled:
            self._run_scheduled()
        return result

    def drive(self, task: Any) -> Any:
        """What `asyncio.run` does once its task exists."""
        if self._starting:
            self._firmware = task
            return None
        if self.scheduler.current is not None or self._in_callback:
            raise RuntimeError("asyncio.run inside of a task")
        if not self._run_task(task, None):
            return None
        return _result(task)

    def is_main(self, task: Any) -> bool:
        """Whether somebody outside waits for `task` and will see its error."""
        return task is self._firmware or task in self._awaited

    def open(self, name: str, mode: str = "r", **unknown: Any) -> Any:
        return self._space.standin("files").open(name, mode, **unknown)

    # -- the run

    def _run_task(self, task: Any, deadline_ns: int | None) -> bool:
        """Run until `task` is done; False at the deadline, or when no task can ever run again."""
        self._awaited.append(task)
        try:
            while True:
                if self._ended is not None:
                    self._raise_end()
                    raise RuntimeError(f"the chip was reset (cause {self.reset_cause})")
                if task.done():
                    return True
                if deadline_ns is None and self.scheduler.hopeless:
                    return False
                if not self._guarded_turn(deadline_ns):
                    return task.done()
        finally:
            self._awaited.remove(task)

    def _guarded_turn(self, limit_ns: int | None) -> bool:
        try:
            return self._turn(limit_ns)
        except Ended:
            return True  # the caller looks at what ended it
        except BaseException as error:
            self._end(error)
            raise

    def _turn(self, limit_ns: int | None) -> bool:
        """One step of the firmware, or time moves to the next thing that happens; False at the
        limit.
        """
        if self._scheduled:
            self._run_scheduled()
        next_ns = self.clock.next_due_ns()
        scheduler = self.scheduler
        if scheduler is not None and not self.finished:
            if scheduler.streams:
                scheduler.poll()
            if scheduler.step():
                return True
            due_ms = scheduler.next_due_ms()
            if due_ms is not None:
                due_ns = due_ms * NS_PER_MS + self._ticks_zero_ns
                next_ns = due_ns if next_ns is None else min(next_ns, due_ns)
        if next_ns is None and limit_ns is None:
            raise RuntimeError("nothing is left that could wake a task")
        if limit_ns is not None and (next_ns is None or next_ns > limit_ns):
            self.clock.advance_to(limit_ns)
            return False
        assert next_ns is not None
        self.clock.advance_to(next_ns)
        return True

    def _interrupt(self, source: int, level: int) -> None:
        handler = self.handlers.get(source)
        if handler is not None and self._ended is None:
            # A full queue loses the interrupt, as on the device.
            self.schedule(handler, level)

    def _run_scheduled(self) -> None:
        if self._in_callback:
            return
        self._in_callback = True
        try:
            while self._scheduled:
                function, argument = self._scheduled.popleft()
                try:
                    function(argument)
                except Exception as error:  # noqa: BLE001 - printed, as the device does
                    self.write("Unhandled exception in callback\n")
                    self.print_exception(error)
        finally:
            self._in_callback = False

    # -- the end

    def _chip_ended(self, cause: int) -> None:
        """The chip was reset by its firmware or by its watchdog, or has lost its power."""
        self.reset_cause = cause
        self._end(Ended())

    def _firmware_ended(self, result: BaseException | None) -> None:
        self.finished = True
        if result is not None and not isinstance(result, StopIteration):
            self.error = result
            self.print_exception(result)

    def _raise_end(self) -> None:
        """Raise what ended this world, unless it was a reset or a power cut."""
        if self._ended is not None and not isinstance(self._ended, Ended):
            raise self._ended

    def _end(self, why: BaseException) -> None:
        if self._ended is not None:
            return
        self._ended = why
        self._scheduled.clear()
        if self.mcu.on_irq == self._interrupt:
            self.mcu.on_irq = None
            self.mcu.on_end = None
        if self.scheduler is not None:
            for task in list(self.scheduler.unfinished):
                if task is not self.scheduler.current:
                    _close(task.coro)


def _close(coro: Any) -> None:
    """Let a coroutine go without the noise of its protests."""
    with contextlib.suppress(BaseException):  # it may raise Ended, or refuse to end
        coro.close()


def _name(coro: Any) -> str:
    return getattr(coro, "__qualname__", repr(coro))


def _result(task: Any) -> Any:
    if isinstance(task.result, StopIteration):
        return task.result.value
    raise task.result
