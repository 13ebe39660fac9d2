"""Taking back a sale or a refund that was not settled yet.

One that is stored and was never sent is only struck out, and then never is sent.  Everything else
the host may know of, so it is reversed (0400, reason 17), and the debt stands until the host has
answered.
"""

from typing import TYPE_CHECKING

from kassa.payment import transaction as life

if TYPE_CHECKING:
    from kassa.payment.book import Book
    from kassa.payment.forward import Forwarder
    from kassa.payment.reversal import Reversals
    from kassa.payment.transaction import Transaction

REFUSALS = {
    life.VOIDING: "already_void",
    life.VOIDED: "already_void",
    life.REVERSED: "already_void",
}


class Voids:
    """Voids what is in the open batch."""

    def __init__(self, book: "Book", reversals: "Reversals", forwarder: "Forwarder") -> None:
        self._book = book
        self._reversals = reversals
        self._forwarder = forwarder

    def refusal(self, transaction: "Transaction | None") -> str:
        """Why it cannot be voided, as the catalogue's key after `menu.`; "" when it can."""
        if transaction is None:
            return "not_found"
        if transaction.batch != self._book.batch:
            return "already_settled"
        if transaction.state in life.MONEY:
            return ""
        return REFUSALS.get(transaction.state, "not_approved")

    async def void(self, stan: int, timeout_ms: int) -> "tuple[Transaction | None, str]":
        """(the transaction, why it was not voided or ""), waiting so long for the host's word.

        State VOIDED: done.  VOIDING: the host will be told, now or as soon as it can be reached.
        Raises JournalError, and nothing has changed.
        """
        # While an advice is under way nobody knows whether a reversal is needed.
        async with self._forwarder.busy:
            transaction = self._book.find(stan)
            refused = self.refusal(transaction)
            if refused or transaction is None:
                return transaction, refused
            if transaction.state == life.STORED:
                transaction.move(life.VOIDED)
                return transaction, ""
            transaction.move(life.VOIDING)
            self._reversals.owe(transaction)
        await self._reversals.paid(timeout_ms)
        return transaction, ""
