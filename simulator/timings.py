"""Where a sale's time goes, seen from outside: keys, card exchange, host messages, screens, paper.

Nothing here is told by the terminal about itself except which screen it shows; the rest are the
chips' and the network's own observations, so the figures hold on every runtime.
"""

from __future__ import annotations

from typing import Any

from simulator.clock import NS_PER_MS

_SELECT, _GPO, _READ_RECORD, _GENERATE_AC = 0xA4, 0xA8, 0xB2, 0xAE
_PPSE = b"2PAY.SYS.DDF01"
_FINAL_SCREENS = ("approved", "declined", "cancelled")
_APPROVED = "approved"


def phase_of(command: bytes) -> str:
    """The phase of a sale that an APDU belongs to: ppse, select, gpo, records, ac or other."""
    instruction = command[1] if len(command) > 1 else -1
    if instruction == _SELECT:
        return "ppse" if _PPSE in command else "select"
    return {_GPO: "gpo", _READ_RECORD: "records", _GENERATE_AC: "ac"}.get(instruction, "other")


class SaleTimings:
    """Collects the moments of the sale that runs; `report()` gives milliseconds by phase."""

    def __init__(self) -> None:
        self.start(None)

    def start(self, now_ns: int | None) -> None:
        """The amount was confirmed at `now_ns`: a new sale begins."""
        self._moments: dict[str, int] = {} if now_ns is None else {"confirmed": now_ns}
        self.apdus: list[tuple[str, int, int, int]] = []

    def happened(self, moment: str, now_ns: int) -> None:
        """One of card, read, request, answer, result, paper; the first of each counts."""
        self._moments.setdefault(moment, now_ns)

    def card_presented(self, now_ns: int) -> None:
        """A card came to the reader; the last one before it was read counts."""
        if "read" not in self._moments:
            self._moments["card"] = now_ns

    def apdu(self, command: bytes, response: bytes | None, start_ns: int, end_ns: int) -> None:
        size = len(command) + len(response or b"")
        self.apdus.append((phase_of(command), size, start_ns, end_ns))

    def event(self, event: dict[str, Any], now_ns: int) -> None:
        """A line of the terminal's console log."""
        what = (event.get("at"), event.get("is"))
        if what == ("ui", "screen"):
            if event["name"] == "card_read_ok":
                self.happened("read", now_ns)
            elif event["name"] in _FINAL_SCREENS:
                self.happened("result", now_ns)
                if event["name"] == _APPROVED:
                    self.happened(_APPROVED, now_ns)
        elif what == ("payment", "request"):
            self.happened("request", now_ns)
        elif what == ("payment", "answer"):
            self.happened("answer", now_ns)

    def printed(self, now_ns: int) -> None:
        if "result" in self._moments:
            self.happened("paper", now_ns)

    def report(self) -> dict[str, float]:
        """Milliseconds by phase of the last sale; a phase that did not happen is absent.

        ppse, select, gpo, records, ac: on the air, by command; host: request out to answer in;
        result: answer in to result shown.  Then the totals a person feels: card_in_field
        (presented to "card read OK"), approved (amount confirmed to result shown),
        receipt_first_line (result shown to first line on paper).
        """
        phases: dict[str, float] = {}
        for phase, _, start_ns, end_ns in self.apdus:
            phases[phase] = phases.get(phase, 0.0) + (end_ns - start_ns) / NS_PER_MS
        for name, begin, end in (
            ("host", "request", "answer"),
            ("result", "answer", "result"),
            ("card_in_field", "card", "read"),
            ("approved", "confirmed", _APPROVED),
            ("receipt_first_line", "result", "paper"),
        ):
            if begin in self._moments and end in self._moments:
                phases[name] = (self._moments[end] - self._moments[begin]) / NS_PER_MS
        return {phase: round(ms, 3) for phase, ms in phases.items()}
