"""CX-2: kernel 4, American Express, on cards of a few words."""

from typing import Any

import pytest
from kassa.emv import outcome
from kassa.system.card import CardLost, ProtocolError, TransmissionError

from simulator import cards
from tests.emv.other_schemes import (
    AAC,
    AMEX_RECORD,
    ARQC,
    CERTIFICATES,
    TC,
    Oda,
    Risk,
    amex,
    only,
    rules,
    take,
)
from tests.emv.reader import Terminal
from tests.emv.scripts import AC, GPO, READ, answering, sent

ONLINE = only(4)
OFFLINE = only(4, offline=True, table={"cda": True})
# A phone: EMV mode and mobile, cardholder verification, CDA
PHONE = {0x82: bytes.fromhex("11C0")}
DEVICE_FIRST = bytes.fromhex("0000000000000000 4103 4203 5E03 1F03".replace(" ", ""))


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
    take(card, table(**fields), amount)
    (command,) = sent(card, GPO)
    assert command[7:13] == bytes.fromhex(said.replace(" ", ""))


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


# -- the cardholder


@pytest.mark.parametrize(
    ("fields", "amount", "listed", "method", "results", "bits"),
    [
        # not required: the first "no CVM" that applies, wherever it stands
        ({}, 1_000, "42035E031F03", "none", "1f0302", "00"),
        ({}, 1_000, "42031F01", "none", "3f0001", "80"),  # only for unattended cash
        ({}, 1_000, "", "none", "3f0000", "00"),  # ICC data missing
        # required
        ({}, 5_000, "42035E031F03", "none", "3f0001", "80"),  # no CVM is no method then
        ({"signature": True}, 5_000, "42035E031F03", "signature", "5e0300", "00"),
        ({"online_pin": True, "signature": True}, 5_000, "42035E03", "online_pin", "420300", "04"),
        ({"online_pin": True}, 5_000, "02001E00", "online_pin", "020000", "04"),
        ({"signature": True}, 5_000, "02001E00", "none", "3f0001", "80"),  # 02 does not go on
        ({}, 5_000, "6A00", "none", "3f0001", "c0"),  # unknown method
        ({}, 5_000, "0000", "none", "000001", "80"),  # fail
        ({}, 5_000, "", "none", "3f0000", "80"),  # no list: nobody was verified
        ({}, 5_000, "4103", "none", "3f0001", "80"),  # a PIN on the card is for phones
    ],
)
def test_CX_2_the_cards_cvm_list(
    fields: dict[str, bool], amount: int, listed: str, method: str, results: str, bits: str
) -> None:
    value = bytes(8) + bytes.fromhex(listed)
    found = take(amex({0x8E: value}), table(**fields), amount)
    assert found.kind == "online_request"
    assert (found.cvm, (found.cvm_results or b"").hex(), tvr(found)[4:6]) == (
        method,
        results,
        bits,
    )
    assert bool((found.tvr or b"")[0] & 0x20) is (listed == "")


def test_CX_2_half_a_rule_ends_it() -> None:
    found = take(amex({0x8E: bytes(9)}), ONLINE)
    assert (found.kind, found.discretionary["error"]) == ("end_application", "card data error")


def test_CX_2_a_card_without_cardholder_verification_verifies_nobody() -> None:
    card = {0x82: bytes.fromhex("0180")}
    assert tvr(take(amex(gpo=card), ONLINE))[4:6] == "00"
    assert tvr(take(amex(gpo=card), ONLINE, 5_000))[4:6] == "80"


@pytest.mark.parametrize(
    ("interfaces", "kind", "message"),
    [
        (None, "try_another_interface", 0x1D),  # a card that does not say has contacts
        (b"\x20\x00", "try_another_interface", 0x1D),
        (b"\x18\x00", "online_request", 0x1B),
    ],
)
def test_CX_2_nobody_verified_is_a_matter_for_the_contacts(
    interfaces: bytes | None, kind: str, message: int
) -> None:
    card = amex({0x8E: bytes(8) + bytes.fromhex("4203")}, gpo={0x9F70: interfaces})
    found = take(card, table(contacts=True), 5_000)
    assert found.kind == kind
    assert found.ui is not None and found.ui.message == message
    assert bool(sent(card, AC)) is (kind == "online_request")


@pytest.mark.parametrize(
    ("performed", "amount", "kind", "method", "bits"),
    [
        ("010302", 5_000, "online_request", "cdcvm", "00"),
        ("010002", 1_000, "online_request", "none", "00"),  # the list's "no CVM" is enough
        ("010301", 5_000, "try_again", None, ""),  # failed: the phone again
        ("010001", 1_000, "try_again", None, ""),
        ("3F0000", 5_000, "try_again", None, ""),  # nobody asked the owner yet
        ("010303", 5_000, "online_request", "none", "a0"),  # blocked: asking changes nothing
        (None, 5_000, "online_request", "none", "80"),  # says nothing
    ],
)
def test_CX_2_a_phones_own_verification(
    performed: str | None, amount: int, kind: str, method: str | None, bits: str
) -> None:
    results = {0x9F71: bytes.fromhex(performed)} if performed else {}
    found = take(amex({0x8E: DEVICE_FIRST}, gpo={**PHONE, **results}), ONLINE, amount)
    assert (found.kind, found.cvm, tvr(found)[4:6]) == (
        (kind, method, bits) if kind != "try_again" else (kind, None, tvr(found)[4:6])
    )
    if kind == "try_again":
        assert (found.start, found.ui.message, found.field_off) == ("B", 0x20, 13)
        assert found.discretionary["error"] == "see phone"


def test_CX_2_the_owner_is_sent_to_the_phone_once() -> None:
    terminal = Terminal(ONLINE)
    phone = {**PHONE, 0x9F71: bytes.fromhex("010301")}
    terminal.prepare(5_000)
    assert terminal.tap(amex({0x8E: DEVICE_FIRST}, gpo=phone)).kind == "try_again"
    found = terminal.tap(amex({0x8E: DEVICE_FIRST}, gpo=phone))
    assert (found.kind, tvr(found)[4:6]) == ("online_request", "80")
    # The next customer is sent there again.
    terminal.prepare(5_000, counter=8)
    assert terminal.tap(amex({0x8E: DEVICE_FIRST}, gpo=phone)).kind == "try_again"


def test_CX_2_a_reader_that_takes_no_mobile_verification_uses_the_rest_of_the_list() -> None:
    phone = {**PHONE, 0x9F71: bytes.fromhex("010302")}
    change = table(mobile_cvm=False, signature=True)
    found = take(amex({0x8E: DEVICE_FIRST}, gpo=phone), change, 5_000)
    assert (found.kind, found.cvm) == ("online_request", "signature")


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


# -- SDA and CDA


@pytest.mark.parametrize(
    ("good", "reference", "kind", "bits"),
    [(True, 0x40, "approved", "02"), (False, 0x80, "online_request", "42")],
)
def test_CX_2_sda_where_the_card_has_no_cda(
    good: bool, reference: int, kind: str, bits: str
) -> None:
    oda = Oda(good)
    card = amex(gpo={0x82: bytes.fromhex("5080")}, ac={0x9F27: bytes((reference,))})
    found = take(card, offline(sda=True, tac_online="0000000000"), oda=oda)
    assert (found.kind, asked(card), tvr(found)[:2]) == (kind, reference, bits)
    assert oda.asked == ["sda"]
    assert found.authenticated == ("sda" if good else "")


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


# -- the answer


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


def test_CX_2_a_refund_asks_for_an_aac_and_leaves_the_rest_to_the_host() -> None:
    oda = Oda()
    card = amex(CERTIFICATES, {0x9F27: AAC})
    found = take(card, OFFLINE, 9_000, oda=oda, type=0x20)
    assert (found.kind, found.cvm, found.receipt) == ("online_request", "none", True)
    assert (asked(card), found.cid, oda.asked) == (0x00, 0x00, [])
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
