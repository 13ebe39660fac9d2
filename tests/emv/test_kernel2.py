"""C2-1 to C2-13: kernel 2, rule by rule, on cards of a few words."""

from typing import Any

import pytest
from kassa.emv import config, outcome, tlv
from kassa.system.card import CardLost, ProtocolError, TransmissionError

from simulator import cards
from simulator.cards import issuers
from simulator.cards.awkward import TornAfter
from tests.emv.reader import SANDBOX, Present, Scripted, Terminal, commands, tap
from tests.emv.scripts import (
    AC,
    GPO,
    MASTERCARD_AC,
    READ,
    answering,
    mastercard,
    sent,
    template,
)

TC, AAC, ARQC = 0x40, 0x00, 0x80
CAPABLE_OF_CDA = bytes.fromhex("8F019290019F320103")


NO_DICE = {
    "random_threshold": 0,
    "random_percent": 0,
    "random_max_percent": 0,
    "velocity_per_day": 10,
}


def kernel2(
    may_approve_offline: bool = False,
    floor_limit: int = 0,
    unsigned_cap: int = 100_000,
    **fields: Any,
) -> Any:
    """A change of the sandbox configuration: fields of Mastercard's kernel2 table."""

    def change(source: dict[str, Any]) -> None:
        source["terminal"]["offline_approval"] = may_approve_offline
        source["risk"] = {**NO_DICE, "unsigned_cap": unsigned_cap}
        source["combinations"][3]["floor_limit"] = floor_limit
        source["combinations"][3]["kernel2"].update(fields)

    return change


OFFLINE = kernel2(may_approve_offline=True, floor_limit=2_000)


def asked(card: Scripted) -> int:
    """P1 of the GENERATE AC that `card` got."""
    return sent(card, AC)[0][2]


def tvr(found: outcome.Outcome) -> str:
    return (found.tvr or b"").hex()


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


class Oda:
    """Offline data authentication that says what it is told to."""

    def __init__(self, key: bool = True, good: bool = True) -> None:
        self.key, self.good = key, good
        self.keys: list[tuple[bytes, bytes]] = []
        self.values = b""

    def has_key(self, rid: bytes, index: bytes, date: str | None = "") -> bool:
        self.keys.append((rid, index))
        return self.key

    def cda(self, tap: Any, values: bytes) -> bool:
        self.values = values
        return self.good


CDA_RECORD = {
    0x8F: b"\x92",
    0x90: b"\x01",
    0x9F32: b"\x03",
    0x9F46: b"\x01",
    0x9F47: b"\x03",
    0x9F4A: b"\x82",
}
CDA = kernel2(security_capability="08")


def tap_with(
    oda: Oda | None, card: Scripted, change: Any = CDA, amount_minor: int = 1_000
) -> outcome.Outcome:
    terminal = Terminal(change, oda)
    terminal.prepare(amount_minor)
    return terminal.tap(card)


@pytest.mark.parametrize(
    ("oda", "record", "aip", "change", "expected"),
    [
        (None, CDA_RECORD, "1980", CDA, "8000008000"),  # no authentication in the terminal
        (Oda(), CDA_RECORD, "1980", None, "8000008000"),  # configured without CDA
        (Oda(), CDA_RECORD, "1880", CDA, "8000008000"),  # the card has none
        (Oda(), CDA_RECORD, "1980", CDA, "0000008000"),
        (Oda(key=False), CDA_RECORD, "1980", CDA, "0400008000"),
        *((Oda(), {**CDA_RECORD, tag: None}, "1980", CDA, "2400008000") for tag in CDA_RECORD),
    ],
)
def test_C2_4_cda_when_both_support_it_else_the_tvr_says_why_not(
    oda: Oda | None, record: dict[int, bytes | None], aip: str, change: Any, expected: str
) -> None:
    card = mastercard(record, ac={0x9F4B: b"\x01"}, gpo={0x82: bytes.fromhex(aip)})
    found = tap_with(oda, card, change)
    assert tvr(found) == expected
    assert bool(asked(card) & 0x10) is (expected == "0000008000")


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

    found = tap(mastercard(record), change=change, **fields)
    assert found.tvr is not None and found.tvr[1] == expected


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


@pytest.mark.parametrize(
    ("offline", "cid", "kind"),
    [
        (False, ARQC, "online_request"),
        (False, AAC, "declined"),
        (False, TC, "end_application"),  # was not asked
        (True, TC, "approved"),
        (True, ARQC, "online_request"),
        (True, AAC, "declined"),
        (True, 0xC0, "end_application"),
    ],
)
def test_C2_9_the_card_may_go_down_never_up(offline: bool, cid: int, kind: str) -> None:
    codes = {"tac_online": "0000000000", "tac_default": "0000000000", "tac_denial": "0000000000"}
    card = mastercard(ac={0x9F27: bytes([cid])})
    found = tap(card, amount_minor=1_000, change=kernel2(offline, 2_000, **codes))
    assert asked(card) == (TC if offline else ARQC)
    assert found.kind == kind


def test_C2_9_the_command_carries_what_cdol1_names() -> None:
    card = mastercard()
    found = tap(card, amount_minor=1_250)
    (command,) = sent(card, AC)
    assert command[5:11].hex() == "000000001250"
    assert command[11:15] == found.unpredictable_number
    assert command[15:20] == found.tvr and command[20:23] == found.cvm_results


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("800B8000420102030405060708 9000", "online_request"),
        ("80128000420102030405060708 0114A000030000 9000", "online_request"),
        ("800A80004201020304050607 9000", "end_application"),
        ("802B80004201020304050607 08" + "00" * 32 + "9000", "online_request"),
        ("802C80004201020304050607 08" + "00" * 33 + "9000", "end_application"),
        ("7700 9000", "end_application"),
        ("9000", "end_application"),
        ("6985", "end_application"),
        ("6300", "end_application"),
    ],
)
def test_C2_9_the_answer_is_of_format_77_or_80(answer: str, kind: str) -> None:
    found = tap(mastercard(AC=answer.replace(" ", "")))
    assert found.kind == kind
    if kind == "online_request":
        assert (found.atc, found.cryptogram) == (0x42, bytes(range(1, 9)))


@pytest.mark.parametrize("missing", [0x9F26, 0x9F27, 0x9F36])
def test_C2_9_what_the_answer_must_hold(missing: int) -> None:
    found = tap(mastercard(ac={missing: None}))
    assert (found.kind, found.discretionary["error"]) == ("end_application", "card data missing")


@pytest.mark.parametrize(
    ("good", "signed", "cid", "kind"),
    [
        (True, b"\x01", ARQC, "online_request"),
        (False, b"\x01", ARQC, "end_application"),
        (True, None, ARQC, "end_application"),
        (False, None, AAC, "declined"),  # an AAC is not signed
    ],
)
def test_C2_10_cda_is_verified_on_the_answer(
    good: bool, signed: bytes | None, cid: int, kind: str
) -> None:
    oda = Oda(good=good)
    ac = {0x9F4B: signed, 0x9F27: bytes([cid])}
    card = mastercard(CDA_RECORD, ac=ac)
    found = tap_with(oda, card)
    assert found.kind == kind
    if signed is not None:
        assert oda.values == sent(card, AC)[0][5:-1]
    if kind == "end_application":
        assert (
            found.discretionary["error"] == "cam failed"
            and found.tvr is not None
            and found.tvr[0] & 0x04
        )


@pytest.mark.parametrize(
    ("input_", "third_party", "kind"),
    [
        ("00", None, "declined"),
        ("20", None, "try_another_interface"),
        ("20", "027600003030", "try_another_interface"),
        ("20", "027600003032", "declined"),  # a phone has no contacts
        ("20", "027680003032", "try_another_interface"),  # no device type in it
        ("00", "027600003030", "declined"),
    ],
)
def test_C2_10_an_aac_is_declined_or_another_interface(
    input_: str, third_party: str | None, kind: str
) -> None:
    record = {0x9F6E: bytes.fromhex(third_party)} if third_party else {}
    found = tap(mastercard(record, ac={0x9F27: b"\0"}), change=kernel2(card_data_input=input_))
    assert found.kind == kind
    if kind == "try_another_interface":
        assert found.ui is not None and (found.ui.message, found.alternate_interface) == (
            0x1D,
            "contact_chip",
        )


@pytest.mark.parametrize(
    "error", [CardLost("gone"), TransmissionError("noise"), ProtocolError("odd")]
)
@pytest.mark.parametrize("at", [GPO, READ, AC])
def test_C2_11_a_transmission_error_starts_again_at_b(error: Exception, at: str) -> None:
    found = tap(answering(mastercard(), at, error))
    assert (found.kind, found.start) == ("end_application", "B")
    assert found.ui is not None and found.ui.message == 0x21


def torn(apdus: int = 7) -> tuple[Terminal, Present, outcome.Outcome]:
    """A Mastercard torn in GENERATE AC: terminal, card, and the first outcome."""
    terminal = Terminal()
    terminal.prepare()
    card = Present(TornAfter(cards.load("mastercard_credit"), apdus=apdus, times=1))
    return terminal, card, terminal.tap(card)


def again(card: Present) -> Present:
    return Present(card.card)


def test_C2_11_a_torn_cryptogram_is_recovered_on_the_next_tap() -> None:
    terminal, card, first = torn()
    assert (first.start, commands(card)[-1]) == ("B", "AC")
    second = again(card)
    found = terminal.tap(second)
    assert commands(second)[-1] == "RECOVER"
    assert found.kind == outcome.ONLINE_REQUEST
    # What the host gets is what the card signed: the torn tap's number and counter.
    assert found.atc == 0x42
    assert found.unpredictable_number == card.exchanges[-1][0][5 + 6 + 6 + 2 + 5 + 2 + 3 + 1 :][:4]
    data = tlv.flatten(found.emv_data())
    assert issuers.verify_arqc(
        found.pan, found.psn, data[0x9F36], data[0x9F10], data, data[0x9F26]
    )


def test_C2_11_a_card_without_drdol_gets_a_fresh_cryptogram() -> None:
    terminal = Terminal()
    terminal.prepare()
    card = mastercard(AC=[CardLost("gone"), template(0x77, MASTERCARD_AC)])
    assert terminal.tap(card).start == "B"
    assert terminal.tap(card).kind == outcome.ONLINE_REQUEST
    assert not sent(card, "80D0") and len(sent(card, AC)) == 2


def test_C2_11_a_card_that_cannot_recover_gets_a_fresh_cryptogram() -> None:
    terminal = Terminal()
    terminal.prepare()
    card = mastercard(
        {0x9F51: bytes.fromhex("9F3704")}, AC=[CardLost("gone"), template(0x77, MASTERCARD_AC)]
    )
    first, second = terminal.tap(card), terminal.tap(card)
    assert (first.start, second.kind) == ("B", "online_request")
    assert [c[1] for c in card.commands][-2:] == [0xD0, 0xAE]
    # Nothing is left to recover a third time.
    assert terminal.tap(card).kind == outcome.ONLINE_REQUEST
    assert len(sent(card, "80D0")) == 1


def test_C2_11_a_card_lost_in_recovery_is_recovered_the_time_after() -> None:
    terminal = Terminal()
    terminal.prepare()
    answers = [CardLost("gone"), template(0x77, MASTERCARD_AC)]
    card = mastercard({0x9F51: bytes.fromhex("9F3704")}, AC=CardLost("gone"), RECOVER=answers)
    assert [terminal.tap(card).start for _ in range(2)] == ["B", "B"]
    assert terminal.tap(card).kind == outcome.ONLINE_REQUEST
    assert len(sent(card, AC)) == 1


@pytest.mark.parametrize("what", ["amount", "time", "card", "lifetime", "records"])
def test_C2_11_a_torn_record_serves_this_card_and_transaction_for_its_lifetime(what: str) -> None:
    record = {0x9F51: bytes.fromhex("9F3704")}
    terminal = Terminal(kernel2(torn_records=0 if what == "records" else 1))
    terminal.prepare()
    assert terminal.tap(mastercard(record, AC=CardLost("gone"))).start == "B"
    if what == "amount":
        terminal.prepare(1_251)
    elif what == "time":
        terminal.prepare(time="100001")
    elif what == "card":
        record[0x5F34] = b"\x02"
    elif what == "lifetime":
        terminal.ticks.now = (terminal.ticks.now + 121_000) & ((1 << 30) - 1)
    card = mastercard(record)
    assert terminal.tap(card).kind == outcome.ONLINE_REQUEST
    assert not sent(card, "80D0")


def test_C2_11_a_torn_record_holds_no_account_number() -> None:
    terminal, _, _ = torn()
    (record,) = terminal.entry_point._kernels[2]._torn._records  # type: ignore[attr-defined]
    assert "5413330089020011" not in str(vars(record))


@pytest.mark.parametrize(
    ("wishes", "again"),
    [("000100", True), ("000001", True), ("00000F", True), ("000000", False), ("FFFC F0", False)],
)
@pytest.mark.parametrize("cid", [ARQC, AAC])
def test_C2_12_a_phone_may_ask_for_a_second_tap(wishes: str, again: bool, cid: int) -> None:
    ac = {0xDF4B: bytes.fromhex(wishes.replace(" ", "")), 0x9F27: bytes([cid])}
    found = tap(mastercard(ac=ac))
    if again:
        assert (found.kind, found.start) == ("end_application", "B")
        assert found.ui is not None and found.ui.message == 0x20
    else:
        assert found.kind == ("online_request" if cid == ARQC else "declined")


@pytest.mark.parametrize("tag", [0x82, 0x5A, 0x9F37])
def test_D_2_nor_does_it_in_the_answer_to_generate_ac(tag: int) -> None:
    found = tap(mastercard(ac={tag: b"\x19\x80\x00\x00"[: 2 if tag == 0x82 else 4]}))
    assert (found.kind, found.discretionary["error"]) == ("end_application", "parsing error")


def test_C2_13_a_card_that_has_only_mag_stripe_mode_is_not_guessed_at() -> None:
    card = mastercard(gpo={0x82: b"\x00\x00"})
    found = tap(card)
    assert (found.kind, found.discretionary["error"]) == (
        "end_application",
        "magstripe not supported",
    )
    assert not sent(card, READ)


class Timed(Scripted):
    """A card that takes `ms` milliseconds for EXCHANGE RELAY RESISTANCE DATA, one value a
    round."""

    def __init__(self, card: Scripted, terminal: Terminal, ms: list[int]) -> None:
        super().__init__({})
        self.answers = card.answers
        self._terminal, self._ms = terminal, ms

    async def transceive(self, apdu: bytes) -> bytes:
        if apdu[1] == 0xEA:
            self._terminal.ticks.now += self._ms.pop(0)
        return await super().transceive(apdu)


def relay(ms: list[int], answer: str, configuration: str = "B0", aip: str = "1981") -> tuple:
    """One tap with relay resistance: the outcome, the card, the terminal."""
    terminal = Terminal(kernel2(configuration=configuration))
    terminal.prepare()
    terminal.ticks.now = 1_000
    card = mastercard(gpo={0x82: bytes.fromhex(aip)})
    card.answers[b"\x80\xea"] = answer
    timed = Timed(card, terminal, ms)
    return terminal.tap(timed), timed


# Device entropy; processing at least 2 ms and at most 10; 2.4 ms on the air
NEAR = "800A" + "01020304" + "0014" + "0064" + "0018" + "9000"


def test_C2_14_relay_resistance_is_off_by_default() -> None:
    for configuration in (
        SANDBOX["combinations"][3]["kernel2"]["configuration"],
        default_configuration(),
    ):
        found, card = relay([9], NEAR, configuration)
        assert (found.kind, found.tvr[4]) == ("online_request", 0)
        assert not sent(card, "80EA")


def default_configuration() -> str:
    read = config.from_dict({"combinations": [{"aid": "A0000000041010", "kernel": 2}]})
    return read.combinations[0].kernel2.configuration.hex()


@pytest.mark.parametrize(
    ("ms", "answer", "byte_5", "rounds"),
    [
        ([9], NEAR, 0x02, 1),  # ticks read 10 ms, 4.2 of them on the air: within 10 + 5
        ([18], NEAR, 0x02, 1),
        ([19, 9], NEAR, 0x02, 2),  # too slow once
        ([19, 19, 19], NEAR, 0x06, 3),  # too slow each time
        ([45, 45, 45], NEAR, 0x0E, 3),  # 30 ms more than it needs
        ([9], NEAR[:-8] + "000B9000", 0x0A, 1),  # the card's air time is not half of ours
        ([9], NEAR[:-8] + "000C9000", 0x02, 1),
        ([9], NEAR[:-8] + "00319000", 0x0A, 1),
        ([9], NEAR[:-8] + "00009000", 0x02, 1),  # it does not say
    ],
)
def test_C2_14_what_is_measured_goes_into_the_tvr(
    ms: list[int], answer: str, byte_5: int, rounds: int
) -> None:
    found, card = relay(list(ms), answer)
    assert (found.kind, found.tvr[4]) == ("online_request", byte_5)
    numbers = [command[5:9] for command in sent(card, "80EA")]
    assert len(numbers) == len(set(numbers)) == rounds
    assert numbers[-1] == found.unpredictable_number


def test_C2_14_a_card_without_it_is_told_in_the_tvr() -> None:
    found, card = relay([], NEAR, aip="1980")
    assert not sent(card, "80EA") and found.tvr[4] == 0x01


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("6D00", "status bytes"),
        ("9000", "parsing error"),
        ("8009" + "00" * 9 + "9000", "parsing error"),
        ("800A" + "00000000" + "0FFF" + "0FFF" + "0018" + "9000", "card data error"),  # too quick
    ],
)
def test_C2_14_an_answer_that_cannot_be_ends_the_application(answer: str, error: str) -> None:
    found, _ = relay([9], answer)
    assert (found.kind, found.discretionary["error"]) == ("end_application", error)


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


@pytest.mark.parametrize(
    ("name", "amount", "kind", "cvm", "expected_tvr", "results"),
    [
        ("mastercard_credit", 1_250, "online_request", "none", "8000008000", "1f0302"),
        ("mastercard_credit", 5_000, "online_request", "none", "8000008000", "1f0302"),
        ("mastercard_credit", 5_001, "declined", "none", "8000808000", "3f0001"),
        ("mastercard_debit", 1_250, "online_request", "none", "8000008000", "1f0302"),
        ("mastercard_phone", 1_250, "online_request", "none", "8000008000", "3f0002"),
        ("mastercard_phone", 5_001, "online_request", "cdcvm", "8000008000", "010002"),
        ("mastercard_stolen", 1_250, "online_request", "none", "8000008000", "1f0302"),
        ("slow", 1_250, "online_request", "none", "8000008000", "1f0302"),
    ],
)
def test_the_wallets_mastercards(
    name: str, amount: int, kind: str, cvm: str, expected_tvr: str, results: str
) -> None:
    found = tap(name, amount_minor=amount)
    assert (found.kind, found.cvm, tvr(found)) == (kind, cvm, expected_tvr)
    assert found.cvm_results is not None and found.cvm_results.hex() == results


@pytest.mark.parametrize("name", ["mastercard_credit", "mastercard_debit", "mastercard_phone"])
def test_the_issuer_finds_the_cryptogram_right_with_nothing_but_de_55(name: str) -> None:
    found = tap(name)
    data = tlv.flatten(found.emv_data())
    assert issuers.verify_arqc(
        found.pan, found.psn, data[0x9F36], data[0x9F10], data, data[0x9F26]
    )
    data[0x95] = bytes(5)
    assert not issuers.verify_arqc(
        found.pan, found.psn, data[0x9F36], data[0x9F10], data, data[0x9F26]
    )
