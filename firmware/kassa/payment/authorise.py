"""Ask the issuer, or take the sale without; one of four things comes of it.

Approved and declined are what they say.  Not known is an outcome of its own: the host may have
approved what we never heard of, so the sale is declined at the terminal and a reversal is owed,
and nothing is guessed.  Stored is a deferred authorisation: the bank is asked later, at the
merchant's risk.

    decide            -> STORED, when the merchant has said so or no connection comes up in time
    pay debts         reversals that are owed go first; while the host does not answer
    them, nothing else is asked
    REQUESTED         durable, then the request leaves
    APPROVED ...      durable, then it is shown
"""

import asyncio
import time
from typing import TYPE_CHECKING

from micropython import const

from kassa.host.card_block import Card
from kassa.host.errors import HostError, NotSent
from kassa.host.messages import Original
from kassa.journal.errors import JournalError
from kassa.payment import responses
from kassa.payment import transaction as life
from kassa.system import config as settings
from kassa.system import currency as iso4217
from kassa.system.ensure import InvariantError

if TYPE_CHECKING:
    from kassa.host.link import HostLink
    from kassa.host.messages import Builder, Request
    from kassa.payment.book import Book
    from kassa.payment.offline import OfflineSales
    from kassa.payment.reversal import Reversals
    from kassa.payment.transaction import Transaction
    from kassa.system.config import TerminalConfig
    from kassa.system.log import Log
    from kassa.system.wifi import Wifi

_LOOK_MS = const(50)

NO_CONNECTION = "no_connection"
NO_ANSWER = "no_answer"
MERCHANT_CHOICE = "merchant_choice"


class Authoriser:
    """Authorises transactions, online or deferred.

    How long a sale waits in all, for a link that is being built and for the answer, is
    `config.host["answer_timeout_ms"]`.
    """

    def __init__(
        self,
        config: "TerminalConfig",
        link: "HostLink",
        builder: "Builder",
        book: "Book",
        reversals: "Reversals",
        offline: "OfflineSales",
        wifi: "Wifi",
        log: "Log",
    ) -> None:
        self._patience_ms = config.offline.patience_ms
        self._link = link
        self._builder = builder
        self._book = book
        self._reversals = reversals
        self._offline = offline
        self._answer_timeout_ms = config.host["answer_timeout_ms"]
        self._wifi = wifi
        self._log = log

    async def authorise(self, transaction: "Transaction") -> None:
        """Move `transaction` on to APPROVED, DECLINED, STORED or UNKNOWN.  Never raises HostError
        or JournalError."""
        may_defer = transaction.kind == life.SALE and self._offline.mode != settings.ONLINE_ONLY
        if may_defer and self._offline.mode == settings.FORCE_OFFLINE:
            await self._offline.defer(transaction, MERCHANT_CHOICE)
        elif may_defer and not await self._connected():
            await self._offline.defer(transaction, NO_CONNECTION)
        elif not await self._reversals.paid(self._answer_timeout_ms):
            # A host that does not answer a reversal would not answer this either.
            await self._without_the_host(transaction, may_defer)
        else:
            await self._ask(transaction, may_defer)

    def may_replace(self, transaction: "Transaction") -> bool:
        """Whether a sale that the host did not answer may be taken once more, deferred and under a
        name of its own.  The first is reversed whatever becomes of the second."""
        return (
            transaction.kind == life.SALE
            and transaction.state in (life.UNKNOWN, life.REVERSED)
            and transaction.decline_reason == NO_ANSWER
            and not self._offline.refusal(transaction.amount_minor)
        )

    async def defer(self, transaction: "Transaction") -> None:
        """Take `transaction` without asking anybody: to STORED, or DECLINED in plain words."""
        await self._offline.defer(transaction, NO_ANSWER)

    async def _ask(self, transaction: "Transaction", may_defer: bool) -> None:
        request = self._request(transaction)
        try:
            transaction.move(life.REQUESTED)
        except JournalError:
            transaction.decline(self._book.trouble)
            return
        self._log.event("payment", "request", stan=transaction.stan)
        answer = None
        not_sent = False
        try:
            answer = await self._link.exchange(request, self._answer_timeout_ms)
        except NotSent as error:
            not_sent = True
            self._log.trouble("payment", "not sent", error, stan=transaction.stan)
        except HostError as error:
            self._log.trouble("payment", "no answer", error, stan=transaction.stan)
        finally:
            # Whatever ended the wait (no heap, a cancellation): what may have left is taken back.
            if answer is None and not not_sent:
                self._doubt(transaction)
        if not_sent:
            await self._without_the_host(transaction, may_defer)
        elif answer is not None:
            self._take(transaction, answer)

    def _take(self, transaction: "Transaction", answer: "dict[int, str | bytes]") -> None:
        responses.take(transaction, answer)
        self._log.event("payment", "answer", stan=transaction.stan, code=transaction.response_code)
        if not responses.is_approved(transaction.response_code):
            transaction.decline(responses.decline_reason(transaction.response_code))
            return
        try:
            transaction.move(life.APPROVED)
        except JournalError:
            # What the terminal cannot keep it must not promise.
            self._doubt(transaction, self._book.trouble)

    def _doubt(self, transaction: "Transaction", reason: str = NO_ANSWER) -> None:
        transaction.decline_reason = reason
        transaction.move(life.UNKNOWN)
        self._reversals.owe(transaction)

    async def _connected(self) -> bool:
        """Whether there is a connection, now or after a little patience.

        The link may not have noticed yet that it is dead; the radio notices sooner.
        """
        if not self._link.online:
            self._link.hurry()
        since = time.ticks_ms()
        while not (self._link.online and self._wifi.joined):
            if time.ticks_diff(time.ticks_ms(), since) >= self._patience_ms:
                return False
            await asyncio.sleep_ms(_LOOK_MS)
        return True

    async def _without_the_host(self, transaction: "Transaction", may_defer: bool) -> None:
        if may_defer:
            await self._offline.defer(transaction, NO_CONNECTION)
        else:
            transaction.decline("not_connected")

    def _request(self, transaction: "Transaction") -> "Request":
        currency = iso4217.numeric(transaction.currency)
        card, emv_data = None, b""
        outcome = transaction.outcome
        if outcome is not None:
            card = Card(outcome.pan, outcome.expiry, outcome.psn, outcome.track2)
            emv_data = outcome.emv_data()
        if transaction.kind == life.REFUND:
            original = None
            if transaction.original is not None:
                batch, stan = transaction.original
                sale = self._book.find(stan, batch)
                if sale is None:
                    raise InvariantError("the sale to be refunded is not known")
                original = Original(stan, batch, sale.started, sale.rrn)
            return self._builder.refund(
                transaction.stan,
                transaction.amount_minor,
                currency,
                transaction.batch,
                transaction.started,
                original,
                emv_data,
                card,
            )
        if card is None:
            raise InvariantError("no card was read")
        return self._builder.sale(
            transaction.stan,
            transaction.amount_minor,
            currency,
            transaction.batch,
            transaction.started,
            emv_data,
            card,
        )
