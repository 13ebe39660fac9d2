"""Kernel 3's tests: changes of its configuration, a record, and an fDDA that says what it is told
to."""

from typing import Any

from kassa.emv import outcome

from tests.emv.reader import Terminal, visa_of

RECORD = {
    0x5F24: bytes.fromhex("311231"),
    0x5F28: bytes.fromhex("0276"),
    0x9F07: bytes.fromhex("FF80"),
}
TC, AAC, ARQC = b"\x40", b"\x00", b"\x80"


def offline(source: dict[str, Any]) -> None:
    """A terminal that may approve offline up to 20 euro, for Visa."""
    source["terminal"]["offline_approval"] = True
    visa_of(source)["floor_limit"] = 2_000


def with_ttq(ttq: str, may_approve_offline: bool = False) -> Any:
    def change(source: dict[str, Any]) -> None:
        if may_approve_offline:
            offline(source)
        visa_of(source)["ttq"] = ttq

    return change


class Oda:
    """Offline data authentication that says what it is told to."""

    def __init__(self, good: bool) -> None:
        self.good = good
        self.asked = 0

    def fdda(self, tap: Any) -> bool:
        self.asked += 1
        return self.good


def tap_offline(
    card: Any, oda: Oda | None = None, change: Any = offline, **fields: Any
) -> outcome.Outcome:
    terminal = Terminal(change, oda)
    assert terminal.prepare(fields.pop("amount_minor", 1_000), **fields) is None
    return terminal.tap(card)
