"""What the journal keeps of a transaction: one record a move, and its bytes.  Pure.

| kind | after it the transaction is | carries | at boot it means |
|---|---|---|---|
| 1 REQUESTED | requested | all facts | alone: a reversal is owed |
| 2 APPROVED | approved | codes | counts in the batch |
| 3 DECLINED | declined | reason, codes (all facts when no request was recorded) | over |
| 4 UNKNOWN | unknown | all facts, reason | a reversal is owed |
| 5 REVERSED | reversed | - | over |
| 6 STORED | stored | all facts, DE 55, sealed card block, why (by the card: decision and card
token) | an advice is owed |
| 7 SENDING | sending | - | an advice is owed, and a void needs a reversal |
| 8 FORWARDED | forwarded | codes | counts in the batch |
| 9 REFUSED | refused | codes | the merchant must be told |
| 10 VOIDING | voiding | all facts, codes | no longer counts; a reversal is owed |
| 11 VOIDED | voided | - | over |
| 12 REPORTED | (refused) | - | the merchant has been told |
| 13 SETTLING | - | STAN of the 0500, totals by scheme | the next batch is open; a
settlement is owed |
| 14 SETTLED | - | code, the host's totals | over |

States without a record (new, card read, cancelled) have sent nothing and promised nothing.

A payload is the name, batch and STAN in three bytes each, big-endian, then objects of tag (one
byte), length (one byte, or FF and two bytes) and value.  Text is ASCII or UTF-8, numbers are
big-endian and as short as they can be, a moment is six bytes: year since 2000, month, day, hour,
minute, second.
"""

from typing import TYPE_CHECKING

from kassa.payment import transaction as life
from kassa.payment.transaction import Transaction
from kassa.system.errors import KassaError

if TYPE_CHECKING:
    from typing import Any

    Facts = dict[int, bytes]

REQUESTED = 1
APPROVED = 2
DECLINED = 3
UNKNOWN = 4
REVERSED = 5
STORED = 6
SENDING = 7
FORWARDED = 8
REFUSED = 9
VOIDING = 10
VOIDED = 11
REPORTED = 12
SETTLING = 13
SETTLED = 14

KIND_OF = {
    life.REQUESTED: REQUESTED,
    life.APPROVED: APPROVED,
    life.DECLINED: DECLINED,
    life.UNKNOWN: UNKNOWN,
    life.REVERSED: REVERSED,
    life.STORED: STORED,
    life.SENDING: SENDING,
    life.FORWARDED: FORWARDED,
    life.REFUSED: REFUSED,
    life.VOIDING: VOIDING,
    life.VOIDED: VOIDED,
}
"""State -> the record that says it was reached; the states that are not here leave none."""

STATE_OF = {}
"""The other way round."""
for _state in KIND_OF:
    STATE_OF[KIND_OF[_state]] = _state

NAMES = {
    REQUESTED: "requested",
    APPROVED: "approved",
    DECLINED: "declined",
    UNKNOWN: "unknown",
    REVERSED: "reversed",
    STORED: "stored",
    SENDING: "sending",
    FORWARDED: "forwarded",
    REFUSED: "refused",
    VOIDING: "voiding",
    VOIDED: "voided",
    REPORTED: "reported",
    SETTLING: "settling",
    SETTLED: "settled",
}
"""For people and tools."""

_KIND, _AMOUNT, _CURRENCY, _STARTED, _PAN, _LABEL, _SCHEME, _AID, _CVM = 1, 2, 3, 4, 5, 6, 7, 8, 9
_EMV, _CARD, _MTI, _ORIGINAL, _DECISION, _TOKEN = 10, 11, 12, 13, 14, 15
_RESPONSE, _APPROVAL, _RRN, _REASON, _OFFLINE = 16, 17, 18, 19, 20
TOTALS, CODE = 24, 25

_NAME_SIZE = 6
_LONG = 0xFF

_TEXTS = (
    (_KIND, "kind"),
    (_CURRENCY, "currency"),
    (_PAN, "masked_pan"),
    (_LABEL, "label"),
    (_SCHEME, "scheme"),
    (_CVM, "cvm"),
    (_MTI, "mti"),
    (_RESPONSE, "response_code"),
    (_APPROVAL, "approval_code"),
    (_RRN, "rrn"),
    (_REASON, "decline_reason"),
    (_OFFLINE, "offline_reason"),
)
_BYTES = (
    (_AID, "aid"),
    (_EMV, "emv_data"),
    (_CARD, "sealed_card"),
    (_DECISION, "decision"),
    (_TOKEN, "card_token"),
)
_RESULTS = (_RESPONSE, _APPROVAL, _RRN, _REASON)
_ONLY_STORED = (_EMV, _CARD, _DECISION, _TOKEN)
ALL_FACTS = (REQUESTED, UNKNOWN, STORED, VOIDING)
"""Records that tell all there is to know of a transaction; others only add to them."""


class RecordError(KassaError):
    """A record that cannot be read: written by a later firmware, or not by us."""


def encode(kind: int, transaction: Transaction) -> bytes:
    """The payload of `transaction`'s record of that kind."""
    full = kind in ALL_FACTS or (kind == DECLINED and transaction.state != life.REQUESTED)
    buffer = name_bytes(transaction.batch, transaction.stan)
    if full:
        append(buffer, _AMOUNT, number(transaction.amount_minor))
        append(buffer, _STARTED, moment(transaction.started))
        if transaction.original is not None:
            append(buffer, _ORIGINAL, name_bytes(*transaction.original))
    for tag, attribute in _TEXTS:
        if (full or tag in _RESULTS) and getattr(transaction, attribute):
            append(buffer, tag, getattr(transaction, attribute).encode())
    for tag, attribute in _BYTES:
        wanted = full and (kind == STORED or tag not in _ONLY_STORED)
        if wanted and getattr(transaction, attribute):
            append(buffer, tag, getattr(transaction, attribute))
    return bytes(buffer)


def decode(payload: "bytes | memoryview") -> "tuple[tuple[int, int], Facts]":
    """((batch, STAN), objects by tag).  Raises RecordError."""
    if len(payload) < _NAME_SIZE:
        raise RecordError("a record without a name")
    name = parse_name(payload)
    facts = {}
    at = _NAME_SIZE
    while at < len(payload):
        if at + 2 > len(payload):
            raise RecordError("a record's object is cut short")
        tag, length = payload[at], payload[at + 1]
        at += 2
        if length == _LONG:
            length = int.from_bytes(payload[at : at + 2], "big")
            at += 2
        if at + length > len(payload):
            raise RecordError("a record's object is cut short")
        facts[tag] = bytes(payload[at : at + length])
        at += length
    return name, facts


def transaction_of(name: "tuple[int, int]", facts: "Facts") -> Transaction:
    """The transaction that a record with all facts tells of, still without a state.
    RecordError."""
    try:
        transaction = Transaction(
            facts[_KIND].decode(),
            int.from_bytes(facts[_AMOUNT], "big"),
            facts[_CURRENCY].decode(),
            name[1],
            name[0],
            parse_moment(facts[_STARTED]),
        )
    except KeyError as missing:
        raise RecordError("a record lacks object " + str(missing))
    update(transaction, facts)
    if _ORIGINAL in facts:
        transaction.original = parse_name(facts[_ORIGINAL])
    return transaction


def has_all_facts(facts: "Facts") -> bool:
    """Whether a transaction can be made of these."""
    return _AMOUNT in facts and _STARTED in facts


def update(transaction: Transaction, facts: "Facts") -> None:
    """Put what a later record knows into `transaction`."""
    for tag, attribute in _TEXTS:
        if tag in facts:
            setattr(transaction, attribute, facts[tag].decode())
    for tag, attribute in _BYTES:
        if tag in facts:
            setattr(transaction, attribute, facts[tag])


def append(buffer: bytearray, tag: int, value: "bytes | bytearray") -> None:
    """Append one object."""
    buffer.append(tag)
    if len(value) < _LONG:
        buffer.append(len(value))
    else:
        buffer.append(_LONG)
        buffer.extend(len(value).to_bytes(2, "big"))
    buffer.extend(value)


def name_bytes(batch: int, stan: int) -> bytearray:
    buffer = bytearray(batch.to_bytes(3, "big"))
    buffer.extend(stan.to_bytes(3, "big"))
    return buffer


def parse_name(data: "bytes | memoryview") -> "tuple[int, int]":
    return int.from_bytes(data[:3], "big"), int.from_bytes(data[3:6], "big")


def number(value: int) -> bytes:
    """Big-endian, as short as it can be."""
    size = 1
    while value >> 8 * size:
        size += 1
    return value.to_bytes(size, "big")


def moment(value: "tuple[int, int, int, int, int, int]") -> bytes:
    return bytes((max(0, value[0] - 2000), value[1], value[2], value[3], value[4], value[5]))


def parse_moment(data: bytes) -> "tuple[int, int, int, int, int, int]":
    return 2000 + data[0], data[1], data[2], data[3], data[4], data[5]


def describe(kind: int, payload: "bytes | memoryview") -> "dict[str, Any]":
    """A record in words, for tools: JSON values only.  Raises RecordError."""
    # A terminal at its work describes none, so that it does not carry this either.
    from kassa.payment import decision as reasons

    (batch, stan), facts = decode(payload)
    told = {"record": NAMES.get(kind, "kind %d" % kind), "batch": batch, "stan": stan}  # type: dict[str, Any]
    for tag, attribute in _TEXTS:
        if tag in facts:
            told[attribute] = facts[tag].decode()
    if _AMOUNT in facts:
        told["amount_minor"] = int.from_bytes(facts[_AMOUNT], "big")
    if _STARTED in facts:
        told["started"] = "%04d-%02d-%02d %02d:%02d:%02d" % parse_moment(facts[_STARTED])
    if _CARD in facts:
        told["sealed_card_bytes"] = len(facts[_CARD])
    if _DECISION in facts:
        try:
            told["decision"] = reasons.decode(facts[_DECISION]).describe()
        except reasons.DecisionError as error:
            told["decision"] = str(error)
    return told
