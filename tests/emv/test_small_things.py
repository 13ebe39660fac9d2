"""Digits, dates, accounts and what the host is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kassa.emv import account, apdu, cvm, outcome, preprocessing, tags, tlv, tvr
from kassa.emv.errors import CardDataError
from kassa.emv.kernels import kernel2, kernel3, relay
from kassa.emv.outcome import Outcome
from kassa.emv.transaction_data import bcd, comparable_date

from host_tools.lens import bits
from host_tools.lens.elements import ELEMENTS


@given(st.integers(0, 10**12 - 1))
def test_numbers_are_packed_digits(value: int) -> None:
    assert bcd(value, 6).hex() == f"{value:012d}"


@pytest.mark.parametrize(
    ("date", "expected"),
    [("490101", "20490101"), ("500101", "19500101"), (b"\x99\x12\x31", "19991231")],
)
def test_D_4_years_from_50_are_of_the_last_century(date: bytes | str, expected: str) -> None:
    assert comparable_date(date) == expected


@given(st.integers(10**7, 10**19 - 1), st.integers(0, 9999))
def test_an_account_is_read_from_track_2_and_from_5A(number: int, expiry: int) -> None:
    pan = str(number)
    digits = f"{pan}D{expiry:04d}201"
    assert account.track2_parts(bytes.fromhex(digits + "F" * (len(digits) % 2))) == (
        pan,
        f"{expiry:04d}",
    )
    assert account.pan_digits(bytes.fromhex(pan + "F" * (len(pan) % 2))) == pan


@given(st.binary(max_size=19))
def test_what_is_no_account_is_a_card_data_error(noise: bytes) -> None:
    for read in (account.pan_digits, account.track2_parts):
        try:
            found = read(noise)
        except CardDataError:
            continue
        pan = found if isinstance(found, str) else found[0]
        assert pan.isdigit() and 8 <= len(pan) <= 19


def test_de_55_holds_what_is_there_in_its_order() -> None:
    found = Outcome(outcome.ONLINE_REQUEST)
    found.data = {tags.ATC: b"\x00\x01", tags.CRYPTOGRAM: bytes(8), 0x5A: b"\x47"}
    assert found.emv_data() == bytes.fromhex("9F26080000000000000000" + "9F36020001")
    assert found.emv_data([tags.ATC]) == bytes.fromhex("9F36020001")


def test_commands_are_those_of_the_books() -> None:
    assert apdu.select(apdu.PPSE).hex() == "00a404000e325041592e5359532e444446303100"
    assert apdu.get_processing_options(b"").hex() == "80a8000002830000"
    assert apdu.get_processing_options(bytes(3)).hex() == "80a80000058303000000" + "00"
    assert apdu.get_processing_options(bytes(127))[4:7].hex() == "81837f"
    assert apdu.get_processing_options(bytes(128))[4:8].hex() == "83838180"
    long = apdu.get_processing_options(bytes(252))
    assert long[4:8].hex() == "ff8381fc" and len(long) == 5 + 255 + 1
    assert apdu.read_record(2, 3).hex() == "00b2031400"
    assert apdu.generate_ac(apdu.ARQC | apdu.CDA, b"\x01").hex() == "80ae9000010100"
    assert apdu.generate_ac(apdu.ARQC, b"").hex() == "80ae800000"
    assert apdu.external_authenticate(bytes(8)).hex() == "0082000008" + "00" * 8


def test_tvr_bits_are_where_book_3_has_them() -> None:
    bits = {
        tvr.ODA_NOT_PERFORMED: "8000000000",
        tvr.ICC_DATA_MISSING: "2000000000",
        tvr.CDA_FAILED: "0400000000",
        tvr.EXPIRED: "0040000000",
        tvr.SERVICE_NOT_ALLOWED: "0010000000",
        tvr.CARDHOLDER_NOT_VERIFIED: "0000800000",
        tvr.ONLINE_PIN_ENTERED: "0000040000",
        tvr.FLOOR_LIMIT_EXCEEDED: "0000008000",
        tvr.RELAY_THRESHOLD_EXCEEDED: "0000000008",
    }
    for bit, expected in bits.items():
        value = bytearray(5)
        tvr.set_bit(value, bit)
        assert value.hex() == expected


def test_the_firmwares_tags_are_those_of_the_dictionary() -> None:
    ours = {v: k for k, v in vars(tags).items() if isinstance(v, int) and k.isupper()}
    assert not [f"{tag:X}" for tag in ours if tag not in ELEMENTS]
    numeric = {tag for tag, element in ELEMENTS.items() if element.format == "n"}
    terminal = {tag for tag, element in ELEMENTS.items() if element.source == "terminal"}
    assert {tag for tag in ours if tag in numeric} == {tag for tag in ours if tag in tags.NUMERIC}
    assert {tag for tag in ours if tag in terminal} == set(tags.TERMINAL)
    assert all(ELEMENTS[tag].format == "cn" for tag in tags.COMPRESSED)


def test_every_tag_is_written_as_it_is_read() -> None:
    for tag in ELEMENTS:
        raw = tlv.tag_bytes(tag)
        assert tlv.read_tag(raw, 0, len(raw)) == (tag, len(raw))


def says(tag: int, value: bytes) -> list[str]:
    """What the lens, which was written from the books apart from the kernels, reads in `value`."""
    return [line.partition(": ")[2] for line in bits.explain(tag, value)]


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("TTQ1_MAGSTRIPE", "mag-stripe mode"),
        ("TTQ1_EMV_MODE", "EMV mode"),
        ("TTQ1_CONTACT_CHIP", "contact chip"),
        ("TTQ1_OFFLINE_ONLY", "offline only"),
        ("TTQ1_ONLINE_PIN", "online PIN"),
        ("TTQ1_SIGNATURE", "signature"),
        ("TTQ1_ODA_ONLINE", "ODA for online authorisations"),
        ("TTQ2_ONLINE_REQUIRED", "online cryptogram required"),
        ("TTQ2_CVM_REQUIRED", "CVM required"),
        ("TTQ2_OFFLINE_PIN", "offline PIN"),
        ("TTQ3_ISSUER_UPDATE", "issuer update"),
        ("TTQ3_CONSUMER_DEVICE_CVM", "consumer device CVM"),
        ("TTQ4_FDDA_1", "fDDA version 1"),
    ],
)
def test_D_5_the_bits_of_the_ttq(name: str, meaning: str) -> None:
    value = bytearray(4)
    value[int(name[3]) - 1] = getattr(preprocessing, name)
    assert says(tags.TTQ, value) == [meaning]


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("CTQ1_ONLINE_PIN", "online PIN required"),
        ("CTQ1_SIGNATURE", "signature required"),
        ("CTQ1_ONLINE_IF_ODA_FAILS", "online if ODA fails"),
        ("CTQ1_SWITCH_IF_ODA_FAILS", "switch interface if ODA fails"),
        ("CTQ1_ONLINE_IF_EXPIRED", "online if expired"),
        ("CTQ1_SWITCH_FOR_CASH", "switch interface for cash"),
        ("CTQ1_SWITCH_FOR_CASHBACK", "switch interface for cashback"),
        ("CTQ2_CDCVM_PERFORMED", "consumer device CVM performed"),
        ("CTQ2_ISSUER_UPDATE", "issuer update supported"),
    ],
)
def test_D_6_the_bits_of_the_ctq(name: str, meaning: str) -> None:
    value = bytearray(2)
    value[int(name[3]) - 1] = getattr(kernel3, name)
    assert says(tags.CTQ, value) == [meaning]


@pytest.mark.parametrize(
    ("place", "bit", "meaning"),
    [
        (0, cvm.AIP1_CARDHOLDER_VERIFICATION, "cardholder verification"),
        (0, cvm.AIP1_ON_DEVICE, "on-device cardholder verification"),
        (0, kernel2.AIP1_CDA, "CDA"),
        (1, kernel2.AIP2_EMV_MODE, "EMV mode"),
        (1, relay.AIP2_RELAY, "relay resistance"),
    ],
)
def test_D_7_the_bits_of_the_aip(place: int, bit: int, meaning: str) -> None:
    value = bytearray(2)
    value[place] = bit
    assert says(tags.AIP, value) == [meaning]
