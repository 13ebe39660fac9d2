"""Why a sale was approved without the host: what the decision rested on, in some twenty bytes
(R-3).  Pure.

The journal keeps it with the sale, tools tell it in full, and the merchant's receipt in one line.

    0   1  version, 1
    1   1  what was verified: 0 nothing, 1 SDA, 2 DDA, 3 CDA, 4 fDDA
    2   .  numbers of `_NUMBERS`, each one larger (0: there is none), seven bits a byte, low ones
           first, 80 set where more follow
    .   .  ASCII: identifiers of the rules that fired, in order, each once, a space between
"""

from typing import TYPE_CHECKING

from kassa.system.errors import KassaError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_VERSION = 1
_METHODS = ("", "sda", "dda", "cda", "fdda")
_SHOWN = {"sda": "SDA", "dda": "DDA", "cda": "CDA", "fdda": "fDDA"}
_NUMBERS = (
    "floor_minor",
    "unsigned_cap_minor",
    "drawn",
    "percent",
    "today",
    "per_day",
    "list_age_days",
    "stored",
    "stored_most",
    "stored_minor",
    "stored_most_minor",
)
_RULES_BYTES = 48


class DecisionError(KassaError):
    """Bytes that are no decision: of a later firmware, or not by us."""


class Decision:
    """The reasons of one offline approval.

    method         the signature that was verified: "sda", "dda", "cda", "fdda"; "" for none
    floor_minor    the reader's floor limit, minor units
    unsigned_cap_minor   up to here no signature is needed
    drawn, percent random selection: the number drawn (1..99) was above the percentage
    today, per_day the sale is the so-manieth of this card today, of so many that are allowed
    list_age_days  age of the exception list, which the card is not on
    stored, stored_most, stored_minor, stored_most_minor
                   what waits for the host with this sale, and the merchant's limits for it
    rules          identifiers of the rules that fired, "C3-3 C3-5 ODA-7"

    Numbers are None where there is no such limit, list or draw.
    """

    def __init__(self, method: str = "", rules: str = "", **numbers: "int | None") -> None:
        self.method = method
        self.rules = rules
        self.floor_minor: "int | None" = None
        self.unsigned_cap_minor: "int | None" = None
        self.drawn: "int | None" = None
        self.percent: "int | None" = None
        self.today: "int | None" = None
        self.per_day: "int | None" = None
        self.list_age_days: "int | None" = None
        self.stored: "int | None" = None
        self.stored_most: "int | None" = None
        self.stored_minor: "int | None" = None
        self.stored_most_minor: "int | None" = None
        for name, value in numbers.items():
            setattr(self, name, value)

    @property
    def shown_method(self) -> str:
        """The signature's name as the books write it, "" where none was verified."""
        return _SHOWN.get(self.method, "")

    def encode(self) -> bytes:
        """For the journal."""
        buffer = bytearray((_VERSION, _METHODS.index(self.method)))
        for name in _NUMBERS:
            value = getattr(self, name)
            _append(buffer, 0 if value is None else value + 1)
        buffer.extend(self.rules.encode())
        return bytes(buffer)

    def describe(self) -> "dict[str, Any]":
        """For tools: JSON values, only what there is."""
        told: "dict[str, Any]" = {"signature": self.shown_method or "none"}
        for name in _NUMBERS:
            value = getattr(self, name)
            if value is not None:
                told[name] = value
        told["rules"] = self.rules.split()
        return told


def decode(data: "bytes | memoryview") -> Decision:
    """The reverse of `Decision.encode`.  Raises DecisionError."""
    if len(data) < 2 or data[0] != _VERSION or data[1] >= len(_METHODS):
        raise DecisionError("not a decision of this version")
    decision = Decision(_METHODS[data[1]])
    at = 2
    for name in _NUMBERS:
        value, shift = 0, 0
        while True:
            if at >= len(data):
                raise DecisionError("a decision is cut short")
            value |= (data[at] & 0x7F) << shift
            shift += 7
            at += 1
            if not data[at - 1] & 0x80:
                break
        setattr(decision, name, value - 1 if value else None)
    try:
        decision.rules = bytes(data[at:]).decode("ascii")
    except UnicodeError:
        raise DecisionError("a decision's rules are no text")
    return decision


def rules_of(trail: "Iterable[tuple[str, str]]") -> str:
    """The identifiers in a tap's trail, in order, each once, as many as there is room for."""
    rules = []
    size = 0
    for rule, _ in trail:
        if rule not in rules and size + len(rule) < _RULES_BYTES:
            rules.append(rule)
            size += len(rule) + 1
    return " ".join(rules)


def _append(buffer: bytearray, value: int) -> None:
    while value > 0x7F:
        buffer.append(value & 0x7F | 0x80)
        value >>= 7
    buffer.append(value)
