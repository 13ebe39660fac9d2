"""The sandbox acquirer, without any input or output: a message goes in, a reply comes out.

What it answers to which message is in README.md beside this file.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulator.acquirer import issuing, key_material, messages
from simulator.acquirer.faults import Fault, Faults
from simulator.acquirer.issuing import Issuers
from simulator.acquirer.ledger import Ledger, Name, Transaction
from simulator.acquirer.messages import Card, Message, NotAuthentic, Unreadable
from simulator.acquirer.replays import Replays

SIGN_ON, ECHO, HEALTH = "001", "301", "381"
# DE 3, its first two digits; DE 39 of an advice.
REFUND, BATCH_DETAILS = "20", "96"
APPROVED_OFFLINE = "Y1"
_ANSWERS = {
    "0100": "0110",
    "0200": "0210",
    "0201": "0210",
    "0220": "0230",
    "0221": "0230",
    "0320": "0330",
    "0400": "0410",
    "0401": "0410",
    "0500": "0510",
    "0501": "0510",
    "0800": "0810",
}
# What an answer repeats of its request.
_REPEATED = (3, 4, 7, 11, 12, 13, 41, 42, 49, 60, 70)
_GARBAGE = bytes.fromhex("0017DEADBEEF")


@dataclass(frozen=True)
class Reply:
    """What the host does: send `data` (framed; maybe b"") after `delay_s`, then maybe close."""

    data: bytes = b""
    delay_s: float = 0.0
    close: bool = False


class Acquirer:
    """One acquirer for any number of terminals.

    issuers      who knows the cards; None: `simulator.cards.issuers`
    now          the host's clock, UTC
    on_message   called with each entry of `messages` as it is made
    health       what each terminal has told of itself, oldest first
    """

    def __init__(
        self,
        ledger: Ledger | None = None,
        issuers: Issuers | None = None,
        base_key: bytes = key_material.BASE_KEY,
        now: Callable[[], datetime.datetime] | None = None,
    ) -> None:
        self.ledger = ledger or Ledger()
        self.faults = Faults()
        self.messages: list[dict[str, Any]] = []
        self.health: dict[str, list[dict[str, Any]]] = {}
        self.on_message: Callable[[dict[str, Any]], None] | None = None
        self._issuers = issuers or _default_issuers()
        self._base_key = base_key
        self._replays = Replays()
        self._why = ""  # the issuer's reason for the answer that is being made
        self._now = now or (lambda: datetime.datetime.now(datetime.UTC))

    def handle(self, raw: bytes, terminal: str | None) -> Reply:
        """Answer one message.  `terminal` is whom the TLS certificate names, None when there is
        none.
        """
        try:
            request = messages.decode(raw)
        except Unreadable as error:
            self._log({"direction": "in", "mti": "", "fields": {}, "note": str(error)})
            return Reply(close=True)
        fault, delay_s = self.faults.take(request.mti)
        if fault is Fault.DROP_REQUEST:
            return Reply()
        answer_mti = _ANSWERS.get(request.mti)
        if answer_mti is None:
            self._log_request(request, None, "unknown message type")
            return Reply(close=True)
        self._why = ""
        if fault is Fault.ISSUER_DOWN:
            self._log_request(request, None, "the issuer is down")
            answer, silent = {39: issuing.ISSUER_UNAVAILABLE}, False
        else:
            answer, silent = self._answer(request, terminal)
        fields = {number: request.fields[number] for number in _REPEATED if request.get(number)}
        fields.update(answer)
        key = messages.response_key(request, self._base_key)
        if fault is Fault.WRONG_STAN:
            fields[11] = f"{(int(fields[11]) + 500_000) % 1_000_000:06}"
        reply = bytearray(messages.encode(answer_mti, fields, key))
        if fault is Fault.WRONG_MAC:
            reply[-1] ^= 0x01
        entry = messages.record("out", answer_mti, fields, None, {})
        if self._why:
            entry["note"] = self._why
        self._log(entry)
        framed = len(reply).to_bytes(2, "big") + bytes(reply)
        if silent or fault is Fault.DROP_RESPONSE:
            return Reply()
        if fault is Fault.STALL:
            return Reply(framed[: len(framed) // 2])
        if fault is Fault.GARBAGE:
            return Reply(_GARBAGE)
        if fault is Fault.CLOSE:
            return Reply(close=True)
        if fault is Fault.TWICE:
            return Reply(framed + framed)
        return Reply(framed, delay_s if fault is Fault.LATE else 0.0)

    def _answer(self, request: Message, terminal: str | None) -> tuple[dict[int, str], bool]:
        """(the answer's own fields, whether to keep silent)."""
        network_management = request.mti == "0800"
        card = None
        note = ""
        try:
            if request.get(70) != ECHO or request.ksn is not None:
                messages.verify_mac(request, self._base_key)
                self._replays.check(request, request.get(70) == SIGN_ON)
            card = messages.open_card(request, self._base_key)
            emv = request.emv
        except (NotAuthentic, Unreadable) as error:
            note = str(error)
            emv = {}
        self._log_request(request, card, note, emv)
        if note:
            return {39: issuing.SECURITY_VIOLATION}, False
        if terminal is not None and terminal != request.get(41):
            return {39: "58"}, False
        if network_management:
            return self._network_management(request), False
        if request.mti in ("0400", "0401"):
            self.ledger.reverse(_name(request))
            return {39: issuing.APPROVED}, False
        if request.mti in ("0500", "0501"):
            return self._settle(request), False
        if request.mti == "0320":
            return self._detail(request), False
        return self._financial(request, card, emv)

    def _network_management(self, request: Message) -> dict[int, str]:
        if request.get(70) == SIGN_ON:
            return {39: issuing.APPROVED, 62: f"{self._now():%Y%m%d%H%M%S}"}
        if request.get(70) == HEALTH:
            told = _health(request)
            if told is None:
                return {39: issuing.FORMAT_ERROR}
            self.health.setdefault(request.get(41), []).append(told)
        return {39: issuing.APPROVED}

    def _financial(
        self, request: Message, card: Card | None, emv: dict[int, bytes]
    ) -> tuple[dict[int, str], bool]:
        try:
            name = _name(request)
            amount_minor = int(request.fields[4])
            currency = request.fields[49]
        except KeyError:
            return {39: issuing.FORMAT_ERROR}, False
        known = self.ledger.find(name)
        if known is not None:
            same = (known.amount_minor, known.currency) == (amount_minor, currency)
            return (_fields_of(known) if same else {39: issuing.DUPLICATE}), False
        if self.ledger.was_reversed(name):
            # Its reversal overtook it: what was taken back must not happen any more.
            return {39: issuing.DUPLICATE}, False
        credit = request.get(3)[:2] == REFUND
        original = None
        for_card = b""
        if credit and card is None:
            original, code = self._original(request, amount_minor, currency)
        elif card is None:
            return {39: issuing.FORMAT_ERROR}, False
        elif credit:
            self.ledger.open_account(card.pan, currency)
            code = issuing.APPROVED
        elif request.get(39) == APPROVED_OFFLINE:
            # Nobody is asked any more, but whether it was the card that approved.
            decision = issuing.capture(self._issuers, card, emv, amount_minor, currency)
            code, self._why = decision.code, decision.why
            if code == issuing.APPROVED:
                self.ledger.open_account(card.pan, currency)
        else:
            decision = issuing.decide(
                self._issuers, self.ledger, card, emv, amount_minor, currency, self._now().date()
            )
            code, self._why = decision.code, decision.why
            if code not in (issuing.WRONG_CRYPTOGRAM, issuing.INVALID_CARD):
                for_card = issuing.answer_for_card(self._issuers, card, emv, code)
        transaction = self.ledger.book(
            name,
            request.mti,
            card.pan if card is not None and code == issuing.APPROVED else None,
            amount_minor,
            currency,
            code,
            request.get(38) or _approval_code(name),
            request.get(13) + request.get(12)[:2] + name.stan,
            credit,
            original,
        )
        fields = _fields_of(transaction)
        if for_card:
            fields[55] = for_card.hex().upper()
        return fields, request.get(4)[-2:] == issuing.NO_ANSWER_AMOUNT

    def _original(
        self, request: Message, amount_minor: int, currency: str
    ) -> tuple[Transaction | None, str]:
        """(the sale that a linked refund gives back, the code for it)."""
        sale = self.ledger.find_sale(
            request.get(41), request.get(61), request.get(90)[4:10], request.get(37)
        )
        if sale is None or not sale.captured or sale.reversed:
            return None, issuing.NO_SUCH_SALE
        if sale.currency != currency or amount_minor > sale.amount_minor - (
            self.ledger.refunded_minor(sale)
        ):
            return None, issuing.BAD_AMOUNT
        return sale, issuing.APPROVED

    def _settle(self, request: Message) -> dict[int, str]:
        try:
            counts = [int(request.fields[number]) for number in (76, 88, 74, 86)]
            terminal, batch = request.fields[41], request.fields[60]
        except KeyError:
            return {39: issuing.FORMAT_ERROR}
        counts[1] += self.faults.take_difference()
        again = request.get(3)[:2] == BATCH_DETAILS
        balanced = self.ledger.settle(terminal, batch, *counts, again=again)
        ours = self.ledger.totals(terminal, batch)
        return {
            39: "00" if balanced else "95",
            66: "1" if balanced else "2",
            74: f"{ours.credits:010}",
            76: f"{ours.debits:010}",
            86: f"{ours.credits_minor:016}",
            88: f"{ours.debits_minor:016}",
        }

    def _detail(self, request: Message) -> dict[int, str]:
        try:
            self.ledger.note_detail(
                _name(request), int(request.fields[4]), request.get(3)[:2] == REFUND
            )
        except KeyError:
            return {39: issuing.FORMAT_ERROR}
        return {39: issuing.APPROVED}

    def _log_request(
        self,
        request: Message,
        card: Card | None,
        note: str,
        emv: dict[int, bytes] | None = None,
    ) -> None:
        entry = messages.record("in", request.mti, request.fields, card, emv or {})
        if note:
            entry["note"] = note
        if request.get(70) == HEALTH and (told := _health(request)) is not None:
            entry["health"] = told
        self._log(entry)

    def _log(self, entry: dict[str, Any]) -> None:
        self.messages.append(entry)
        if self.on_message is not None:
            self.on_message(entry)


def _health(request: Message) -> dict[str, Any] | None:
    """What a terminal tells of itself; None when it is no JSON object."""
    try:
        told = json.loads(request.get(63))
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _name(request: Message) -> Name:
    """The transaction's name; KeyError when a part of it is missing."""
    fields = request.fields
    return Name(fields[41], fields[60], fields[11], fields[13])


def _fields_of(transaction: Transaction) -> dict[int, str]:
    """What an answer says of a transaction: the same, however often it is asked."""
    fields = {37: transaction.rrn, 39: transaction.code}
    if transaction.approved:
        fields[38] = transaction.approval_code
    return fields


def _approval_code(name: Name) -> str:
    """Six digits, the same for the same transaction, so that runs can be compared."""
    text = "/".join((name.terminal, name.batch, name.stan, name.date))
    return f"{int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) % 1_000_000:06}"


def _default_issuers() -> Issuers:
    from simulator.cards import issuers

    return issuers
