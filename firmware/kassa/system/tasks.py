"""Tasks that must not die unseen, and small helpers around asyncio.

MicroPython's asyncio has no TaskGroup, `wait` or `shield`; what the terminal needs of them is
here.
"""

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine
    from typing import Any

    from kassa.system.log import Log
    from kassa.system.watchdog import Watchdog


class CriticalTaskEnded(Exception):
    """A task that must run for ever ended; `name` says which, `cause` is its error or None."""

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


class Supervisor:
    """Starts the named critical tasks and notices when one of them ends, for whatever reason.

    While all of them live, the watchdog is fed; it bites when the loop itself is stuck.
    """

    def __init__(self, watchdog: "Watchdog", log: "Log") -> None:
        self._watchdog = watchdog
        self._log = log
        self._tasks = []
        self._ended = asyncio.Event()
        self._failure = None  # type: CriticalTaskEnded | None

    def start(self, name: str, coroutine: "Coroutine[Any, Any, Any]") -> None:
        """Start a critical task.  It is expected never to return."""
        self._tasks.append(asyncio.create_task(self._run(name, coroutine)))

    async def _run(self, name: str, coroutine: "Awaitable[Any]") -> None:
        cause = None
        try:
            await coroutine
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever ended it, the terminal must know
            cause = error
            self._log.trouble("system", "critical task failed", error, task=name)
        if self._failure is None:
            self._failure = CriticalTaskEnded(name, cause)
        self._ended.set()

    async def watch(self) -> None:
        """Feed the watchdog while every critical task lives; raise CriticalTaskEnded when one does
        not.
        """
        while not self._ended.is_set():
            self._watchdog.feed()
            try:
                await asyncio.wait_for_ms(self._ended.wait(), self._watchdog.feed_every_ms)
            except asyncio.TimeoutError:
                pass
        self.stop()
        raise self._failure  # type: ignore[misc]

    def stop(self) -> None:
        """Cancel every critical task that still runs."""
        for task in self._tasks:
            if not task.done():
                task.cancel()
