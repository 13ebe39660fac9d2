"""C3-1 to C3-5: kernel 3, rule by rule, on cards of a few words; and what no card may say."""

from typing import Any

import pytest
from kassa.emv import outcome, tlv
from kassa.system.card import CardLost, ProtocolError, TransmissionError

from simulator import cards
from simulator.cards import issuers
from tests.emv.reader import Present, Terminal, tap
from tests.emv.scripts import GPO, READ, VISA_GPO, answering, sent, template, visa
from tests.emv.visas import AAC, ARQC, RECORD, TC, Oda, offline, tap_offline, with_ttq


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


@pytest.mark.parametrize(
    ("ctq", "terminal_type", "type_", "kind"),
    [
        ("0100", "14", 0x01, "declined"),
        ("0000", "14", 0x01, "approved"),
        ("0100", "22", 0x01, "approved"),  # no ATM
        ("0100", "14", 0x00, "approved"),  # no cash
    ],
)
def test_C3_4_a_card_may_be_not_for_contactless_atms(
    ctq: str, terminal_type: str, type_: int, kind: str
) -> None:
    def atm(source: dict[str, Any]) -> None:
        offline(source)
        source["terminal"]["type"] = terminal_type

    card = visa({0x9F27: TC, 0x9F6C: bytes.fromhex(ctq)}, template(0x70, RECORD))
    assert tap_offline(card, Oda(True), change=atm, type=type_).kind == kind


def test_C3_3_the_trail_says_why() -> None:
    card = visa({0x9F27: TC, 0x9F6C: b"\0\0"}, template(0x70, RECORD))
    assert tap_offline(card, Oda(True)).trail == [
        ("EP-7", "A0000000031010 by kernel 3"),
        ("EP-4", "TTQ 20004000"),
        ("C3-3", "TC: offline"),
        ("C3-5", "fDDA verified"),
        ("C3-6", "cardholder verification: none"),
        ("C3-3", "approved offline"),
    ]
