"""Undoing what may have happened, or what the merchant takes back.

One task works the book's debts, oldest first, so that nothing is ever reversed twice side by
side.  The first attempt is a 0400, repeats are 0401 under the same name (terminal, batch, STAN,
date), until the host has answered that it did; nothing else ends the debt.  The next online sale
waits for it (`paid`).
"""

from typing import TYPE_CHECKING

from kassa.host import messages
from kassa.host.errors import HostError
from kassa.payment import responses
from kassa.payment import transaction as life
from kassa.payment.debts import Debts
from kassa.system import currency as iso4217

if TYPE_CHECKING:
    from kassa.host.link import HostLink
    from kassa.host.messages import Builder
    from kassa.payment.book import Book
    from kassa.payment.transaction import Transaction
    from kassa.system.log import Log

_DONE = "00"  # DE 39: nothing else ends a debt


class Reversals(Debts):
    """The task that takes back what `book.owed` holds."""

    def __init__(
        self,
        link: "HostLink",
        builder: "Builder",
        book: "Book",
        answer_timeout_ms: int,
        log: "Log",
    ) -> None:
        super().__init__(link, builder, book, answer_timeout_ms, log)
        link.on_late(self._late)

    def owe(self, transaction: "Transaction") -> None:
        """`transaction` has moved to UNKNOWN or VOIDING: take it back as soon as the host can be
        reached."""
        self._log.event("payment", "reversal owed", stan=transaction.stan)
        self.wake()

    def _waiting(self) -> "list[Transaction]":
        return self._book.owed

    async def _attempt(self, transaction: "Transaction", repeat: bool) -> bool:
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
        return True

    def _late(self, answer: "dict[int, str | bytes]") -> None:
        """An answer to a request that was given up.  Its reversal is owed, or was sent already; an
        approval after that is reversed again."""
        if 11 in answer and responses.is_approved(str(answer.get(39, ""))):
            self._book.late_approval(int(answer[11]))
            self.wake()
