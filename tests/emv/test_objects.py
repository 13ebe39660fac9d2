"""What becomes of a card's objects that are missing, empty, twice there, or of a wrong length:
each has an outcome of its own, in both kernels."""

from typing import Any

import pytest
from kassa.emv import tags, tlv

from simulator import cards
from tests.emv.offline import ODA, offline, terminal
from tests.emv.reader import Present, Scripted, Terminal, tap
from tests.emv.scripts import (
    AC,
    GPO,
    MASTERCARD_AC,
    MASTERCARD_GPO,
    MASTERCARD_RECORD,
    READ,
    VISA_GPO,
    answering,
    mastercard,
    template,
    visa,
)

MISSING = ("end_application", "card data missing")
PARSING = ("end_application", "parsing error")
BAD = ("end_application", "card data error")
ONLINE = ("online_request", None)

# What the brief cards of `scripts` give, and what becomes of a tap without it
MASTERCARDS: dict[int, tuple[str, Any]] = {
    0x82: ("gpo", MISSING),
    0x94: ("gpo", MISSING),
    0x57: ("record", ONLINE),
    0x5A: ("record", MISSING),
    0x5F34: ("record", ONLINE),
    0x5F24: ("record", MISSING),
    0x5F25: ("record", ONLINE),
    0x5F28: ("record", ONLINE),
    0x9F42: ("record", ONLINE),
    0x9F07: ("record", ONLINE),
    0x9F08: ("record", ONLINE),
    0x8E: ("record", ONLINE),
    0x8C: ("record", MISSING),
    0x9F0D: ("record", ONLINE),
    0x9F0E: ("record", ONLINE),
    0x9F0F: ("record", ONLINE),
    0x9F27: ("ac", MISSING),
    0x9F36: ("ac", MISSING),
    0x9F26: ("ac", MISSING),
    0x9F10: ("ac", ONLINE),
}
VISAS: dict[int, Any] = {
    0x82: MISSING,
    0x57: MISSING,
    0x5F34: ONLINE,
    0x9F10: MISSING,
    0x9F26: MISSING,
    0x9F27: ONLINE,  # the CVR says it, too
    0x9F36: MISSING,
    0x9F6C: ONLINE,
}


def came_to(found: Any) -> tuple[str, Any]:
    return found.kind, found.discretionary.get("error")


def changed(tag: int, value: bytes | None) -> Scripted:
    """The Mastercard of few words with this object changed, in the answer it belongs to."""
    return mastercard(**{MASTERCARDS[tag][0]: {tag: value}})


def test_the_tables_name_every_object_of_the_cards() -> None:
    assert set(MASTERCARDS) == {*MASTERCARD_GPO, *MASTERCARD_RECORD, *MASTERCARD_AC}
    assert set(VISAS) == set(VISA_GPO)


@pytest.mark.parametrize("value", [None, b""])
@pytest.mark.parametrize("tag", MASTERCARDS)
def test_C2_3_an_object_of_a_mastercard_that_is_missing_or_empty(
    tag: int, value: bytes | None
) -> None:
    assert came_to(tap(changed(tag, value))) == MASTERCARDS[tag][1]


@pytest.mark.parametrize("value", [None, b""])
@pytest.mark.parametrize("tag", VISAS)
def test_C3_2_an_object_of_a_visa_that_is_missing_or_empty(tag: int, value: bytes | None) -> None:
    assert came_to(tap(visa({tag: value}))) == VISAS[tag]


def doubled(answer: bytes, tag: int) -> bytes:
    """A template with `tag` once more at its end, as it is."""
    outer, inner = answer[0], tlv.open_template(answer[:-2], answer[0])
    value = tlv.find(inner, tag)
    assert value is not None
    return tlv.encode(outer, inner + tlv.encode(tag, value)) + b"\x90\x00"


@pytest.mark.parametrize("tag", MASTERCARDS)
def test_D_2_an_object_of_a_mastercard_twice_in_one_answer(tag: int) -> None:
    at = {"gpo": GPO, "record": READ, "ac": AC}[MASTERCARDS[tag][0]]
    card = mastercard()
    answer = card.answers[bytes.fromhex(at)]
    assert came_to(tap(answering(card, at, doubled(answer, tag)))) == PARSING


@pytest.mark.parametrize("tag", VISAS)
def test_D_2_an_object_of_a_visa_twice_in_one_answer(tag: int) -> None:
    card = visa()
    answer = card.answers[bytes.fromhex(GPO)]
    assert came_to(tap(answering(card, GPO, doubled(answer, tag)))) == PARSING


@pytest.mark.parametrize("tag", [0x82, 0x94])
def test_D_2_an_object_of_a_mastercard_that_comes_again_in_a_record(tag: int) -> None:
    assert came_to(tap(mastercard({tag: MASTERCARD_GPO[tag]}))) == PARSING


def test_D_2_what_no_kernel_knows_may_come_again() -> None:
    card = mastercard({0x9F70: b"\x01"}, ac={0x9F70: b"\x02"})
    assert tap(card).kind == "online_request"


LENGTHS = [
    (tag, size)
    for tag, (least, most) in tags.LENGTHS.items()
    for size in (least - 1, most + 1)
    if size > 0
]


@pytest.mark.parametrize(("tag", "size"), LENGTHS)
def test_C2_3_an_object_of_a_length_it_cannot_have_ends_kernel_2(tag: int, size: int) -> None:
    part = MASTERCARDS[tag][0] if tag in MASTERCARDS else "record"
    card = mastercard(**{part: {tag: b"\x11" * size}})
    assert came_to(tap(card)) == PARSING


@pytest.mark.parametrize(("tag", "size"), LENGTHS)
def test_C3_2_an_object_of_a_length_it_cannot_have_ends_kernel_3(tag: int, size: int) -> None:
    assert came_to(tap(visa({tag: b"\x11" * size}))) == PARSING


@pytest.mark.parametrize(
    ("tag", "value", "expected"),
    [
        (0x94, "1001010010", PARSING),  # an entry and a bit
        (0x94, "100101001001", PARSING),
        (0x8E, "0000000000000000", ONLINE),  # a list without rules
        (0x8E, "00000000000000001F", BAD),  # half a rule
        (0x8E, "00000000000000001F0342", BAD),
        (0x5F24, "31123A", PARSING),
        (0x5F24, "FFFFFF", PARSING),
        (0x5F25, "24010A", PARSING),
        (0x5A, "54133300890200", BAD),  # not the one of 57
        (0x5A, "5413330089A20011", BAD),  # no digits
        (0x57, "5413330089020011", BAD),  # no separator
        (0x57, "5413330089020011D3112201000000000F00", BAD),  # more behind its end
        (0x57, "5413330089020011D3112201A000000000", BAD),
        (0x57, "5413330089020011D3112201000000000FFF", ONLINE),
        (0x8C, "9F02069F", PARSING),  # cut off in a tag
        (0x8C, "9F02069F37", PARSING),  # and before a length
        (0x8C, "9F02FF", PARSING),  # more than a command can carry
        (0x8E, "FFFFFFFFFFFFFFFF1F03", ONLINE),
    ],
)
def test_C2_3_a_value_that_cannot_be(tag: int, value: str, expected: Any) -> None:
    assert came_to(tap(changed(tag, bytes.fromhex(value)))) == expected


RECORD = {
    0x5F24: bytes.fromhex("311231"),
    0x5F28: bytes.fromhex("0276"),
    0x9F07: bytes.fromhex("FF80"),
}


@pytest.mark.parametrize(
    ("changes", "record", "kind"),
    [
        ({}, {}, "approved"),
        ({0x5F24: RECORD[0x5F24]}, {}, "approved"),  # twice the same
        # What was signed says that the card has expired, what was not says it has not.
        ({0x5F24: bytes.fromhex("311231")}, {0x5F24: bytes.fromhex("200101")}, "declined"),
        ({0x9F07: b"\xff\xff"}, {}, "declined"),
    ],
)
def test_ODA_3_a_card_that_gives_two_values_for_one_object_is_not_authenticated(
    changes: dict[int, bytes | None], record: dict[int, bytes | None], kind: str
) -> None:
    class Sound:
        def fdda(self, tap: Any) -> bool:
            return tap.static_data_sound

    card = visa(
        {0x9F27: b"\x40", 0x9F6C: b"\0\0", **changes}, template(0x70, {**RECORD, **record})
    )
    assert terminal(oda=Sound()).tap(card).kind == kind


@pytest.mark.parametrize(
    ("sfi", "record", "sound"),
    [
        (0x10, template(0x70, RECORD), True),
        (0xA8, template(0x70, {0x9F70: b"\x01"}), True),
        (0xA8, b"\x01\x02\x03\x90\x00", False),  # a proprietary file's record is a 70, too
        (0xA8, b"\x70\x05\x01\x90\x00", False),
    ],
)
def test_ODA_3_a_signed_record_is_a_template_70(sfi: int, record: bytes, sound: bool) -> None:
    seen: list[Any] = []

    class Seen:
        def fdda(self, tap: Any) -> bool:
            seen.append((tap.static_data_sound, bytes(tap.static_data)))
            return False

    afl = bytes([sfi, 1, 1, 1, 0x10, 2, 2, 0])
    card = visa({0x9F27: b"\x40", 0x94: afl})
    card.answers[bytes([0x00, 0xB2, 1, sfi | 4])] = record
    card.answers[bytes([0x00, 0xB2, 2, 0x14])] = template(0x70, {0x5F24: RECORD[0x5F24]})
    if sfi == 0x10:
        card.answers[bytes([0x00, 0xB2, 2, 0x14])] = template(0x70, {0x9F70: b"\x01"})
    terminal(oda=Seen()).tap(card)
    signed = record[2:-2] if sfi == 0x10 else record[:-2]
    assert seen == [(sound, signed)]


def test_ODA_3_more_static_data_than_a_kernel_takes_is_not_authenticated() -> None:
    seen: list[Any] = []

    class Seen:
        def fdda(self, tap: Any) -> bool:
            seen.append((tap.static_data_sound, len(tap.static_data)))
            return False

    afl = bytes([0xA8, 1, 9, 9, 0x10, 1, 1, 0])
    card = visa({0x9F27: b"\x40", 0x94: afl})
    card.answers[bytes.fromhex("00B20114")] = template(0x70, RECORD)
    card.answers[bytes.fromhex("00B2")] = template(0x70, {0x9F70: bytes(240)})
    terminal(oda=Seen()).tap(card)
    assert seen == [(False, 8 * 247)]


@pytest.mark.parametrize("name", ["visa_debit", "mastercard_debit"])
def test_ODA_no_object_of_a_card_can_be_lost_and_approved_offline(name: str) -> None:
    """Each object of each answer dropped, emptied, doubled and lengthened: never approved, but for
    those that mean nothing to the decision and that no card signs."""
    whole = Present(cards.load(name))
    made = Terminal(offline, ODA)
    made.prepare(1_000)
    assert made.tap(whole).kind == "approved"
    approved = set()
    for step in range(2, len(whole.exchanges)):
        answer = whole.exchanges[step][1]
        assert answer is not None
        outer = answer[0]
        for tag, _ in tlv.parse(tlv.open_template(answer[:-2], outer)):
            for how in ("dropped", "emptied", "doubled", "lengthened"):
                made.prepare(1_000)
                found = made.tap(Spoilt(cards.load(name), step, tag, how))
                if found.kind == "approved":
                    approved.add((f"{tag:X}", how))
    # Not signed, not needed: the sequence number and the device's kind.
    assert approved <= {
        ("5F34", "dropped"),
        ("5F34", "emptied"),
        ("9F6E", "dropped"),
        ("9F6E", "emptied"),
        ("9F6E", "lengthened"),
        ("9F10", "lengthened"),
        ("9F27", "dropped"),
        ("9F27", "emptied"),
    }


class Spoilt(Scripted):
    """A simulated card whose answer number `step` has one object spoilt."""

    def __init__(self, card: Any, step: int, tag: int, how: str) -> None:
        super().__init__({})
        self._card, self._step, self._tag, self._how = card, step, tag, how
        card.reset()

    async def transceive(self, apdu: bytes) -> bytes:
        answer = self._card.transceive(bytes(apdu))
        at, self._step = self._step, self._step - 1
        if at:
            return answer
        objects: list[tuple[int, Any]] = []
        for tag, value in tlv.parse(tlv.open_template(answer[:-2], answer[0])):
            if tag != self._tag:
                objects.append((tag, value))
            elif self._how == "emptied":
                objects.append((tag, b""))
            elif self._how == "doubled":
                objects += [(tag, value), (tag, value)]
            elif self._how == "lengthened":
                objects.append((tag, bytes(value) + b"\0"))
        return tlv.encode(answer[0], objects) + b"\x90\x00"
