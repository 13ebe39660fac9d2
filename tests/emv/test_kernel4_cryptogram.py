"""CX-2: kernel 4's signatures and cryptograms, American Express: SDA, CDA, the answer to GENERATE
AC and what comes of it."""

from typing import Any

import pytest
from kassa.emv import outcome
from kassa.system.card import CardLost, ProtocolError, TransmissionError

from simulator import cards
from tests.emv.mastercards import NO_DICE
from tests.emv.other_schemes import (
    AAC,
    ARQC,
    CERTIFICATES,
    TC,
    Oda,
    amex,
    only,
    rules,
    take,
)
from tests.emv.reader import Terminal
from tests.emv.scripts import AC, GPO, READ, answering, sent

ONLINE = only(4)
OFFLINE = only(4, offline=True, table={"cda": True})
PHONE = {0x82: bytes.fromhex("11C0")}


def table(**fields: Any) -> Any:
    return only(4, table=fields)


def offline(**fields: Any) -> Any:
    return only(4, offline=True, table={"cda": True, **fields})


def asked(card: Any) -> int:
    """P1 of the GENERATE AC that `card` got."""
    return sent(card, AC)[0][2]


def tvr(found: outcome.Outcome) -> str:
    return (found.tvr or b"").hex()


@pytest.mark.parametrize(
    ("good", "reference", "kind", "bits"),
    [(True, 0x40, "approved", "02"), (False, 0x80, "online_request", "42")],
)
def test_CX_2_sda_where_the_card_has_no_cda(
    good: bool, reference: int, kind: str, bits: str
) -> None:
    def change(source: dict[str, Any]) -> None:
        offline(sda=True, tac_online="0000000000")(source)
        source["risk"] = {**NO_DICE, "unsigned_cap": 1_000}

    oda = Oda(good)
    card = amex(gpo={0x82: bytes.fromhex("5080")}, ac={0x9F27: bytes((reference,))})
    found = take(card, change, oda=oda)
    assert (found.kind, asked(card), tvr(found)[:2]) == (kind, reference, bits)
    assert oda.asked == ["sda"]
    assert found.authenticated == ("sda" if good else "")


@pytest.mark.parametrize("aip", ["1180", "5080"])
def test_CX_2_what_the_terminal_does_not_have_is_not_asked_for(aip: str) -> None:
    oda = Oda()
    card = amex(CERTIFICATES, gpo={0x82: bytes.fromhex(aip)})
    found = take(card, only(4, offline=True), oda=oda)
    assert (found.kind, asked(card), oda.asked) == ("online_request", 0x80, [])
    assert tvr(found) == "8000000000"


def test_CX_2_cda_comes_before_sda() -> None:
    oda = Oda()
    card = amex(
        CERTIFICATES, {0x9F27: TC, 0x9F26: None, 0x9F4B: b"\x01"}, {0x82: bytes.fromhex("5180")}
    )
    found = take(card, offline(sda=True), oda=oda)
    assert (found.kind, oda.asked, tvr(found)) == ("approved", ["cda"], "0000000000")
    assert found.authenticated == "cda"


def test_CX_2_cda_covers_what_was_said_and_answered() -> None:
    oda = Oda()
    card = amex(CERTIFICATES, {0x9F27: TC, 0x9F26: None, 0x9F4B: b"\x01"})
    take(card, OFFLINE, oda=oda)
    (gpo,), (ac,) = sent(card, GPO), sent(card, AC)
    assert oda.values == gpo[7:-1] + ac[5:-1]
    assert [tag for tag, _ in oda.objects] == [0x9F27, 0x9F36, 0x9F10, 0x9F4B]
    assert oda.objects[0][1] == bytes.fromhex("9F270140")


@pytest.mark.parametrize(
    ("ac", "oda", "kind", "error"),
    [
        ({0x9F27: TC, 0x9F4B: b"\x01"}, Oda(good=False), "declined", "cam failed"),
        ({0x9F27: ARQC, 0x9F4B: b"\x01"}, Oda(good=False), "declined", "cam failed"),
        ({0x9F27: TC}, Oda(), "declined", "cam failed"),  # asked for CDA, and got none
        ({0x9F27: AAC}, Oda(good=False), "declined", "declined by card"),
    ],
)
def test_CX_2_a_signature_that_fails_declines(
    ac: dict[int, bytes | None], oda: Oda, kind: str, error: str
) -> None:
    found = take(amex(CERTIFICATES, ac), OFFLINE, oda=oda)
    assert (found.kind, found.discretionary["error"]) == (kind, error)
    assert bool((found.tvr or b"")[0] & 0x04) is (error == "cam failed")


@pytest.mark.parametrize(
    ("ac", "kind", "error"),
    [
        ({0x9F27: AAC}, "declined", "declined by card"),
        ({0x9F27: TC}, "end_application", "card data error"),  # an ARQC was asked
        ({0x9F27: b"\xc0"}, "end_application", "card data error"),
        ({0x9F27: None}, "end_application", "card data missing"),
        ({0x9F36: None}, "end_application", "card data missing"),
        ({0x9F26: None}, "end_application", "card data missing"),
        ({0x9F26: bytes(7)}, "end_application", "parsing error"),
        ({0x9F27: b"\x80\x80"}, "end_application", "parsing error"),
        ({0x82: b"\x11\x80"}, "end_application", "parsing error"),  # it gave one before
    ],
)
def test_CX_2_answers_to_generate_ac(
    ac: dict[int, bytes | None], kind: str, error: str | None
) -> None:
    found = take(amex(ac=ac), ONLINE)
    assert (found.kind, found.discretionary["error"]) == (kind, error)


def test_CX_2_format_1_is_an_answer_too() -> None:
    found = take(
        amex(AC="8012 80 0042 0102030405060708 06010103A00000 9000".replace(" ", "")), ONLINE
    )
    assert (found.kind, found.cid, found.atc) == ("online_request", 0x80, 0x42)
    assert found.data[0x9F10].hex() == "06010103a00000"


@pytest.mark.parametrize("length", [10, 44])
def test_CX_2_format_1_has_11_to_43_bytes(length: int) -> None:
    found = take(amex(AC=bytes((0x80, length, 0x80, *bytes(length - 1))) + b"\x90\x00"), ONLINE)
    assert (found.kind, found.discretionary["error"]) == ("end_application", "parsing error")


@pytest.mark.parametrize("sw", ["6984", "6985", "6986"])
def test_CX_2_a_phone_that_refuses_wants_its_owner(sw: str) -> None:
    terminal = Terminal(ONLINE)
    terminal.prepare(1_000)
    found = terminal.tap(amex(gpo=PHONE, AC=sw))
    assert (found.kind, found.start, found.ui.message) == ("try_again", "B", 0x20)
    # Once; then it is over.
    found = terminal.tap(amex(gpo=PHONE, AC=sw))
    assert (found.kind, found.start) == ("end_application", None)
    assert found.discretionary == {"level": "l2", "error": "status bytes", "sw": sw}


@pytest.mark.parametrize("sw", ["6984", "6985", "6986", "6A81", "6300", "0000"])
def test_CX_2_a_card_that_refuses_is_ended(sw: str) -> None:
    found = take(amex(AC=sw), ONLINE)
    assert (found.kind, found.discretionary["sw"]) == ("end_application", sw)


@pytest.mark.parametrize(
    ("fields", "interfaces", "kind"),
    [
        ({}, None, "declined"),
        ({"contacts": True}, None, "try_another_interface"),
        ({"contacts": True}, b"\x18\x00", "declined"),
    ],
)
def test_CX_2_an_aac_may_be_a_matter_for_the_contacts(
    fields: dict[str, bool], interfaces: bytes | None, kind: str
) -> None:
    card = amex(ac={0x9F27: AAC}, gpo={0x9F70: interfaces})
    assert take(card, table(**fields)).kind == kind


@pytest.mark.parametrize("at", [GPO, READ, AC])
@pytest.mark.parametrize("lost", [CardLost(), TransmissionError(), ProtocolError("x")])
def test_CX_2_a_transmission_error_starts_again(at: str, lost: Exception) -> None:
    found = take(answering(amex(), at, lost), ONLINE)
    assert (found.kind, found.start, found.ui_restart.message) == ("end_application", "B", 0x21)


def test_EP_15_the_card_may_leave_when_its_cryptogram_is_there() -> None:
    terminal = Terminal(ONLINE)
    terminal.prepare(1_000)
    terminal.tap(amex())
    assert [request.message for request in terminal.shown] == [0x17]


def test_CX_2_a_refund_asks_for_an_aac_and_leaves_the_rest_to_the_host() -> None:
    oda = Oda()
    card = amex(CERTIFICATES, {0x9F27: AAC})
    found = take(card, OFFLINE, 9_000, oda=oda, type=0x20)
    assert (found.kind, found.cvm, found.receipt) == ("online_request", "none", True)
    assert (asked(card), found.cid, oda.asked, tvr(found)[:2]) == (0x00, 0x00, [], "80")
    assert found.pan == "374245455400126"


def test_CX_2_the_trail_says_what_was_decided() -> None:
    found = take(
        amex(CERTIFICATES, {0x9F27: TC, 0x9F26: None, 0x9F4B: b"\x01"}), OFFLINE, oda=Oda()
    )
    assert rules(found)[-3:] == [
        "none, 9F34 1f0002",
        "action analysis: TC (nothing against it)",
        "approved offline",
    ]
    assert {rule for rule, _ in found.trail} >= {"CX-2"}


@pytest.mark.parametrize(
    ("amount", "kind", "method"),
    [(1_250, "online_request", "none"), (5_000, "online_request", "none")],
)
def test_CX_2_the_wallets_card_pays_online(amount: int, kind: str, method: str) -> None:
    found = take(cards.load("amex_credit"), ONLINE, amount)
    assert (found.kind, found.cvm, found.scheme) == (kind, method, "amex")
