"""Every bit of everything that proves a card: flipped one at a time, and never proven again."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kassa.emv import tags
from kassa.emv.tap import Tap

from tests.emv.oda_issuer import (
    CDOL_VALUES,
    NUMBER,
    PAN,
    STATIC,
    Made,
    authentication,
    combined_card,
    fast_card,
    internally_authenticated,
    static_card,
    tap_of,
)

ODA = authentication()
Prove = Callable[[Tap, Made], bool]

METHODS: dict[str, tuple[Callable[[], Made], Prove]] = {
    "SDA": (static_card, lambda tap, made: ODA.sda(tap)),
    "DDA": (internally_authenticated, lambda tap, made: ODA.dda(tap, made.signed, NUMBER)),
    "CDA": (combined_card, lambda tap, made: ODA.cda(tap, CDOL_VALUES)),
    "fDDA": (fast_card, lambda tap, made: ODA.fdda(tap)),
}
# Not proven by SDA and the issuer's certificate alone.
_OF_THE_ICC = (tags.ICC_CERTIFICATE, tags.ICC_EXPONENT, 0x9F48)
# A part of what fDDA or CDA sign, in the terminal's own words.
_SAID = {
    "fDDA": (tags.UNPREDICTABLE, tags.AMOUNT, tags.CURRENCY),
    "CDA": (tags.UNPREDICTABLE,),
}


def flips(value: bytes) -> Iterator[bytes]:
    """`value` with one bit changed, for each of its bits."""
    for at in range(len(value)):
        for bit in range(8):
            changed = bytearray(value)
            changed[at] ^= 1 << bit
            yield bytes(changed)


def refused(tap: Tap, made: Made, prove: Prove) -> bool:
    proven = prove(tap, made)
    return not proven and len(tap.trail) == 1 and tap.authenticated == ""


@pytest.mark.parametrize("method", METHODS)
def test_ODA_no_bit_of_a_cards_objects_can_be_flipped(method: str) -> None:
    make, prove = METHODS[method]
    made = make()
    assert prove(tap_of(made), made)
    base = tap_of(made)
    count = 0
    for tag, value in made.data.items():
        if method == "SDA" and tag in _OF_THE_ICC:
            continue
        for changed in flips(value):
            base.data = {**made.data, tag: changed}
            base.trail = []
            assert refused(base, made, prove), (method, hex(tag))
            count += 1
    # Certificates and signature: 1408 bits each, the dynamic signature 1152.
    assert count > 2 * 1408


@pytest.mark.parametrize("method", METHODS)
def test_ODA_no_bit_of_the_static_data_can_be_flipped(method: str) -> None:
    make, prove = METHODS[method]
    made = make()
    for changed in flips(made.static):
        made.static = changed
        assert refused(tap_of(made), made, prove)


@pytest.mark.parametrize("method", ["fDDA", "CDA"])
def test_ODA_no_bit_of_what_the_terminal_said_can_be_flipped(method: str) -> None:
    make, prove = METHODS[method]
    made = make()
    for tag in _SAID[method]:
        for changed in flips(tap_of(made).terminal_data[tag]):
            tap = tap_of(made)
            tap.terminal_data[tag] = changed
            assert refused(tap, made, prove)


def test_ODA_6_no_bit_of_an_internally_made_signature_can_be_flipped() -> None:
    made = internally_authenticated()
    for changed in flips(made.signed):
        tap = tap_of(made)
        assert not ODA.dda(tap, changed, NUMBER)


def test_ODA_6_no_bit_of_a_signed_answer_or_of_the_values_sent_can_be_flipped() -> None:
    made = combined_card()
    for place, (tag, whole) in enumerate(made.objects):
        if tag == tags.SIGNED_DYNAMIC:
            continue
        for changed in flips(whole):
            tap = tap_of(made)
            tap.ac_objects[place] = (tag, changed)
            assert not ODA.cda(tap, CDOL_VALUES)
    for changed in flips(CDOL_VALUES):
        assert not ODA.cda(tap_of(made), changed)
    for changed in flips(tap_of(made).pdol_values):
        tap = tap_of(made)
        tap.pdol_values = changed
        assert not ODA.cda(tap, CDOL_VALUES)


@pytest.mark.parametrize("method", METHODS)
def test_ODA_no_object_can_be_dropped_cut_lengthened_or_exchanged(method: str) -> None:
    make, prove = METHODS[method]
    made = make()
    for tag, value in made.data.items():
        if method == "SDA" and tag in _OF_THE_ICC:
            continue
        others = [v for t, v in made.data.items() if t != tag and v != value]
        for changed in (None, b"", value[:-1], value[1:], value + b"\0", b"\0" + value, *others):
            if changed is None and tag == tags.SDA_TAGS:
                continue
            tap = tap_of(made)
            tap.data.pop(tag)
            if changed is not None:
                tap.data[tag] = changed
            assert refused(tap, made, prove), (method, hex(tag), changed)


MADE = {method: make() for method, (make, _) in METHODS.items()}
TAGS = [*combined_card().data, *fast_card().data, *static_card().data, 0x92, 0x9F48]


@settings(max_examples=400, deadline=None)
@given(
    changes=st.dictionaries(st.sampled_from(TAGS), st.binary(max_size=260), max_size=6),
    static=st.just(STATIC) | st.binary(max_size=300),
    method=st.sampled_from(sorted(METHODS)),
    pan=st.just(PAN) | st.text("0123456789", max_size=19),
)
def test_ODA_whatever_a_card_sends_is_answered_and_nothing_is_raised(
    changes: dict[int, bytes], static: bytes, method: str, pan: str
) -> None:
    made, prove = MADE[method], METHODS[method][1]
    tap = tap_of(made)
    tap.data.update(changes)
    tap.static_data = bytearray(static)
    tap.pan = pan
    passed_over = _OF_THE_ICC if method == "SDA" else ()
    same = [
        made.data[tag] == value
        for tag, value in changes.items()
        if tag in made.data and tag not in passed_over
    ]
    # SDA proves the issuer's identifier only; the PAN is in the static data.
    known = pan.startswith("476173") if method == "SDA" else pan == made.pan
    assert prove(tap, made) == (all(same) and static == made.static and known)
    assert len(tap.trail) == 1
