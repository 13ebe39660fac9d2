"""What is owed to the host, brought there by one task: oldest first, one at a time, again until it
was answered.
"""

import asyncio
import os
from typing import TYPE_CHECKING

from micropython import const

from kassa.system.tasks import LOOK_AGAIN_MS, set_within, unwatched

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from kassa.host.link import HostLink
    from kassa.host.messages import Builder
    from kassa.payment.book import Book
    from kassa.system.log import Log

_FIRST_MS = const(500)
_LONGEST_MS = const(60_000)
_LOOK_MS = const(1_000)


class Backoff:
    """Waiting longer after each failure, and never in step with the other terminals of a street:
    `next_ms()` gives 0.5 s, 1 s, 2 s ... up to a minute, each with up to a quarter added at
    random."""

    def __init__(self) -> None:
        self._wait_ms = _FIRST_MS

    def reset(self) -> None:
        """Something worked."""
        self._wait_ms = _FIRST_MS

    def next_ms(self) -> int:
        wait_ms = self._wait_ms
        self._wait_ms = min(2 * wait_ms, _LONGEST_MS)
        return wait_ms + wait_ms * os.urandom(1)[0] // 1024


class Debts:
    """A list in the book that a critical task empties.  Whoever derives from it says what is on
    the list and what an attempt is.

    _waiting() gives what is owed, oldest first; each has a `name`.  _attempt(debt, repeat) is one
    attempt, the next of the same if `repeat`; whether it was the last.
    """

    # Without a body, which an idle terminal's heap would have to hold.
    _waiting: "Callable[[], list[Any]]"
    _attempt: "Callable[[Any, bool], Coroutine[Any, Any, bool]]"

    def __init__(
        self,
        link: "HostLink",
        builder: "Builder",
        book: "Book",
        answer_timeout_ms: int,
        log: "Log",
    ) -> None:
        self._link = link
        self._builder = builder
        self._book = book
        self._answer_timeout_ms = answer_timeout_ms
        self._log = log
        self._wanted = asyncio.Event()
        self._progress = asyncio.Event()

    def _reachable(self) -> bool:
        """Whether an attempt makes sense now."""
        return self._link.online

    def wake(self) -> None:
        """Something has become owed, or there is reason to try again now."""
        self._wanted.set()

    async def paid(self, timeout_ms: int) -> bool:
        """Whether nothing is owed (any more), waiting for it that long."""
        self.wake()
        try:
            await asyncio.wait_for_ms(self._until_paid(), timeout_ms)
        except asyncio.TimeoutError:
            return False
        return True

    async def _until_paid(self) -> None:
        while self._waiting():
            self._progress.clear()
            await self._progress.wait()

    async def run(self, beat: "Callable[[], None]" = unwatched) -> None:
        """Critical task: pay for ever."""
        backoff = Backoff()
        attempted = None
        while True:
            beat()
            if not self._waiting():
                backoff.reset()
                await set_within(self._wanted, LOOK_AGAIN_MS)
                self._wanted.clear()
                continue
            wait_ms = _LOOK_MS
            if self._reachable():
                debt = self._waiting()[0]
                done = await self._attempt(debt, debt.name == attempted)
                attempted = debt.name
                self._progress.set()
                if done:
                    backoff.reset()
                    continue
                wait_ms = backoff.next_ms()
            if await set_within(self._wanted, wait_ms):
                self._wanted.clear()
