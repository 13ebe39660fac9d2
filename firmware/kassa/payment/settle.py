"""Closing a batch: everything owed first, then both sides' totals compared.

`close` records the totals and opens the next batch at once, so that sales go on; the 0500 is a
debt from then on, paid by `run`, now or after a power cut, and repeated as 0501 under the same
name.  If the host counted something else, each transaction is sent as a detail (0320) and the
comparison is asked for again; the difference is reported either way.
"""

import asyncio
from typing import TYPE_CHECKING

from micropython import const

from kassa.host import messages
from kassa.host.errors import HostError
from kassa.payment import responses, totals
from kassa.payment import transaction as life
from kassa.payment.debts import Backoff
from kassa.system import currency as iso4217
from kassa.system.tasks import LOOK_AGAIN_MS, set_within, unwatched

if TYPE_CHECKING:
    from collections.abc import Callable

    from kassa.host.link import HostLink
    from kassa.host.messages import Builder, Request
    from kassa.payment.book import Book, Settlement
    from kassa.payment.forward import Forwarder
    from kassa.payment.reversal import Reversals
    from kassa.payment.totals import Totals
    from kassa.system.log import Log

_LOOK_MS = const(1_000)
_DETAIL_TRIES = const(3)
_FIRST_DETAIL_STAN = const(900000)
IN_BALANCE = "00"
OUT_OF_BALANCE = "95"


class Verdict:
    """What the host said of a batch: `code`, and its own `host` totals where it told them."""

    def __init__(self, settlement: "Settlement", code: str, host: "Totals | None") -> None:
        self.settlement = settlement
        self.code = code
        self.host = host

    @property
    def balanced(self) -> bool:
        return responses.is_approved(self.code)


class Settler:
    """Settles batches.  `verdict` is what came of the last one, None until then.

    news: set when a verdict has come; who tells the merchant clears it.
    """

    def __init__(
        self,
        link: "HostLink",
        builder: "Builder",
        book: "Book",
        reversals: "Reversals",
        forwarder: "Forwarder",
        currency: str,
        answer_timeout_ms: int,
        log: "Log",
    ) -> None:
        self.verdict = None  # type: Verdict | None
        self.news = asyncio.Event()
        self._link = link
        self._builder = builder
        self._book = book
        self._reversals = reversals
        self._forwarder = forwarder
        self._currency = iso4217.numeric(currency)
        self._answer_timeout_ms = answer_timeout_ms
        self._log = log
        self._wanted = asyncio.Event()
        self._beat = unwatched

    async def ready(self, timeout_ms: int) -> bool:
        """Whether nothing is owed that belongs to the batch, waiting that long for it."""
        if self._book.settling is not None:
            return False
        if not await self._forwarder.paid(timeout_ms):
            return False
        return await self._reversals.paid(timeout_ms)

    def close(self) -> "Settlement":
        """Close the open batch; `ready` must have said yes just before.  JournalError."""
        settlement = self._book.close_batch()
        self._wanted.set()
        return settlement

    async def answered(self, timeout_ms: int) -> bool:
        """Whether the host has answered by then."""
        try:
            await asyncio.wait_for_ms(self._until_answered(), timeout_ms)
        except asyncio.TimeoutError:
            return False
        return True

    async def _until_answered(self) -> None:
        while self._book.settling is not None:
            await self.news.wait()
            await asyncio.sleep_ms(0)

    async def run(self, beat: "Callable[[], None]" = unwatched) -> None:
        """Critical task: pay the settlement that is owed."""
        self._beat = beat
        backoff = Backoff()
        repeat = False
        while True:
            beat()
            settlement = self._book.settling
            wait_ms = _LOOK_MS
            if settlement is None:
                repeat = False
                backoff.reset()
                await set_within(self._wanted, LOOK_AGAIN_MS)
                self._wanted.clear()
                continue
            if self._link.online:
                if await self._settle(settlement, repeat):
                    continue
                repeat = True
                wait_ms = backoff.next_ms()
            await asyncio.sleep_ms(wait_ms)

    async def _settle(self, settlement: "Settlement", repeat: bool) -> bool:
        debits, credits = _sides(settlement)
        request = self._builder.settlement(
            settlement.stan, settlement.batch, self._currency, debits, credits, repeat=repeat
        )
        try:
            answer = await self._link.exchange(request, self._answer_timeout_ms)
            if str(answer[39]) == OUT_OF_BALANCE:
                self._log.event("payment", "totals differ", batch=settlement.batch)
                answer = await self._upload(settlement)
        except HostError as error:
            self._log.trouble("payment", "settlement unanswered", error)
            return False
        code = str(answer[39])
        self.verdict = Verdict(settlement, code, _host_totals(answer))
        self._book.batch_settled(code)
        self._log.event("payment", "settled", batch=settlement.batch, code=code)
        self.news.set()
        return True

    async def _upload(self, settlement: "Settlement") -> "dict[int, str | bytes]":
        """Send every transaction of the batch as a detail, and give the answer to the second
        comparison.

        HostError ends it; then all of it is done again later.
        """
        for transaction in self._book.history.in_batch(settlement.batch):
            await self._insist(
                self._builder.batch_detail(
                    transaction.stan,
                    transaction.amount_minor,
                    iso4217.numeric(transaction.currency),
                    transaction.batch,
                    transaction.started,
                    transaction.kind == life.REFUND,
                    transaction.rrn,
                )
            )
        debits, credits = _sides(settlement)
        return await self._insist(
            self._builder.batch_details_end(
                settlement.stan, settlement.batch, self._currency, debits, credits
            )
        )

    async def _insist(self, request: "Request") -> "dict[int, str | bytes]":
        for tries_left in range(_DETAIL_TRIES - 1, -1, -1):
            self._beat()
            try:
                return await self._link.exchange(request, self._answer_timeout_ms)
            except HostError:
                if not tries_left:
                    raise
        raise HostError("not reached")


def _sides(settlement: "Settlement") -> "tuple[messages.Totals, messages.Totals]":
    total = totals.overall(settlement.by_scheme)
    return (
        messages.Totals(total.sales, total.sales_minor),
        messages.Totals(total.refunds, total.refunds_minor),
    )


def _host_totals(answer: "dict[int, str | bytes]") -> "Totals | None":
    """The host's own counts, if the answer tells them (DE 74, 76, 86, 88)."""
    values = []
    for number in (76, 88, 74, 86):
        if number not in answer:
            return None
        values.append(int(answer[number]))
    return totals.Totals(*values)
