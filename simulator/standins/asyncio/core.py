"""Tasks and the loop that runs them, one task at a time, in the order of their due times.

A task is a coroutine and where it stands:

    running      `result` is None and `watcher` says who hears of its end: a `Queue` of tasks that
    await
                 it, a call (of `gather`), or nobody
    finished     `result` is the exception that ended it; StopIteration carries a return value

Where a task waits is kept in `held_by`: something with `remove(task)`, or the task that it awaits.
Due times are whole milliseconds of `time.ticks_ms()`, as on the device: a `sleep_ms(1)` begun late
in a millisecond lasts less than one.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from simulator.standins.seam import here

# extmod/modtime.c: an interval of ticks is less than half the period of 2**30.
_LONGEST_MS = 2**29

# What a switch from task to task takes on an ESP32 at 240 MHz: some 60-90 times the 0.7 us of a
# PC.
STEP_NS = 50_000

_POLL = 3  # the ioctl request of MicroPython's stream protocol
_READABLE = 1
_WRITABLE = 4

_FETCHED = object()  # in `Task.watcher`: somebody has had the result


class CancelledError(BaseException):
    """Thrown into a task by its `cancel()`."""


class TimeoutError(Exception):
    """`wait_for` waited long enough."""


class Queue:
    """Tasks that wait for something, first come, first served."""

    def __init__(self) -> None:
        self._tasks: deque[Task] = deque()

    def __bool__(self) -> bool:
        return bool(self._tasks)

    def push(self, task: Task) -> None:
        self._tasks.append(task)
        task.held_by = self

    def pop(self) -> Task:
        return self._tasks.popleft()

    def remove(self, task: Task) -> None:
        self._tasks.remove(task)


class Task:
    """One coroutine on its way.  Await it for its result; there is no other way to get that."""

    __slots__ = ("coro", "entry", "held_by", "result", "thrown", "watcher")

    def __init__(self, coro: Any) -> None:
        self.coro = coro
        self.entry: list[Any] | None = None  # its place among the ready and the sleeping
        self.held_by: Any = None
        self.result: BaseException | None = None
        self.thrown: Any = None  # goes into the coroutine at its next step
        self.watcher: Any = None

    def __await__(self) -> Iterator[None]:
        if self.result is None:
            if self.watcher is None:
                self.watcher = Queue()
            elif not isinstance(self.watcher, Queue):
                raise RuntimeError("can't wait")
            me = current_task()
            self.watcher.push(me)
            me.held_by = self
            yield
        self.watcher = _FETCHED
        if isinstance(self.result, StopIteration):
            return self.result.value
        assert self.result is not None
        raise self.result

    def done(self) -> bool:
        return self.result is not None

    def cancel(self) -> bool:
        """Throw CancelledError into the task at its next step; False if it has finished."""
        if self.result is not None:
            return False
        if self is scheduler.current:
            raise RuntimeError("can't cancel self")
        task = self
        while isinstance(task.held_by, Task):
            task = task.held_by
        if task.held_by is not None:
            task.held_by.remove(task)
            scheduler.push(task)
        else:
            scheduler.bring_forward(task)
        task.thrown = CancelledError
        return True


class _Suspension:
    """Awaiting it gives way until somebody pushes the task again."""

    def __await__(self) -> Iterator[None]:
        yield


suspension = _Suspension()


class _Sleep:
    """The one awaitable of `sleep` and `sleep_ms`; it is no coroutine, so that no task can be made
    of it.
    """

    def __init__(self) -> None:
        self.until_ms: int | None = None

    def __await__(self) -> _Sleep:
        return self

    __iter__ = __await__

    def __next__(self) -> None:
        if self.until_ms is None:
            raise StopIteration
        scheduler.push(current_task(), self.until_ms)
        self.until_ms = None


class Scheduler:
    """Who runs next.  `World` asks it for one step after the other and moves the clock in
    between.
    """

    def __init__(self) -> None:
        self.current: Task | None = None
        self.unfinished: set[Task] = set()
        self._entries: list[list[Any]] = []
        self._count = 0
        self.streams: dict[int, list[Any]] = {}  # id -> [stream, reader, writer]

    def forget(self) -> None:
        """What `new_event_loop` does: nobody is ready, nobody sleeps, nobody waits for a
        stream.
        """
        self._entries.clear()
        self.streams.clear()

    # -- ready and sleeping tasks

    def push(self, task: Task, due_ms: int | None = None) -> None:
        """Let `task` run once the ticks reach `due_ms` (default: as soon as its turn comes)."""
        assert task.entry is None, "task is already due"
        self._count += 1
        task.held_by = None
        task.entry = [here.ticks_ms() if due_ms is None else due_ms, self._count, task]
        heapq.heappush(self._entries, task.entry)

    def bring_forward(self, task: Task) -> None:
        """A sleeping task becomes due now; one that is due keeps its turn."""
        entry = task.entry
        if entry is not None and entry[0] > here.ticks_ms():
            entry[2] = task.entry = None
            self.push(task)

    def next_due_ms(self) -> int | None:
        """When the first task is due, or None."""
        while self._entries and self._entries[0][2] is None:
            heapq.heappop(self._entries)
        return self._entries[0][0] if self._entries else None

    @property
    def hopeless(self) -> bool:
        """Nobody is due, sleeps or waits for a stream: no task will ever run again."""
        return not self.streams and self.next_due_ms() is None

    def step(self) -> bool:
        """Run the first task that is due for one step; False if none is."""
        due_ms = self.next_due_ms()
        if due_ms is None or due_ms > here.ticks_ms():
            return False
        task = heapq.heappop(self._entries)[2]
        task.entry = None
        if task.result is not None:
            self._report(task)
            return True
        self.current = task
        thrown, task.thrown = task.thrown, None
        try:
            if thrown is None:
                task.coro.send(None)
            else:
                task.coro.throw(thrown)
        except (CancelledError, Exception) as result:  # noqa: BLE001 - it is the task's result
            self._finished(task, result)
        finally:
            self.current = None
        here.spend(STEP_NS)
        return True

    def _finished(self, task: Task, result: BaseException) -> None:
        watcher = task.watcher
        task.result = result
        self.unfinished.discard(task)
        if watcher is None:
            # Somebody may still fetch the error before its turn comes; else the handler gets it.
            if not isinstance(result, StopIteration | CancelledError) and not here.is_main(task):
                self.push(task)
        elif isinstance(watcher, Queue):
            while watcher:
                self.push(watcher.pop())
        else:
            task.watcher = _FETCHED
            watcher(task, result)

    def _report(self, task: Task) -> None:
        if task.watcher is not _FETCHED:
            _loop.call_exception_handler(
                {
                    "message": "Task exception wasn't retrieved",
                    "exception": task.result,
                    "future": task,
                }
            )

    # -- streams and flags

    def await_stream(self, stream: Any, writing: bool) -> None:
        """Let the current task run again once `stream` is readable (or writable)."""
        waiters = self.streams.setdefault(id(stream), [stream, None, None])
        index = 2 if writing else 1
        assert waiters[index] is None, "another task already waits for this stream"
        task = current_task()
        waiters[index] = task
        task.held_by = self

    def remove(self, task: Task) -> None:
        """`task` no longer waits for a stream."""
        for key, waiters in list(self.streams.items()):
            for index in (1, 2):
                if waiters[index] is task:
                    waiters[index] = None
            if waiters[1] is None and waiters[2] is None:
                del self.streams[key]

    def poll(self) -> None:
        """Ask every stream that a task waits for, and wake the tasks whose stream is ready."""
        for key, waiters in list(self.streams.items()):
            stream, reader, writer = waiters
            events = ((reader and _READABLE) or 0) | ((writer and _WRITABLE) or 0)
            ready = stream.ioctl(_POLL, events)
            if ready & ~_WRITABLE and reader is not None:
                waiters[1] = None
                self.push(reader)
            if ready & ~_READABLE and writer is not None:
                waiters[2] = None
                self.push(writer)
            if waiters[1] is None and waiters[2] is None:
                self.streams.pop(key, None)


class Loop:
    """What `get_event_loop()` gives; there is one, and it is always the same."""

    _handler: Callable[[Loop, dict[str, Any]], None] | None = None

    def create_task(self, coro: Any) -> Task:
        return create_task(coro)

    def run_forever(self) -> None:
        """Run until `stop()`."""
        stopped = Task(_until_stopped())
        self._stopper = stopped
        scheduler.push(stopped)
        here.drive(stopped)

    def run_until_complete(self, aw: Any) -> Any:
        return run_until_complete(promote(aw))

    def stop(self) -> None:
        stopper = getattr(self, "_stopper", None)
        if stopper is not None:
            del self._stopper
            if stopper.held_by is not None:
                stopper.held_by.remove(stopper)
                scheduler.push(stopper)

    def close(self) -> None:
        """Nothing to close."""

    def set_exception_handler(
        self, handler: Callable[[Loop, dict[str, Any]], None] | None
    ) -> None:
        """`handler(loop, context)` hears of a task whose error nobody fetched; None for the
        default.
        """
        Loop._handler = handler

    def get_exception_handler(self) -> Callable[[Loop, dict[str, Any]], None] | None:
        return Loop._handler

    def default_exception_handler(self, loop: Loop, context: dict[str, Any]) -> None:
        here.write(
            f"{context['message']}\nfuture: {context['future']} coro= {context['future'].coro}\n"
        )
        here.print_exception(context["exception"])

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        (Loop._handler or self.default_exception_handler)(self, context)


async def _until_stopped() -> None:
    Queue().push(current_task())
    await suspension


scheduler = Scheduler()
_loop = Loop()
_sleep = _Sleep()
here.scheduler = scheduler


def sleep_ms(t: int) -> _Sleep:
    """Give way for `t` milliseconds; 0 lets every task that is due run first."""
    t = max(0, t)
    if t >= _LONGEST_MS:
        raise OverflowError("ticks interval overflow")
    assert _sleep.until_ms is None, "an earlier sleep was not awaited"
    _sleep.until_ms = here.ticks_ms() + t
    return _sleep


def sleep(t: float) -> _Sleep:
    """Give way for `t` seconds."""
    return sleep_ms(int(t * 1000))


def create_task(coro: Any) -> Task:
    """Start `coro` as a task of its own."""
    if not hasattr(coro, "send"):
        raise TypeError("coroutine expected")
    task = Task(coro)
    scheduler.unfinished.add(task)
    scheduler.push(task)
    return task


def promote(aw: Any) -> Task:
    """`aw` if it is a task already, else a task of it."""
    return aw if isinstance(aw, Task) else create_task(aw)


def current_task() -> Task:
    """The task that runs.  RuntimeError outside of one."""
    if scheduler.current is None:
        raise RuntimeError("no running event loop")
    return scheduler.current


def run_until_complete(main_task: Task) -> Any:
    """Run everything until `main_task` ends; its result, or its error."""
    return here.drive(main_task)


def run(coro: Any) -> Any:
    """Make a task of `coro` and run everything until it ends."""
    return run_until_complete(create_task(coro))


def get_event_loop(runq_len: int = 0, waitq_len: int = 0) -> Loop:
    return _loop


def new_event_loop() -> Loop:
    """Forget every task that is left over from an earlier `run`."""
    scheduler.forget()
    return _loop
