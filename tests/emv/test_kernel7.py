"""CX-1: kernel 7, UnionPay, on cards of a few words; what it has of kernel 3 is proven there."""

from typing import Any

import pytest
from kassa.emv.errors import ConfigError
from kassa.system.card import CardLost, TransmissionError

from simulator import cards
from tests.emv.other_schemes import (
    AAC,
    ARQC,
    TC,
    UNIONPAY_RECORD,
    Oda,
    Risk,
    only,
    rules,
    take,
    unionpay,
)
from tests.emv.reader import Terminal
from tests.emv.scripts import GPO, READ, answering, sent

ONLINE = only(7)
OFFLINE = only(7, offline=True)
FDDA = bytes.fromhex("01 0A0B0C0D 0000".replace(" ", ""))
# A TC with what fDDA needs
SIGNED: dict[int, bytes | None] = {0x9F27: TC, 0x9F6C: b"\0\0", 0x9F69: FDDA}


def offline(ttq: str, **fields: Any) -> Any:
    return only(7, offline=True, ttq=ttq, **fields)


def test_CX_1_the_ttq_is_needed_and_says_fdda() -> None:
    def change(source: dict[str, Any]) -> None:
        ONLINE(source)
        del source["combinations"][0]["ttq"]

    with pytest.raises(ConfigError, match=r"A000000333010102.*ttq"):
        Terminal(change)
    card = unionpay()
    take(card, ONLINE)
    assert sent(card, GPO)[0][7:11].hex() == "20804080"


@pytest.mark.parametrize(
    ("sw", "kind", "start", "message"),
    [
        ("6984", "try_another_interface", None, 0x18),
        ("6985", "end_application", None, 0x1C),  # Select Next, and nothing is left
        ("6986", "try_again", "B", 0x20),
        ("6A81", "end_application", None, 0x1C),
    ],
)
def test_CX_1_status_words_of_gpo(sw: str, kind: str, start: str | None, message: int) -> None:
    found = take(unionpay(GPO=sw), ONLINE)
    assert (found.kind, found.start, found.ui.message) == (kind, start, message)


@pytest.mark.parametrize(
    ("card", "error"),
    [
        (unionpay(pdol=bytes.fromhex("9F02069F3704")), "card data missing"),
        (unionpay({0x9F26: None}), "card data missing"),
        (unionpay({0x82: None}), "card data missing"),
        (unionpay({0x9F36: None}), "card data missing"),
        (unionpay({0x57: None}), "card data missing"),
        (unionpay({0x9F6C: b"\0"}), "parsing error"),
        (unionpay({0x9F69: b"\1"}), "parsing error"),
    ],
)
def test_CX_1_what_is_missing_or_wrong_ends_it(card: Any, error: str) -> None:
    found = take(card, ONLINE)
    assert (found.kind, found.discretionary["error"]) == ("end_application", error)


def test_CX_1_electronic_cash_is_not_offered() -> None:
    card = unionpay(pdol=bytes.fromhex("9F66049F7A01"))
    take(card, ONLINE)
    assert sent(card, GPO)[0][11] == 0x00


@pytest.mark.parametrize(
    ("iad", "kind"),
    [
        ("07010103A0000001", "online_request"),  # CVR: length 03, then the type in bits 20 and 10
        ("0701010380000001", "declined"),
    ],
)
def test_CX_1_without_9F27_the_cvr_says_what_the_cryptogram_is(iad: str, kind: str) -> None:
    found = take(unionpay({0x9F27: None, 0x9F10: bytes.fromhex(iad)}), ONLINE)
    assert found.kind == kind


@pytest.mark.parametrize(
    ("ttq", "amount", "ctq", "related", "kind", "method"),
    [
        ("20004080", 1_000, "0000", None, "online_request", "none"),
        ("24004080", 1_000, "8000", None, "online_request", "online_pin"),
        ("20004080", 5_000, "8000", None, "declined", None),
        ("24004080", 5_000, "8080", None, "online_request", "online_pin"),  # before the device's
        ("20004080", 5_000, "0080", None, "online_request", "cdcvm"),  # unsigned, but an ARQC
        ("20004080", 5_000, "0080", "010A0B0C0D0080", "online_request", "cdcvm"),
        ("20004080", 5_000, "0080", "010A0B0C0D0000", "declined", None),  # not what was signed
        ("22004080", 5_000, "4000", None, "online_request", "signature"),
    ],
)
def test_CX_1_cardholder_verification_by_ctq(
    ttq: str, amount: int, ctq: str, related: str | None, kind: str, method: str | None
) -> None:
    gpo = {0x9F6C: bytes.fromhex(ctq), 0x9F69: bytes.fromhex(related) if related else None}
    found = take(unionpay(gpo), only(7, ttq=ttq), amount)
    assert (found.kind, found.cvm) == (kind, method)


@pytest.mark.parametrize(
    ("gpo", "oda", "kind"),
    [
        (SIGNED, Oda(), "approved"),
        (SIGNED, Oda(good=False), "declined"),
        ({**SIGNED, 0x9F6C: b"\x20\0"}, Oda(good=False), "online_request"),
        (SIGNED, None, "declined"),
        ({**SIGNED, 0x9F27: ARQC}, Oda(), "online_request"),
        ({**SIGNED, 0x9F27: AAC}, Oda(), "declined"),
    ],
)
def test_CX_1_a_tc_needs_fdda(gpo: Any, oda: Any, kind: str) -> None:
    found = take(unionpay(gpo, UNIONPAY_RECORD), OFFLINE, oda=oda)
    assert found.kind == kind
    assert found.authenticated == ("fdda" if kind == "approved" else "")


@pytest.mark.parametrize(
    ("record", "ttq", "kind"),
    [
        ({0x9F51: bytes.fromhex("0978")}, "20004080", "approved"),
        ({0x9F51: bytes.fromhex("0156")}, "20004080", "online_request"),
        ({0x9F51: bytes.fromhex("0156")}, "28004080", "declined"),  # offline only
        ({0x9F42: bytes.fromhex("0156")}, "20004080", "online_request"),
        ({0x9F51: bytes.fromhex("0978"), 0x9F42: bytes.fromhex("0156")}, "20004080", "approved"),
        ({}, "20004080", "approved"),  # the card has seen to it itself
    ],
)
def test_CX_1_a_tc_counts_in_the_cards_own_currency_only(
    record: dict[int, bytes], ttq: str, kind: str
) -> None:
    found = take(unionpay(SIGNED, {**UNIONPAY_RECORD, **record}), offline(ttq), oda=Oda())
    assert found.kind == kind
    if kind == "online_request":
        assert found.cvm == "none"
        assert ("CX-1", "a TC, but not in the card's currency") in found.trail
    if kind == "declined":
        assert found.discretionary["error"] == "not the card's currency"


def test_CX_1_the_currency_of_anything_else_is_the_issuers_business() -> None:
    record = {**UNIONPAY_RECORD, 0x9F51: bytes.fromhex("0156")}
    assert take(unionpay(None, record), ONLINE).kind == "online_request"
    assert take(unionpay({0x9F27: AAC}, record), ONLINE).kind == "declined"


def test_CX_1_the_cardholder_is_verified_for_the_host_as_for_the_approval() -> None:
    record = {**UNIONPAY_RECORD, 0x9F51: bytes.fromhex("0156")}
    card = unionpay({**SIGNED, 0x9F6C: b"\x40\0"}, record)
    found = take(card, offline("22004080"), oda=Oda())
    assert (found.kind, found.cvm) == ("online_request", "signature")


@pytest.mark.parametrize(
    ("risk", "kind"),
    [
        (Risk(listed=True), "declined"),
        (Risk(listed=None), "online_request"),
        (Risk(online="random"), "online_request"),
        (Risk(), "approved"),
    ],
)
def test_CX_1_the_terminals_risk_management_is_heard(risk: Any, kind: str) -> None:
    assert take(unionpay(SIGNED, UNIONPAY_RECORD), OFFLINE, oda=Oda(), risk=risk).kind == kind


@pytest.mark.parametrize("at", [GPO, READ])
@pytest.mark.parametrize("lost", [CardLost(), TransmissionError()])
def test_CX_1_a_transmission_error_starts_again(at: str, lost: Exception) -> None:
    card = answering(unionpay(None, UNIONPAY_RECORD), at, lost)
    found = take(card, ONLINE)
    assert (found.kind, found.start, found.ui_restart.message) == ("try_again", "B", 0x21)


def test_CX_1_an_issuer_that_answers_the_card_gets_a_second_tap() -> None:
    terminal = Terminal(only(7, ttq="2000C080"))
    terminal.prepare(1_000)
    card = unionpay({0x9F6C: b"\0\x40"})
    found = terminal.tap(card)
    assert (found.kind, found.start, found.online_response) == ("online_request", "B", "emv_data")
    terminal.update(card, bytes.fromhex("910A 0102030405060708 3030".replace(" ", "")))
    assert sent(card, "0082") == [bytes.fromhex("008200000A01020304050607083030")]


def test_CX_1_a_refund_leaves_everything_to_the_host() -> None:
    found = take(unionpay({0x9F27: AAC}), ONLINE, 9_000, type=0x20)
    assert (found.kind, found.pan) == ("online_request", "6200000000000005")


def test_CX_1_the_trail_says_what_was_decided() -> None:
    found = take(unionpay(SIGNED, UNIONPAY_RECORD), OFFLINE, oda=Oda())
    assert rules(found)[-1] == "approved offline"


@pytest.mark.parametrize(("amount", "kind"), [(1_250, "online_request"), (5_000, "declined")])
def test_CX_1_the_wallets_card(amount: int, kind: str) -> None:
    assert take(cards.load("unionpay_credit"), ONLINE, amount).kind == kind
