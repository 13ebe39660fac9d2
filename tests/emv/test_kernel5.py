"""CX-3: kernel 5, JCB (experimental), on cards of a few words."""

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
    JCB_RECORD,
    TC,
    Oda,
    Risk,
    jcb,
    only,
    rules,
    take,
)
from tests.emv.reader import Terminal
from tests.emv.scripts import AC, GPO, READ, answering, sent

ONLINE = only(5)
# No action code of the terminal stands in the way: what remains is the kernel's own.
OFFLINE = only(5, offline=True, table={"cda": True, "tac_online": "0000000000"})
SIGNED: dict[int, bytes | None] = {0x9F27: TC, 0x9F26: None, 0x9F4B: b"\x01"}


def table(**fields: Any) -> Any:
    return only(5, table=fields)


def asked(card: Any) -> int:
    """P1 of the GENERATE AC that `card` got."""
    return sent(card, AC)[0][2]


def tvr(found: outcome.Outcome) -> str:
    return (found.tvr or b"").hex()


def select_next(card: Any, change: Any = ONLINE) -> str:
    """Tap; the error with which kernel 5 made room for the next application, "" if it did not."""
    terminal = Terminal(change)
    terminal.prepare(1_000)
    found = terminal.tap(card)
    events = [event for event in terminal.log.events if event["is"] == "select_next"]
    if not events:
        return ""
    assert (found.kind, found.start) == ("end_application", None)  # nothing else on this card
    return str(events[0]["error"])


@pytest.mark.parametrize("said", [{}, {"experimental": False}])
def test_CX_3_a_configuration_must_call_it_experimental(said: dict[str, bool]) -> None:
    def change(source: dict[str, Any]) -> None:
        ONLINE(source)
        source["combinations"][0]["kernel5"] = said

    with pytest.raises(ConfigError, match=r"A0000000651010.*experimental"):
        Terminal(change)


@pytest.mark.parametrize(
    ("fields", "amount", "profile"),
    [
        ({}, 1_000, "100000"),
        ({}, 5_000, "900000"),
        ({"on_device_cvm": False}, 1_000, "000000"),
        ({"signature": True, "online_pin": True, "contacts": True}, 1_000, "720000"),
    ],
)
def test_CX_3_9F52_and_9F53_describe_the_reader(
    fields: dict[str, bool], amount: int, profile: str
) -> None:
    card = jcb()
    take(card, table(**fields), amount)
    (command,) = sent(card, GPO)
    assert command[7:11].hex() == "02" + profile


@pytest.mark.parametrize(
    ("card", "error"),
    [
        (jcb(pdol=bytes.fromhex("9F53039F0206")), "legacy mode not supported"),
        (jcb(pdol=b""), "legacy mode not supported"),
        (jcb(GPO="8006198010010100 9000".replace(" ", "")), "legacy mode not supported"),
        (jcb(gpo={0x82: bytes.fromhex("1900")}), "magstripe not supported"),
        (jcb(GPO="6985"), "status bytes"),
        (jcb(GPO="6984"), "status bytes"),
        (jcb(GPO="6986"), "status bytes"),
        (jcb(gpo={0x82: None}), "card data missing"),
        (jcb(gpo={0x94: None}), "card data missing"),
        (jcb(gpo={0x94: b"\x10\x02\x01\x00"}), "parsing error"),
        (jcb(GPO="71009000"), "parsing error"),
        (jcb({0x8C: None}), "card data missing"),
        (jcb({0x57: None}), "card data missing"),
        (jcb({0x5F24: None}), "card data missing"),
        (jcb({0x5A: bytes.fromhex("3566002020360505")}), "card data error"),
        (jcb({0x5F24: b"\x31\x12"}), "parsing error"),
        (jcb({0x82: b"\x19\x80"}), "parsing error"),  # it gave one before
        (jcb(READ="6A83"), "status bytes"),
        (jcb(READ="77009000"), "parsing error"),
    ],
)
def test_CX_3_until_the_cryptogram_what_is_wrong_is_select_next(card: Any, error: str) -> None:
    assert select_next(card) == error
    assert not sent(card, AC)


@pytest.mark.parametrize(
    ("record", "amount", "oda", "risk", "reference", "bits"),
    [
        (CERTIFICATES, 1_999, Oda(), None, 0x50, "0000000000"),
        (CERTIFICATES, 2_000, Oda(), None, 0x90, "0000008000"),  # at the floor limit: over it
        (CERTIFICATES, 0, Oda(), None, 0x90, "0000000000"),
        (CERTIFICATES, 1_000, None, None, 0x80, "8000000000"),
        (CERTIFICATES, 1_000, Oda(), Risk(listed=True), 0x90, "1000000000"),
        (CERTIFICATES, 1_000, Oda(), Risk(listed=None), 0x90, "0000000000"),
        (CERTIFICATES, 1_000, Oda(), Risk(online="random"), 0x90, "0000001000"),
        (CERTIFICATES, 1_000, Oda(), Risk(online="clock"), 0x90, "0000000000"),
    ],
)
def test_CX_3_what_is_asked_of_the_card(
    record: Any, amount: int, oda: Any, risk: Any, reference: int, bits: str
) -> None:
    signed = {0x9F4B: b"\x01"} if reference & 0x10 else {}
    card = jcb(record, {0x9F27: bytes((reference & 0xC0,)), **signed})
    found = take(card, OFFLINE, amount, oda, risk)
    assert (f"{asked(card):02x}", tvr(found)) == (f"{reference:02x}", bits)


@pytest.mark.parametrize(
    ("record", "oda", "bits"),
    [
        ({0x5F24: b"\x26\x11\x21", 0x9F07: b"\x00\x00"}, None, "8050000000"),  # not for this
        (CERTIFICATES, Oda(key=False), "0400000000"),  # CDA failed
        ({**CERTIFICATES, 0x9F46: None}, Oda(), "2400000000"),
    ],
)
def test_CX_3_what_the_action_codes_deny_is_declined_without_asking_the_card(
    record: Any, oda: Any, bits: str
) -> None:
    card = jcb(record)
    found = take(card, OFFLINE, oda=oda)
    assert (found.kind, found.discretionary["error"]) == ("declined", "action analysis")
    assert (tvr(found), sent(card, AC)) == (bits, [])


def test_CX_3_without_a_floor_limit_none_is_reached() -> None:
    def change(source: dict[str, Any]) -> None:
        OFFLINE(source)
        del source["combinations"][0]["floor_limit"]

    assert take(jcb(CERTIFICATES, SIGNED), change, 100_000, Oda()).kind == "declined"  # a CVM
    assert take(jcb(CERTIFICATES, SIGNED), change, 4_999, Oda()).kind == "approved"


@pytest.mark.parametrize("card", [jcb(), jcb({0x9F07: b"\x00\x00"})])
def test_EP_15_the_card_may_leave_before_anything_is_shown(card: Any) -> None:
    terminal = Terminal(ONLINE)
    terminal.prepare(1_000)
    terminal.tap(card)
    assert [request.message for request in terminal.shown] == [0x17]


@pytest.mark.parametrize(
    ("fields", "amount", "chosen", "kind", "method", "results"),
    [
        ({}, 1_000, "00", "online_request", "none", "1f0002"),
        ({}, 5_000, "00", "declined", None, "3f0000"),  # one was required
        ({"signature": True}, 5_000, "10", "online_request", "signature", "1e0000"),
        ({}, 5_000, "10", "declined", None, "3f0000"),  # we have none to offer
        ({"online_pin": True}, 5_000, "20", "online_request", "online_pin", "020000"),
        ({}, 5_000, "20", "declined", None, "3f0000"),
        ({}, 5_000, "30", "online_request", "cdcvm", "010002"),
        ({}, 1_000, "3F", "online_request", "cdcvm", "010002"),
        ({"on_device_cvm": False}, 5_000, "30", "declined", None, "3f0000"),
        ({"signature": True}, 1_000, "40", "declined", None, "3f0000"),  # means nothing to us
        ({"signature": True}, 1_000, "11", "declined", None, "3f0000"),
    ],
)
def test_CX_3_the_card_chooses_how_its_holder_is_verified(
    fields: dict[str, bool], amount: int, chosen: str, kind: str, method: str, results: str
) -> None:
    found = take(jcb(ac={0x9F50: bytes.fromhex(chosen)}), table(**fields), amount)
    assert (found.kind, found.cvm, found.cvm_results.hex()) == (kind, method, results)
    if kind == "declined":
        assert found.discretionary["error"] == "cardholder not verified"
    assert found.receipt is (method == "signature")


@pytest.mark.parametrize(
    ("sw", "kind", "start", "message"),
    [
        ("6986", "try_again", "B", 0x20),
        ("6984", "try_another_interface", None, 0x18),
        ("6985", "end_application", None, 0x1C),  # Select Next, and nothing is left
        ("6A81", "end_application", None, 0x1C),
        ("0000", "end_application", None, 0x1C),
    ],
)
def test_CX_3_status_words_of_generate_ac(
    sw: str, kind: str, start: str | None, message: int
) -> None:
    found = take(jcb(AC=sw), ONLINE)
    assert (found.kind, found.start, found.ui.message) == (kind, start, message)


@pytest.mark.parametrize(
    ("ac", "kind", "error"),
    [
        ({0x9F27: AAC}, "declined", "declined by card"),
        ({0x9F27: TC}, "end_application", "card data error"),  # an ARQC was asked
        ({0x9F27: b"\xc0"}, "end_application", "card data error"),
        ({0x9F27: None}, "end_application", "card data missing"),
        ({0x9F36: None}, "end_application", "card data missing"),
        ({0x9F26: None}, "end_application", "card data missing"),
        ({0x9F50: None}, "end_application", "card data missing"),
        ({0x9F50: b"\x00\x00"}, "end_application", "parsing error"),
        ({0x9F36: b"\x00"}, "end_application", "parsing error"),
        ({0x57: JCB_RECORD[0x57]}, "end_application", "parsing error"),
    ],
)
def test_CX_3_answers_to_generate_ac(ac: dict[int, bytes | None], kind: str, error: str) -> None:
    found = take(jcb(ac=ac), ONLINE)
    assert (found.kind, found.discretionary["error"]) == (kind, error)


def test_CX_3_a_signed_tc_is_approved() -> None:
    oda = Oda()
    card = jcb(CERTIFICATES, SIGNED)
    found = take(card, OFFLINE, oda=oda)
    assert (found.kind, found.cvm, tvr(found)) == ("approved", "none", "0000000000")
    (gpo,), (ac,) = sent(card, GPO), sent(card, AC)
    assert oda.values == gpo[7:-1] + ac[5:-1]
    assert [tag for tag, _ in oda.objects] == [0x9F27, 0x9F36, 0x9F10, 0x9F50, 0x9F4B]


@pytest.mark.parametrize(
    ("ac", "oda"),
    [
        (SIGNED, Oda(good=False)),
        ({**SIGNED, 0x9F27: ARQC}, Oda(good=False)),
        ({0x9F27: TC}, Oda()),  # asked for CDA, and got none
    ],
)
def test_CX_3_a_signature_that_fails_declines(ac: dict[int, bytes | None], oda: Oda) -> None:
    found = take(jcb(CERTIFICATES, ac), OFFLINE, oda=oda)
    assert (found.kind, found.discretionary["error"]) == ("declined", "cam failed")
    assert tvr(found) == "0400000000"


def test_CX_3_a_pin_for_the_host_is_never_approved_without_it() -> None:
    change = only(
        5, offline=True, table={"cda": True, "tac_online": "0000000000", "online_pin": True}
    )
    found = take(jcb(CERTIFICATES, {**SIGNED, 0x9F50: b"\x20"}), change, oda=Oda())
    assert (found.kind, found.discretionary["error"]) == (
        "declined",
        "online PIN without the host",
    )


@pytest.mark.parametrize("at", [GPO, READ, AC])
@pytest.mark.parametrize("lost", [CardLost(), TransmissionError(), ProtocolError("x")])
def test_CX_3_a_transmission_error_starts_again(at: str, lost: Exception) -> None:
    found = take(answering(jcb(), at, lost), ONLINE)
    assert (found.kind, found.start, found.ui_restart.message) == ("end_application", "B", 0x21)


def test_CX_3_a_refund_asks_for_an_aac_and_leaves_the_rest_to_the_host() -> None:
    oda = Oda()
    card = jcb(CERTIFICATES, {0x9F27: AAC, 0x9F50: None})
    found = take(card, OFFLINE, 9_000, oda=oda, type=0x20)
    assert (found.kind, found.cvm, asked(card), oda.asked) == ("online_request", "none", 0x00, [])
    assert found.pan == "3530111333300000"


def test_CX_3_the_trail_says_what_was_decided() -> None:
    found = take(jcb(CERTIFICATES, SIGNED), OFFLINE, oda=Oda())
    assert rules(found)[-3:] == [
        "action analysis: TC (nothing against it)",
        "none, 9F34 1f0002",
        "approved offline",
    ]


@pytest.mark.parametrize(
    ("amount", "kind", "error"),
    [(1_250, "online_request", None), (5_000, "declined", "declined by card")],
)
def test_CX_3_the_wallets_card(amount: int, kind: str, error: str | None) -> None:
    found = take(cards.load("jcb_credit"), ONLINE, amount)
    assert (found.kind, found.discretionary.get("error")) == (kind, error)
