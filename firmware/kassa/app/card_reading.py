"""From "present card" to what a card decided, tap by tap."""

import asyncio
import os
from typing import TYPE_CHECKING

from micropython import const

from kassa.emv import outcome as emv
from kassa.emv.transaction_data import PURCHASE, REFUND, TransactionData
from kassa.payment import transaction as life
from kassa.system import currency as iso4217
from kassa.system.card import CardError, TwoCards
from kassa.system.clock import hhmmss, yymmdd
from kassa.system.tasks import first

if TYPE_CHECKING:
    from kassa.app.terminal import Terminal
    from kassa.drivers.pn532 import ContactlessCard
    from kassa.emv.outcome import Outcome, UiRequest
    from kassa.payment.transaction import Transaction

_PRESENT_WITHIN_MS = const(60_000)
_DISCOVER_MS = const(1_000)
_CANCELLED_SHOWN_MS = const(2_000)
_UPDATE_WITHIN_MS = const(8_000)
_MOST_TAPS = const(10)
_FIELD_RESET_MS = const(20)

# EP-14: what the customer is shown when the card must come (back), by message identifier.
_TAP_SCREENS = {
    emv.MESSAGE_SEE_PHONE: "see_phone",
    emv.MESSAGE_ONE_CARD_ONLY: "one_card_only",
    emv.MESSAGE_TRY_ANOTHER_CARD: "try_another_card",
    emv.MESSAGE_INSERT_OR_SWIPE: "insert_or_swipe",
    emv.MESSAGE_INSERT_CARD: "insert_or_swipe",
}


class CardReading:
    """The card's part of one transaction at `terminal`."""

    def __init__(self, terminal: "Terminal") -> None:
        self._terminal = terminal
        self._screens = terminal.screens
        self._telling: "asyncio.Task | None" = None
        self._told = False

    async def read(self, transaction: "Transaction") -> "Outcome | None":
        """Let the customer tap until a card has decided; None when that was cancelled or
        nobody came.

        A card that cannot be used here, or a phone that wants its owner, does not end it: the
        screen says what to do and the next tap counts.
        """
        terminal = self._terminal
        data = self._transaction_data(transaction)
        entry_point = await terminal.cards()
        refused = entry_point.prepare(data)
        if refused is not None:
            # EP-5: no card may pay this amount here; the field never comes on.
            await self._screens.acknowledge("insert_or_swipe", _CANCELLED_SHOWN_MS)
            return None
        terminal.keypad.clear()
        entry_point.on_ui = self._card_read
        screen = "present_card"
        for _ in range(_MOST_TAPS):
            card = await self._wait_for_card(screen, transaction)
            if card is None:
                break
            outcome = await self._tap(card, screen)
            if outcome.kind in (emv.ONLINE_REQUEST, emv.APPROVED, emv.DECLINED):
                await terminal.reader.field(False)
                if not self._told:
                    await self._screens.show("card_read_ok")
                return outcome
            asked = await self._prepare_next_tap(outcome)
            if asked is None:
                break
            screen = asked
        await terminal.reader.field(False)
        return None

    async def update(self, transaction: "Transaction") -> None:
        """Ask for the card once more and give it its issuer's answer (EP-13, C3-7; message 21).

        It is decided already and durable: a key, a card that stays away or one that cannot be
        read ends it, and nothing depends on that.
        """
        terminal = self._terminal
        terminal.keypad.clear()
        await self._screens.show("try_again")
        try:
            winner, card = await first(
                terminal.reader.discover(_UPDATE_WITHIN_MS), self._screens.key()
            )
            if winner == 0 and card is not None:
                await terminal.entry_point.update(card, transaction.issuer_data)
        except CardError as error:
            terminal.log.trouble("app", "no second tap", error)
        await terminal.reader.field(False)

    async def _tap(self, card: "ContactlessCard", screen: str) -> "Outcome":
        """One tap; says "processing" beside the exchange, since the card must not wait for pixels.

        A tap that was asked for again leaves the screen that asked: it would only flicker.
        """
        self._told = False
        if screen != "present_card":
            return await self._terminal.entry_point.perform(card)
        self._telling = asyncio.create_task(self._screens.show("processing"))
        try:
            return await self._terminal.entry_point.perform(card)
        finally:
            telling, self._telling = self._telling, None
            if telling is not None:
                await telling

    async def _card_read(self, request: "UiRequest") -> None:
        """EP-15: lamps, tone and screen the moment the card may leave: what is still to be
        computed with what it gave takes a chip its time."""
        telling, self._telling = self._telling, None
        if telling is not None:
            await telling
        self._told = True
        await self._screens.show("card_read_ok")

    def _transaction_data(self, transaction: "Transaction") -> TransactionData:
        terminal = self._terminal
        moment = transaction.started
        return TransactionData(
            amount_minor=transaction.amount_minor,
            currency=iso4217.numeric(transaction.currency),
            country=terminal.config.country,
            date=yymmdd(moment) if terminal.clock.is_set else None,
            time=hhmmss(moment),
            counter=transaction.stan,
            type=REFUND if transaction.kind == life.REFUND else PURCHASE,
            online_only=terminal.payments.offline.online_only(transaction),
            random=os.urandom,
        )

    async def _wait_for_card(
        self, screen: str, transaction: "Transaction"
    ) -> "ContactlessCard | None":
        """Show `screen` until a card is there; None when it is cancelled or nobody taps."""
        terminal = self._terminal
        waited_ms = 0
        while waited_ms < _PRESENT_WITHIN_MS:
            await self._screens.show(
                screen,
                amount_minor=transaction.amount_minor,
                currency=transaction.currency,
                refund=transaction.kind == life.REFUND,
                schemes=terminal.entry_point.schemes,
            )
            try:
                winner, found = await first(
                    terminal.reader.discover(_DISCOVER_MS), self._screens.key()
                )
            except TwoCards:
                # EP-6: wait until all are gone, then ask for one.
                terminal.entry_point.collision()
                await self._screens.show("one_card_only")
                if not await self._until_gone():
                    return None
                screen = "present_card"
                continue
            if winner == 0:
                if found is not None:
                    return found
                waited_ms += _DISCOVER_MS
            elif found == "CANCEL":
                return None
            elif found == "LANG":
                await self._screens.switch_language()
        return None

    async def _prepare_next_tap(self, outcome: "Outcome") -> "str | None":
        """Reset the field after a tap that decided nothing; the screen that asks for the next
        one, or None when the sale is cancelled.
        """
        reader = self._terminal.reader
        message = outcome.ui.message if outcome.ui is not None else emv.MESSAGE_PRESENT_AGAIN
        screen = _TAP_SCREENS.get(message, "try_again")
        await reader.field(False)
        await asyncio.sleep_ms(max(_FIELD_RESET_MS, 100 * (outcome.field_off or 0)))
        if screen != "try_again":
            # The same card would only say the same again: it has to leave first.
            await self._screens.show(screen)
            if not await self._until_gone():
                return None
        return screen

    async def _until_gone(self) -> bool:
        """Wait until no card is in the field; False when the merchant cancelled instead, or when
        nobody takes it away.
        """
        winner, gone = await first(
            self._terminal.reader.removed(_PRESENT_WITHIN_MS), self._cancelled()
        )
        return winner == 0 and gone

    async def _cancelled(self) -> None:
        while await self._screens.key() != "CANCEL":
            pass
