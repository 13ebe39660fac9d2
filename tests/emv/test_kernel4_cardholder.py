"""CX-2: how kernel 4, American Express, verifies the cardholder: by the card's CVM list, and by a
phone's own verification in 9F71."""

from typing import Any

import pytest
from kassa.emv import outcome

from tests.emv.other_schemes import CERTIFICATES, TC, Oda, amex, only, take
from tests.emv.reader import Terminal
from tests.emv.scripts import AC, sent

ONLINE = only(4)
# A phone: EMV mode and mobile, cardholder verification, CDA
PHONE = {0x82: bytes.fromhex("11C0")}
DEVICE_FIRST = bytes.fromhex("0000000000000000 4103 4203 5E03 1F03".replace(" ", ""))


def table(**fields: Any) -> Any:
    return only(4, table=fields)


def tvr(found: outcome.Outcome) -> str:
    return (found.tvr or b"").hex()


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


def test_CX_2_a_card_that_is_no_device_has_no_owner_to_send_anywhere() -> None:
    assert take(amex(gpo={0x9F71: bytes.fromhex("010001")}), ONLINE).kind == "online_request"


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


def test_CX_2_whom_his_phone_verified_may_be_approved_offline() -> None:
    change = only(4, offline=True, cvm_limit=500, table={"cda": True})
    signed = {0x9F27: TC, 0x9F26: None, 0x9F4B: b"\x01"}
    phone = {**PHONE, 0x9F71: bytes.fromhex("010302")}
    card = amex({**CERTIFICATES, 0x8E: DEVICE_FIRST}, signed, phone)
    found = take(card, change, oda=Oda())
    assert (found.kind, found.cvm, tvr(found)) == ("approved", "cdcvm", "0000000000")
