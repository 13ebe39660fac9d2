"""CX-2: kernel 4, American Express, on cards of a few words."""

from typing import Any

import pytest
from kassa.emv import outcome

from tests.emv.other_schemes import (
    AAC,
    AMEX_RECORD,
    CERTIFICATES,
    Oda,
    Risk,
    amex,
    only,
    take,
)
from tests.emv.scripts import AC, GPO, READ, sent

ONLINE = only(4)
# A phone: EMV mode and mobile, cardholder verification, CDA
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


# -- what the reader says of itself


@pytest.mark.parametrize(
    ("fields", "amount", "said"),
    [
        ({}, 1_000, "18800003 C0 22"),
        ({"mobile_cvm": False}, 1_000, "18000003 C0 22"),
        ({"contacts": True}, 1_000, "9C800003 C0 22"),
        ({"online_pin": True, "signature": True}, 1_000, "18E00003 C0 22"),
        ({"delayed_authorisation": True}, 1_000, "18800043 C0 22"),
        ({}, 5_000, "18804003 C8 22"),  # at the CVM limit one is required
        ({}, 4_999, "18800003 C0 22"),
    ],
)
def test_CX_2_9F6D_and_9F6E_describe_the_reader(
    fields: dict[str, bool], amount: int, said: str
) -> None:
    card = amex()
    found = take(card, table(**fields), amount)
    (command,) = sent(card, GPO)
    assert command[7:13] == bytes.fromhex(said.replace(" ", ""))
    # The host hears of it, too.
    assert found.data[0x9F6E] == bytes.fromhex(said[:8])


def test_CX_2_mag_stripe_mode_is_never_offered() -> None:
    for fields in ({}, {"contacts": True, "signature": True}):
        card = amex()
        take(card, table(**fields))
        assert not sent(card, GPO)[0][7] & 0x40


def test_CX_2_an_older_card_learns_of_the_reader_by_the_terminal_type() -> None:
    card = amex(pdol=bytes.fromhex("9F3501"))
    take(card, ONLINE, 5_000)
    assert sent(card, GPO)[0][-2:] == bytes((0x22 | 0xC8, 0x00))
    # The host still hears the terminal's own.
    assert take(amex(pdol=bytes.fromhex("9F3501")), ONLINE).data[0x9F35] == b"\x22"


def test_CX_2_an_offline_only_terminal_says_so() -> None:
    def change(source: dict[str, Any]) -> None:
        offline()(source)
        source["terminal"]["type"] = "23"

    card = amex()
    take(card, change)
    assert sent(card, GPO)[0][9] & 0x80


@pytest.mark.parametrize(
    ("fields", "amount", "capabilities"),
    [
        ({}, 1_000, "000800"),
        ({"cda": True, "sda": True}, 1_000, "000888"),
        ({"contacts": True, "online_pin": True, "signature": True}, 1_000, "206800"),
        ({}, 5_000, "000000"),
    ],
)
def test_CX_2_terminal_capabilities_follow(
    fields: dict[str, bool], amount: int, capabilities: str
) -> None:
    assert take(amex(), table(**fields), amount).data[0x9F33].hex() == capabilities


# -- GET PROCESSING OPTIONS and the records


@pytest.mark.parametrize(
    ("sw", "kind", "start", "message"),
    [
        ("6984", "try_another_interface", None, 0x18),
        ("6985", "end_application", None, 0x1C),  # Select Next, and nothing is left
        ("6986", "try_again", "B", 0x20),
        ("6A81", "end_application", None, 0x1C),
        ("6283", "end_application", None, 0x1C),
        ("9001", "end_application", None, 0x1C),
    ],
)
def test_CX_2_status_words_of_gpo(sw: str, kind: str, start: str | None, message: int) -> None:
    found = take(amex(GPO=sw), ONLINE)
    assert (found.kind, found.start) == (kind, start)
    assert found.ui is not None and found.ui.message == message
    # Select Next leaves nothing to select here.
    assert (found.discretionary["error"] == "no application") is (sw == "6985")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("8006118010010100 9000", "online_request"),  # format 1
        ("80051180100101 9000", "end_application"),
        ("71009000", "end_application"),
        ("9000", "end_application"),
        ("77048202118082021180 9000", "end_application"),
    ],
)
def test_CX_2_the_answer_is_of_format_77_or_80(answer: str, kind: str) -> None:
    assert take(amex(GPO=answer.replace(" ", "")), ONLINE).kind == kind


@pytest.mark.parametrize("missing", [0x82, 0x94])
def test_CX_2_aip_and_afl_are_needed(missing: int) -> None:
    found = take(amex(gpo={missing: None}), ONLINE)
    assert (found.kind, found.discretionary["error"]) == ("end_application", "card data missing")


def test_CX_2_a_card_of_mag_stripe_mode_alone_is_ended() -> None:
    card = amex(gpo={0x82: bytes.fromhex("1100")})
    found = take(card, ONLINE)
    assert (found.kind, found.start) == ("end_application", None)
    assert found.discretionary["error"] == "magstripe not supported"
    assert not sent(card, READ)


@pytest.mark.parametrize("missing", [0x5A, 0x5F24, 0x8C])
def test_CX_2_mandatory_records(missing: int) -> None:
    found = take(amex({missing: None}), ONLINE)
    assert (found.kind, found.discretionary["error"]) == ("end_application", "card data missing")


def test_CX_2_track_2_is_not_mandatory_but_must_agree() -> None:
    assert take(amex({0x57: None}), ONLINE).kind == "online_request"
    other = bytes.fromhex("371449635398431F")
    assert take(amex({0x5A: other}), ONLINE).discretionary["error"] == "card data error"


@pytest.mark.parametrize(
    ("gpo", "error"),
    [
        ({0x9F70: b"\x20"}, "parsing error"),
        ({0x9F70: b"\x20\x00\x00"}, "parsing error"),
        ({**PHONE, 0x9F71: b"\x01\x03"}, "parsing error"),
        ({**PHONE, 0x9F71: b"\x01\x03\x02\x00"}, "parsing error"),
        ({0x9F6E: bytes(4)}, "parsing error"),  # the terminal's to say
    ],
)
def test_CX_2_wrong_lengths_and_strange_objects_end_it(gpo: dict[int, bytes], error: str) -> None:
    found = take(amex(gpo=gpo), ONLINE)
    assert (found.kind, found.discretionary["error"]) == ("end_application", error)


def test_CX_2_an_object_that_comes_twice_ends_it() -> None:
    found = take(amex(gpo={0x5A: AMEX_RECORD[0x5A]}), ONLINE)
    assert (found.kind, found.discretionary["error"]) == ("end_application", "parsing error")


# -- restrictions, risk, action analysis


@pytest.mark.parametrize(
    ("allowed", "issuer", "bit"),
    [
        ("2080", "0276", True),
        ("20C0", "0276", False),
        ("20C0", "0840", True),
        ("20A0", "0840", False),
        ("2000", "0276", False),  # the card has no opinion
        (None, "0276", False),
    ],
)
def test_CX_2_delayed_authorisation_is_the_cards_to_allow(
    allowed: str | None, issuer: str, bit: bool
) -> None:
    gpo = {0x9F70: bytes.fromhex(allowed)} if allowed else None
    record = {0x5F28: bytes.fromhex(issuer)}
    change = table(delayed_authorisation=True, tac_denial="0000000000")
    found = take(amex(record, gpo=gpo), change)
    assert bool((found.tvr or b"")[1] & 0x10) is bit
    # A terminal that asks at once does not look.
    found = take(amex(record, gpo=gpo), table(tac_denial="0000000000"))
    assert not (found.tvr or b"")[1] & 0x10


@pytest.mark.parametrize(
    ("record", "amount", "oda", "risk", "reference", "bits"),
    [
        (CERTIFICATES, 1_000, Oda(), None, 0x50, "0000000000"),  # TC with CDA
        (CERTIFICATES, 2_000, Oda(), None, 0x50, "0000000000"),  # the floor limit itself
        (CERTIFICATES, 2_001, Oda(), None, 0x90, "0000008000"),
        (CERTIFICATES, 0, Oda(), None, 0x90, "0000000000"),
        ({**CERTIFICATES, 0x9F32: None}, 1_000, Oda(), None, 0x80, "2400000000"),
        (CERTIFICATES, 1_000, Oda(key=False), None, 0x80, "0400000000"),
        (CERTIFICATES, 1_000, None, None, 0x80, "8000000000"),
        (CERTIFICATES, 1_000, Oda(), Risk(listed=True), 0x90, "1000000000"),
        (CERTIFICATES, 1_000, Oda(), Risk(listed=None), 0x90, "0000000000"),
        (CERTIFICATES, 1_000, Oda(), Risk(online="random"), 0x90, "0000001000"),
        (CERTIFICATES, 1_000, Oda(), Risk(online="velocity"), 0x90, "0000006000"),
        ({**CERTIFICATES, 0x5F24: b"\x26\x11\x21"}, 1_000, Oda(), None, 0x90, "0040000000"),
        ({**CERTIFICATES, 0x9F07: b"\x00\x00"}, 1_000, Oda(), None, 0x00, "0010000000"),
    ],
)
def test_CX_2_what_is_asked_of_the_card(
    record: Any, amount: int, oda: Any, risk: Any, reference: int, bits: str
) -> None:
    card = amex(record, {0x9F27: bytes((reference & 0xC0,)), 0x9F4B: b"\x01"})
    # Whatever the action codes would allow: nothing of this is theirs to waive.
    change = offline(tac_online="0040000000", tac_default="0000000000")
    found = take(card, change, amount, oda, risk)
    assert (f"{asked(card):02x}", tvr(found)) == (f"{reference:02x}", bits)


def test_CX_2_the_action_codes_decide_for_the_rest() -> None:
    denied = only(4, offline=True, table={"cda": True, "tac_denial": "8000000000"})
    card = amex(ac={0x9F27: AAC})
    assert take(card, denied).kind == "declined"
    assert asked(card) == 0x00
    # The defaults want a card online that nothing proves.
    card = amex()
    assert take(card, offline()).kind == "online_request"
    assert asked(card) == 0x80


def test_CX_2_an_online_terminal_asks_for_nothing_else() -> None:
    card = amex(CERTIFICATES, {0x9F4B: b"\x01"})
    found = take(card, table(cda=True), oda=Oda())
    assert (found.kind, asked(card)) == ("online_request", 0x90)


def test_CX_2_a_pin_for_the_host_is_never_approved_without_it() -> None:
    listed = bytes(8) + bytes.fromhex("4203")
    change = only(
        4,
        offline=True,
        cvm_limit=500,
        table={"cda": True, "online_pin": True, "tac_online": "0000000000"},
    )
    card = amex({**CERTIFICATES, 0x8E: listed}, {0x9F4B: b"\x01"})
    found = take(card, change, oda=Oda())
    assert (found.kind, found.cvm, asked(card)) == ("online_request", "online_pin", 0x90)


def test_CX_2_an_amount_that_should_have_been_verified_is_never_approved_offline() -> None:
    change = only(4, offline=True, cvm_limit=500, table={"cda": True, "tac_online": "0000000000"})
    card = amex({**CERTIFICATES, 0x8E: bytes(8) + bytes.fromhex("4203")}, {0x9F4B: b"\x01"})
    assert take(card, change, oda=Oda()).kind == "online_request"
    assert asked(card) == 0x90
