"""Random messages that the field table allows."""

from __future__ import annotations

from hypothesis import strategies as st
from kassa.host import fields

NUMBERS = [
    number for number in range(fields.FIRST, fields.LAST + 1) if number != fields.THIRD_BITMAP
]
PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
MTIS = st.text("0123456789", min_size=4, max_size=4)


def value(number: int, longest: int = 60) -> st.SearchStrategy[str | bytes]:
    """A value that field `number` may have."""
    length = fields.length(number)
    shortest = length
    if fields.prefix_bytes(number):
        shortest, length = 0, min(length, longest)
    kind = fields.kind(number)
    if kind == fields.BINARY:
        return st.binary(min_size=shortest, max_size=length)
    alphabet = {fields.DIGITS: "0123456789", fields.TRACK: "0123456789D"}.get(kind, PRINTABLE)
    return st.text(alphabet, min_size=shortest, max_size=length)


@st.composite
def contents(draw: st.DrawFn) -> dict[int, str | bytes]:
    """Fields by number, in any order."""
    numbers = draw(st.lists(st.sampled_from(NUMBERS), max_size=12, unique=True))
    return {number: draw(value(number)) for number in numbers}
