"""What becomes of the objects of American Express, JCB, Discover and UnionPay cards that are
missing, empty, twice there, or of a wrong length: each has an outcome of its own."""

from collections.abc import Callable
from typing import Any

import pytest
from kassa.emv import tags, tlv

from tests.emv.other_schemes import amex, discover, jcb, only, take, unionpay
from tests.emv.reader import Scripted
from tests.emv.scripts import AC, GPO, READ, answering

MISSING = ("end_application", "card data missing")
PARSING = ("end_application", "parsing error")
BAD = ("end_application", "card data error")
DECLINED = ("declined", "action analysis")
NEXT = ("end_application", "no application")  # Select Next, and nothing else on this card
ONLINE = ("online_request", None)

# By kernel: the objects of `other_schemes`' cards, where they are, and what a tap without comes to
_CRYPTOGRAM = {0x9F27: MISSING, 0x9F36: MISSING, 0x9F26: MISSING}
_FREE = (0x5F34, 0x5F25, 0x5F28, 0x9F42, 0x9F07, 0x9F0D, 0x9F0E, 0x9F0F)
OBJECTS: dict[int, dict[str, dict[int, Any]]] = {
    4: {
        "gpo": {0x82: MISSING, 0x94: MISSING},
        "record": {
            0x57: ONLINE,
            0x5A: MISSING,
            0x5F24: MISSING,
            0x8C: MISSING,
            0x8E: ONLINE,
            **dict.fromkeys(_FREE, ONLINE),
        },
        "ac": {**_CRYPTOGRAM, 0x9F10: ONLINE},
    },
    5: {
        "gpo": {0x82: NEXT, 0x94: NEXT},
        "record": {
            0x57: NEXT,
            0x5A: ONLINE,
            0x5F24: NEXT,
            0x8C: NEXT,
            **dict.fromkeys(_FREE, ONLINE),
        },
        "ac": {**_CRYPTOGRAM, 0x9F10: ONLINE, 0x9F50: MISSING},
    },
    6: {
        "gpo": {
            **_CRYPTOGRAM,
            0x82: MISSING,
            0x94: ONLINE,
            0x57: MISSING,
            0x9F10: MISSING,
            0x9F71: ONLINE,
        },
        "record": {0x5A: ONLINE, 0x5F24: ONLINE, 0x5F28: ONLINE, 0x9F07: ONLINE},
    },
    7: {
        "gpo": {
            0x82: MISSING,
            0x57: MISSING,
            0x9F10: MISSING,
            0x9F26: MISSING,
            0x9F27: ONLINE,  # the CVR says it, too
            0x9F36: MISSING,
            0x9F6C: ONLINE,
        },
        "record": {0x5F24: ONLINE, 0x5F28: ONLINE},
    },
}
CARDS: dict[int, Callable[..., Scripted]] = {4: amex, 5: jcb, 6: discover, 7: unionpay}
PLACES = [
    (kernel, part, tag)
    for kernel, parts in OBJECTS.items()
    for part, objects in parts.items()
    for tag in objects
]


def card(kernel: int, part: str = "record", changes: dict[int, bytes | None] | None = None) -> Any:
    """The card of `kernel` with `changes` to one of its answers."""
    parts: dict[str, Any] = {"record": {}} if kernel == 7 else {}
    return CARDS[kernel](**{**parts, part: changes or {}})


def came_to(kernel: int, card: Any) -> tuple[str, Any]:
    found = take(card, only(kernel))
    return found.kind, found.discretionary.get("error")


def unreadable(kernel: int, part: str) -> tuple[str, str]:
    """What an answer that cannot be read comes to: kernel 5 makes room for the next application
    until the card has made its cryptogram."""
    return NEXT if kernel == 5 and part != "ac" else PARSING


def test_the_tables_name_every_object_of_the_cards() -> None:
    where = {"gpo": GPO, "record": READ, "ac": AC}
    for kernel, parts in OBJECTS.items():
        for part, objects in parts.items():
            answer = card(kernel).answers[bytes.fromhex(where[part])]
            assert set(tlv.flatten(answer[:-2])) - ({0x94} if kernel == 7 else set()) == set(
                objects
            )


@pytest.mark.parametrize("value", [None, b""])
@pytest.mark.parametrize(("kernel", "part", "tag"), PLACES)
def test_CX_an_object_that_is_missing_or_empty(
    kernel: int, part: str, tag: int, value: bytes | None
) -> None:
    assert came_to(kernel, card(kernel, part, {tag: value})) == OBJECTS[kernel][part][tag]


@pytest.mark.parametrize(("kernel", "part", "tag"), PLACES)
def test_D_2_an_object_twice_in_one_answer(kernel: int, part: str, tag: int) -> None:
    at = {"gpo": GPO, "record": READ, "ac": AC}[part]
    whole = card(kernel)
    answer = whole.answers[bytes.fromhex(at)]
    inner = tlv.open_template(answer[:-2], answer[0])
    value = tlv.find(inner, tag)
    assert value is not None
    doubled = tlv.encode(answer[0], inner + tlv.encode(tag, value)) + b"\x90\x00"
    assert came_to(kernel, answering(whole, at, doubled)) == unreadable(kernel, part)


LENGTHS = [
    (tag, size)
    for tag, (least, most) in tags.LENGTHS.items()
    for size in (least - 1, most + 1)
    if size > 0
]
OWN_LENGTHS = [
    (4, "gpo", 0x9F70, 2),
    (4, "gpo", 0x9F71, 3),
    (5, "ac", 0x9F50, 1),
    (6, "gpo", 0x9F71, 2),
]


@pytest.mark.parametrize("kernel", CARDS)
@pytest.mark.parametrize(("tag", "size"), LENGTHS)
def test_CX_an_object_of_a_length_it_cannot_have(kernel: int, tag: int, size: int) -> None:
    parts = OBJECTS[kernel]
    part = next((part for part in parts if tag in parts[part]), "record")
    wrong = card(kernel, part, {tag: b"\x11" * size})
    assert came_to(kernel, wrong) == unreadable(kernel, part)


@pytest.mark.parametrize("more", [-1, 1])
@pytest.mark.parametrize(("kernel", "part", "tag", "size"), OWN_LENGTHS)
def test_CX_an_element_of_the_kernels_own_has_one_length(
    kernel: int, part: str, tag: int, size: int, more: int
) -> None:
    # One byte less than one is none at all.
    expected = MISSING if size + more == 0 else PARSING
    assert came_to(kernel, card(kernel, part, {tag: bytes(size + more)})) == expected


def test_CX_3_what_a_jcb_card_chose_comes_with_its_cryptogram_and_not_before() -> None:
    assert came_to(5, jcb({0x9F50: b"\x30"})) == NEXT
    assert came_to(5, jcb(gpo={0x9F50: b"\x30"})) == NEXT


@pytest.mark.parametrize(
    ("kernel", "part", "tag", "value", "expected"),
    [
        (4, "gpo", 0x94, "1001010010", PARSING),
        (4, "record", 0x8E, "00000000000000001F", BAD),
        (4, "record", 0x5F24, "31123A", PARSING),
        (4, "record", 0x5A, "371449635398431F", BAD),
        (4, "record", 0x57, "374245455400126F", BAD),
        (4, "record", 0x8C, "9F02069F37", PARSING),
        (4, "record", 0x8C, "9F02FF", PARSING),
        (4, "record", 0x9F07, "0000", BAD),  # an AAC is asked for, an ARQC is no answer to that
        (5, "gpo", 0x94, "1001010010", NEXT),
        (5, "record", 0x5A, "3566002020360505", NEXT),
        (5, "record", 0x8C, "9F02FF", PARSING),  # found when it is filled
        (5, "record", 0x9F07, "0000", DECLINED),
        (6, "gpo", 0x94, "1001010010", PARSING),
        (6, "gpo", 0x57, "6011000990139424", BAD),
        (6, "record", 0x5A, "6011000400000000", BAD),
        (7, "gpo", 0x57, "6200000000000005", BAD),
        (7, "record", 0x5A, "6200000000000013", BAD),
    ],
)
def test_CX_a_value_that_cannot_be(
    kernel: int, part: str, tag: int, value: str, expected: tuple[str, str]
) -> None:
    assert came_to(kernel, card(kernel, part, {tag: bytes.fromhex(value)})) == expected
