"""What belongs to one tap, gathered while it happens: cards, APDUs, rules, outcome, the host.

`Taps(bench)` listens at a bench (or at anything with its hooks); `report()` is the `taps` of a
run's JSON, which `simulator.explain` tells as a story.  `simulator/README.md` has its shape.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import Any

from host_tools.lens import Lens
from simulator.clock import NS_PER_MS
from simulator.host_lens import icc_data
from simulator.timings import phase_of

Json = dict[str, Any]

_SELECT_PPSE = bytes.fromhex("00A40400") + b"\x0e2PAY.SYS.DDF01"
_MONEY = re.compile(r"[^\w\s]?\s?[0-9][0-9.,]*[.,]?[0-9]*(?:\s?[A-Z]{3})?")
_ASKS_FOR_CARD = ("present_card", "try_again", "see_phone", "one_card_only")
_ANOTHER_CUSTOMER = ("amount", "welcome", "menu")
# Elements that say what terminal and card decided; the last value of each counts.
_TELLING = ("82", "9F66", "9F6C", "95", "9B", "9F34", "9F6D", "9F71", "DF4B")
_AMOUNT = "9F02"
_MOST_REMEMBERED = 1000


class Tap:
    """One tap, or one outcome that needed none."""

    def __init__(self, number: int, t_ns: int, cards: list[Json]) -> None:
        self.number = number
        self.t_ns = t_ns
        self.cards = cards
        self.amount = ""
        self.stan: int | None = None
        self.exchanges: list[tuple[bytes, bytes | None, int, int]] = []
        self.events: list[Json] = []
        self.outcome: Json | None = None
        self.host: list[Json] = []
        self.screens: list[Json] = []
        self.moments: dict[str, int] = {}

    @property
    def over(self) -> bool:
        """True once Entry Point has said what came of it."""
        return self.outcome is not None

    def happened(self, moment: str, now_ns: int) -> None:
        """The first of each counts."""
        self.moments.setdefault(moment, now_ns)

    def report(self) -> Json:
        """JSON values only, PANs masked."""
        lens, exchanges = Lens(), []
        for command, response, start_ns, end_ns in self.exchanges:
            took = {"t_ms": _ms(start_ns), "ms": _ms(end_ns - start_ns)}
            told = lens.decode(command, response)
            exchanges.append({**took, "phase": phase_of(command), **told})
        return {
            "number": self.number,
            "t_ms": _ms(self.t_ns),
            "cards": self.cards,
            "amount": _amount(exchanges) or self.amount,
            "stan": self.stan,
            "scheme": (self.outcome or {}).get("scheme") or lens.context.scheme,
            "exchanges": exchanges,
            "events": self.events,
            "elements": _telling(exchanges, self.host),
            "outcome": self.outcome,
            "timings_ms": self._timings(),
            "host": self.host,
            "screens": self.screens,
        }

    def _timings(self) -> dict[str, float]:
        phases: dict[str, float] = {}
        before_ns: int | None = None
        for command, _, start_ns, end_ns in self.exchanges:
            name = phase_of(command)
            phases[name] = phases.get(name, 0.0) + (end_ns - start_ns)
            if before_ns is not None:
                phases["terminal"] = phases.get("terminal", 0.0) + (start_ns - before_ns)
            before_ns = end_ns
        moments = {"card": self.t_ns, **self.moments}
        for name, begin, end in (
            ("card_in_field", "card", "read"),
            ("decision", "last", "outcome"),
            ("host", "request", "answer"),
            ("result", "card", "result"),
        ):
            if before_ns is not None:
                moments.setdefault("last", before_ns)
            if begin in moments and end in moments and moments[end] >= moments[begin]:
                phases[name] = moments[end] - moments[begin]
        return {name: _ms(ns) for name, ns in phases.items()}


class Taps:
    """The taps of a bench since it was switched on, the last ones only.

    on_change hears of each tap that something was added to.
    """

    def __init__(self, bench: Any) -> None:
        self._bench = bench
        self._taps: deque[Tap] = deque(maxlen=_MOST_REMEMBERED)
        self._count = 0
        self._cards: list[Json] = []
        self._presented_ns: int | None = None
        self._pending: list[Json] = []
        self._amount = ""
        self._attached = False
        self.on_change: list[Callable[[Tap], None]] = []
        bench.on_event.append(self._event)
        bench.on_apdu.append(self._exchanged)
        bench.on_message.append(self._message)

    def __iter__(self):
        return iter(self._taps)

    def report(self) -> list[Json]:
        """All of them as JSON."""
        return [tap.report() for tap in self._taps]

    def presented(self, card: Any) -> None:
        """Somebody holds `card` to the reader."""
        self._cards.append(
            {
                "name": getattr(card, "name", ""),
                "title": getattr(card, "title", "") or getattr(card, "name", "") or "a card",
            }
        )
        self._presented_ns = self._now_ns

    def removed(self, card: Any = None) -> None:
        """This card is gone, or all."""
        name = getattr(card, "name", "")
        self._cards = [] if card is None else [c for c in self._cards if c["name"] != name]

    @property
    def _now_ns(self) -> int:
        return self._bench.wiring.clock.now_ns

    @property
    def _last(self) -> Tap | None:
        return self._taps[-1] if self._taps else None

    def _begin(self, at_ns: int) -> Tap:
        self._count += 1
        start_ns = at_ns if self._presented_ns is None else min(at_ns, self._presented_ns)
        tap = Tap(self._count, start_ns, list(self._cards))
        tap.amount = self._amount
        tap.events, self._pending = self._pending, []
        self._presented_ns = None
        self._taps.append(tap)
        self._attached = True
        return tap

    def _exchanged(
        self, command: bytes, response: bytes | None, start_ns: int, end_ns: int
    ) -> None:
        tap = self._last
        if tap is None or tap.over or command.startswith(_SELECT_PPSE):
            tap = self._begin(start_ns)
        tap.exchanges.append((command, response, start_ns, end_ns))

    def _event(self, event: Json) -> None:
        what = (event.get("at"), event.get("is"))
        if what[0] == "emv":
            self._of_the_card(what[1], event)
        elif what == ("ui", "screen"):
            self._screen(event)
        elif what[0] == "payment" and self._attached:
            self._of_the_payment(what[1], event)

    def _of_the_card(self, what: Any, event: Json) -> None:
        now_ns = self._now_ns
        facts = {key: value for key, value in event.items() if key != "t"}
        tap = self._last
        if tap is None or tap.over:
            # Before a card: preprocessing.  An outcome that comes now needed none.
            if what not in ("outcome", "no_combination"):
                self._pending.append({"t_ms": _ms(now_ns), "after": 0, **facts})
                return
            tap = self._begin(now_ns)
        tap.events.append({"t_ms": _ms(now_ns), "after": len(tap.exchanges), **facts})
        if what == "outcome":
            tap.outcome = {key: value for key, value in facts.items() if key not in ("at", "is")}
            tap.happened("outcome", now_ns)
        elif what == "no_combination":
            tap.outcome = {"kind": "try_another_interface", "error": "amount not allowed"}
        self._changed(tap)

    def _of_the_payment(self, what: Any, event: Json) -> None:
        tap = self._last
        if tap is None or not tap.over:
            return
        stan = event.get("stan")
        if stan is None:
            return
        if tap.stan is None:
            tap.stan = stan
        if stan == tap.stan:
            if what in ("request", "answer"):
                tap.happened(what, self._now_ns)
            facts = {key: value for key, value in event.items() if key != "t"}
            tap.events.append({"t_ms": _ms(self._now_ns), "after": len(tap.exchanges), **facts})
            self._changed(tap)

    def _screen(self, event: Json) -> None:
        name, words, now_ns = event["name"], event["words"], self._now_ns
        if name in _ASKS_FOR_CARD:
            self._amount = next((w for w in words if _MONEY.fullmatch(w)), self._amount)
        if name == "one_card_only":
            # EP-6: the reader saw it, no kernel was asked.
            tap = self._begin(now_ns)
            tap.outcome = {"kind": "try_again", "error": "more than one card at the reader"}
            tap.happened("outcome", now_ns)
        tap = self._last
        if name in _ANOTHER_CUSTOMER:
            self._attached, self._pending = False, []
        elif tap is not None and self._attached:
            if name == "card_read_ok":
                tap.happened("read", now_ns)
            elif tap.over and name not in (*_ASKS_FOR_CARD, "processing", "authorising"):
                tap.happened("result", now_ns)
            tap.screens.append({"t_ms": _ms(now_ns), "name": name, "words": words})
            self._changed(tap)

    def _message(self, message: Json) -> None:
        """A host message of this sale's, by its STAN or that of what it takes back."""
        tap = self._last
        fields = message.get("fields", {})
        if tap is None or tap.stan is None or str(message.get("mti", "")).startswith("08"):
            return
        stan = f"{tap.stan:06d}"
        if stan not in (fields.get("11"), fields.get("90", "")[4:10]):
            return
        tap.host.append({"t_ms": _ms(self._now_ns), **message})
        self._changed(tap)

    def _changed(self, tap: Tap) -> None:
        for listener in self.on_change:
            listener(tap)


def _ms(ns: int) -> float:
    return round(ns / NS_PER_MS, 3)


def _telling(exchanges: list[Json], host: list[Json]) -> list[Json]:
    """The elements that say what was decided, as fields, the last value of each."""
    found: dict[str, Json] = {}
    for exchange in exchanges:
        for part in (exchange["command"], exchange["response"]):
            found.update(_primitives(part["fields"] if part else []))
    for message in host:
        if message.get("direction") == "in":
            found.update(_primitives(icc_data(message.get("emv", {}))))
    return [found[tag] for tag in _TELLING if tag in found]


def _amount(exchanges: list[Json]) -> str:
    """What the card was asked for, where it was told the currency too."""
    for exchange in exchanges:
        field = _primitives(exchange["command"]["fields"]).get(_AMOUNT)
        if field and field["text"] and not field["text"][0].endswith("minor units"):
            return field["text"][0]
    return ""


def _primitives(fields: list[Json]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for field in fields:
        if field["fields"]:
            found.update(_primitives(field["fields"]))
        elif field["value"]:
            found[field["tag"]] = field
    return found
