"""Bringing stored sales to the host: one task, oldest first, each under the name it was given when
it was made.

A stored sale leaves the queue only when the host has answered it.  Until then it is sent again,
0220 first and 0221 after, with the same STAN, batch and date, so that the host can answer a
repetition with its first answer.  Before the first sending SENDING is on record: from then on a
void needs a reversal.  An answer that only says "not now" (91, 92, 96) is asked for again, but not
for ever: one sale must not keep all others back, so the sixth counts as the bank's decline.
"""

import asyncio
from typing import TYPE_CHECKING

from micropython import const

from kassa.host.errors import HostError
from kassa.journal.errors import JournalError
from kassa.payment import responses
from kassa.payment import transaction as life
from kassa.payment.backoff import Backoff
from kassa.payment.responses import APPROVED_OFFLINE, NOT_REACHED
from kassa.system import currency as iso4217
from kassa.system.tasks import LOOK_AGAIN_MS, set_within, unwatched

if TYPE_CHECKING:
    from collections.abc import Callable

    from kassa.host.link import HostLink
    from kassa.host.messages import Builder
    from kassa.payment.book import Book, Pending
    from kassa.payment.transaction import Transaction
    from kassa.system.log import Log
    from kassa.system.wifi import Wifi

_LOOK_MS = const(1_000)
_NOT_NOW_AT_MOST = const(5)


class Forwarder:
    """The task that empties `book.stored`.

    busy    a lock: who holds it can be sure that no advice is under way
    news    set when the bank has declined a stored sale; who tells the merchant clears it
    """

    def __init__(
        self,
        link: "HostLink",
        builder: "Builder",
        book: "Book",
        answer_timeout_ms: int,
        wifi: "Wifi",
        log: "Log",
    ) -> None:
        self.busy = asyncio.Lock()
        self.news = asyncio.Event()
        self._link = link
        self._builder = builder
        self._book = book
        self._answer_timeout_ms = answer_timeout_ms
        self._wifi = wifi
        self._log = log
        self._wanted = asyncio.Event()
        self._progress = asyncio.Event()
        self._not_now = 0

    def wake(self) -> None:
        """There is something to send, or reason to try again now."""
        self._wanted.set()

    async def drained(self, timeout_ms: int) -> bool:
        """Whether nothing is stored (any more), waiting for it that long."""
        self.wake()
        try:
            await asyncio.wait_for_ms(self._until_drained(), timeout_ms)
        except asyncio.TimeoutError:
            return False
        return True

    async def _until_drained(self) -> None:
        while self._book.stored:
            self._progress.clear()
            await self._progress.wait()

    async def run(self, beat: "Callable[[], None]" = unwatched) -> None:
        """Critical task: drain the store for ever."""
        backoff = Backoff()
        attempted = None
        if self._book.refused:
            self.news.set()
        while True:
            beat()
            if not self._book.stored:
                await set_within(self._wanted, LOOK_AGAIN_MS)
                self._wanted.clear()
                continue
            wait_ms = _LOOK_MS
            if self._link.online and self._wifi.joined:
                async with self.busy:
                    # A void may have taken it while we waited.
                    done = True
                    if self._book.stored:
                        pending = self._book.stored[0]
                        done = await self._send(pending, pending.name == attempted)
                        attempted = pending.name
                self._progress.set()
                if done:
                    backoff.reset()
                    continue
                wait_ms = backoff.next_ms()
            if await set_within(self._wanted, wait_ms):
                self._wanted.clear()

    async def _send(self, pending: "Pending", repeat: bool) -> bool:
        """One attempt; whether the host has answered it."""
        try:
            transaction = self._book.read(pending)
            if transaction.state == life.STORED:
                transaction.move(life.SENDING)
        except JournalError as error:
            self._log.trouble("payment", "advice not sent", error, stan=pending.name[1])
            return False
        request = self._builder.advice(
            transaction.stan,
            transaction.amount_minor,
            iso4217.numeric(transaction.currency),
            transaction.batch,
            transaction.started,
            transaction.emv_data,
            transaction.sealed_card,
            response_code=APPROVED_OFFLINE if transaction.by_card else NOT_REACHED,
            repeat=repeat,
        )
        try:
            answer = await self._link.exchange(request, self._answer_timeout_ms)
        except HostError as error:
            self._log.trouble("payment", "advice unanswered", error, stan=transaction.stan)
            return False
        return self._take(transaction, answer)

    def _take(self, transaction: "Transaction", answer: "dict[int, str | bytes]") -> bool:
        """Whether the answer settles it."""
        responses.take(transaction, answer)
        code = transaction.response_code
        self._log.event("payment", "forwarded", stan=transaction.stan, code=code)
        if responses.is_temporary(code) and self._not_now < _NOT_NOW_AT_MOST:
            self._not_now += 1
            return False
        self._not_now = 0
        if responses.is_approved(code):
            transaction.move(life.FORWARDED)
            return True
        transaction.decline_reason = responses.decline_reason(code)
        transaction.move(life.REFUSED)
        self.news.set()
        return True
