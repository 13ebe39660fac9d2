"""What follows the card, of a sale and of a refund: asking the host, the result, the paper."""

import asyncio
from typing import TYPE_CHECKING

from micropython import const

from kassa.payment import transaction as life

if TYPE_CHECKING:
    from kassa.app.terminal import Terminal
    from kassa.payment.transaction import Transaction

_READ_OK_SHOWN_MS = const(300)
_UNSAID_WAIT_MS = const(700)
_RESULT_SHOWN_MS = const(6_000)


class Completion:
    """The second half of one payment at `terminal`."""

    def __init__(self, terminal: "Terminal") -> None:
        self._terminal = terminal
        self._screens = terminal.screens

    async def authorise(self, transaction: "Transaction") -> None:
        """Ask the host while "card read OK" is shown; say that we wait once it takes long."""
        answered = asyncio.Event()

        async def ask() -> None:
            try:
                await self._terminal.payments.authoriser.authorise(transaction)
            finally:
                answered.set()

        asking = asyncio.create_task(ask())
        try:
            await asyncio.sleep_ms(_READ_OK_SHOWN_MS)
            try:
                await asyncio.wait_for_ms(answered.wait(), _UNSAID_WAIT_MS)
            except asyncio.TimeoutError:
                await self._screens.show(
                    "authorising",
                    amount_minor=transaction.amount_minor,
                    currency=transaction.currency,
                    refund=transaction.kind == life.REFUND,
                )
        finally:
            # Whatever becomes of the screen: the answer is not left to nobody.
            await asking

    async def finish(self, transaction: "Transaction") -> None:
        """Show the result, print it, and keep it on the screen until a key or for a while."""
        await self._show_result(transaction)
        await self._terminal.print_receipts(transaction)
        await self._terminal.until_card_is_gone()
        try:
            await asyncio.wait_for_ms(self._screens.key(), _RESULT_SHOWN_MS)
        except asyncio.TimeoutError:
            pass

    async def _show_result(self, transaction: "Transaction") -> None:
        """The result on the screen.  Money that nobody was told of (no heap for the screen, say)
        is taken back: nobody shall pay for it.
        """
        told = False
        try:
            await self._screens.show(
                "approved" if transaction.state in life.MONEY else "declined",
                amount_minor=transaction.amount_minor,
                currency=transaction.currency,
                approval_code=transaction.approval_code,
                deferred="" if transaction.by_card else transaction.offline_reason,
                by_card=transaction.by_card,
                refund=transaction.kind == life.REFUND,
                reason=transaction.decline_reason,
            )
            told = True
        finally:
            if not told and transaction.state in life.MONEY:
                await self._terminal.payments.voids.void(transaction.stan, 0)
