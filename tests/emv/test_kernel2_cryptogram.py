"""C2-9, C2-10 and C2-12: what kernel 2 asks for and what it makes of the answer."""

from typing import Any

import pytest
from kassa.emv import tlv

from simulator.cards import issuers
from tests.emv.mastercards import (
    AAC,
    ARQC,
    CDA_RECORD,
    TC,
    Oda,
    asked,
    kernel2,
    tap_with,
    tvr,
)
from tests.emv.reader import mastercard_of, tap
from tests.emv.scripts import AC, mastercard, sent


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


@pytest.mark.parametrize(
    ("tac_denial", "asked_for"), [("0000000000", ARQC | 0x10), ("0000008000", AAC)]
)
def test_C2_9_the_cda_bit_is_asked_when_selected_but_not_for_an_aac(
    tac_denial: str, asked_for: int
) -> None:
    change = kernel2(security_capability="08", tac_denial=tac_denial)
    card = mastercard(CDA_RECORD, ac={0x9F27: b"\0"})
    assert tap_with(Oda(), card, change).kind == "declined"
    assert asked(card) == asked_for


@pytest.mark.parametrize(
    ("aip", "configuration", "asked_for"),
    [
        ("1B80", "A0", AAC),  # a phone whose CDA cannot be
        ("1B80", "80", ARQC),  # whose word this reader does not take anyway
        ("1980", "A0", ARQC),  # a card
        ("1A80", "A0", ARQC),  # a phone that never had CDA
    ],
)
def test_C2_9_a_device_that_vouches_for_its_owner_must_be_vouched_for(
    aip: str, configuration: str, asked_for: int
) -> None:
    change = kernel2(security_capability="08", configuration=configuration)
    card = mastercard(
        {**CDA_RECORD, 0x9F46: None}, ac={0x9F27: b"\0"}, gpo={0x82: bytes.fromhex(aip)}
    )
    tap_with(Oda(), card, change)
    assert asked(card) == asked_for


@pytest.mark.parametrize("case", ["pin", "status check", "zero"])
def test_C2_8_what_only_the_host_can_answer_goes_online(case: str) -> None:
    codes = {f"tac_{name}": "0000000000" for name in ("denial", "online", "default")}
    settings = kernel2(True, 2_000, cvm_capability_no_cvm="48", **codes)

    def change(source: dict[str, Any]) -> None:
        settings(source)
        mastercard_of(source)["status_check"] = True

    record = {0x8E: bytes.fromhex("0000000000000000" + ("0200" if case == "pin" else "1F00"))}
    amount = {"pin": 1_000, "status check": 100, "zero": 0}[case]
    card = mastercard(record)
    found = tap(card, amount_minor=amount, change=change)
    assert (asked(card), found.kind) == (ARQC, "online_request")
    other = mastercard({0x8E: bytes.fromhex("00000000000000001F00")}, ac={0x9F27: bytes([TC])})
    assert tap(other, amount_minor=1_000, change=change).kind == "approved"


def test_C2_10_the_trail_says_why() -> None:
    found = tap(mastercard())
    assert found.trail == [
        ("EP-7", "A0000000041010 by kernel 2"),
        ("EP-3", "over the floor limit"),
        ("C2-5", "up to the CVM limit"),
        ("C2-7", "none, 9F34 1f0302"),
        ("EP-3", "over the floor limit: must go online"),
        ("C2-8", "action analysis: ARQC (terminal asks online)"),
        ("C2-9", "asked ARQC, got ARQC"),
        ("C2-10", "ARQC: online request"),
    ]
