"""Kernel 2's tests: a change of its configuration, what a card was asked, and a CDA that says what
it is told to."""

from typing import Any

from kassa.emv import outcome

from tests.emv.reader import Scripted, Terminal, mastercard_of
from tests.emv.scripts import AC, sent

TC, AAC, ARQC = 0x40, 0x00, 0x80

NO_DICE = {
    "random_threshold": 0,
    "random_percent": 0,
    "random_max_percent": 0,
    "velocity_per_day": 10,
}


def kernel2(
    may_approve_offline: bool = False,
    floor_limit: int = 0,
    unsigned_cap: int = 100_000,
    **fields: Any,
) -> Any:
    """A change of the sandbox configuration: fields of Mastercard's kernel2 table."""

    def change(source: dict[str, Any]) -> None:
        source["terminal"]["offline_approval"] = may_approve_offline
        source["risk"] = {**NO_DICE, "unsigned_cap": unsigned_cap}
        mastercard_of(source)["floor_limit"] = floor_limit
        mastercard_of(source)["kernel2"].update(fields)

    return change


def asked(card: Scripted) -> int:
    """P1 of the GENERATE AC that `card` got."""
    return sent(card, AC)[0][2]


def tvr(found: outcome.Outcome) -> str:
    return (found.tvr or b"").hex()


class Oda:
    """Offline data authentication that says what it is told to."""

    def __init__(self, key: bool = True, good: bool = True) -> None:
        self.key, self.good = key, good
        self.keys: list[tuple[bytes, bytes]] = []
        self.values = b""

    def has_key(self, rid: bytes, index: bytes, date: str | None = "") -> bool:
        self.keys.append((rid, index))
        return self.key

    def cda(self, tap: Any, values: bytes) -> bool:
        self.values = values
        return self.good


CDA_RECORD = {
    0x8F: b"\x92",
    0x90: b"\x01",
    0x9F32: b"\x03",
    0x9F46: b"\x01",
    0x9F47: b"\x03",
    0x9F4A: b"\x82",
}
CDA = kernel2(security_capability="08")


def tap_with(
    oda: Oda | None, card: Scripted, change: Any = CDA, amount_minor: int = 1_000
) -> outcome.Outcome:
    terminal = Terminal(change, oda)
    terminal.prepare(amount_minor)
    return terminal.tap(card)
