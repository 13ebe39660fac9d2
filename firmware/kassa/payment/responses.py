"""What a response code means for the person at the terminal (ISO 8583:1987 DE 39)."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kassa.payment.transaction import Transaction

# 10 (approved for a part) is not among them: we sell for the whole amount or not at all.
APPROVED_CODES = ("00", "08", "11")

# DE 39 of an advice and authorisation response code of the terminal (EMV 4.3 Book 4, A6 Table 37).
APPROVED_OFFLINE = "Y1"
NOT_REACHED = "Y3"

_REASONS = {
    "01": "call_bank",
    "02": "call_bank",
    "03": "merchant_not_known",
    "04": "card_blocked",
    "05": "do_not_honour",
    "07": "card_blocked",
    "12": "not_permitted",
    "13": "amount_not_accepted",
    "14": "card_not_known",
    "15": "card_not_known",
    "30": "host_error",
    "33": "card_expired",
    "34": "card_blocked",
    "36": "card_blocked",
    "41": "card_blocked",
    "43": "card_blocked",
    "51": "insufficient_funds",
    "54": "card_expired",
    "55": "wrong_pin",
    "57": "not_permitted",
    "58": "not_permitted",
    "59": "do_not_honour",
    "61": "limit_exceeded",
    "62": "card_blocked",
    "63": "host_error",
    "65": "use_chip",
    "75": "wrong_pin",
    "76": "host_error",
    "91": "issuer_unavailable",
    "92": "issuer_unavailable",
    "94": "host_error",
    "96": "host_error",
}


# The issuer, or what lies between, could not be reached just now.
_TRY_LATER = ("91", "92", "96")


def is_approved(code: str) -> bool:
    return code in APPROVED_CODES


def is_temporary(code: str) -> bool:
    """Whether the same question may get another answer later."""
    return code in _TRY_LATER


def decline_reason(code: str) -> str:
    """The catalogue's key after `declined.` for a response code; "do_not_honour" for one we do not
    know."""
    return _REASONS.get(code, "do_not_honour")


def take(transaction: "Transaction", answer: "dict[int, str | bytes]") -> None:
    """Keep what an answer says of `transaction`: response code, approval code, RRN, and what the
    issuer has to say to its card (DE 55)."""
    transaction.response_code = str(answer[39])
    transaction.approval_code = str(answer.get(38, "")).strip()
    transaction.rrn = str(answer.get(37, "")).strip()
    issuer_data = answer.get(55, b"")
    transaction.issuer_data = b"" if isinstance(issuer_data, str) else issuer_data
