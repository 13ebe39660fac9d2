"""What stands on a receipt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kassa.app import receipts
from kassa.emv.outcome import ONLINE_REQUEST, Outcome
from kassa.payment import responses
from kassa.payment import transaction as life
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


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_to_decline_has_its_words(language):
    words = json.loads((WORDS / f"{language}.json").read_text(encoding="utf-8"))
    reasons = {responses.decline_reason(f"{code:02}") for code in range(100)}
    reasons |= {"card_declined", "not_connected", "no_answer"}
    assert {f"declined.{reason}" for reason in reasons} <= set(words)
