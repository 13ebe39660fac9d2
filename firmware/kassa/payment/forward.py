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
from kassa.payment.debts import Debts
from kassa.payment.responses import APPROVED_OFFLINE, NOT_REACHED
from kassa.system import currency as iso4217

if TYPE_CHECKING:
    from kassa.host.link import HostLink
    from kassa.host.messages import Builder
    from kassa.payment.book import Book, Pending
    from kassa.payment.transaction import Transaction
    from kassa.system.log import Log
    from kassa.system.wifi import Wifi

_NOT_NOW_AT_MOST = const(5)


class Forwarder(Debts):
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
        super().__init__(link, builder, book, answer_timeout_ms, log)
        self.busy = asyncio.Lock()
        self.news = asyncio.Event()
        self._wifi = wifi
        self._not_now = 0

    def _waiting(self) -> "list[Pending]":
        return self._book.stored

    def _reachable(self) -> bool:
        return self._link.online and self._wifi.joined

    async def _attempt(self, pending: "Pending", repeat: bool) -> bool:
        async with self.busy:
            # A void may have taken it while we waited.
            return pending not in self._book.stored or await self._send(pending, repeat)

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
