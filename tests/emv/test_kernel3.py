"""C3-1 to C3-8: kernel 3, rule by rule, on cards of a few words."""

from typing import Any

import pytest
from kassa.emv import outcome, tlv
from kassa.system.card import CardLost, ProtocolError, TransmissionError

from simulator import cards
from simulator.cards import issuers
from tests.emv.reader import Present, Terminal, tap
from tests.emv.scripts import GPO, READ, VISA, VISA_GPO, answering, fci, sent, template, visa

RECORD = {
    0x5F24: bytes.fromhex("311231"),
    0x5F28: bytes.fromhex("0276"),
    0x9F07: bytes.fromhex("FF80"),
}
TC, AAC, ARQC = b"\x40", b"\x00", b"\x80"


def offline(source: dict[str, Any]) -> None:
    """A terminal that may approve offline up to 20 euro, for Visa."""
    source["terminal"]["offline_approval"] = True
    source["combinations"][0]["floor_limit"] = 2_000


def with_ttq(ttq: str, may_approve_offline: bool = False) -> Any:
    def change(source: dict[str, Any]) -> None:
        if may_approve_offline:
            offline(source)
        source["combinations"][0]["ttq"] = ttq

    return change


class Oda:
    """Offline data authentication that says what it is told to."""

    def __init__(self, good: bool) -> None:
        self.good = good
        self.asked = 0

    def fdda(self, tap: Any) -> bool:
        self.asked += 1
        return self.good


def tap_offline(
    card: Any, oda: Oda | None = None, change: Any = offline, **fields: Any
) -> outcome.Outcome:
    terminal = Terminal(change, oda)
    assert terminal.prepare(fields.pop("amount_minor", 1_000), **fields) is None
    return terminal.tap(card)


def test_C3_1_the_card_gets_the_values_its_pdol_names() -> None:
    card = visa(pdol=bytes.fromhex("9F66049F02069F37049F1A029F35019C01"))
    found = tap(card, amount_minor=1250)
    (command,) = sent(card, GPO)
    assert command[:7] == bytes.fromhex("80A80000148312")
    assert command[7:17] == bytes.fromhex("20804000 000000001250")
    assert command[17:21] == found.unpredictable_number
    assert command[21:] == bytes.fromhex("0276 22 00 00")


@pytest.mark.parametrize(
    ("sw", "kind", "start", "message"),
    [
        ("6984", "try_another_interface", None, 0x18),
        ("6985", "end_application", None, 0x1C),  # Select Next, and nothing is left
        ("6986", "try_again", "B", 0x20),
        ("6A81", "end_application", None, 0x1C),
        ("6283", "end_application", None, 0x1C),
        ("6300", "end_application", None, 0x1C),
        ("9001", "end_application", None, 0x1C),
        ("0000", "end_application", None, 0x1C),
    ],
)
def test_C3_1_status_words_of_gpo(sw: str, kind: str, start: str | None, message: int) -> None:
    found = tap(visa(gpo=sw))
    assert (found.kind, found.start) == (kind, start)
    assert found.ui is not None and found.ui.message == message


def test_C3_1_a_phone_that_wants_its_owner_gets_the_field_switched_off() -> None:
    assert tap(visa(gpo="6986")).field_off == 13


def test_C3_2_no_afl_is_legal() -> None:
    card = visa()
    assert tap(card).kind == outcome.ONLINE_REQUEST
    assert not sent(card, READ)


@pytest.mark.parametrize("missing", [0x9F26, 0x82, 0x9F36, 0x9F10, 0x57])
def test_C3_2_mandatory_data(missing: int) -> None:
    found = tap(visa({missing: None}))
    assert (found.kind, found.start) == ("end_application", None)
    assert found.discretionary["error"] == "card data missing"
    assert found.ui is not None and found.ui.message == 0x1C


def test_C3_2_mandatory_data_may_be_in_a_record() -> None:
    card = visa({0x57: None}, template(0x70, {**RECORD, 0x57: VISA_GPO[0x57]}))
    assert tap(card).pan == "4761739001010119"


@pytest.mark.parametrize(
    ("pan", "kind"),
    [("4761739001010119", "online_request"), ("4761739001010127", "end_application")],
)
def test_C3_2_the_pan_in_57_equals_5A(pan: str, kind: str) -> None:
    found = tap(visa({}, template(0x70, {**RECORD, 0x5A: bytes.fromhex(pan)})))
    assert found.kind == kind


@pytest.mark.parametrize(
    ("iad", "kind"),
    [
        ("06011203A00000", "online_request"),  # CVR byte 2, bits 6-5: 10 is ARQC
        ("06011203900000", "online_request"),  # 01 is TC; this terminal wants it online
        ("06011203800000", "declined"),  # 00 is AAC
        ("06011203B00000", "declined"),  # 11 is nothing
        ("1F2201A0000000000F" + "00" * 23, "online_request"),  # format 2
        ("1F220180000000000F" + "00" * 23, "declined"),
        ("0601", "end_application"),  # no CVR
    ],
)
def test_C3_2_without_9F27_the_cvr_says_what_the_cryptogram_is(iad: str, kind: str) -> None:
    assert tap(visa({0x9F27: None, 0x9F10: bytes.fromhex(iad)})).kind == kind


@pytest.mark.parametrize(
    ("cid", "change", "kind"),
    [
        (ARQC, None, "online_request"),
        (AAC, None, "declined"),
        (b"\xc0", None, "declined"),
        (TC, None, "online_request"),  # TTQ byte 2 bit 80
        (TC, offline, "declined"),  # offline, and no fDDA
        (ARQC, offline, "online_request"),
    ],
)
def test_C3_3_the_card_decides_and_the_ttq_may_force_online(
    cid: bytes, change: Any, kind: str
) -> None:
    card = visa({0x9F27: cid, 0x9F6C: b"\0\0"}, template(0x70, RECORD))
    assert tap(card, amount_minor=1_000, change=change).kind == kind


def test_C3_3_a_declined_card_need_not_say_who_it_is() -> None:
    found = tap(visa({0x9F27: AAC, 0x57: None, 0x9F26: None}))
    assert (found.kind, found.pan) == ("declined", "")
    assert found.ui is not None and found.ui.message == 0x07


@pytest.mark.parametrize(
    ("expiry", "date", "ctq", "kind"),
    [
        ("261122", "261122", "0000", "approved"),  # the last day counts
        ("261121", "261122", "0000", "declined"),
        ("261121", "261122", "0800", "online_request"),
        ("991231", "261122", "0000", "declined"),  # 1999 (D-4)
        (None, "261122", "0000", "declined"),
    ],
)
def test_C3_4_expired_cards(expiry: str | None, date: str, ctq: str, kind: str) -> None:
    record = {**RECORD, 0x5F24: bytes.fromhex(expiry)} if expiry else {0x5F28: RECORD[0x5F28]}
    card = visa({0x9F27: TC, 0x9F6C: bytes.fromhex(ctq)}, template(0x70, record))
    assert tap_offline(card, Oda(True), date=date).kind == kind


@pytest.mark.parametrize(("ctq", "kind"), [("0800", "declined"), ("0000", "declined")])
def test_C3_4_an_offline_only_reader_does_not_send_expired_cards_online(
    ctq: str, kind: str
) -> None:
    card = visa(
        {0x9F27: TC, 0x9F6C: bytes.fromhex(ctq)},
        template(0x70, {**RECORD, 0x5F24: b"\x20\x01\x01"}),
    )
    assert tap_offline(card, Oda(True), change=with_ttq("28004000", True)).kind == kind


@pytest.mark.parametrize(
    ("type_", "usage", "country", "ctq", "kind"),
    [
        (0x01, "8000", "0276", "0000", "approved"),
        (0x01, "4000", "0276", "0000", "declined"),
        (0x01, "4000", "0840", "0000", "approved"),
        (0x01, "4000", "0276", "0400", "try_another_interface"),
        (0x01, "4000", "0276", "0200", "declined"),
        (0x09, "0080", "0276", "0000", "approved"),
        (0x09, "0040", "0276", "0000", "declined"),
        (0x09, "0040", "0276", "0200", "try_another_interface"),
        (0x00, "0000", "0276", "0000", "approved"),
    ],
)
def test_C3_4_cash_and_cashback(type_: int, usage: str, country: str, ctq: str, kind: str) -> None:
    record = {**RECORD, 0x9F07: bytes.fromhex(usage), 0x5F28: bytes.fromhex(country)}
    card = visa({0x9F27: TC, 0x9F6C: bytes.fromhex(ctq)}, template(0x70, record))
    assert tap_offline(card, Oda(True), type=type_).kind == kind


@pytest.mark.parametrize(
    ("ctq", "ttq", "kind"),
    [
        ("0000", "20004000", "declined"),
        ("2000", "20004000", "online_request"),
        ("2000", "28004000", "declined"),  # offline only
        ("1000", "30004000", "try_another_interface"),
        ("1000", "20004000", "declined"),  # no contacts
        ("0000", "30004000", "declined"),  # contacts, and a card that does not want them
        ("3000", "30004000", "online_request"),  # in that order
    ],
)
@pytest.mark.parametrize("oda", [None, Oda(False)])
def test_C3_5_a_tc_needs_fdda(ctq: str, ttq: str, kind: str, oda: Oda | None) -> None:
    card = visa({0x9F27: TC, 0x9F6C: bytes.fromhex(ctq)}, template(0x70, RECORD))
    assert tap_offline(card, oda, change=with_ttq(ttq, True)).kind == kind


def test_C3_5_a_tc_with_good_fdda_is_approved() -> None:
    oda = Oda(True)
    card = visa({0x9F27: TC, 0x9F6C: b"\0\0"}, template(0x70, RECORD))
    found = tap_offline(card, oda)
    assert (found.kind, oda.asked) == ("approved", 1)
    assert found.ui is not None and found.ui.message == 0x03


CVM_CASES = [
    # CTQ, 9F69, TTQ byte 1, over the CVM limit -> cvm or None for declined
    (None, None, "20", False, "none"),
    (None, None, "26", True, "signature"),
    (None, None, "24", True, "online_pin"),
    (None, None, "20", True, None),
    ("8000", None, "24", True, "online_pin"),
    ("8000", None, "26", True, "online_pin"),
    ("8000", None, "20", False, "none"),
    ("8000", None, "20", True, None),
    ("4000", None, "22", True, "signature"),
    ("4000", None, "24", True, None),
    ("C000", None, "22", True, "signature"),
    ("0080", None, "20", True, "cdcvm"),
    ("0080", None, "20", False, "cdcvm"),
    ("8080", None, "24", True, "online_pin"),
    ("8080", None, "20", True, "cdcvm"),
    ("0080", "01010203040080", "20", True, "cdcvm"),
    ("0080", "01010203040000", "20", True, None),  # not what was signed
    ("0080", "0101020304", "20", True, None),  # no copy to compare with
    ("0000", None, "26", True, None),
    ("0000", None, "26", False, "none"),
]


@pytest.mark.parametrize(("ctq", "related", "ttq_1", "over", "cvm"), CVM_CASES)
def test_C3_6_cardholder_verification(
    ctq: str | None, related: str | None, ttq_1: str, over: bool, cvm: str | None
) -> None:
    changes = {
        0x9F6C: bytes.fromhex(ctq) if ctq else None,
        0x9F69: bytes.fromhex(related) if related else None,
    }
    found = tap(
        visa(changes), amount_minor=6_000 if over else 1_000, change=with_ttq(ttq_1 + "004000")
    )
    if cvm is None:
        assert (found.kind, found.discretionary["error"]) == (
            "declined",
            "cardholder not verified",
        )
    else:
        assert (found.kind, found.cvm) == ("online_request", cvm)
        assert found.receipt is (cvm == "signature")


def test_C3_6_online_pin_goes_online_whatever_the_card_said() -> None:
    card = visa({0x9F27: TC, 0x9F6C: bytes.fromhex("8000")}, template(0x70, RECORD))
    found = tap_offline(card, Oda(True), change=with_ttq("24004000", True))
    assert (found.kind, found.cvm) == ("online_request", "online_pin")


def test_C3_6_a_consumer_device_without_9F69_needs_an_arqc() -> None:
    card = visa({0x9F27: TC, 0x9F6C: bytes.fromhex("0080")}, template(0x70, RECORD))
    assert tap_offline(card, Oda(True)).kind == "declined"
    signed = {0x9F27: TC, 0x9F6C: bytes.fromhex("0080"), 0x9F69: bytes.fromhex("01010203040080")}
    found = tap_offline(visa(signed, template(0x70, RECORD)), Oda(True))
    assert (found.kind, found.cvm) == ("approved", "cdcvm")


def test_C3_6_an_approval_with_signature_says_so() -> None:
    card = visa({0x9F27: TC, 0x9F6C: bytes.fromhex("4000")}, template(0x70, RECORD))
    found = tap_offline(card, Oda(True), change=with_ttq("22004000", True))
    assert found.ui is not None and (found.kind, found.ui.message) == ("approved", 0x1A)


UPDATE = with_ttq("2000C000")


@pytest.mark.parametrize(
    ("ctq", "change", "start"),
    [("2840", UPDATE, "B"), ("2840", None, None), ("2800", UPDATE, None)],
)
def test_C3_7_an_issuer_update_is_an_online_request_with_start_b(
    ctq: str, change: Any, start: str | None
) -> None:
    found = tap(visa({0x9F6C: bytes.fromhex(ctq)}), change=change)
    assert (found.kind, found.start) == ("online_request", start)
    assert found.online_response == ("emv_data" if start else None)


def updated(card: Any, answer: bytes) -> tuple[list[str], Terminal]:
    terminal = Terminal(UPDATE)
    terminal.prepare()
    assert terminal.tap(card).start == "B"
    before = len(card.commands)
    terminal.update(card, answer)
    return [c.hex().upper() for c in card.commands[before:]], terminal


def test_C3_7_the_second_tap_hands_the_issuers_answer_to_the_card() -> None:
    card = visa({0x9F6C: bytes.fromhex("2840")})
    card.answers |= {b"\x00\x82": "9000", b"\x84\x16": "9000"}
    answer = bytes.fromhex(
        "8A023030" + "910A11223344556677880010" + "720B" + "8609841600000411223344"
    )
    commands, _ = updated(card, answer)
    assert commands == [
        "00A4040007" + VISA.hex().upper() + "00",
        "008200000A11223344556677880010",
        "841600000411223344",
    ]


@pytest.mark.parametrize(
    "answer", [b"", b"\x91", bytes.fromhex("9101AA"), bytes.fromhex("7203860184"), b"\xff" * 9]
)
def test_C3_7_an_answer_that_makes_no_sense_is_not_sent(answer: bytes) -> None:
    commands, _ = updated(visa({0x9F6C: bytes.fromhex("2840")}), answer)
    assert [c for c in commands if not c.startswith("00A4")] == []


@pytest.mark.parametrize("at", ["00A40400", "0082"])
def test_C3_7_the_sale_does_not_fail_for_want_of_the_second_tap(at: str) -> None:
    terminal = Terminal(UPDATE)
    terminal.prepare()
    card = visa({0x9F6C: bytes.fromhex("2840")})
    assert terminal.tap(card).start == "B"
    terminal.update(
        answering(card, at, CardLost("gone")), bytes.fromhex("910A11223344556677880010")
    )
    assert any(e["is"] == "issuer_update" for e in terminal.log.events)


def test_C3_7_another_card_at_the_second_tap_gets_nothing() -> None:
    terminal = Terminal(UPDATE)
    terminal.prepare()
    assert terminal.tap(visa({0x9F6C: bytes.fromhex("2840")})).start == "B"
    other = visa(select="6A82")
    terminal.update(other, bytes.fromhex("910A11223344556677880010"))
    assert [c[:2].hex() for c in other.commands] == ["00a4"]


@pytest.mark.parametrize(
    ("program", "amount", "byte_2"),
    [
        (b"\x78\x01", 2_400, 0x80),
        (b"\x78\x01", 2_500, 0xC0),  # its own CVM limit
        (b"\x78\x01\x99", 2_500, 0xC0),  # begins with it
        (b"\x78\x01\x02", 2_500, 0x80),  # the longer one counts
        (b"\x11\x11", 2_500, 0x80),  # none of ours: the combination's
        (None, 2_500, 0x80),
    ],
)
def test_C3_8_dynamic_reader_limits(program: bytes | None, amount: int, byte_2: int) -> None:
    def change(source: dict[str, Any]) -> None:
        source["combinations"][0]["program_limits"] = [
            {"program": "7801", "cvm_limit": 2_500, "floor_limit": 0},
            {"program": "780102", "cvm_limit": 9_000, "floor_limit": 0},
        ]

    more = {"x9F5A": program} if program else {}
    pdol = bytes.fromhex("9F6604")
    card = visa(select=fci(VISA, pdol, **more))
    tap(card, amount_minor=amount, change=change)
    assert sent(card, GPO)[0][7:11] == bytes([0x20, byte_2, 0x40, 0x00])


def test_C3_8_over_the_programs_limit_the_next_application_is_tried() -> None:
    def change(source: dict[str, Any]) -> None:
        source["combinations"][0]["program_limits"] = [
            {"program": "7801", "transaction_limit": 1_000}
        ]

    card = visa(select=fci(VISA, bytes.fromhex("9F6604"), x9F5A=b"\x78\x01"))
    assert tap(card, amount_minor=1_000, change=change).discretionary["error"] == "no application"
    assert not sent(card, GPO)


@pytest.mark.parametrize(
    "error", [CardLost("gone"), TransmissionError("noise"), ProtocolError("odd")]
)
@pytest.mark.parametrize("at", [GPO, "00B20114", "00B20214"])
def test_a_card_that_leaves_kernel_3_is_asked_for_again(error: Exception, at: str) -> None:
    card = visa({}, template(0x70, RECORD), template(0x70, {0x9F7C: b"\x01"}))
    found = tap(answering(card, at, error))
    assert (found.kind, found.start) == ("try_again", "B")
    assert found.ui is not None and found.ui.message == 0x21


@pytest.mark.parametrize("sw", ["6A83", "6985", "6300", "6282"])
def test_a_record_that_cannot_be_read_ends_the_application(sw: str) -> None:
    found = tap(visa({}, bytes.fromhex(sw)))
    assert (found.kind, found.discretionary["sw"]) == ("end_application", sw)


@pytest.mark.parametrize(
    "changes",
    [
        {0x82: b"\x20"},
        {0x9F36: b"\x00"},
        {0x9F26: bytes(7)},
        {0x9F27: b"\x80\x00"},
        {0x9F6C: b"\x28"},
        {0x57: bytes.fromhex("4761739001010119")},  # no separator
        {0x57: bytes.fromhex("D31122010000")},  # no PAN
        {0x57: bytes.fromhex("47617390A1010119D3112201")},  # not digits
        {0x57: bytes.fromhex("4761739001010119D3")},  # no expiry
        {0x94: bytes.fromhex("100101")},
        {0x94: bytes.fromhex("00010100")},  # file 0
        {0x94: bytes.fromhex("F8010100")},  # file 31
        {0x94: bytes.fromhex("10000100")},  # record 0
        {0x94: bytes.fromhex("10020100")},  # backwards
        {0x94: bytes.fromhex("10010102")},  # more signed than there are
        {0x94: bytes.fromhex("1001FF00")},  # too much to read
    ],
)
def test_data_that_cannot_be_end_the_application(changes: dict[int, bytes | None]) -> None:
    found = tap(visa(changes, template(0x70, RECORD)))
    assert found.kind == "end_application"
    assert found.ui is not None and found.ui.message == 0x1C


def test_an_object_without_a_value_is_not_there() -> None:
    assert tap(visa({0x9F36: b""})).discretionary["error"] == "card data missing"


def test_D_2_an_object_twice_in_one_answer_ends_the_application() -> None:
    gpo = template(0x77, VISA_GPO)
    inner = gpo[2:-2] + bytes.fromhex("9F3602 0043".replace(" ", ""))
    found = tap(visa(gpo=b"\x77" + bytes([len(inner)]) + inner + b"\x90\x00"))
    assert (found.kind, found.discretionary["error"]) == ("end_application", "parsing error")


def test_D_2_an_object_that_comes_again_in_a_record_keeps_its_first_value() -> None:
    card = visa({}, template(0x70, {**RECORD, 0x57: bytes.fromhex("4111111111111111D2512201")}))
    assert tap(card).pan == "4761739001010119"


def test_a_card_cannot_say_what_is_the_terminals_to_say() -> None:
    false = {0x9F02: bytes(6), 0x9F37: bytes(4), 0x95: b"\xff" * 5, 0x9F34: b"\x01\x00\x02"}
    found = tap(visa({**false, 0x9F33: b"\xff" * 3}), amount_minor=1250)
    assert found.data[0x9F02] == bytes.fromhex("000000001250")
    assert found.data[0x9F37] != bytes(4)
    assert found.data[0x95] == bytes(5)
    assert found.cvm_results is None
    assert found.data[0x9F33] == bytes.fromhex("000800")


@pytest.mark.parametrize(
    ("name", "amount", "kind", "cvm"),
    [
        ("visa_credit", 1_250, "online_request", "none"),
        ("visa_credit", 4_999, "online_request", "none"),
        ("visa_credit", 5_000, "declined", None),  # no method in common
        ("visa_debit", 1_250, "online_request", "none"),
        ("visa_prepaid", 1_250, "online_request", "none"),
        ("visa_phone", 1_250, "online_request", "cdcvm"),
        ("visa_phone", 60_000, "online_request", "cdcvm"),
        ("visa_expired", 1_250, "online_request", "none"),  # the issuer will say
        ("visa_blocked", 1_250, "end_application", None),
        ("pulled_away", 1_250, "try_again", None),
        ("garbage", 1_250, "end_application", None),
    ],
)
def test_the_wallets_visa_cards(name: str, amount: int, kind: str, cvm: str | None) -> None:
    found = tap(name, amount_minor=amount)
    assert (found.kind, found.cvm) == (kind, cvm)


@pytest.mark.parametrize(
    "name", ["visa_credit", "visa_debit", "visa_prepaid", "visa_phone", "visa_expired"]
)
def test_the_issuer_finds_the_cryptogram_right_with_nothing_but_de_55(name: str) -> None:
    found = tap(name)
    de_55 = tlv.flatten(found.emv_data())
    assert issuers.verify_arqc(
        found.pan, found.psn, de_55[0x9F36], de_55[0x9F10], de_55, de_55[0x9F26]
    )
    de_55[0x9F02] = bytes.fromhex("000000001251")
    assert not issuers.verify_arqc(
        found.pan, found.psn, de_55[0x9F36], de_55[0x9F10], de_55, de_55[0x9F26]
    )


def test_the_card_answers_a_full_terminal_with_a_pin() -> None:
    terminal = Terminal(with_ttq("24004000"))
    terminal.prepare(6_000)
    found = terminal.tap(Present(cards.load("visa_credit")))
    assert (found.kind, found.cvm) == ("online_request", "online_pin")


def test_files_1_to_30_may_be_read() -> None:
    card = visa({0x94: bytes.fromhex("08010100F0010100")})
    card.answers |= {
        bytes.fromhex("00B2010C"): template(0x70, RECORD),
        bytes.fromhex("00B201F4"): "9000",
    }
    assert tap(card).kind == outcome.ONLINE_REQUEST
    assert len(sent(card, READ)) == 2


@pytest.mark.parametrize(
    ("afl", "kind"), [("08013000", "online_request"), ("08011800 10011900", "end_application")]
)
def test_at_most_48_records_are_read(afl: str, kind: str) -> None:
    card = visa({0x94: bytes.fromhex(afl)})
    card.answers[bytes.fromhex(READ)] = "70009000"
    assert tap(card).kind == kind
    assert len(sent(card, READ)) == (48 if kind == "online_request" else 0)
