"""EP-7 to EP-11: from the directory to an application that is selected."""

from typing import Any

import pytest
from kassa.emv.selection import requested_kernel
from kassa.system.card import CardLost, ProtocolError, TransmissionError

from tests.emv import scripts
from tests.emv.reader import Scripted, Terminal, tap, visa_of
from tests.emv.scripts import (
    GPO,
    MASTERCARD,
    PPSE,
    SELECT,
    VISA,
    directory,
    entry,
    fci,
    sent,
)

VISA_EXTENDED = VISA + b"\x01"


def selected(card: Scripted, **terminal: Any) -> list[str]:
    """The AIDs a terminal tries on `card`, in order."""
    tap(card, **terminal)
    return [c[5 : 5 + c[4]].hex().upper() for c in card.commands if c[1] == 0xA4][1:]


@pytest.mark.parametrize("length", [4, 5, 16, 17])
def test_EP_7_an_adf_name_has_5_to_16_bytes(length: int) -> None:
    adf = (VISA + bytes(10))[:length] if length > 7 else VISA[:length]
    aid = VISA[: min(7, max(length, 5))].hex()
    card = directory(entry(adf))

    def short(source: dict[str, Any]) -> None:
        visa_of(source)["aid"] = aid

    assert selected(card, change=short) == ([adf.hex().upper()] if 5 <= length <= 16 else [])


def test_EP_7_a_readers_aid_matches_whole_or_as_prefix() -> None:
    card = directory(
        entry(VISA_EXTENDED), entry(VISA), entry(VISA[:-1]), entry(bytes.fromhex("A0000000999999"))
    )
    assert selected(card) == [VISA_EXTENDED.hex().upper(), VISA.hex().upper()]


@pytest.mark.parametrize(
    ("adf", "kernel_id", "expected"),
    [
        ("A0000000041010", "", 2),
        ("A0000000031010", "", 3),
        ("A00000002501", "", 4),
        ("A0000000651010", "", 5),
        ("A0000001523010", "", 6),
        ("A0000003241010", "", 6),
        ("A000000333010101", "", 7),
        ("A0000000999999", "", 0),  # no default: any kernel
        ("A0000000031010", "02", 2),  # 9F2A comes before the RID
        ("A0000000031010", "43", 0x43),
        ("A0000000031010", "0300", 3),
        ("A0000000031010", "83", None),  # 10 and 11 need three bytes
        ("A0000000031010", "8301", None),
        ("A0000000031010", "830102", 0x830102),
        ("A0000000031010", "C3010203", 0xC30102),
        ("A0000000031010", "800102", None),  # no short kernel ID
    ],
)
def test_EP_7_the_kernel_comes_from_9F2A_else_from_the_rid(
    adf: str, kernel_id: str, expected: int | None
) -> None:
    assert requested_kernel(bytes.fromhex(adf), bytes.fromhex(kernel_id)) == expected


def test_EP_7_an_entry_for_a_kernel_the_reader_has_not_for_this_aid_is_passed_over() -> None:
    assert selected(directory(entry(VISA, kernel=b"\x02"))) == []
    assert selected(directory(entry(VISA, kernel=b"\x03"))) == [VISA.hex().upper()]
    assert selected(directory(entry(VISA, kernel=b"\x00"))) == [VISA.hex().upper()]


def test_EP_7_one_bad_entry_does_not_hide_the_good_ones() -> None:
    bad = bytes.fromhex("61034F05A0")
    twice = scripts.tlv.encode(0x61, [(0x4F, VISA), (0x4F, VISA)])
    assert selected(directory(bad[:2] + bytes(3), twice, entry(VISA))) == [VISA.hex().upper()]


@pytest.mark.parametrize(
    "answer", ["6A82", "6283", "9000", "6F009000", "6F058403AABBCC9000", "ff9000", ""]
)
def test_EP_8_nothing_to_choose_from_ends_the_application(answer: str) -> None:
    found = tap(Scripted({PPSE: answer}))
    if answer:
        assert (found.kind, found.start) == ("end_application", None)
        assert found.ui is not None and found.ui.message == 0x1C
    else:
        # Not even a status word: the exchange failed, the card is asked for again.
        assert (found.kind, found.start) == ("try_again", "B")


def test_EP_9_the_lowest_priority_value_is_tried_first_and_none_at_all_last() -> None:
    names = [VISA + bytes([i]) for i in range(6)]
    priorities = [0, 3, 1, None, 3, 0xF2]
    card = directory(*(entry(n, p) for n, p in zip(names, priorities, strict=True)))
    assert [int(aid[-2:], 16) for aid in selected(card)] == [2, 5, 1, 4, 0, 3]


def test_EP_9_a_select_that_fails_makes_room_for_the_next() -> None:
    card = directory(entry(VISA, 1), entry(MASTERCARD, 2))
    card.answers[bytes.fromhex("00A4040007" + VISA.hex())] = "6283"
    assert selected(card) == [VISA.hex().upper(), MASTERCARD.hex().upper()]


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        (VISA, True),
        (VISA + b"\x01", True),
        (None, True),
        (VISA[:6], False),
        (MASTERCARD, False),  # whose keys and limits would it be?
        (VISA + bytes(10), False),
    ],
)
def test_EP_9_a_card_that_answers_by_another_name_makes_room_for_the_next(
    name: bytes | None, taken: bool
) -> None:
    card = scripts.visa(select=fci(name or VISA, scripts.PDOL_TTQ))
    if name is None:
        (at,) = [key for key in card.answers if key == bytes.fromhex(SELECT)]
        inner = scripts.tlv.encode(0xA5, scripts.tlv.encode(0x9F38, scripts.PDOL_TTQ))
        card.answers[at] = scripts.tlv.encode(0x6F, inner) + b"\x90\x00"
    found = tap(card)
    assert (found.kind == "online_request") is taken
    if taken:
        assert found.aid == (name or VISA)
    else:
        assert ("EP-9", "A0000000031010 dropped: answered by another name") in found.trail


@pytest.mark.parametrize(("supported", "expected"), [(True, VISA + b"\x11\x22"), (False, VISA)])
def test_EP_9_extended_selection_is_appended_when_supported(
    supported: bool, expected: bytes
) -> None:
    card = directory(entry(VISA, extended=b"\x11\x22"))

    def support(source: dict[str, Any]) -> None:
        visa_of(source)["extended_selection"] = supported

    assert selected(card, change=support) == [expected.hex().upper()]


def test_EP_9_an_extension_that_makes_the_name_too_long_is_left_out() -> None:
    card = directory(entry(VISA, extended=bytes(10)))

    def support(source: dict[str, Any]) -> None:
        visa_of(source)["extended_selection"] = True

    assert selected(card, change=support) == [VISA.hex().upper()]


@pytest.mark.parametrize("pdol", ["", "9F02069F3704", "9F"])
def test_EP_10_a_visa_application_that_does_not_ask_for_the_ttq_is_dropped(pdol: str) -> None:
    card = scripts.visa(pdol=bytes.fromhex(pdol))
    found = tap(card)
    assert found.kind == "end_application" and not sent(card, GPO)
    assert found.ui is not None and found.ui.message == 0x1C


@pytest.mark.parametrize(("aid", "kernel"), [("A0000000031010", 2), ("A0000000999999", 3)])
def test_EP_10_only_visa_applications_with_kernel_3_are_dropped(aid: str, kernel: int) -> None:
    def change(source: dict[str, Any]) -> None:
        source["combinations"] = [{"aid": aid, "kernel": kernel, "ttq": "20004000"}]

    name = bytes.fromhex(aid)
    card = directory(entry(name, kernel=bytes([kernel])), **{SELECT: fci(name), GPO: "6985"})
    found = tap(card, change=change)
    # Kernel 2 needs no TTQ; kernel 3 finds out for itself, and sends nothing without one.
    assert bool(sent(card, GPO)) is (kernel == 2)
    assert found.discretionary["error"] == (
        "no application" if kernel == 2 else "card data missing"
    )


@pytest.mark.parametrize(
    "error", [CardLost("gone"), TransmissionError("noise"), ProtocolError("odd")]
)
@pytest.mark.parametrize("at", [PPSE, SELECT])
def test_EP_11_a_transmission_error_in_selection_starts_again_with_message_21(
    error: Exception, at: str
) -> None:
    card = scripts.answering(scripts.visa(), at, error)
    terminal = Terminal()
    terminal.prepare()
    found = terminal.tap(card)
    assert (found.kind, found.start) == ("try_again", "B")
    assert found.ui is not None and found.ui.message == 0x21
    assert terminal.entry_point.invitation.message == 0x21
