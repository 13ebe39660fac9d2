"""Text breaks where a reader expects it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kassa.ui.layout import fit, shorten, wrap


class Plain:
    """A font whose Latin letters are 10 wide and whose Han letters are 20."""

    def __init__(self, scale: int = 1) -> None:
        self.scale = scale

    def width(self, text: str) -> int:
        return self.scale * sum(20 if ord(letter) >= 0x2E80 else 10 for letter in text)


class Case:
    def font(self, size: int) -> Plain:
        return Plain(size // 10)


FONT = Plain()


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 100, [""]),
        ("one two", 100, ["one two"]),
        ("one two three", 100, ["one two", "three"]),
        ("a b c d e f", 60, ["a b c", "d e f"]),
        ("aaaaaaaaaaaaaaaa", 60, ["aaaaaaaaaaaaaaaa"]),
        ("to aaaaaaaaaaaaaaaa", 60, ["to", "aaaaaaaaaaaaaaaa"]),
        ("请将卡片靠近感应区", 100, ["请将卡片靠", "近感应区"]),
        ("未能读取卡片，请再试一次", 180, ["未能读取卡片，", "请再试一次"]),
        ("请将手机卡片。", 120, ["请将手机", "卡片。"]),
        ("请保管好凭条，", 120, ["请保管好", "凭条，"]),
    ],
)
def test_lines_are_even_and_break_at_blanks_or_between_han_letters(
    text: str, width: int, lines: list[str]
) -> None:
    assert wrap(FONT, text, width) == lines


texts = st.text(st.sampled_from("ab c请卡，。"), min_size=1, max_size=40)


@given(text=texts, width=st.integers(20, 300))
def test_no_letter_is_lost_and_no_line_begins_with_a_closing_mark(text: str, width: int) -> None:
    lines = wrap(FONT, text, width)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    for before, line in pairwise(lines):
        assert not line.startswith(("，", "。")) or before.endswith(" ") or " " in text
    assert all(line == line.strip() for line in lines)


@given(text=st.text(st.sampled_from("ab 请"), min_size=1, max_size=40), width=st.integers(40, 300))
def test_a_line_is_only_too_long_when_it_is_one_word(text: str, width: int) -> None:
    for line in wrap(FONT, text, width):
        assert FONT.width(line) <= width or (" " not in line and "请" not in line)


def test_what_does_not_fit_is_cut_short_with_an_ellipsis() -> None:
    assert shorten(FONT, "Kassa Coffee", 120) == "Kassa Coffee"
    assert shorten(FONT, "Kassa Coffee", 90) == "Kassa Co…"
    assert shorten(FONT, "Kassa Coffee", 70) == "Kassa…"
    assert shorten(FONT, "Kassa", 5) == "…"


def test_the_first_size_in_which_a_text_fits_is_taken() -> None:
    choices = ((30, 1), (20, 2), (10, 2))
    assert fit(Case(), "short", 200, choices) == (30, ["short"])
    assert fit(Case(), "not so short", 200, choices) == (20, ["not so", "short"])
    assert fit(Case(), "one two three four five six seven", 200, choices) == (
        10,
        ["one two three four", "five six seven"],
    )


def test_what_fits_in_no_size_loses_its_end_visibly() -> None:
    size, lines = fit(Case(), "one two three four five six seven", 80, ((20, 1), (10, 2)))
    assert size == 10 and len(lines) == 2
    assert lines[-1].endswith("…") and all(FONT.width(line) <= 80 for line in lines)
