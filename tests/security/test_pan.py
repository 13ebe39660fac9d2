"""Card numbers as people may see them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kassa.security.pan import mask


@pytest.mark.parametrize(
    ("pan", "masked"),
    [
        ("4761739001010119", "476173******0119"),
        ("6011000000000000000", "601100*********0000"),
        ("3782822463100", "378282***3100"),
        ("123456789012", "********9012"),
        ("1234", "****"),
        ("", ""),
    ],
)
def test_first_six_and_last_four_are_shown(pan: str, masked: str) -> None:
    assert mask(pan) == masked


@given(st.text("0123456789", max_size=19))
def test_ten_digits_are_the_most_that_is_shown(pan: str) -> None:
    masked = mask(pan)
    assert len(masked) == len(pan)
    assert sum(character != "*" for character in masked) <= 10
    assert len(pan) < 11 or "*" in masked
