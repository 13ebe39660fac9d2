"""The terminal: idle, which flow next, and what all flows share."""

import asyncio
import gc
import time
from typing import TYPE_CHECKING

from micropython import const

from kassa.app import loading
from kassa.payment import limits
from kassa.system.ensure import ensure
from kassa.system.errors import KassaError
from kassa.system.tasks import first

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from kassa.app.care import Care
    from kassa.app.update import Updater
    from kassa.drivers.keypad import Keypad
    from kassa.drivers.pn532 import PN532
    from kassa.emv.entry_point import EntryPoint
    from kassa.host.link import HostLink
    from kassa.payment.payments import Payments
    from kassa.payment.transaction import Transaction
    from kassa.system.clock import Clock
    from kassa.system.config import TerminalConfig
    from kassa.system.log import Log
    from kassa.ui.paper import Paper
    from kassa.ui.screens import Screens

_DIGITS = "123456789"
_GONE_LOOK_MS = const(60)
_REMOVE_CARD_AT_MOST_MS = const(10_000)
_TROUBLE_SHOWN_MS = const(5_000)
_PAPER_OUT_AT_MOST_MS = const(60_000)
_PLENTY_BYTES = const(1 << 19)


class Terminal:
    """Everything a flow needs, handed in by main.py; flows live in modules of their own.

    A flow is imported when it is first wanted, and what reads cards (`open_cards`) while the first
    amount is typed: an idle terminal does not carry half of the firmware (`kassa.app.loading`).
    idle: nobody is being served; no card is in the field and none is asked for.
    idle_since: `ticks_ms` when that began.
    care: looks after it, or None.  updater: fetches newer versions, or None.
    service: carries out a technician's visit; None where there is no service code.
    service_tried_at: `ticks_ms` when the last service code was typed, or the terminal started.
    """

    def __init__(
        self,
        config: "TerminalConfig",
        clock: "Clock",
        log: "Log",
        keypad: "Keypad",
        reader: "PN532",
        screens: "Screens",
        open_paper: "Callable[[], Paper]",
        open_cards: "Callable[[], Coroutine[Any, Any, EntryPoint]]",
        link: "HostLink",
        payments: "Payments",
    ) -> None:
        self.config = config
        self.clock = clock
        self.log = log
        self.keypad = keypad
        self.reader = reader
        self.screens = screens
        self._open_paper = open_paper
        self._paper: "Paper | None" = None
        self._open_cards = open_cards
        self._entry_point: "EntryPoint | None" = None
        self._opening = asyncio.Lock()
        self._ready: "asyncio.Task | None" = None
        self.link = link
        self.payments = payments
        self.idle = False
        self.idle_since = time.ticks_ms()
        self.care: "Care | None" = None
        self.updater: "Updater | None" = None
        self.service: "Callable[[], Coroutine[Any, Any, None]] | None" = None
        self.service_tried_at = time.ticks_ms()

    async def run(self) -> None:
        """Critical task: welcome, flow, welcome, for ever."""
        if gc.mem_free() > _PLENTY_BYTES:
            # With PSRAM nothing speaks against being ready before the first customer comes.
            self._ready = asyncio.create_task(self._get_ready())
        while True:
            if self.care is not None:
                self.care.wanted.clear()
            self.idle = True
            self.idle_since = time.ticks_ms()
            _, key = await first(self.screens.welcome(self._idle_facts), self._news())
            self.idle = False
            if key is None and self.care is not None and self.care.wanted.is_set():
                await self._carry_out(self.care.quiet_hour())
            elif key is None:
                await self._carry_out(self._back_office(news=True))
            elif key in _DIGITS:
                await self._carry_out(self._sale(key))
            elif key == "MENU":
                await self._carry_out(self._back_office(news=False))
            # The next customer is greeted in the shop's language again.
            self.screens.catalogue.use(self.config.language)

    async def cards(self) -> "EntryPoint":
        """What reads cards; made at first need.  Raises KassaError when it cannot be."""
        async with self._opening:
            if self._entry_point is None:
                await loading.load(loading.CARDS)
                self._entry_point = await self._open_cards()
        return self._entry_point

    @property
    def entry_point(self) -> "EntryPoint":
        """What `cards` has made."""
        entry_point = self._entry_point
        ensure(entry_point is not None, "cards() comes first")
        return entry_point  # type: ignore[return-value]

    @property
    def paper(self) -> "Paper":
        """What prints slips; made at first need."""
        if self._paper is None:
            self._paper = self._open_paper()
        return self._paper

    async def _back_office(self, news: bool) -> None:
        await loading.load(loading.BACK_OFFICE)
        from kassa.app.back_office import BackOffice

        office = BackOffice(self)
        await (office.tell_news() if news else office.run())

    async def _sale(self, key: str) -> None:
        """A sale that begins with `key`.  Behind the amount's screen everything gets ready for
        it."""
        # One task for all who come while it runs.  It goes on when the amount is cancelled: half
        # of what a sale needs is of no use to the next customer.
        self._ready = ready = self._ready or asyncio.create_task(self._get_ready())
        amount_minor = await self.screens.amount(self.config.currency, key)
        if not amount_minor:
            return
        await ready
        from kassa.app.sale import Sale

        await Sale(self).run(amount_minor)

    async def _get_ready(self) -> None:
        try:
            await loading.load(loading.SALE)
            await self.cards()
            self.paper  # noqa: B018 - making it is what it is for
            self.payments.authoriser  # noqa: B018
        except (KassaError, MemoryError) as error:
            # It is said when the card is asked for; the next sale tries again.
            self.log.trouble("app", "cards not ready", error)
            self._ready = None

    async def _news(self) -> None:
        """Until there is something to tell the merchant, or the quiet hour has come."""
        waits = [self.payments.forwarder.news.wait(), self.payments.settler.news.wait()]
        if self.care is not None:
            waits.append(self.care.wanted.wait())
        await first(*waits)

    def allowed(self, action: str) -> bool:
        """Whether who stands at the terminal may do what the menu offers.  Roles and PINs of
        operators come in here; until then whoever has the terminal may do all of it."""
        return bool(action)

    async def _carry_out(self, flow: "Coroutine[Any, Any, None]") -> None:
        """Run one flow.  A part that fails ends the flow on a screen that says so, not the
        terminal."""
        try:
            await flow
        except (KassaError, MemoryError) as error:
            self.log.trouble("app", "flow ended", error)
            await self.reader.field(False)
            await self.screens.acknowledge("out_of_order", _TROUBLE_SHOWN_MS)

    def _idle_facts(self) -> "dict[str, object]":
        """What the welcome screen shows, asked anew each time it is drawn."""
        book = self.payments.book
        return {
            "merchant": self.config.merchant.name,
            "time": self.clock.local()[:5] if self.clock.is_set else None,
            "online": self.link.online,
            "pending_count": len(book.stored) + len(book.owed),
            "pending_minor": book.stored_minor,
            "currency": self.config.currency,
            "alarm": self._alarm(),
        }

    def _alarm(self) -> str:
        """What the merchant must act on, as a key of the catalogue, or ""."""
        book = self.payments.book
        if book.trouble:
            return "welcome." + book.trouble
        if not self.clock.is_set:
            return ""
        too_old = limits.oldest_is_too_old(self.config.offline, book, self.clock.local())
        return "welcome.too_old" if too_old else ""

    def new_transaction(self, kind: str, amount_minor: int) -> "Transaction":
        """A transaction that starts now, with a STAN nobody else has; its moves go into the
        journal."""
        return self.payments.book.begin(
            kind, amount_minor, self.config.currency, self.clock.local()
        )

    async def print_receipts(self, transaction: "Transaction") -> None:
        """Both copies, the customer's first.  Out of paper: ask for a new roll, ENTER goes on,
        CANCEL does without."""
        from kassa.app import receipts

        for copy in (receipts.CUSTOMER, receipts.MERCHANT):
            rows = receipts.receipt(transaction, self.config, self.screens.catalogue, copy)
            if not await self.print_slip(rows):
                return

    async def print_slip(self, rows: "list[tuple]") -> bool:
        """One slip, asking for paper as often as that is answered; whether it was printed."""
        while not await self._print(rows):
            key = await self.screens.acknowledge("paper_out", _PAPER_OUT_AT_MOST_MS)
            if key != "ENTER":
                return False
        return True

    async def _print(self, rows: "list[tuple]") -> bool:
        """Print one slip; False when the paper ran out.  Another printer fault is logged, not
        retried."""
        # An idle terminal has no printer's driver: see `paper`.
        from kassa.drivers.printer import PaperOut, PrinterError

        try:
            await self.paper.print(rows)
        except PaperOut:
            return False
        except PrinterError as error:
            self.log.trouble("app", "receipt not printed", error)
        return True

    async def until_card_is_gone(self) -> None:
        """EP-14 message 10: ask for the card's removal before the next sale, if it still lies
        there."""
        if not await self.reader.removed(_GONE_LOOK_MS):
            await self.screens.show("remove_card")
            await self.reader.removed(_REMOVE_CARD_AT_MOST_MS)
        await self.reader.field(False)
