"""C2-1 to C2-8 and C2-13: kernel 2 up to the cryptogram, rule by rule, on cards of a few words."""

from typing import Any

import pytest
from kassa.emv import outcome

from tests.emv.mastercards import (
    AAC,
    ARQC,
    CDA,
    CDA_RECORD,
    TC,
    Oda,
    asked,
    kernel2,
    tap_with,
    tvr,
)
from tests.emv.reader import Terminal, tap
from tests.emv.scripts import AC, READ, mastercard, sent


@pytest.mark.parametrize("sw", ["6984", "6985", "6986", "6A81", "6300", "6283"])
def test_C2_1_gpo_other_than_9000_is_select_next(sw: str) -> None:
    terminal = Terminal()
    terminal.prepare()
    found = terminal.tap(mastercard(GPO=sw))
    (event,) = [e for e in terminal.log.events if e["is"] == "select_next"]
    assert event["sw"] == sw
    assert (found.kind, found.start) == ("end_application", None)  # nothing else on this card


@pytest.mark.parametrize("missing", [0x82, 0x94])
def test_C2_1_aip_and_afl_are_needed(missing: int) -> None:
    found = tap(mastercard(gpo={missing: None}))
    assert (found.kind, found.discretionary["error"]) == ("end_application", "card data missing")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("800619801001010090 00", "online_request"),  # format 1
        ("8005198010010190 00", "end_application"),
        ("80081980100101001090 00", "end_application"),
        ("80021980 9000", "end_application"),
        ("7100 9000", "end_application"),
        ("9000", "end_application"),
    ],
)
def test_C2_1_the_answer_is_of_format_77_or_80(answer: str, kind: str) -> None:
    assert tap(mastercard(GPO=answer.replace(" ", ""))).kind == kind


@pytest.mark.parametrize(
    ("aip", "amount", "error"),
    [
        ("1980", 8_000, None),
        ("1980", 8_001, "max limit exceeded"),
        ("1B80", 8_001, None),  # on-device verification has its own
        ("1B80", 9_000, None),
        ("1B80", 9_001, "max limit exceeded"),
    ],
)
def test_C2_2_the_transaction_limit_depends_on_on_device_verification(
    aip: str, amount: int, error: str | None
) -> None:
    terminal = Terminal(kernel2(limit=8_000, limit_on_device=9_000))
    terminal.prepare(amount)
    card = mastercard(gpo={0x82: bytes.fromhex(aip)})
    terminal.tap(card)
    errors = [e.get("error") for e in terminal.log.events if e["is"] == "select_next"]
    assert errors == ([error] if error else [])
    assert bool(sent(card, AC)) is (error is None)


def test_C2_2_without_on_device_verification_in_the_reader_the_lower_limit_counts() -> None:
    change = kernel2(limit=8_000, limit_on_device=9_000, configuration="80")
    card = mastercard(gpo={0x82: bytes.fromhex("1B80")})
    assert tap(card, amount_minor=8_001, change=change).discretionary["error"] == "no application"


@pytest.mark.parametrize("missing", [0x5F24, 0x5A, 0x8C])
def test_C2_3_mandatory_data(missing: int) -> None:
    found = tap(mastercard({missing: None}))
    assert (found.kind, found.discretionary["error"]) == ("end_application", "card data missing")


def test_C2_3_track_2_is_not_mandatory() -> None:
    found = tap(mastercard({0x57: None}))
    assert (found.kind, found.pan, found.track2, found.expiry) == (
        "online_request",
        "5413330089020011",
        b"",
        "3112",
    )


def test_C2_3_the_pan_in_57_equals_5A() -> None:
    found = tap(mastercard({0x5A: bytes.fromhex("5413330089020029")}))
    assert (found.kind, found.discretionary["error"]) == ("end_application", "card data error")


@pytest.mark.parametrize(
    ("afl", "read", "kind"),
    [
        ("10010100", "77025A00 9000", "end_application"),  # not a template 70
        ("10010100", "9000", "end_application"),
        ("10010100", "70 9000", "end_application"),
        ("10010100", "6A83", "end_application"),
    ],
)
def test_C2_3_records_of_files_1_to_10_are_template_70(afl: str, read: str, kind: str) -> None:
    assert tap(mastercard(gpo={0x94: bytes.fromhex(afl)}, READ=read.replace(" ", ""))).kind == kind


def test_C2_3_records_of_other_files_are_read_and_not_opened() -> None:
    card = mastercard(gpo={0x94: bytes.fromhex("1001010058010100")})
    card.answers = {bytes.fromhex("00B2015C"): "AABBCC9000", **card.answers}
    assert tap(card).kind == outcome.ONLINE_REQUEST
    assert len(sent(card, READ)) == 2


@pytest.mark.parametrize(
    ("oda", "record", "aip", "change", "expected"),
    [
        (None, CDA_RECORD, "1980", CDA, "8000008000"),  # no authentication in the terminal
        (Oda(), CDA_RECORD, "1980", None, "8000008000"),  # configured without CDA
        (Oda(), CDA_RECORD, "1880", CDA, "8000008000"),  # the card has none
        (Oda(), CDA_RECORD, "1980", CDA, "0000008000"),
        (Oda(key=False), CDA_RECORD, "1980", CDA, "0400008000"),
        *(
            (Oda(), {**CDA_RECORD, tag: None}, "1980", CDA, "2400008000")
            for tag in CDA_RECORD
            if tag != 0x9F4A
        ),
    ],
)
def test_C2_4_cda_when_both_support_it_else_the_tvr_says_why_not(
    oda: Oda | None, record: dict[int, bytes | None], aip: str, change: Any, expected: str
) -> None:
    card = mastercard(record, ac={0x9F4B: b"\x01"}, gpo={0x82: bytes.fromhex(aip)})
    found = tap_with(oda, card, change)
    assert tvr(found) == expected
    assert bool(asked(card) & 0x10) is (expected == "0000008000")


def test_D_4_without_a_date_a_device_is_sent_online_and_not_away() -> None:
    # No date judges a certificate: that is the terminal's want, no failure of the device's.
    card = mastercard(CDA_RECORD, gpo={0x82: bytes.fromhex("1B80")})
    terminal = Terminal(CDA, Oda())
    terminal.prepare(1_000, date=None)
    found = terminal.tap(card)
    assert (found.kind, asked(card), tvr(found)) == ("online_request", 0x80, "8000008000")


@pytest.mark.parametrize(
    ("listed", "expected"), [(None, "2400000000"), ("9F02", "0000000000"), ("8282", "0000000000")]
)
def test_C2_4_a_static_data_tag_list_of_other_than_the_aip_ends_the_application(
    listed: str | None, expected: str
) -> None:
    card = mastercard({**CDA_RECORD, 0x9F4A: bytes.fromhex(listed) if listed else None})
    found = tap_with(Oda(), card)
    assert (found.kind, found.discretionary["error"]) == ("end_application", "card data error")
    assert tvr(found) == expected and not sent(card, AC)
    assert tap_with(None, card).kind == "online_request"  # a reader without CDA does not mind


@pytest.mark.parametrize(
    ("amount", "capability", "receipt"),
    [(4_999, "08", False), (5_000, "08", False), (5_001, "60", True)],
)
def test_C2_5_more_than_the_cvm_limit_chooses_the_capability_and_asks_for_a_receipt(
    amount: int, capability: str, receipt: bool
) -> None:
    change = kernel2(cvm_capability="60", cvm_capability_no_cvm="08", tac_denial="0000000000")
    found = tap(mastercard(), amount_minor=amount, change=change)
    assert found.data[0x9F33].hex() == "00" + capability + "00"
    assert found.receipt is receipt


RESTRICTIONS = [
    # record changes, transaction fields, terminal type -> TVR byte 2
    ({}, {}, "22", 0x00),
    ({0x9F08: b"\x00\x03"}, {}, "22", 0x80),
    ({0x9F08: None}, {}, "22", 0x00),
    ({0x5F24: b"\x26\x11\x22"}, {}, "22", 0x00),
    ({0x5F24: b"\x26\x11\x21"}, {}, "22", 0x40),
    ({0x5F24: b"\x99\x12\x31"}, {}, "22", 0x40),  # 1999
    ({0x5F24: b"\x49\x12\x31"}, {}, "22", 0x00),  # 2049
    ({0x5F24: b"\x26\x11\x21"}, {"date": None}, "22", 0x00),  # D-4
    ({0x5F25: b"\x26\x11\x22"}, {}, "22", 0x00),
    ({0x5F25: b"\x26\x11\x23"}, {}, "22", 0x20),
    ({0x5F25: b"\x99\x01\x01"}, {}, "22", 0x00),
    ({0x9F07: None}, {}, "22", 0x00),
    ({0x9F07: b"\x01\x00"}, {}, "22", 0x10),  # neither goods nor services
    ({0x9F07: b"\x21\x00"}, {}, "22", 0x00),  # domestic goods
    ({0x9F07: b"\x09\x00"}, {}, "22", 0x00),  # domestic services
    ({0x9F07: b"\x15\x00"}, {}, "22", 0x10),  # international only
    ({0x9F07: b"\x15\x00"}, {"country": 840}, "22", 0x00),
    ({0x9F07: b"\x29\x00"}, {"country": 840}, "22", 0x10),
    ({0x9F07: b"\x01\x00", 0x5F28: None}, {}, "22", 0x00),  # no country, no question
    ({0x9F07: b"\xfe\x80"}, {}, "22", 0x10),  # not valid elsewhere than at ATMs
    ({0x9F07: b"\x81\x00"}, {"type": 0x01}, "22", 0x00),  # domestic cash
    ({0x9F07: b"\x41\x00"}, {"type": 0x01}, "22", 0x10),
    ({0x9F07: b"\x82\x00"}, {"type": 0x01}, "14", 0x00),  # at an ATM
    ({0x9F07: b"\x81\x00"}, {"type": 0x01}, "14", 0x10),
    ({0x9F07: b"\x81\x00"}, {"type": 0x01}, "22", 0x00),
    ({0x9F07: b"\x82\x00"}, {"type": 0x01}, "22", 0x10),
    ({0x9F07: b"\x21\x00"}, {"amount_other_minor": 50}, "22", 0x10),  # cashback by its amount
    ({0x9F07: b"\x21\x80"}, {"type": 0x09}, "22", 0x00),  # domestic cashback
    ({0x9F07: b"\x21\x40"}, {"type": 0x09}, "22", 0x10),
    ({0x9F07: b"\x15\x40"}, {"type": 0x09, "country": 840}, "22", 0x00),
    ({0x9F08: b"\x00\x03", 0x5F24: b"\x20\x01\x01", 0x9F07: b"\0\0"}, {}, "22", 0xD0),
]


@pytest.mark.parametrize(("record", "fields", "terminal_type", "expected"), RESTRICTIONS)
def test_C2_6_restrictions_set_tvr_bits(
    record: dict[int, bytes | None], fields: dict[str, Any], terminal_type: str, expected: int
) -> None:
    def change(source: dict[str, Any]) -> None:
        source["terminal"]["type"] = terminal_type
        source["terminal"]["additional_capabilities"] = "E000F00001"  # gives cash, too

    found = tap(mastercard(record), change=change, **fields)
    assert found.tvr is not None and found.tvr[1] == expected


def test_C2_6_a_terminal_that_gives_no_cash_is_no_atm() -> None:
    def change(source: dict[str, Any]) -> None:
        source["terminal"]["type"] = "14"

    found = tap(mastercard({0x9F07: b"\x29\x00"}), change=change)
    assert found.tvr is not None and found.tvr[1] == 0


ACTION_CASES = [
    # terminal type, offline allowed, TAC denial, default, online, IACs (denial, default, online)
    # -> asked
    ("22", True, "00", "00", "00", ("00", "00", "00"), TC),
    ("22", True, "00", "00", "80", ("00", "00", "00"), ARQC),
    ("22", True, "00", "00", "00", ("00", "00", "80"), ARQC),
    ("22", True, "00", "00", "40", ("00", "00", "40"), TC),  # bits that are not set
    ("22", True, "00", "80", "00", ("00", "80", "00"), TC),  # default codes are for offline-only
    ("22", True, "80", "00", "00", ("00", "00", "00"), AAC),
    ("22", True, "00", "00", "00", ("80", "00", "00"), AAC),
    ("22", True, "00", "00", "00", (None, None, None), ARQC),  # absent: denial zeros, online ones
    ("22", False, "00", "00", "00", ("00", "00", "00"), ARQC),
    ("22", False, "80", "00", "00", ("00", "00", "00"), AAC),
    ("21", True, "00", "00", "00", ("00", "00", "00"), ARQC),
    ("21", True, "80", "00", "00", ("00", "00", "00"), AAC),
    ("23", True, "00", "00", "80", ("00", "00", "80"), TC),
    ("23", True, "00", "80", "00", ("00", "00", "00"), AAC),
    ("23", True, "00", "00", "00", ("00", "80", "00"), AAC),
    ("23", True, "00", "00", "00", (None, None, None), AAC),
]


@pytest.mark.parametrize(
    ("kind", "offline", "denial", "default", "online", "issuer", "expected"), ACTION_CASES
)
def test_C2_8_terminal_action_analysis(
    kind: str, offline: bool, denial: str, default: str, online: str, issuer: tuple, expected: int
) -> None:
    """TVR byte 1 bit 80 (no offline data authentication) is what the codes are tried on."""
    codes = {"tac_denial": denial, "tac_default": default, "tac_online": online}
    change_codes = kernel2(
        offline, 2_000, **{name: code + "00000000" for name, code in codes.items()}
    )

    def change(source: dict[str, Any]) -> None:
        change_codes(source)
        source["terminal"]["type"] = kind

    issuer_tags = (0x9F0E, 0x9F0D, 0x9F0F)
    record = {
        t: None if c is None else bytes.fromhex(c + "00000000")
        for t, c in zip(issuer_tags, issuer, strict=True)
    }
    card = mastercard(record, ac={0x9F27: b"\0"})
    tap(card, amount_minor=1_000, change=change)
    assert asked(card) == expected


def test_C2_8_over_the_floor_limit_is_told_in_the_tvr() -> None:
    change = kernel2(True, 1_000, tac_online="0000008000")
    below, above = mastercard(ac={0x9F27: b"\0"}), mastercard(ac={0x9F27: b"\0"})
    assert (
        tvr(tap(below, amount_minor=1_000, change=change)) == "8000000000" and asked(below) == TC
    )
    assert (
        tvr(tap(above, amount_minor=1_001, change=change)) == "8000008000" and asked(above) == ARQC
    )


def test_C2_13_a_card_that_has_only_mag_stripe_mode_is_not_guessed_at() -> None:
    card = mastercard(gpo={0x82: b"\x00\x00"})
    found = tap(card)
    assert (found.kind, found.discretionary["error"]) == (
        "end_application",
        "magstripe not supported",
    )
    assert not sent(card, READ)


@pytest.mark.parametrize(
    "objects",
    [
        {0x82: bytes.fromhex("1980")},  # GPO had it
        {0x9F02: bytes(6)},  # the terminal's
        {0x9F37: bytes(4)},
        {0x95: bytes(5)},
        {0x9F34: b"\x1f\x03\x02"},
    ],
)
def test_D_2_kernel_2_takes_nothing_twice_and_nothing_that_is_the_terminals(
    objects: dict[int, bytes | None],
) -> None:
    found = tap(mastercard(objects))
    assert (found.kind, found.discretionary["error"]) == ("end_application", "parsing error")


def test_D_3_a_card_may_ask_for_the_amounts_in_binary() -> None:
    card = mastercard({0x8C: bytes.fromhex("81049F04049F0206")})
    assert tap(card, amount_minor=1_250, amount_other_minor=50, type=0x09).kind == "online_request"
    assert sent(card, AC)[0][5:-1].hex() == "000004e200000032000000001250"
