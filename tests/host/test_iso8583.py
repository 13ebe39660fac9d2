"""The codec: what pyiso8583 makes of the published table, and garbage."""

from __future__ import annotations

import iso8583 as reference
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from kassa.host import fields, iso8583
from kassa.host.iso8583 import FormatError

from host_tools.iso8583_fields import specification
from tests.host.strategies import MTIS, NUMBERS, contents

SPECIFICATION = specification()


def as_reference(mti: str, content: dict[int, str | bytes]) -> dict[str, str]:
    """The message as pyiso8583 has it: text throughout, binary fields in upper-case hex."""
    decoded = {"t": mti}
    for number, item in content.items():
        decoded[str(number)] = item.hex().upper() if isinstance(item, bytes) else item
    return decoded


def from_reference(decoded: dict[str, str]) -> dict[int, str | bytes]:
    content: dict[int, str | bytes] = {}
    for name, item in decoded.items():
        if name.isdigit() and name != "1":
            binary = fields.kind(int(name)) == fields.BINARY
            content[int(name)] = bytes.fromhex(item) if binary else item
    return content


@given(MTIS, contents())
def test_a_message_is_encoded_as_pyiso8583_does(mti: str, content: dict[int, str | bytes]) -> None:
    expected, _ = reference.encode(as_reference(mti, content), SPECIFICATION)
    assert iso8583.encode(mti, content) == bytes(expected)


@given(MTIS, contents())
def test_a_message_of_pyiso8583_is_decoded_to_the_same_fields(
    mti: str, content: dict[int, str | bytes]
) -> None:
    message, _ = reference.encode(as_reference(mti, content), SPECIFICATION)
    assert iso8583.decode(bytes(message)) == (mti, content)


@given(MTIS, contents())
def test_pyiso8583_decodes_ours_to_the_same_fields(
    mti: str, content: dict[int, str | bytes]
) -> None:
    decoded, _ = reference.decode(iso8583.encode(mti, content), SPECIFICATION)
    assert decoded["t"] == mti
    assert from_reference(decoded) == content


@pytest.mark.parametrize("number", NUMBERS)
def test_every_field_of_the_table_goes_there_and_back(number: int) -> None:
    item = _sample(number)
    message = iso8583.encode("0200", {number: item})
    decoded, _ = reference.decode(message, SPECIFICATION)
    assert from_reference(decoded) == {number: item}
    assert iso8583.decode(message) == ("0200", {number: item})


def _sample(number: int) -> str | bytes:
    """The longest value of a field."""
    length = fields.length(number)
    if fields.kind(number) == fields.BINARY:
        return bytes(index % 256 for index in range(length))
    return ("1234567890" * 100)[:length]


@given(st.binary(max_size=400))
@example(b"")
@example(bytes.fromhex("0200") + bytes(8))
@example(bytes.fromhex("0200C0000000000000004000000000000000"))
def test_garbage_is_a_format_error_or_a_message_that_encodes_to_itself(garbage: bytes) -> None:
    try:
        mti, content = iso8583.decode(garbage)
    except FormatError:
        return
    again = iso8583.encode(mti, content)
    # A second bitmap without a bit in it is legal and not what we would write.
    assert again == garbage or iso8583.decode(again) == (mti, content)


@given(MTIS, contents(), st.integers(min_value=0), st.integers(0, 255))
def test_a_damaged_message_is_a_format_error_or_reads_as_pyiso8583_reads_it(
    mti: str, content: dict[int, str | bytes], where: int, octet: int
) -> None:
    damaged = bytearray(iso8583.encode(mti, content))
    damaged[where % len(damaged)] = octet
    try:
        got = iso8583.decode(damaged)
    except FormatError:
        return
    decoded, _ = reference.decode(bytes(damaged), SPECIFICATION)
    assert got == (decoded["t"], from_reference(decoded))


@given(MTIS, contents(), st.integers(min_value=0))
def test_a_message_cut_short_is_a_format_error(
    mti: str, content: dict[int, str | bytes], where: int
) -> None:
    message = iso8583.encode(mti, content)
    with pytest.raises(FormatError):
        iso8583.decode(message[: where % len(message)])


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ("0200", 0),  # no bitmap
        ("02002000000000000000", 3),  # announced and not there
        ("02002000000000000000000A00", 3),  # a hex digit among digits
        ("02000000000000008000" + "1234", 49),  # n3 with something before its three digits
        ("02000000000000000200" + "0256" + "00" * 255, 55),  # one byte less than it says
        ("02000000000000000200" + "1A00", 55),  # a length that is no number
        ("0200400000000000000020" + "00" * 10, 2),  # 20 digits where 19 are the most
        ("02000000000000800000" + "07" * 8, 41),  # control characters in text
        ("0200800000000000000080000000000000000000000000000000", 65),  # a third bitmap
        ("02002000000000000000000000FF", 0),  # something after the last field
        ("0A000000000000000000", 0),  # a message type that is no number
        ("02008000000000000000", 1),  # a second bitmap that is not there
    ],
)
def test_the_error_names_the_field(message: str, field: int) -> None:
    with pytest.raises(FormatError) as caught:
        iso8583.decode(bytes.fromhex(message))
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("number", "item"),
    [
        (3, "12345"),
        (3, "12345a"),
        (3, b"123456"),
        (3, "１２３４５６"),
        (4, -1),
        (4, 10**12),
        (2, "1" * 20),
        (35, "1234=2512"),
        (41, "KASSA01"),
        (41, "KÄSSA01"),
        (44, "x" * 26),
        (55, "9F26"),
        (55, bytes(1000)),
        (64, bytes(7)),
        (1, bytes(8)),
        (65, bytes(8)),
        (129, "1"),
    ],
)
def test_what_does_not_fit_a_field_is_not_sent(number: int, item: object) -> None:
    with pytest.raises(FormatError) as caught:
        iso8583.encode("0200", {number: item})
    assert caught.value.field == number


@pytest.mark.parametrize("mti", ["", "200", "02000", "02A0"])
def test_a_message_type_has_four_digits(mti: str) -> None:
    with pytest.raises(FormatError):
        iso8583.encode(mti, {3: "000000"})


def test_a_number_may_be_given_as_an_integer() -> None:
    assert iso8583.encode("0200", {4: 1250, 11: 7}) == iso8583.encode(
        "0200", {4: "000000001250", 11: "000007"}
    )


def test_a_message_goes_behind_what_the_buffer_holds() -> None:
    buffer = bytearray(b"\0\0")
    iso8583.append(buffer, "0800", {70: "301"})
    assert buffer == b"\0\0" + iso8583.encode("0800", {70: "301"})
