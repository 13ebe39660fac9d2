"""Undoing what may have happened, or what the merchant takes back.

One task works the book's debts, oldest first, so that nothing is ever reversed twice side by
side.  The first attempt is a 0400, repeats are 0401 under the same name (terminal, batch, STAN,
date), until the host has answered that it did; nothing else ends the debt.  The next online sale
waits for it (`paid`).
"""

import asyncio
from typing import TYPE_CHECKING

from micropython import const

from kassa.host import messages
from kassa.host.errors import HostError
from kassa.payment import responses
from kassa.payment import transaction as life
from kassa.payment.backoff import Backoff
from kassa.system import currency as iso4217
from kassa.system.tasks import LOOK_AGAIN_MS, set_within, unwatched

if TYPE_CHECKING:
    from collections.abc import Callable

    from kassa.host.link import HostLink
    from kassa.host.messages import Builder
    from kassa.payment.book import Book
    from kassa.payment.transaction import Transaction
    from kassa.system.log import Log

_LOOK_MS = const(1_000)
_DONE = "00"  # DE 39: nothing else ends a debt


class Reversals:
    """The task that takes back what `book.owed` holds."""

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
        link.on_late(self._late)

    @property
    def owed(self) -> int:
        """How many reversals the host has not confirmed yet."""
        return len(self._book.owed)

    def owe(self, transaction: "Transaction") -> None:
        """`transaction` has moved to UNKNOWN or VOIDING: take it back as soon as the host can be
        reached."""
        self._log.event("payment", "reversal owed", stan=transaction.stan)
        self._wanted.set()

    async def paid(self, timeout_ms: int) -> bool:
        """Whether no reversal is owed (any more), waiting for it that long."""
        if not self._book.owed:
            return True
        self._wanted.set()
        try:
            await asyncio.wait_for_ms(self._until_paid(), timeout_ms)
        except asyncio.TimeoutError:
            return False
        return True

    async def _until_paid(self) -> None:
        while self._book.owed:
            self._progress.clear()
            await self._progress.wait()

    async def run(self, beat: "Callable[[], None]" = unwatched) -> None:
        """Critical task: work the debts for ever."""
        backoff = Backoff()
        attempted = set()  # type: set[tuple[int, int]]
        while True:
            beat()
            if not self._book.owed:
                attempted.clear()
                backoff.reset()
                await set_within(self._wanted, LOOK_AGAIN_MS)
                self._wanted.clear()
                continue
            transaction = self._book.owed[0]
            wait_ms = _LOOK_MS
            if self._link.online:
                if await self._take_back(transaction, transaction.name in attempted):
                    backoff.reset()
                    continue
                attempted.add(transaction.name)
                wait_ms = backoff.next_ms()
            if await set_within(self._wanted, wait_ms):
                self._wanted.clear()

    async def _take_back(self, transaction: "Transaction", repeat: bool) -> bool:
        """One attempt; whether the host has done it."""
        voided = transaction.state == life.VOIDING
        refund = transaction.kind == life.REFUND
        request = self._builder.reversal(
            transaction.stan,
            transaction.amount_minor,
            iso4217.numeric(transaction.currency),
            transaction.batch,
            transaction.started,
            original_mti=transaction.mti,
            reason=messages.CANCELLED if voided else messages.NO_ANSWER,
            rrn=transaction.rrn,
            repeat=repeat,
            processing_code=messages.REFUND if refund else messages.PURCHASE,
        )
        try:
            answer = await self._link.exchange(request, self._answer_timeout_ms)
        except HostError as error:
            self._log.trouble("payment", "reversal unanswered", error)
            return False
        if answer[39] != _DONE:
            self._log.event("payment", "reversal refused", stan=transaction.stan, code=answer[39])
            return False
        transaction.move(life.VOIDED if voided else life.REVERSED)
        self._log.event("payment", "reversed", stan=transaction.stan, code=answer[39])
        self._progress.set()
        return True

    def _late(self, answer: "dict[int, str | bytes]") -> None:
        """An answer to a request that was given up.  Its reversal is owed, or was sent already; an
        approval after that is reversed again."""
        if 11 in answer and responses.is_approved(str(answer.get(39, ""))):
            self._book.late_approval(int(answer[11]))
            self._wanted.set()
