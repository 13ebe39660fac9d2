"""Data object lists: rule D-3."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kassa.emv import dol, tags
from kassa.emv.errors import DolError


@pytest.mark.parametrize(
    ("tag", "value", "length", "expected"),
    [
        (tags.AMOUNT, "000000001250", 4, "00001250"),  # numeric: cut on the left
        (tags.AMOUNT, "000000001250", 8, "0000000000001250"),  # padded on the left
        (tags.CURRENCY, "0978", 2, "0978"),
        (tags.CURRENCY, "0978", 1, "78"),
        (tags.CURRENCY, "0978", 0, ""),
        (tags.UNPREDICTABLE, "01020304", 2, "0102"),  # binary: cut on the right
        (tags.UNPREDICTABLE, "01020304", 6, "010203040000"),  # padded on the right
        (tags.DEVICE_SERIAL, "4B41", 4, "4B410000"),  # alphanumeric likewise
        (tags.PAN, "541333", 5, "541333FFFF"),  # compressed numeric: filled with F
    ],
)
def test_D_3_numbers_are_right_aligned_and_all_else_left(
    tag: int, value: str, length: int, expected: str
) -> None:
    assert dol.fit(tag, bytes.fromhex(value), length) == bytes.fromhex(expected)


def test_D_3_unknown_tags_and_templates_give_zeros() -> None:
    listed = bytes.fromhex("9F0206 9F5003 7002 9F3702".replace(" ", ""))
    known = {0x9F02: bytes(5) + b"\x01", 0x70: b"\xff\xff", 0x9F37: b"\xaa\xbb"}
    assert dol.fill(listed, known.get) == bytes(5) + b"\x01" + bytes(3) + bytes(2) + b"\xaa\xbb"


def test_D_3_the_total_is_at_most_252_bytes() -> None:
    assert len(dol.fill(bytes.fromhex("9F50FC"), {}.get)) == 252
    assert len(dol.fill(bytes.fromhex("9F50FB9F5101"), {}.get)) == 252
    for listed in ("9F50FD", "9F50FC9F5101"):
        with pytest.raises(DolError):
            dol.fill(bytes.fromhex(listed), {}.get)


@pytest.mark.parametrize("listed", ["9F", "9F02", "9F02069F", "9F8080801", "9A"])
def test_a_list_that_is_cut_off_is_an_error(listed: str) -> None:
    with pytest.raises(DolError):
        dol.fill(bytes.fromhex(listed[: len(listed) // 2 * 2]), {}.get)
    assert not dol.asks_for(bytes.fromhex(listed[: len(listed) // 2 * 2]), 0x9F02)


def test_a_list_is_asked_for_what_it_names() -> None:
    listed = bytes.fromhex("9F66049F3704")
    assert dol.asks_for(listed, tags.TTQ)
    assert not dol.asks_for(listed, 0x9F02)
    assert not dol.asks_for(b"", tags.TTQ)


@given(st.binary(max_size=64), st.binary(max_size=12))
def test_garbage_is_an_error_or_as_long_as_the_list_says(listed: bytes, value: bytes) -> None:
    try:
        filled = dol.fill(listed, lambda tag: value)
    except DolError:
        return
    assert len(filled) == sum(length for _, length in dol.entries(listed)) <= 252
