"""Giving money back: of a sale that is on record, or to whatever card is presented.

A refund of a sale goes to the card that paid, which need not be there; never more is given back
than was paid.  A free refund has no sale behind it, so it needs a card, and whoever gives it needs
the right to (`Terminal.allowed("refund_card")`).  Neither is ever taken without the host.
"""

from typing import TYPE_CHECKING

from micropython import const

from kassa.app.card_reading import CardReading
from kassa.app.completion import Completion
from kassa.emv import outcome as emv
from kassa.payment import transaction as life

if TYPE_CHECKING:
    from kassa.app.terminal import Terminal

_CANCELLED_SHOWN_MS = const(2_000)


class Refund:
    """One refund at `terminal`; used once."""

    def __init__(self, terminal: "Terminal") -> None:
        self._terminal = terminal
        self._screens = terminal.screens
        self._book = terminal.payments.book
        self._completion = Completion(terminal)

    async def of_sale(self) -> str:
        """Ask which sale and how much of it, and give that back.  Why it could not be done, as the
        catalogue's key after `problem.`, or "".
        """
        stan = await self._screens.number("number.stan")
        if not stan:
            return ""
        sale = self._book.find(stan) or self._book.find(stan, self._book.batch - 1)
        if sale is None or sale.kind != life.SALE:
            return "not_found"
        if sale.state not in (life.APPROVED, life.FORWARDED):
            return "not_approved"
        amount_minor = await self._screens.amount(sale.currency)
        if not amount_minor:
            return ""
        if amount_minor > sale.amount_minor - self._book.history.refunded_minor(sale.name):
            return "too_much"
        refund = self._terminal.new_transaction(life.REFUND, amount_minor)
        refund.original = sale.name
        refund.masked_pan, refund.label = sale.masked_pan, sale.label
        refund.scheme, refund.aid = sale.scheme, sale.aid
        await self._screens.show("staff_working", title="menu.refund", text="authorising.text")
        await self._terminal.payments.authoriser.authorise(refund)
        await self._completion.finish(refund)
        return ""

    async def to_card(self) -> None:
        """Ask the amount and the card, and give it to that card."""
        terminal = self._terminal
        amount_minor = await self._screens.amount(terminal.config.currency)
        if not amount_minor:
            return
        refund = terminal.new_transaction(life.REFUND, amount_minor)
        outcome = await CardReading(terminal).read(refund)
        if outcome is None:
            refund.move(life.CANCELLED)
            await self._screens.acknowledge("cancelled", _CANCELLED_SHOWN_MS)
            return
        refund.attach_card(outcome)
        try:
            # The card has no say in what it is given: whatever cryptogram it makes, the host is
            # asked.  Only a card that could not be read to its end is refused.
            if outcome.kind == emv.ONLINE_REQUEST:
                refund.move(life.CARD_READ)
                await self._completion.authorise(refund)
            else:
                refund.decline("card_declined")
        finally:
            outcome.forget()
        await self._completion.finish(refund)
