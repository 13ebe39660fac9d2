"""Entry Point: from an amount to an outcome (EMV Contactless Book B).

    entry_point = EntryPoint(configuration, log)
    outcome = entry_point.prepare(transaction_data)     # before the field comes on
    if outcome is None:
        show(entry_point.invitation)                    # "present card"; the reader's driver looks
        for one
        outcome = await entry_point.perform(card)       # one tap

While `outcome.start` is "B" the same transaction goes on with the next tap: show `outcome.ui`,
then `entry_point.invitation`, and `perform` again.  The exception is an online request: its start
"B" is the second tap after the host's answer, `update`.
"""

import time
from typing import TYPE_CHECKING

from kassa.emv import apdu, outcome, preprocessing, selection, tags, tlv
from kassa.emv.errors import EmvError
from kassa.emv.kernels import create
from kassa.emv.outcome import Outcome, UiRequest
from kassa.emv.tap import Tap
from kassa.system.card import CardError, TwoCards
from kassa.system.ensure import ensure

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from kassa.emv.apdu import Card
    from kassa.emv.config import Configuration, Record
    from kassa.emv.kernels import Kernel
    from kassa.emv.preprocessing import Indicators
    from kassa.emv.transaction_data import TransactionData
    from kassa.system.log import Log


class EntryPoint:
    """One for the life of the terminal; one transaction at a time.

    `ticks` returns milliseconds that wrap at 2**30 (the device's own by default).  `oda` is the
    offline data authentication that kernels may use, `risk` the terminal's risk management (list
    of refused cards, random selection, velocity); None for a terminal without.  `on_ui` is
    called with the UiRequest "card read OK" the moment the card may leave (EP-15), before the rest
    of the tap is worked out; what it returns, if anything, is awaited: as long as it takes to show
    it. ConfigError if the configuration names a kernel that is not built in.
    """

    def __init__(
        self,
        configuration: "Configuration",
        log: "Log",
        ticks: "Callable[[], int] | None" = None,
        oda: "Any" = None,
        risk: "Any" = None,
    ) -> None:
        self._configuration = configuration
        self._log = log
        self._ticks: "Callable[[], Any]" = time.ticks_ms if ticks is None else ticks
        self._oda = oda
        self._risk = risk
        limits = configuration.risk
        self._unsigned_cap: int = 0 if limits is None else limits.unsigned_cap
        self.on_ui: "Callable[[UiRequest], Awaitable[None] | None] | None" = None
        self._kernels: "dict[int, Kernel]" = {}
        for combination in configuration.combinations:
            if combination.kernel not in self._kernels:
                self._kernels[combination.kernel] = create(combination.kernel)
        self._transaction: "TransactionData | None" = None
        self._allowed: "list[tuple[Record, Indicators]]" = []
        self._last: "selection.Candidate | None" = None
        self._invitation = UiRequest(outcome.MESSAGE_PRESENT_CARD, outcome.READY_TO_READ)

    def prepare(self, data: "TransactionData") -> "Outcome | None":
        """Begin a transaction (Book B, start A): None to go on and wait for a card.

        EP-5: where no combination takes this amount the outcome is Try Another Interface, and the
        field stays off.
        """
        self._transaction = data
        self._last = None
        self._invitation = UiRequest(outcome.MESSAGE_PRESENT_CARD, outcome.READY_TO_READ)
        terminal = self._configuration.terminal
        unit_minor = 10**terminal.currency_exponent
        online_only = not terminal.offline_approval or data.date is None or data.online_only
        self._allowed = []
        # EP-1: for every combination, before the field comes on.
        for combination in self._configuration.combinations:
            indicators = preprocessing.preprocess(
                combination.ttq,
                combination,
                combination.terminal_floor_limit,
                data.amount_minor,
                unit_minor,
                online_only,
                data.is_refund,
            )
            if indicators.allowed:
                self._allowed.append((combination, indicators))
        if self._allowed:
            return None
        # EP-5
        self._log.event("emv", "no_combination", amount_minor=data.amount_minor)
        return outcome.try_another_interface(
            outcome.MESSAGE_INSERT_OR_SWIPE, error="amount not allowed"
        )

    @property
    def schemes(self) -> "list[str]":
        """Whose cards are taken, in the configuration's order, each once."""
        found: "list[str]" = []
        for combination in self._configuration.combinations:
            if combination.scheme not in found:
                found.append(combination.scheme)
        return found

    @property
    def invitation(self) -> UiRequest:
        """EP-6: what to show while the field is on and no card is there: message 15, or a
        restart's own request."""
        return self._invitation

    def collision(self) -> Outcome:
        """EP-6: the outcome when discovery finds more than one card: message 19, until they are
        gone, then 15."""
        self._log.event("emv", "rule", rule="EP-6", what="more than one card")
        return self._finish(outcome.one_card_only())

    async def perform(self, card: "Card") -> Outcome:
        """One tap, from SELECT PPSE to the outcome.  Any card brings about an outcome, none an
        exception.

        EP-13: called again for the same transaction it keeps amount and counter, and draws a new
        unpredictable number.
        """
        tap = self._tap(card)
        try:
            result = await self._select_and_run(tap)
        except TwoCards:
            tap.decide("EP-6", "more than one card")
            result = outcome.one_card_only()
        except CardError as error:
            # EP-11: a transmission error in selection: start again at B.
            tap.decide("EP-11", "transmission error in selection: the card is asked for again")
            self._log.trouble("emv", "transmission", error)
            result = outcome.try_again(outcome.MESSAGE_PRESENT_AGAIN, error="transmission error")
        return self._finish(tap.report(result))

    async def update(self, card: "Card", answer: bytes) -> None:
        """The second tap of an online request with start "B": hand the host's answer to the card
        that made it.

        `answer` is DE 55 of the response: 91, 71, 72 as TLV.  Nothing depends on it: a card that
        is gone, another card, or an answer that cannot be read are logged and that is all (EP-13,
        C3-7).
        """
        candidate = self._last
        if candidate is None:
            return
        tap = self._tap(card)
        try:
            authentication, scripts = _issuer_answer(answer)
            # Book B, 3.3.1: the combination of the first tap, selected again.
            sw, body = await apdu.exchange(card, apdu.select(candidate.name))
            fci = selection.usable(candidate, sw, body)
        except (EmvError, CardError) as error:
            self._log.trouble("emv", "issuer_update", error)
            return
        tap.select(candidate.combination, candidate.indicators, candidate.adf, fci)
        await self._kernels[candidate.combination.kernel].issuer_update(
            tap, authentication, scripts
        )

    def _tap(self, card: "Card") -> Tap:
        transaction = self._transaction
        ensure(transaction is not None, "prepare comes before a card")
        assert transaction is not None
        unpredictable_number = transaction.random(4)
        ensure(len(unpredictable_number) == 4, "an unpredictable number has 4 bytes")
        return Tap(
            card,
            transaction,
            self._configuration.terminal,
            unpredictable_number,
            self._ticks,
            self.on_ui,
            self._log,
            self._oda,
            self._risk,
            self._unsigned_cap,
        )

    async def _select_and_run(self, tap: Tap) -> Outcome:
        tap.phase("ppse")
        sw, body = await apdu.exchange(tap.card, apdu.select(apdu.PPSE))
        listed = selection.candidates(body, self._allowed) if sw == apdu.OK else []
        self._log.event("emv", "ppse", sw="{:04X}".format(sw), candidates=len(listed))
        while listed:
            # EP-9: the best first; one that cannot be selected makes room for the next.
            candidate = selection.take_best(listed)
            fci = await self._select(tap, candidate)
            if fci is None:
                continue
            combination = candidate.combination
            tap.select(
                combination, candidate.indicators, fci.get(tags.DF_NAME) or candidate.adf, fci
            )
            self._explain(tap)
            result = await self._kernels[combination.kernel].run(tap)
            # EP-13: Select Next goes on at C, with those that are left.
            if result.kind != outcome.SELECT_NEXT:
                self._last = candidate
                return result
            self._log.event("emv", "select_next", **result.discretionary)
        # EP-8: nobody is left to select.
        tap.decide("EP-8", "no application is left")
        return outcome.end_application(outcome.MESSAGE_TRY_ANOTHER_CARD, error="no application")

    async def _select(self, tap: Tap, candidate: selection.Candidate) -> "dict[int, bytes] | None":
        """SELECT `candidate`: its FCI's objects, or None and the trail says why not."""
        tap.phase("select")
        sw, body = await apdu.exchange(tap.card, apdu.select(candidate.name))
        name = candidate.adf.hex().upper()
        fci = None
        try:
            fci = selection.usable(candidate, sw, body)
        except selection.NotUsable as error:
            tap.decide(error.rule, "{} dropped: {}".format(name, error.why))
        self._log.event("emv", "select", aid=name, sw="{:04X}".format(sw), taken=fci is not None)
        return fci

    def _explain(self, tap: Tap) -> None:
        """Tell what pre-processing came to for the application that is now selected."""
        combination, indicators = tap.combination, tap.indicators
        tap.decide("EP-7", "{} by kernel {}".format(tap.aid.hex().upper(), combination.kernel))
        if indicators is None:
            return
        for rule, met, words in (
            ("EP-2", indicators.status_check, "status check"),
            ("EP-2", indicators.zero_amount, "amount zero"),
            ("EP-3", indicators.floor_limit_exceeded, "over the floor limit"),
            ("EP-3", indicators.cvm_required, "cardholder verification required"),
        ):
            if met:
                tap.decide(rule, words)
        if indicators.ttq is not None:
            tap.decide("EP-4", "TTQ " + bytes(indicators.ttq).hex())

    def _finish(self, result: Outcome) -> Outcome:
        if result.ui_restart is not None:
            self._invitation = result.ui_restart
        self._log.event(
            "emv",
            "outcome",
            kind=result.kind,
            start=result.start,
            cvm=result.cvm,
            scheme=result.scheme,
            **result.discretionary,
        )
        return result


def _issuer_answer(answer: bytes) -> "tuple[dict[int, bytes], list[bytes]]":
    """Tag 91 (where it is) and the commands of scripts 71 and 72, in order; TlvError if `answer`
    is not TLV."""
    found: "dict[int, bytes]" = {}
    scripts: "list[bytes]" = []
    for tag, start, end in tlv.objects(answer):
        if tag == tags.ISSUER_AUTHENTICATION:
            found[tag] = bytes(answer[start:end])
        elif tag in (tags.SCRIPT_BEFORE, tags.SCRIPT_AFTER):
            for inner, inner_start, inner_end in tlv.objects(answer, start, end):
                # A command has at least a header.
                if inner == tags.SCRIPT_COMMAND and inner_end - inner_start >= 4:
                    scripts.append(bytes(answer[inner_start:inner_end]))
    return found, scripts
