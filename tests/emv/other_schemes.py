"""Cards of few words for kernels 4 to 7, terminals that take only them, and what a terminal asks
of its offline data authentication and risk management.

PANs are published test numbers (American Express, Discover, JCB and UnionPay test cards of payment
gateways' documentation).
"""

from typing import Any

from tests.emv.reader import Scripted, Terminal
from tests.emv.scripts import AC, GPO, PPSE, READ, SELECT, Objects, entry, fci, ppse, template

AMEX = bytes.fromhex("A00000002501")
JCB = bytes.fromhex("A0000000651010")
DISCOVER = bytes.fromhex("A0000001523010")
UNIONPAY = bytes.fromhex("A000000333010102")
TC, AAC, ARQC = b"\x40", b"\x00", b"\x80"

Changes = dict[int, bytes | None]

CERTIFICATES: Objects = {
    0x8F: b"\x92",
    0x90: b"\x01",
    0x9F32: b"\x03",
    0x9F46: b"\x02",
    0x9F47: b"\x03",
    0x9F4A: b"\x82",
}
_RECORD: Objects = {
    0x5F34: b"\x01",
    0x5F24: bytes.fromhex("311231"),
    0x5F25: bytes.fromhex("240101"),
    0x5F28: bytes.fromhex("0276"),
    0x9F42: bytes.fromhex("0978"),
    0x9F07: bytes.fromhex("FF80"),
    0x8C: bytes.fromhex("9F02069F370495059F34039C01"),
    0x9F0D: bytes(5),
    0x9F0E: bytes(5),
    0x9F0F: bytes(5),
}
_CRYPTOGRAM: Objects = {
    0x9F27: ARQC,
    0x9F36: b"\x00\x42",
    0x9F26: bytes.fromhex("0102030405060708"),
    0x9F10: bytes.fromhex("06010103A00000"),
}
AMEX_PDOL = bytes.fromhex("9F6E049F6D019F35019F0206")
AMEX_GPO: Objects = {0x82: bytes.fromhex("1180"), 0x94: bytes.fromhex("10010100")}
AMEX_RECORD: Objects = {
    **_RECORD,
    0x57: bytes.fromhex("374245455400126D3112201000000000000F"),
    0x5A: bytes.fromhex("374245455400126F"),
    0x8E: bytes.fromhex("00000000000000001F00"),
}
JCB_PDOL = bytes.fromhex("9F52019F53039F0206")
JCB_GPO: Objects = {0x82: bytes.fromhex("1980"), 0x94: bytes.fromhex("10010100")}
JCB_RECORD: Objects = {
    **_RECORD,
    0x57: bytes.fromhex("3530111333300000D3112201000000000000"),
    0x5A: bytes.fromhex("3530111333300000"),
}
JCB_AC: Objects = {**_CRYPTOGRAM, 0x9F50: b"\x00"}
DISCOVER_PDOL = bytes.fromhex("9F66049F02069F3704")
DISCOVER_GPO: Objects = {
    **_CRYPTOGRAM,
    0x82: bytes.fromhex("1900"),
    0x94: bytes.fromhex("10010100"),
    0x57: bytes.fromhex("6011000990139424D3112201000000000000"),
    0x9F71: bytes.fromhex("0000"),
}
DISCOVER_RECORD: Objects = {
    0x5A: bytes.fromhex("6011000990139424"),
    0x5F24: bytes.fromhex("311231"),
    0x5F28: bytes.fromhex("0276"),
    0x9F07: bytes.fromhex("FF80"),
}
UNIONPAY_GPO: Objects = {
    **_CRYPTOGRAM,
    0x82: bytes.fromhex("2000"),
    0x57: bytes.fromhex("6200000000000005D3112201000000000000"),
    0x9F10: bytes.fromhex("07010103A0000001"),
    0x9F6C: bytes.fromhex("2800"),
}
UNIONPAY_RECORD: Objects = {0x5F24: bytes.fromhex("311231"), 0x5F28: bytes.fromhex("0156")}


def _card(aid: bytes, pdol: bytes, answers: dict[str, Any], changed: dict[str, Any]) -> Scripted:
    table = {PPSE: ppse(entry(aid)), SELECT: fci(aid, pdol), **answers}
    table.update({key: value for key, value in changed.items() if value is not None})
    return Scripted(table)


def amex(
    record: Changes | None = None,
    ac: Changes | None = None,
    gpo: Changes | None = None,
    pdol: bytes = AMEX_PDOL,
    **whole: Any,
) -> Scripted:
    """An Expresspay card; changes to each part, or `GPO`, `READ`, `AC` as whole answers."""
    answers = {
        GPO: template(0x77, AMEX_GPO, gpo),
        READ: template(0x70, AMEX_RECORD, record),
        AC: template(0x77, _CRYPTOGRAM, ac),
    }
    named = {GPO: whole.get("GPO"), READ: whole.get("READ"), AC: whole.get("AC")}
    return _card(AMEX, pdol, answers, named)


def jcb(
    record: Changes | None = None,
    ac: Changes | None = None,
    gpo: Changes | None = None,
    pdol: bytes = JCB_PDOL,
    **whole: Any,
) -> Scripted:
    """A J/Speedy card, as `amex`."""
    answers = {
        GPO: template(0x77, JCB_GPO, gpo),
        READ: template(0x70, JCB_RECORD, record),
        AC: template(0x77, JCB_AC, ac),
    }
    named = {GPO: whole.get("GPO"), READ: whole.get("READ"), AC: whole.get("AC")}
    return _card(JCB, pdol, answers, named)


def discover(
    gpo: Changes | None = None,
    record: Changes | None = None,
    pdol: bytes = DISCOVER_PDOL,
    **whole: Any,
) -> Scripted:
    """A D-PAS card, as `amex`."""
    answers = {
        GPO: template(0x77, DISCOVER_GPO, gpo),
        READ: template(0x70, DISCOVER_RECORD, record),
    }
    named = {GPO: whole.get("GPO"), READ: whole.get("READ")}
    return _card(DISCOVER, pdol, answers, named)


def unionpay(
    gpo: Changes | None = None,
    record: Changes | None = None,
    pdol: bytes = DISCOVER_PDOL,
    **whole: Any,
) -> Scripted:
    """A QuickPass card, as `amex`; it has a record only when `record` says so."""
    objects = dict(gpo or {})
    if record is not None:
        objects.setdefault(0x94, bytes.fromhex("10010100"))
    answers = {
        GPO: template(0x77, UNIONPAY_GPO, objects),
        READ: template(0x70, UNIONPAY_RECORD, record),
    }
    return _card(UNIONPAY, pdol, answers, {GPO: whole.get("GPO"), READ: whole.get("READ")})


_COMBINATIONS: dict[int, dict[str, Any]] = {
    4: {"aid": AMEX.hex(), "scheme": "amex", "tags": {"9F09": "0001"}},
    5: {"aid": JCB.hex(), "scheme": "jcb", "kernel5": {"experimental": True}},
    6: {
        "aid": DISCOVER.hex(),
        "scheme": "discover",
        "ttq": "20004000",
        "kernel6": {"experimental": True},
    },
    7: {"aid": UNIONPAY.hex(), "scheme": "unionpay", "ttq": "20004080"},
}


def only(
    kernel: int, offline: bool = False, table: dict[str, Any] | None = None, **fields: Any
) -> Any:
    """A change of the sandbox configuration: a terminal for `kernel`'s scheme alone; `fields` are
    the combination's, `table` its own table's.  With `offline` up to 20 euro need no host."""

    def change(source: dict[str, Any]) -> None:
        combination = {
            "kernel": kernel,
            "transaction_limit": 500_000,
            "floor_limit": 2_000 if offline else 0,
            "cvm_limit": 5_000,
            **_COMBINATIONS[kernel],
        }
        own = f"kernel{kernel}"
        if table is not None or own in combination:
            combination[own] = {**combination.get(own, {}), **(table or {})}
        combination.update(fields)
        source["terminal"]["offline_approval"] = offline
        source["combinations"] = [combination]

    return change


class Oda:
    """Offline data authentication that says what it is told to; `asked` is what it was asked."""

    def __init__(self, good: bool = True, key: bool = True) -> None:
        self.good, self.key = good, key
        self.asked: list[str] = []
        self.values = b""
        self.objects: list[tuple[int, bytes]] = []

    def has_key(self, rid: bytes, index: bytes, date: str | None = "") -> bool:
        return self.key

    def sda(self, tap: Any) -> bool:
        return self._answer(tap, "sda")

    def fdda(self, tap: Any) -> bool:
        return self._answer(tap, "fdda")

    def cda(self, tap: Any, values: bytes) -> bool:
        self.values, self.objects = tap.pdol_values + values, tap.ac_objects
        if self.good:
            tap.data[0x9F26] = bytes(range(8))
        return self._answer(tap, "cda")

    def _answer(self, tap: Any, name: str) -> bool:
        self.asked.append(name)
        if self.good:
            tap.authenticated = name
        return self.good


class Risk:
    """Risk management that says what it is told to."""

    def __init__(self, listed: bool | None = False, online: str = "") -> None:
        self._listed, self._online = listed, online

    def listed(self, pan: str, psn: int | None) -> bool | None:
        assert pan
        return self._listed

    def select_online(self, pan: str, amount: int, floor: int | None, random: Any) -> str:
        return self._online


def take(
    card: Any,
    change: Any,
    amount_minor: int = 1_000,
    oda: Any = None,
    risk: Any = None,
    **fields: Any,
) -> Any:
    """Prepare and tap once: the outcome."""
    terminal = Terminal(change, oda, risk)
    refused = terminal.prepare(amount_minor, **fields)
    assert refused is None
    return terminal.tap(card)


def rules(found: Any) -> list[str]:
    """The words of an outcome's trail."""
    return [what for _, what in found.trail]


__all__ = [
    "AAC",
    "ARQC",
    "CERTIFICATES",
    "TC",
    "Oda",
    "Risk",
    "amex",
    "discover",
    "jcb",
    "only",
    "rules",
    "take",
    "unionpay",
]
