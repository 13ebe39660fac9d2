"""A recorded exchange as a card: it answers as the recording says and nothing else.

    uid: "04A1B2C3D4E580"
    ats: "0B788091024B4153534101"
    unpredictable_numbers: ["01020304"]      # optional: what the terminal must draw, one a tap
    date: "261122"                           # optional: YYMMDD, the terminal's
    time: "142305"                           # optional: HHMMSS, the terminal's
    amount: 1250                             # optional: minor units
    match: order                             # or `command`: look answers up by command
    exchange:
      - [00A404000E325041592E5359532E444446303100, 6F...9000]
      - ...

In order, a command that is not the recording's raises TraceMismatch, which is no CardError: it
fails the run and names the difference.  An answer of "" is a card that was lost there.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from simulator.cards.applet import MS
from simulator.cards.card import Card, CardLost

_KNOWN = (
    "uid",
    "ats",
    "unpredictable_numbers",
    "date",
    "time",
    "amount",
    "exchange",
    "match",
    "title",
)
_NUMBER_BYTES = 4


class TraceError(ValueError):
    """A file that is no trace; the message says what is wrong in it."""


class TraceMismatch(AssertionError):
    """The terminal sent what the recorded terminal did not."""


class TraceCard:
    """Replays `exchange`, pairs of (command, answer).

    `unpredictable_numbers`, `date`, `time` and `amount_minor` are what the recording was made
    with, for whoever sets up the terminal; None where it does not say.  `mismatch` is the first
    difference.
    """

    def __init__(
        self,
        name: str,
        uid: bytes,
        ats: bytes,
        exchange: Sequence[tuple[bytes, bytes]],
        by_command: bool = False,
    ) -> None:
        self.name = name
        self.title = f"Recording {name}"
        self.scheme = ""
        self.uid, self.ats = uid, ats
        self.atqa = 0x0004 if len(uid) == 4 else 0x0044
        self.sak = 0x20
        self.unpredictable_numbers: list[bytes] | None = None
        self.date: str | None = None
        self.time: str | None = None
        self.amount_minor: int | None = None
        self.mismatch: str | None = None
        self._exchange = list(exchange)
        self._by_command = by_command
        self._at = 0

    @property
    def cards(self) -> Sequence[Card]:
        return (self,)

    @property
    def finished(self) -> bool:
        """True once every recorded command has come (by command: always)."""
        return self._by_command or self._at == len(self._exchange)

    def reset(self) -> None:
        """A second tap goes on where the recording of the first ended."""

    def response_time_ns(self, command: bytes) -> int:
        return 15 * MS

    def transceive(self, command: bytes) -> bytes:
        command = bytes(command)
        answer = self._by_lookup(command) if self._by_command else self._in_order(command)
        if not answer:
            raise CardLost("the recorded card was lost here")
        return answer

    def _by_lookup(self, command: bytes) -> bytes:
        for recorded, answer in self._exchange:
            if recorded == command:
                return answer
        raise self._differs(f"no recorded command is {command.hex().upper()}")

    def _in_order(self, command: bytes) -> bytes:
        if self._at >= len(self._exchange):
            raise self._differs(f"the recording is over, and then came {command.hex().upper()}")
        recorded, answer = self._exchange[self._at]
        if recorded != command:
            raise self._differs(
                f"command {self._at + 1} is {command.hex().upper()},"
                f" recorded is {recorded.hex().upper()}{_first_difference(recorded, command)}"
            )
        self._at += 1
        return answer

    def _differs(self, text: str) -> TraceMismatch:
        message = f"{self.name}: {text}"
        self.mismatch = self.mismatch or message
        return TraceMismatch(message)


def load(path: str | Path) -> TraceCard:
    """The card in a trace file; TraceError says what is wrong with it."""
    path = Path(path)
    try:
        source = yaml.load(path.read_text("utf-8"), Loader=yaml.BaseLoader)
    except (OSError, yaml.YAMLError) as error:
        raise TraceError(f"{path}: {error}") from None
    return from_dict(source, path.name)


def from_dict(source: Any, name: str = "trace") -> TraceCard:
    """The card in a trace that was read already.  Values may be text or, for numbers, numbers."""
    if not isinstance(source, dict):
        raise TraceError(f"{name}: a trace is a table")
    unknown = [key for key in source if key not in _KNOWN]
    if unknown:
        raise TraceError(f"{name}: unknown field {unknown[0]!r}")
    listed = source.get("exchange")
    if not isinstance(listed, list) or not listed:
        raise TraceError(f"{name}: exchange must be a list of [command, response]")
    exchange = []
    for number, pair in enumerate(listed, 1):
        if not isinstance(pair, list) or len(pair) != 2:
            raise TraceError(f"{name}: exchange {number} must be [command, response]")
        where = f"{name}: exchange {number}"
        exchange.append((_hex(where, pair[0]), _hex(where, pair[1])))
    match = str(source.get("match", "order"))
    if match not in ("order", "command"):
        raise TraceError(f"{name}: match must be order or command")
    uid = _hex(f"{name}: uid", source.get("uid", "08000000"))
    ats = _hex(f"{name}: ats", source.get("ats", "0578809102"))
    card = TraceCard(name, uid, ats, exchange, by_command=match == "command")
    card.title = str(source.get("title", card.title))
    if "unpredictable_numbers" in source:
        numbers = source["unpredictable_numbers"]
        if not isinstance(numbers, list):
            raise TraceError(f"{name}: unpredictable_numbers must be a list")
        card.unpredictable_numbers = [_hex(f"{name}: unpredictable_numbers", n) for n in numbers]
        if any(len(number) != _NUMBER_BYTES for number in card.unpredictable_numbers):
            raise TraceError(f"{name}: unpredictable_numbers must have {_NUMBER_BYTES} bytes each")
    card.date = _moment(name, source, "date", "%y%m%d", "YYMMDD")
    card.time = _moment(name, source, "time", "%H%M%S", "HHMMSS")
    if "amount" in source:
        if not str(source["amount"]).isdigit():
            raise TraceError(f"{name}: amount must be minor units")
        card.amount_minor = int(source["amount"])
    return card


def _moment(name: str, source: dict[Any, Any], field: str, form: str, shown: str) -> str | None:
    if field not in source:
        return None
    text = str(source[field])
    try:
        datetime.datetime.strptime(text, form)
    except ValueError:
        raise TraceError(f"{name}: {field} must be {shown}") from None
    if len(text) != len(shown):
        raise TraceError(f"{name}: {field} must be {shown}")
    return text


def _hex(where: str, value: Any) -> bytes:
    try:
        return bytes.fromhex(str(value))
    except ValueError:
        raise TraceError(f"{where}: must be hexadecimal text") from None


def _first_difference(recorded: bytes, command: bytes) -> str:
    for at, (one, other) in enumerate(zip(recorded, command, strict=False)):
        if one != other:
            return f" (byte {at}: {other:02X} instead of {one:02X})"
    return f" ({len(command)} bytes instead of {len(recorded)})"
