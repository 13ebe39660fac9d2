"""Time for the simulated world: virtual (jumps, exactly repeatable) or real (the wall's).

Every model takes its time from one `Clock`, in integer nanoseconds since power-on of the world.
A model that does something later asks `call_at`/`call_later`; a bus that occupies the processor
for a while says `spend`.  In virtual time `spend` moves the clock, running what falls due on the
way; in real time the transfer has already taken its time and `spend` does nothing.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable

NS_PER_US = 1_000
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


class Timer:
    """A pending call; `cancel()` makes it never happen."""

    __slots__ = ("_call", "_handle", "cancelled", "due_ns")

    def __init__(self, due_ns: int, call: Callable[[], None]) -> None:
        self.due_ns = due_ns
        self.cancelled = False
        self._call = call
        self._handle: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        self.cancelled = True
        if self._handle is not None:
            self._handle.cancel()

    def fire(self) -> None:
        if not self.cancelled:
            self.cancelled = True
            self._call()


class Clock:
    """What a model may ask of time."""

    virtual: bool

    @property
    def now_ns(self) -> int:
        raise NotImplementedError

    def call_at(self, due_ns: int, call: Callable[[], None]) -> Timer:
        """Run `call` once the clock reaches `due_ns` (at once if it has passed, but never inside
        this call).
        """
        raise NotImplementedError

    def call_later(self, delay_ns: int, call: Callable[[], None]) -> Timer:
        return self.call_at(self.now_ns + max(0, delay_ns), call)

    def spend(self, duration_ns: int) -> None:
        """The processor is busy for this long (a bus transfer, a blocking sleep, a
        flash erase).
        """
        raise NotImplementedError


class VirtualClock(Clock):
    """Time that only moves when something takes time; the same calls give the same run."""

    virtual = True

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns
        self._order = itertools.count()
        self._due: list[tuple[int, int, Timer]] = []

    @property
    def now_ns(self) -> int:
        return self._now_ns

    def call_at(self, due_ns: int, call: Callable[[], None]) -> Timer:
        timer = Timer(max(due_ns, self._now_ns), call)
        heapq.heappush(self._due, (timer.due_ns, next(self._order), timer))
        return timer

    def next_due_ns(self) -> int | None:
        """When the next pending call is due, or None."""
        while self._due and self._due[0][2].cancelled:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def advance_to(self, when_ns: int) -> None:
        """Move to `when_ns`, running everything due until then, in order of time."""
        if not self._due or self._due[0][0] > when_ns:  # by far the most calls
            if when_ns > self._now_ns:
                self._now_ns = when_ns
            return
        while True:
            due_ns = self.next_due_ns()
            if due_ns is None or due_ns > when_ns:
                break
            timer = heapq.heappop(self._due)[2]
            self._now_ns = max(self._now_ns, due_ns)
            timer.fire()
        self._now_ns = max(self._now_ns, when_ns)

    def spend(self, duration_ns: int) -> None:
        self.advance_to(self._now_ns + max(0, duration_ns))


class RealClock(Clock):
    """The wall's time, by the running asyncio loop; used when the firmware runs in a process of
    its own.
    """

    virtual = False

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop or asyncio.get_running_loop()
        self._start = self._loop.time()

    @property
    def now_ns(self) -> int:
        return int((self._loop.time() - self._start) * NS_PER_S)

    def call_at(self, due_ns: int, call: Callable[[], None]) -> Timer:
        timer = Timer(due_ns, call)
        timer._handle = self._loop.call_at(self._start + due_ns / NS_PER_S, timer.fire)
        return timer

    def spend(self, duration_ns: int) -> None:
        return
