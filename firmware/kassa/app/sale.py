"""A sale, from the amount to the receipt.

The way of the money reads straight down `run`: card, host (or the card's own word),
result, paper.
"""

from typing import TYPE_CHECKING

from micropython import const

from kassa.app.card_reading import CardReading
from kassa.app.completion import Completion
from kassa.emv import outcome as emv
from kassa.payment import transaction as life

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from kassa.app.terminal import Terminal
    from kassa.emv.outcome import Outcome
    from kassa.payment.transaction import Transaction

_CANCELLED_SHOWN_MS = const(2_000)
# The terminal has no PIN entry, and nobody here looks at a signature.
_NOT_HERE = (emv.CVM_ONLINE_PIN, emv.CVM_SIGNATURE)


class Sale:
    """One sale at `terminal`; used once."""

    def __init__(self, terminal: "Terminal") -> None:
        self._terminal = terminal
        self._completion = Completion(terminal)

    async def run(self, amount_minor: int) -> None:
        """Carry the sale through, whose amount was typed."""
        terminal = self._terminal
        transaction = terminal.new_transaction(life.SALE, amount_minor)
        outcome = await CardReading(terminal).read(transaction)
        if outcome is None:
            transaction.move(life.CANCELLED)
            await terminal.screens.acknowledge("cancelled", _CANCELLED_SHOWN_MS)
            return
        transaction.attach_card(outcome)
        try:
            if outcome.kind not in (emv.APPROVED, emv.ONLINE_REQUEST):
                transaction.decline("card_declined")
            elif outcome.cvm in _NOT_HERE:
                # Whoever should have been verified was not, whatever the configuration promised
                # the card (C2-7, C3-6).
                transaction.decline("not_verified")
            elif outcome.kind == emv.APPROVED:
                transaction.move(life.CARD_READ)
                await self._undone_if_broken(
                    transaction, terminal.payments.offline.approve(transaction)
                )
            else:
                transaction.move(life.CARD_READ)
                await self._undone_if_broken(transaction, self._ask(transaction, outcome))
                if terminal.payments.authoriser.may_replace(transaction):
                    transaction = await self._replace(transaction)
        finally:
            outcome.forget()
        await self._completion.finish(transaction)

    async def _ask(self, transaction: "Transaction", outcome: "Outcome") -> None:
        """Authorise; and where the card waits for its issuer's answer (EP-13), take it there."""
        await self._completion.authorise(transaction)
        if outcome.start == emv.START_B and transaction.issuer_data:
            await CardReading(self._terminal).update(transaction)

    async def _undone_if_broken(
        self, transaction: "Transaction", deciding: "Coroutine[Any, Any, None]"
    ) -> None:
        """Have it decided.  What was approved and then could not be finished is taken back."""
        try:
            await deciding
        except BaseException:
            if transaction.state in life.MONEY:
                await self._terminal.payments.voids.void(transaction.stan, 0)
            raise

    async def _replace(self, unanswered: "Transaction") -> "Transaction":
        """The same sale, deferred, after the host did not answer: the first try is reversed."""
        terminal = self._terminal
        transaction = terminal.new_transaction(life.SALE, unanswered.amount_minor)
        if unanswered.outcome is not None:
            transaction.attach_card(unanswered.outcome)
        transaction.move(life.CARD_READ)
        await terminal.payments.authoriser.defer(transaction)
        return transaction
