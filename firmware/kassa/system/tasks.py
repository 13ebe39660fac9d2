"""Tasks that must not die unseen, and small helpers around asyncio.

MicroPython's asyncio has no TaskGroup, `wait` or `shield`; what the terminal needs of them is
here.

A critical task proves its progress with a heartbeat: it is handed `beat()` and calls it on every
round, and at the latest after the time it was started with.  So that this holds while there is
nothing to do either, it waits for an event in pieces (`set_within`, LOOK_AGAIN_MS) and looks again
for itself after each; a task that waits for something that never comes does not beat.
"""

import asyncio
import time
from typing import TYPE_CHECKING

from micropython import const

from kassa.system.errors import KassaError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from typing import Any

    from kassa.system.log import Log
    from kassa.system.watchdog import Watchdog

LOOK_AGAIN_MS = const(30_000)
"""How long a task waits for an event before it looks for itself, and beats."""


def unwatched() -> None:
    """The beat of a task that nobody watches over."""


class TaskStuck(KassaError):
    """A critical task is alive and makes no progress; the message says since when."""


class CriticalTaskEnded(Exception):
    """A task that must run for ever ended or is stuck; `name` says which, `cause` is its error, a
    TaskStuck, or None."""

    def __init__(self, name: str, cause: "BaseException | None") -> None:
        super().__init__(name)
        self.name = name
        self.cause = cause


async def first(*contenders: "Coroutine[Any, Any, Any]") -> "tuple[int, Any]":
    """Run the contenders side by side; give (index, result) of the first to finish and cancel the
    others.

    Returns only after every loser has finished its own clean-up, so that a reader or a queue is
    free again.  The error of the first to finish is raised here; a loser's error after its
    cancellation is dropped, since its result is no longer wanted.  If the caller is cancelled, all
    contenders are.
    """
    finished = asyncio.Event()
    results = []  # (index, result, error) in the order of finishing

    async def run(index: int, contender: "Awaitable[Any]") -> None:
        try:
            results.append((index, await contender, None))
        except asyncio.CancelledError:
            results.append((index, None, None))
        except Exception as error:  # noqa: BLE001 - handed to the caller below
            results.append((index, None, error))
        finished.set()

    tasks = []
    for index, contender in enumerate(contenders):
        tasks.append(asyncio.create_task(run(index, contender)))
    try:
        await finished.wait()
    finally:
        for task in tasks:
            if not task.done():
                task.cancel()
        while len(results) < len(tasks):
            # A task cancelled before its first step never enters `run`, and so leaves no result.
            if all(task.done() for task in tasks):
                break
            await asyncio.sleep(0)
    index, result, error = results[0]
    if error is not None:
        raise error
    return index, result


async def set_within(event: "asyncio.Event", timeout_ms: int) -> bool:
    """Wait for `event`, but not longer; whether it was set."""
    try:
        await asyncio.wait_for_ms(event.wait(), timeout_ms)
    except asyncio.TimeoutError:
        return False
    return True


class Heart:
    """When a task has beaten last, and how long it may be silent."""

    def __init__(self, name: str, within_ms: int) -> None:
        self.name = name
        self.within_ms = within_ms
        self._at = time.ticks_ms()

    def beat(self) -> None:
        self._at = time.ticks_ms()

    @property
    def silent_ms(self) -> int:
        return time.ticks_diff(time.ticks_ms(), self._at)


class Supervisor:
    """Starts the named critical tasks and notices when one of them ends, for whatever reason, or
    lives on without any progress.

    While none does, the watchdog is fed; it bites when the loop itself is stuck.
    """

    def __init__(self, watchdog: "Watchdog", log: "Log") -> None:
        self._watchdog = watchdog
        self._log = log
        self._tasks = []
        self._hearts = []  # type: list[Heart]
        self._ended = asyncio.Event()
        self._failure = None  # type: CriticalTaskEnded | None

    def start(self, name: str, coroutine: "Coroutine[Any, Any, Any]") -> None:
        """Start a critical task.  It is expected never to return."""
        self._tasks.append(asyncio.create_task(self._run(name, coroutine)))

    def start_beating(
        self,
        name: str,
        run: "Callable[[Callable[[], None]], Coroutine[Any, Any, Any]]",
        within_ms: int,
    ) -> None:
        """Start the critical task `run(beat)`, which must call `beat()` at least every
        `within_ms`."""
        heart = Heart(name, within_ms)
        self._hearts.append(heart)
        self.start(name, run(heart.beat))

    async def _run(self, name: str, coroutine: "Awaitable[Any]") -> None:
        cause = None
        try:
            await coroutine
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever ended it, the terminal must know
            cause = error
            self._log.trouble("system", "critical task failed", error, task=name)
        self._fail(name, cause)

    def _fail(self, name: str, cause: "BaseException | None") -> None:
        if self._failure is None:
            self._failure = CriticalTaskEnded(name, cause)
        self._ended.set()

    async def watch(self) -> None:
        """Feed the watchdog while every critical task lives and beats; raise CriticalTaskEnded
        when one does not.
        """
        while not self._ended.is_set():
            self._watchdog.feed()
            await set_within(self._ended, self._watchdog.feed_every_ms)
            for heart in self._hearts:
                if heart.silent_ms > heart.within_ms and not self._ended.is_set():
                    stuck = TaskStuck("no progress for %d s" % (heart.silent_ms // 1000))
                    self._log.trouble("system", "critical task stuck", stuck, task=heart.name)
                    self._fail(heart.name, stuck)
        self.stop()
        raise self._failure  # type: ignore[misc]

    def stop(self) -> None:
        """Cancel every critical task that still runs."""
        for task in self._tasks:
            if not task.done():
                task.cancel()
