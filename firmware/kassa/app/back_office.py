"""Behind the key MENU: voids, refunds, totals, the end of the day, working offline."""

from typing import TYPE_CHECKING

from micropython import const

from kassa.app import receipts
from kassa.app.refund import Refund
from kassa.journal.errors import JournalError
from kassa.payment import totals as sums
from kassa.payment import transaction as life
from kassa.system import config as settings

if TYPE_CHECKING:
    from kassa.app.terminal import Terminal
    from kassa.payment.transaction import Transaction

_SHOWN_MS = const(8_000)
_HOST_WAIT_MS = const(15_000)
_DRAIN_WAIT_MS = const(60_000)

_ITEMS = (
    "menu.void",
    "menu.undo_last",
    "menu.refund",
    "menu.totals",
    "menu.settle",
    "menu.offline",
)
_REFUNDS = ("menu.refund_sale", "menu.refund_card")
_MODE_WORDS = ("menu.prefer_online", "menu.force_offline", "menu.online_only")
_MODES = (settings.PREFER_ONLINE, settings.FORCE_OFFLINE, settings.ONLINE_ONLY)


class BackOffice:
    """One visit to the menu; used once.

    Terminal.allowed(action) says whether who stands at the terminal may do it ("refund",
    "refund_card", "accept_journal", ...): the seam for operators and their roles.
    """

    def __init__(self, terminal: "Terminal") -> None:
        self._terminal = terminal
        self._screens = terminal.screens
        self._payments = terminal.payments
        self._book = terminal.payments.book

    async def run(self) -> None:
        """Let one thing be chosen, and do it."""
        items: "list[str]" = list(_ITEMS)
        if self._book.trouble == "journal_tampered":
            items.insert(0, "menu.accept_journal")
        if self._terminal.service is not None:
            items.append("menu.service")
        chosen = await self._screens.choose("menu.title", items)
        if chosen is None:
            return
        action = items[chosen][5:]
        if not self._terminal.allowed(action):
            await self._problem("not_allowed")
            return
        try:
            await getattr(self, "_" + action)()
        except JournalError:
            await self._problem(self._book.trouble or "journal_failed")

    async def _void(self) -> None:
        """Void a payment by its trace number."""
        stan = await self._screens.number("number.stan")
        if stan:
            await self._void_stan(stan)

    async def _undo_last(self) -> None:
        """Reverse the last sale by hand."""
        last = self._book.history.last_sale(self._book.batch)
        if last is None:
            await self._problem("not_found")
        else:
            await self._void_stan(last.stan)

    async def _void_stan(self, stan: int) -> None:
        await self._screens.show("staff_working", title="menu.void", text="authorising.text")
        transaction, refused = await self._payments.voids.void(stan, _HOST_WAIT_MS)
        if refused or transaction is None:
            await self._problem(refused)
            return
        done = transaction.state == life.VOIDED
        await self._done("void.title", "void.done" if done else "void.owed", transaction)
        await self._terminal.print_receipts(transaction)

    async def _refund(self) -> None:
        """Give money back: of a sale, without its card, or to a card."""
        chosen = await self._screens.choose("menu.refund", list(_REFUNDS))
        if chosen is None:
            return
        if _REFUNDS[chosen] == "menu.refund_sale":
            why = await Refund(self._terminal).of_sale()
            if why:
                await self._problem(why)
        elif self._terminal.allowed("refund_card"):
            await Refund(self._terminal).to_card()
        else:
            await self._problem("not_allowed")

    async def _totals(self) -> None:
        """What the open batch adds up to."""
        rows = self._rows(self._book.totals)
        rows.append(
            (self._t("totals.stored"), self._amount(self._book.stored_minor)),
        )
        await self._screens.acknowledge("totals", _SHOWN_MS, title="menu.totals", rows=rows)

    async def _settle(self) -> None:
        """Close the batch and compare its totals with the host's."""
        settler = self._payments.settler
        await self._screens.show("staff_working", title="settle.working", text="authorising.text")
        if not await settler.ready(_DRAIN_WAIT_MS):
            await self._problem("owed")
            return
        if sums.overall(self._book.totals).empty:
            await self._problem("empty")
            return
        settler.close()
        if await settler.answered(_HOST_WAIT_MS):
            # The terminal's own look at the news shows and prints the verdict.
            return
        await self._screens.acknowledge(
            "staff_working", _SHOWN_MS, title="settle.title", text="settle.owed"
        )

    async def _offline(self) -> None:
        """The merchant's choice of the moment; the configuration's comes back at the next
        start."""
        chosen = await self._screens.choose("mode.title", list(_MODE_WORDS))
        if chosen is not None:
            self._payments.offline.mode = _MODES[chosen]

    async def _service(self) -> None:
        """A technician's menu, behind a code."""
        if self._terminal.service is not None:
            await self._terminal.service()

    async def _accept_journal(self) -> None:
        """Go on with a journal that somebody has changed; the audit of it is theirs."""
        self._book.journal.accept()
        self._book.start_over()

    async def tell_news(self) -> None:
        """Say and print what has come in meanwhile: a batch's verdict, sales declined after the
        fact."""
        await self._tell_verdict()
        while self._book.refused:
            name = self._book.refused[0]
            transaction = self._book.find(name[1], name[0])
            if transaction is not None:
                transaction.decline_reason = transaction.decline_reason or "do_not_honour"
                await self._screens.show(
                    "staff_problem",
                    title="refused.title",
                    text="refused.text",
                    detail=self._amount(transaction.amount_minor),
                )
                await self._terminal.print_slip(
                    receipts.receipt(
                        transaction,
                        self._terminal.config,
                        self._screens.catalogue,
                        receipts.MERCHANT,
                    )
                )
                await self._screens.pause(_SHOWN_MS)
            self._book.report_told(name)
        self._payments.forwarder.news.clear()

    async def _tell_verdict(self) -> None:
        settler = self._payments.settler
        verdict, settler.verdict = settler.verdict, None
        settler.news.clear()
        if verdict is None:
            return
        rows = self._rows(verdict.settlement.by_scheme)
        host = None if verdict.balanced or verdict.host is None else verdict.host.net_minor
        slip = receipts.settlement(
            verdict.settlement.batch,
            rows,
            verdict.balanced,
            None if host is None else self._amount(host),
            self._terminal.config,
            self._screens.catalogue,
            self._terminal.clock.local(),
        )
        if verdict.balanced:
            await self._screens.show("staff_done", title="settle.title", text="settle.agree")
        else:
            await self._screens.show(
                "staff_problem", title="settle.differ_title", text="settle.differ"
            )
        await self._terminal.print_slip(slip)
        await self._screens.pause(_SHOWN_MS)

    def _rows(self, by_scheme: "dict[str, sums.Totals]") -> "list[tuple[str, str]]":
        rows = []
        for scheme in sorted(by_scheme):
            one = by_scheme[scheme]
            if not one.empty:
                name = self._t("scheme." + scheme if scheme else "totals.other")
                rows.append(
                    (name + " " + str(one.sales + one.refunds), self._amount(one.net_minor))
                )
        total = sums.overall(by_scheme)
        rows.append((self._t("totals.sales"), self._amount(total.sales_minor)))
        rows.append((self._t("totals.refunds"), self._amount(total.refunds_minor)))
        rows.append((self._t("totals.net"), self._amount(total.net_minor)))
        return rows

    def _t(self, key: str) -> str:
        return self._screens.catalogue.t(key)

    def _amount(self, minor: int) -> str:
        return self._screens.catalogue.format_amount(minor, self._terminal.config.currency)

    async def _done(self, title: str, text: str, transaction: "Transaction") -> None:
        await self._screens.show(
            "staff_done", title=title, text=text, detail=self._amount(transaction.amount_minor)
        )

    async def _problem(self, why: str) -> None:
        await self._screens.acknowledge(
            "staff_problem", _SHOWN_MS, title="problem.title", text="problem." + why
        )
