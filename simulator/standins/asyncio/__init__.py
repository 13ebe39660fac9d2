"""`asyncio` as wide as MicroPython's own: no Queue, Semaphore, TaskGroup, timeout(), shield ...
here either.

What is here behaves as there, also where CPython does not: `sleep()` is one shared awaitable and
no coroutine, a cancelled `wait_for` runs its caller's handler first, a finished task's error that
nobody fetched goes to the exception handler at once.
"""

from simulator.standins.asyncio.combine import gather, wait_for, wait_for_ms
from simulator.standins.asyncio.core import (
    CancelledError,
    Loop,
    Task,
    TimeoutError,
    create_task,
    current_task,
    get_event_loop,
    new_event_loop,
    run,
    run_until_complete,
    sleep,
    sleep_ms,
)
from simulator.standins.asyncio.primitives import Event, Lock, ThreadSafeFlag
from simulator.standins.asyncio.streams import (
    StreamReader,
    StreamWriter,
    open_connection,
    start_server,
)

__all__ = [
    "CancelledError",
    "Event",
    "Lock",
    "Loop",
    "StreamReader",
    "StreamWriter",
    "Task",
    "ThreadSafeFlag",
    "TimeoutError",
    "create_task",
    "current_task",
    "gather",
    "get_event_loop",
    "new_event_loop",
    "open_connection",
    "run",
    "run_until_complete",
    "sleep",
    "sleep_ms",
    "start_server",
    "wait_for",
    "wait_for_ms",
]
