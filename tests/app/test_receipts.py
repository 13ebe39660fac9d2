"""What stands on a receipt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kassa.app import receipts
from kassa.emv.outcome import ONLINE_REQUEST, Outcome
from kassa.payment import responses
from kassa.payment import transaction as life
from kassa.payment.decision import Decision
from kassa.payment.transaction import Transaction
from kassa.system.config import TerminalConfig
from kassa.ui.language import LANGUAGES, Catalogue

from simulator import provisioning

ROOT = Path(__file__).parents[2]
WORDS = ROOT / "firmware" / "assets" / "words"
CONFIG = TerminalConfig(provisioning.terminal_document({}, "127.0.0.1", 1), "terminal.json")
PAN = "4761739001010010"


def finished(approved: bool = True) -> Transaction:
    outcome = Outcome(ONLINE_REQUEST, cvm="cdcvm")
    outcome.pan, outcome.label = PAN, "VISA CREDIT"
    outcome.aid = bytes.fromhex("A0000000031010")
    outcome.data = {0x95: bytes(5), 0x9F26: bytes.fromhex("0123456789ABCDEF")}
    transaction = Transaction("sale", 1250, "EUR", 42, 1, (2026, 11, 22, 10, 0, 0))
    transaction.attach_card(outcome)
    transaction.move(life.CARD_READ)
    transaction.move(life.REQUESTED)
    transaction.approval_code, transaction.rrn = "A1B2C3", "632610000042"
    if approved:
        transaction.move(life.APPROVED)
    else:
        transaction.response_code = "51"
        transaction.decline("insufficient_funds")
    return transaction


def text(transaction: Transaction, which: str, language: str = "en") -> str:
    words = Catalogue(str(WORDS), language)
    rows = receipts.receipt(transaction, CONFIG, words, which)
    return "\n".join(" ".join(str(part) for part in row) for row in rows)


@pytest.mark.parametrize("which", [receipts.CUSTOMER, receipts.MERCHANT])
def test_a_receipt_says_who_sold_what_for_how_much_and_who_approved(which):
    slip = text(finished(), which)
    for needed in (
        "Kassa Coffee",
        "12.50",
        "476173******0010",
        "A0000000031010",
        "000042",
        "A1B2C3",
    ):
        assert needed in slip
    assert "632610000042" in slip
    assert "APPROVED" in slip


@pytest.mark.parametrize("which", [receipts.CUSTOMER, receipts.MERCHANT])
@pytest.mark.parametrize("approved", [True, False])
def test_no_receipt_carries_the_whole_card_number(which, approved):
    assert PAN not in text(finished(approved), which).replace(" ", "")


def test_the_merchant_keeps_the_cards_proof():
    assert "0123456789ABCDEF" in text(finished(), receipts.MERCHANT)
    assert "0000000000" in text(finished(), receipts.MERCHANT)


def test_a_declined_sale_says_why_in_plain_words_and_not_approved():
    slip = text(finished(approved=False), receipts.CUSTOMER)
    assert "Not enough funds" in slip
    assert "APPROVED" not in slip.replace("DECLINED", "")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_on_a_receipt_is_in_every_catalogue(language):
    for approved in (True, False):
        for which in (receipts.CUSTOMER, receipts.MERCHANT):
            assert "receipt." not in text(finished(approved), which, language)


def taken_offline(reason: str, decision: bytes = b"") -> Transaction:
    transaction = finished()
    transaction.approval_code = transaction.rrn = ""
    transaction.state, transaction.offline_reason = life.STORED, reason
    transaction.decision = decision
    return transaction


DECISION = Decision(
    "cda",
    "C2-8 ODA-6",
    floor_minor=2500,
    today=2,
    per_day=5,
    list_age_days=3,
    drawn=57,
    percent=12,
)


def test_R_3_the_merchants_copy_says_in_one_line_why_the_card_was_believed():
    approved = taken_offline(life.BY_CARD, DECISION.encode())
    merchant, customer = (text(approved, which) for which in ("merchant", "customer"))
    assert "OFFLINE: CDA OK, floor 25.00, day 2/5, list 3 d" in merchant
    assert "OFFLINE: " not in customer
    for slip in (merchant, customer):
        assert "APPROVED OFFLINE" in slip and "Approved by the card" in slip
        assert "NOT YET AUTHORISED" not in slip


def test_R_3_the_line_names_only_what_there_was():
    bare = taken_offline(life.BY_CARD, Decision().encode())
    assert "OFFLINE: no signature\n" in text(bare, receipts.MERCHANT)
    later = taken_offline(life.BY_CARD, b"\x09\x00")
    assert "OFFLINE: not a decision of this version" in text(later, receipts.MERCHANT)


def test_a_deferral_is_never_printed_as_an_approval():
    deferred = text(taken_offline("no_connection"), receipts.MERCHANT)
    assert "ACCEPTED, NOT YET AUTHORISED" in deferred and "Deferred authorisation" in deferred
    assert "APPROVED" not in deferred and "OFFLINE" not in deferred


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_an_offline_approval_is_in_every_catalogue(language):
    for decision in (DECISION, Decision()):
        slip = text(taken_offline(life.BY_CARD, decision.encode()), receipts.MERCHANT, language)
        assert "receipt." not in slip and "offline." not in slip


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_to_decline_has_its_words(language):
    words = json.loads((WORDS / f"{language}.json").read_text(encoding="utf-8"))
    reasons = {responses.decline_reason(f"{code:02}") for code in range(100)}
    reasons |= {"card_declined", "not_connected", "no_answer"}
    # What risk management and the merchant's limits say.
    reasons |= {"bank_needed", "not_verified", "clock_not_set", "journal_full", "journal_tampered"}
    reasons |= {f"offline_{limit}" for limit in ("per_sale", "total", "count", "age")}
    assert {f"declined.{reason}" for reason in reasons} <= set(words)
