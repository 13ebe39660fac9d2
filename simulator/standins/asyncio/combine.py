"""Waiting for several things, and not for ever."""

from __future__ import annotations

from typing import Any

from simulator.standins.asyncio.core import (
    _FETCHED,
    CancelledError,
    Task,
    TimeoutError,
    create_task,
    current_task,
    promote,
    scheduler,
    sleep,
    sleep_ms,
    suspension,
)


class _Settled(CancelledError):
    """Wakes the caller of `wait_for`: `outcome` is how the awaited task ended."""

    def __init__(self, outcome: BaseException) -> None:
        super().__init__()
        self.outcome = outcome


async def _watch(waiter: Task, aw: Task) -> None:
    outcome: BaseException
    try:
        outcome = StopIteration(await aw)
    except BaseException as error:  # noqa: BLE001 - handed to the waiter
        outcome = error
    # Only a waiter that sleeps is woken; one that awaits this task after its time-out will see it
    # end.
    if waiter.held_by is None and waiter.thrown is None and waiter.cancel():
        waiter.thrown = _Settled(outcome)


async def _wait_for(aw: Any, timeout: Any, sleep: Any) -> Any:
    aw = promote(aw)
    if timeout is None:
        return await aw
    watching = create_task(_watch(current_task(), aw))
    try:
        await sleep(timeout)
    except _Settled as settled:
        if isinstance(settled.outcome, StopIteration):
            return settled.outcome.value
        raise settled.outcome from None
    except CancelledError:
        watching.cancel()
        raise
    watching.cancel()
    await watching
    raise TimeoutError


def wait_for(aw: Any, timeout: float | None) -> Any:
    """Await `aw` for at most `timeout` seconds; then cancel it, wait for its end and raise
    TimeoutError.
    """
    return _wait_for(aw, timeout, sleep)


def wait_for_ms(aw: Any, timeout: int | None) -> Any:
    """`wait_for` with a time-out in milliseconds."""
    return _wait_for(aw, timeout, sleep_ms)


class _Gathering:
    """Holds the task that gathers while its parts run; a part's end may wake it."""

    def __init__(self, task: Task, running: int, forgiving: bool) -> None:
        self.task = task
        self.running = running
        self.error: BaseException | None = None
        self._forgiving = forgiving

    def remove(self, task: Task) -> None:
        """Called when the gathering task is cancelled."""

    def part_ended(self, part: Task, result: BaseException) -> None:
        if self.task.held_by is not self:
            return  # already woken
        if not self._forgiving and not isinstance(result, StopIteration):
            self.error = result
        else:
            self.running -= 1
            if self.running:
                return
        scheduler.push(self.task)


async def gather(*aws: Any, return_exceptions: bool = False) -> list[Any]:
    """Run all side by side; their results in order.  The first error is raised and leaves the rest
    running.
    """
    if not aws:
        return []
    parts = [promote(aw) for aw in aws]
    me = current_task()
    gathering = _Gathering(me, 0, return_exceptions)
    call = gathering.part_ended
    failed_already = False
    for part in parts:
        if part.result is None:
            if part.watcher is not None:
                raise RuntimeError("can't gather")
            part.watcher = call
            gathering.running += 1
        elif not isinstance(part.result, StopIteration) and not return_exceptions:
            failed_already = True
    cancelled: CancelledError | None = None
    if gathering.running and not failed_already:
        me.held_by = gathering
        try:
            await suspension
        except CancelledError as error:
            cancelled = error
    results: list[Any] = []
    error = cancelled or gathering.error
    for part in parts:
        if part.result is None:
            part.watcher = None
            if cancelled is not None:
                part.cancel()
            continue
        part.watcher = _FETCHED
        if isinstance(part.result, StopIteration):
            results.append(part.result.value)
        else:
            results.append(part.result)
            if not return_exceptions and error is None:
                error = part.result
    if error is not None:
        raise error
    return results
