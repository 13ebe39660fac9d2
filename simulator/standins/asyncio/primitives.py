"""Event, Lock and ThreadSafeFlag with MicroPython's rules."""

from __future__ import annotations

from typing import Any

from simulator.standins.asyncio.core import (
    CancelledError,
    Queue,
    Task,
    current_task,
    scheduler,
    suspension,
)

_POLL = 3


class Event:
    """Set by a task, never by an interrupt (that needs a ThreadSafeFlag)."""

    def __init__(self) -> None:
        self._is_set = False
        self._waiting = Queue()

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        """Everybody who waits goes on."""
        while self._waiting:
            scheduler.push(self._waiting.pop())
        self._is_set = True

    def clear(self) -> None:
        self._is_set = False

    async def wait(self) -> bool:
        if not self._is_set:
            self._waiting.push(current_task())
            await suspension
        return True


class Lock:
    """Held by one task at a time, handed on in the order of asking."""

    def __init__(self) -> None:
        self._locked = False
        self._heir: Task | None = None  # was given the lock and has not run since
        self._waiting = Queue()

    def locked(self) -> bool:
        return self._locked and self._heir is None

    def release(self) -> None:
        """Hand the lock on.  RuntimeError when it is not held."""
        if not self.locked():
            raise RuntimeError("Lock not acquired")
        if self._waiting:
            self._heir = self._waiting.pop()
            scheduler.push(self._heir)
        else:
            self._locked = False

    async def acquire(self) -> bool:
        if self._locked:
            me = current_task()
            self._waiting.push(me)
            try:
                await suspension
            except CancelledError:
                if self._heir is me:
                    self._heir = None
                    self.release()
                raise
            self._heir = None
        self._locked = True
        return True

    async def __aenter__(self) -> bool:
        return await self.acquire()

    async def __aexit__(self, *error: Any) -> None:
        self.release()


class ThreadSafeFlag:
    """Set by an interrupt handler, awaited by one task, cleared by having been awaited."""

    def __init__(self) -> None:
        self.state = 0

    def ioctl(self, req: int, flags: int) -> int:
        """How the loop asks whether the flag is set."""
        return self.state * flags if req == _POLL else -1

    def set(self) -> None:
        self.state = 1

    def clear(self) -> None:
        self.state = 0

    async def wait(self) -> None:
        if not self.state:
            scheduler.await_stream(self, False)
            await suspension
        self.state = 0
