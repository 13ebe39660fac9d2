"""CX-3: kernel 6, Discover and Diners Club (experimental), on cards of a few words."""

from typing import Any

import pytest
from kassa.emv import outcome
from kassa.emv.errors import ConfigError
from kassa.system.card import CardLost, ProtocolError, TransmissionError

from simulator import cards
from tests.emv.other_schemes import (
    AAC,
    ARQC,
    CERTIFICATES,
    DISCOVER_GPO,
    DISCOVER_RECORD,
    TC,
    Oda,
    Risk,
    discover,
    only,
    rules,
    take,
)
from tests.emv.reader import Terminal
from tests.emv.scripts import GPO, READ, answering, sent

ONLINE = only(6)
SIGNED: dict[int, bytes | None] = {0x9F27: TC, 0x9F26: None, 0x9F4B: b"\x01"}


def with_ttq(ttq: str, **fields: Any) -> Any:
    return only(6, ttq=ttq, **fields)


def offline(ttq: str = "20004000", **fields: Any) -> Any:
    return only(6, offline=True, table={"cda": True}, ttq=ttq, **fields)


def tvr(found: outcome.Outcome) -> str:
    return (found.tvr or b"").hex()


@pytest.mark.parametrize(("missing", "words"), [("ttq", "ttq"), ("kernel6", "experimental")])
def test_CX_3_a_configuration_has_a_ttq_and_calls_it_experimental(
    missing: str, words: str
) -> None:
    def change(source: dict[str, Any]) -> None:
        ONLINE(source)
        del source["combinations"][0][missing]

    with pytest.raises(ConfigError, match="A0000001523010.*" + words):
        Terminal(change)


def test_CX_3_a_card_that_does_not_ask_for_the_ttq_is_passed_over() -> None:
    card = discover(pdol=bytes.fromhex("9F02069F3704"))
    found = take(card, ONLINE)
    assert (found.kind, found.discretionary["error"]) == ("end_application", "no application")
    assert not sent(card, GPO)


@pytest.mark.parametrize(
    ("sw", "kind", "start", "message"),
    [
        ("6984", "try_another_interface", None, 0x18),
        ("6985", "end_application", None, 0x1C),  # Select Next, and nothing is left
        ("6986", "try_again", "B", 0x20),
        ("6A81", "end_application", None, 0x1C),
    ],
)
def test_CX_3_status_words_of_gpo(sw: str, kind: str, start: str | None, message: int) -> None:
    found = take(discover(GPO=sw), ONLINE)
    assert (found.kind, found.start, found.ui.message) == (kind, start, message)


@pytest.mark.parametrize(
    ("card", "error"),
    [
        (discover({0x82: None}), "card data missing"),
        (discover({0x9F27: None}), "card data missing"),
        (discover({0x9F36: None}), "card data missing"),
        (discover({0x9F10: None}), "card data missing"),
        (discover({0x57: None}), "card data missing"),
        (discover({0x9F26: None}), "card data missing"),
        (discover({0x9F26: bytes(7)}), "parsing error"),
        (discover({0x9F71: b"\x00"}), "parsing error"),
        (discover({0x9F71: bytes(3)}), "parsing error"),
        (discover(GPO="8006190010010100 9000".replace(" ", "")), "parsing error"),
        (discover(record={0x57: DISCOVER_GPO[0x57]}), "parsing error"),  # it gave one before
        (discover(record={0x5A: bytes.fromhex("6011000400000000")}), "card data error"),
        (discover(READ="6A83"), "status bytes"),
    ],
)
def test_CX_3_what_is_missing_or_wrong_ends_it(card: Any, error: str) -> None:
    found = take(card, ONLINE)
    assert (found.kind, found.start, found.discretionary["error"]) == (
        "end_application",
        None,
        error,
    )


def test_CX_3_no_afl_and_no_wishes_are_legal() -> None:
    card = discover({0x94: None, 0x9F71: None})
    assert take(card, ONLINE).kind == "online_request"
    assert not sent(card, READ)


@pytest.mark.parametrize("cid", [AAC, b"\xc0"])
def test_CX_3_an_aac_is_never_an_approval(cid: bytes) -> None:
    # Byte 1 bit 20: a loyalty limit is reached, which the book would approve.
    found = take(discover({0x9F27: cid, 0x9F71: b"\x20\x00"}), ONLINE)
    assert (found.kind, found.discretionary["error"]) == ("declined", "declined by card")


@pytest.mark.parametrize(
    ("ttq", "amount", "wishes", "kind", "method"),
    [
        ("20004000", 1_000, "0000", "online_request", "none"),
        ("20004000", 5_000, "0000", "declined", None),  # required, and nothing to be had
        ("30004000", 5_000, "0000", "try_another_interface", None),
        ("24004000", 5_000, "8000", "online_request", "online_pin"),
        ("24004000", 1_000, "8000", "online_request", "online_pin"),
        ("22004000", 5_000, "8000", "declined", None),
        ("22004000", 5_000, "8002", "online_request", "signature"),
        ("20004000", 5_000, "8003", "online_request", "none"),
        ("22004000", 5_000, "4000", "online_request", "signature"),
        ("20004000", 5_000, "4000", "declined", None),
        ("20004000", 5_000, "1000", "online_request", "cdcvm"),
        ("20000000", 5_000, "1000", "declined", None),  # a reader without
        ("20004000", 5_000, "9000", "online_request", "cdcvm"),  # no online PIN here
        ("24004000", 5_000, "9000", "online_request", "online_pin"),
        ("20004000", 5_000, "0001", "online_request", "none"),
    ],
)
def test_CX_3_the_cards_wishes_for_verification(
    ttq: str, amount: int, wishes: str, kind: str, method: str | None
) -> None:
    found = take(discover({0x9F71: bytes.fromhex(wishes)}), with_ttq(ttq), amount)
    assert (found.kind, found.cvm) == (kind, method)
    if kind == "online_request":
        assert bool((found.tvr or b"")[2] & 0x04) is (method == "online_pin")


@pytest.mark.parametrize(
    ("results", "wishes", "kind", "method"),
    [
        ("0002000000000000", "1000", "online_request", "cdcvm"),
        ("0001000000000000", "1000", "declined", None),
        ("0001000000000000", "1002", "online_request", "signature"),
        ("0001000000000000", "1001", "online_request", "none"),
    ],
)
def test_CX_3_a_device_that_failed_to_verify_its_owner(
    results: str, wishes: str, kind: str, method: str | None
) -> None:
    gpo = {0x9F71: bytes.fromhex(wishes), 0x9F53: bytes.fromhex(results)}
    found = take(discover(gpo), with_ttq("22004000"), 5_000)
    assert (found.kind, found.cvm) == (kind, method)


def test_CX_3_cda_is_over_the_answer_that_held_the_cryptogram() -> None:
    oda = Oda()
    card = discover(SIGNED, {**DISCOVER_RECORD, **CERTIFICATES})
    found = take(card, offline(), oda=oda)
    assert (found.kind, found.cvm, tvr(found)) == ("approved", "none", "0000000000")
    assert (found.authenticated, found.cryptogram) == ("cda", bytes(range(8)))
    (gpo,) = sent(card, GPO)
    assert oda.values == gpo[7:-1]
    given = [tag for tag in DISCOVER_GPO if tag != 0x9F26]
    assert [tag for tag, _ in oda.objects] == [*given, 0x9F4B]


CARD = {**DISCOVER_RECORD, **CERTIFICATES}
EXPIRED = {0x5F24: bytes.fromhex("261121")}


@pytest.mark.parametrize(
    ("record", "gpo", "oda", "kind", "error"),
    [
        (CARD, SIGNED, Oda(), "approved", None),
        (CARD, SIGNED, Oda(good=False), "declined", "cam failed"),
        (CARD, SIGNED, Oda(key=False), "declined", "cam failed"),
        (CARD, SIGNED, None, "declined", "cam failed"),
        (CARD, {**SIGNED, 0x82: b"\x18\x00"}, Oda(), "declined", "cam failed"),
        (CARD, {0x9F27: TC}, Oda(), "declined", "cam failed"),  # no signature at all
        ({**CARD, 0x9F46: None}, SIGNED, Oda(), "declined", "cam failed"),
        # the card would go online, and has a cryptogram to do it with
        (CARD, {0x9F27: TC, 0x9F71: b"\x00\x40"}, Oda(), "online_request", None),
        (CARD, {**SIGNED, 0x9F71: b"\x00\x40"}, Oda(good=False), "declined", "cam failed"),
        (CARD, {0x9F27: TC, 0x9F71: b"\x00\x20"}, Oda(), "declined", "cam failed"),
        # a cryptogram for the host needs no signature, but one that is there must be good
        (CARD, {}, Oda(good=False), "online_request", None),
        (CARD, {0x9F71: b"\x00\x20"}, Oda(), "online_request", None),
        (CARD, {**SIGNED, 0x9F27: ARQC}, Oda(), "online_request", None),
        (CARD, {**SIGNED, 0x9F27: ARQC}, Oda(good=False), "declined", "cam failed"),
        (CARD, {0x9F4B: b"\x01", 0x9F71: b"\x00\x20"}, Oda(good=False), "declined", "cam failed"),
        ({**CARD, 0x9F46: None}, {0x9F4B: b"\x01"}, Oda(), "declined", "card data missing"),
    ],
)
def test_CX_3_only_what_is_proven_is_approved(
    record: Any, gpo: Any, oda: Any, kind: str, error: str | None
) -> None:
    found = take(discover(gpo, record), offline(), oda=oda)
    assert (found.kind, found.discretionary.get("error")) == (kind, error)


def test_CX_3_a_failed_signature_may_be_a_matter_for_the_contacts() -> None:
    card = discover({**SIGNED, 0x9F71: b"\x00\x20"}, CARD)
    found = take(card, offline("30004000"), oda=Oda(good=False))
    assert (found.kind, found.ui.message) == ("try_another_interface", 0x1D)
    assert found.alternate_interface == "contact_chip"


@pytest.mark.parametrize(
    ("record", "wishes", "ttq", "risk", "kind", "error"),
    [
        (EXPIRED, "0008", "20004000", None, "online_request", None),
        (EXPIRED, "000C", "20004000", None, "declined", "expired"),
        (EXPIRED, "0000", "20004000", None, "online_request", None),
        (EXPIRED, "0008", "28004000", None, "declined", "no way online"),
        (EXPIRED, "0088", "38004000", None, "try_another_interface", "no way online"),
        (EXPIRED, "0008", "38004000", None, "declined", "no way online"),  # no wish to switch
        ({}, "000C", "20004000", None, "approved", None),
        ({0x5F24: None}, "0000", "20004000", None, "online_request", None),
        ({0x5F25: b"\x26\x12\x01"}, "0000", "20004000", None, "online_request", None),
        ({0x9F07: b"\x00\x00"}, "0000", "20004000", None, "declined", "service not allowed"),
        ({}, "0000", "20004000", Risk(listed=True), "declined", "exception list"),
        ({}, "0000", "20004000", Risk(listed=None), "online_request", None),
        ({}, "0000", "20004000", Risk(online="random"), "online_request", None),
        ({}, "0000", "28004000", Risk(online="random"), "declined", "no way online"),
        ({}, "0000", "28004000", Risk(), "approved", None),
    ],
)  # fmt: skip
def test_CX_3_what_stands_against_an_approval(
    record: Any, wishes: str, ttq: str, risk: Any, kind: str, error: str | None
) -> None:
    card = discover({**SIGNED, 0x9F71: bytes.fromhex(wishes)}, {**CARD, **record})
    found = take(card, offline(ttq), oda=Oda(), risk=risk)
    assert (found.kind, found.discretionary.get("error")) == (kind, error)


@pytest.mark.parametrize(("amount", "kind"), [(2_000, "approved"), (2_001, "declined")])
def test_CX_3_a_tc_where_an_online_cryptogram_was_required_is_declined(
    amount: int, kind: str
) -> None:
    found = take(discover(SIGNED, CARD), offline(), amount, Oda())
    assert found.kind == kind


def test_CX_3_a_pin_for_the_host_is_never_approved_without_it() -> None:
    card = discover({**SIGNED, 0x9F71: b"\x80\x00"}, CARD)
    found = take(card, offline("24004000"), oda=Oda())
    assert (found.kind, found.cvm) == ("online_request", "online_pin")


def test_CX_3_an_amount_that_should_have_been_verified_is_never_approved_offline() -> None:
    card = discover({**SIGNED, 0x9F71: b"\x00\x01"}, CARD)
    found = take(card, offline(cvm_limit=500), oda=Oda())
    assert (found.kind, found.cvm) == ("online_request", "none")


@pytest.mark.parametrize("at", [GPO, READ])
@pytest.mark.parametrize("lost", [CardLost(), TransmissionError(), ProtocolError("x")])
def test_CX_3_a_transmission_error_starts_again(at: str, lost: Exception) -> None:
    found = take(answering(discover(), at, lost), ONLINE)
    assert (found.kind, found.start, found.ui_restart.message) == ("end_application", "B", 0x21)


def test_EP_15_the_card_may_leave_when_it_was_read() -> None:
    terminal = Terminal(ONLINE)
    terminal.prepare(1_000)
    terminal.tap(discover())
    assert [request.message for request in terminal.shown] == [0x17]


def test_CX_3_a_signed_slip_is_asked_for() -> None:
    card = discover({**SIGNED, 0x9F71: b"\x40\x00"}, CARD)
    found = take(card, offline("22004000"), oda=Oda())
    assert (found.kind, found.ui.message, found.receipt) == ("approved", 0x1A, True)


@pytest.mark.parametrize("cid", [AAC, ARQC])
def test_CX_3_a_refund_leaves_everything_to_the_host(cid: bytes) -> None:
    found = take(discover({0x9F27: cid, 0x9F26: None}), ONLINE, 9_000, type=0x20)
    assert (found.kind, found.cvm, found.pan) == ("online_request", "none", "6011000990139424")


def test_CX_3_the_trail_says_what_was_decided() -> None:
    found = take(discover(SIGNED, CARD), offline(), oda=Oda())
    assert rules(found)[-2:] == [
        "cardholder verification: none (none is asked for)",
        "approved offline",
    ]


@pytest.mark.parametrize(("amount", "kind"), [(1_250, "online_request"), (5_000, "declined")])
def test_CX_3_the_wallets_card(amount: int, kind: str) -> None:
    found = take(cards.load("discover_credit"), ONLINE, amount)
    assert found.kind == kind
