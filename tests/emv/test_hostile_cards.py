"""Whatever a card answers, a tap ends in an outcome: never an exception, never without a
message."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kassa.emv import outcome
from kassa.emv.outcome import Outcome
from kassa.system.card import CardLost

from simulator import cards
from simulator.cards.awkward import Garbage, StatusWord, TornAfter, TruncatedAt
from tests.emv.reader import Scripted, Terminal, visa_of
from tests.emv.scripts import (
    AC,
    GPO,
    MASTERCARD,
    MASTERCARD_AC,
    MASTERCARD_RECORD,
    PDOL_TTQ,
    PPSE,
    READ,
    SELECT,
    VISA,
    VISA_GPO,
    answering,
    mastercard,
    template,
    visa,
)

KINDS = {
    outcome.APPROVED,
    outcome.DECLINED,
    outcome.ONLINE_REQUEST,
    outcome.TRY_ANOTHER_INTERFACE,
    outcome.END_APPLICATION,
    outcome.TRY_AGAIN,
}
STEPS = {
    "visa_credit": 4,
    "visa_phone": 3,
    "mastercard_credit": 8,
    "amex_debit": 8,
    "jcb_debit": 8,
    "discover_debit": 4,
    "unionpay_debit": 4,
}
GOOD_CARDS = tuple(STEPS)


def offline(source: dict[str, Any]) -> None:
    source["terminal"]["offline_approval"] = True
    for combination in source["combinations"]:
        combination["floor_limit"] = 10_000
        combination["extended_selection"] = True


TERMINALS = [Terminal(), Terminal(offline)]


def end(card: Any, amount_minor: int = 1_250) -> list[Outcome]:
    """Tap on a terminal that asks online and on one that need not; the outcomes, checked for
    sense."""
    found = []
    for terminal in TERMINALS:
        terminal.prepare(amount_minor)
        result = terminal.tap(card)
        assert result.kind in KINDS
        assert result.ui is not None
        assert (result.start == "B") is (result.ui_restart is not None)
        if result.kind in (outcome.ONLINE_REQUEST, outcome.APPROVED):
            assert result.pan and result.cryptogram and result.data[0x82]
        found.append(result)
    return found


@pytest.mark.parametrize("name", GOOD_CARDS)
@pytest.mark.parametrize("kind", ["bytes", "success", "mutated"])
def test_garbage_in_place_of_any_answer_ends_in_an_outcome(name: str, kind: str) -> None:
    for step in range(STEPS[name]):
        for seed in range(25):
            end(Garbage(cards.load(name), seed, kind, longest=300, step=step))


@pytest.mark.parametrize("command", [PPSE, SELECT, GPO, READ, AC])
@pytest.mark.parametrize("ending", ["", "9000"])
def test_garbage_of_every_length_to_every_command_ends_in_an_outcome(
    command: str, ending: str
) -> None:
    noise = random.Random(command + ending)
    for length in range(261):
        answer = noise.randbytes(length) + bytes.fromhex(ending)
        for card in (visa({0x94: b"\x10\x01\x01\x00"}), mastercard()):
            end(answering(card, command, answer))


@pytest.mark.parametrize("name", GOOD_CARDS)
def test_answers_cut_off_at_every_length_end_in_an_outcome(name: str) -> None:
    for length in range(260):
        end(TruncatedAt(cards.load(name), length))


@pytest.mark.parametrize("name", GOOD_CARDS)
def test_a_card_that_leaves_at_any_command_is_asked_for_again(name: str) -> None:
    for apdus in range(STEPS[name]):
        for result in end(TornAfter(cards.load(name), apdus=apdus)):
            assert result.start == "B" and result.ui is not None and result.ui.message == 0x21


@pytest.mark.parametrize("name", GOOD_CARDS)
def test_a_card_that_leaves_at_any_byte_is_asked_for_again_or_was_done(name: str) -> None:
    for count in range(0, 1_200, 13):
        for result in end(TornAfter(cards.load(name), bytes_=count)):
            assert result.start == "B" or result.kind in (outcome.ONLINE_REQUEST, outcome.DECLINED)


@pytest.mark.parametrize("name", GOOD_CARDS)
def test_every_family_of_status_words_at_every_step_ends_in_an_outcome(name: str) -> None:
    for step in range(STEPS[name]):
        for sw in (0x0000, 0x6100, 0x61FF, 0x6283, 0x6300, 0x63C2, 0x6700, 0x6982, 0x6983, 0x6984):
            end(StatusWord(cards.load(name), sw, step))
        for sw in (
            0x6985,
            0x6986,
            0x6A81,
            0x6A82,
            0x6A83,
            0x6A88,
            0x6C10,
            0x6D00,
            0x6F00,
            0x9000,
            0xFFFF,
        ):
            end(StatusWord(cards.load(name), sw, step))


tags_of_interest = st.sampled_from(
    [
        *VISA_GPO,
        *MASTERCARD_RECORD,
        *MASTERCARD_AC,
        0x94,
        0x9F69,
        0x9F51,
        0xDF4B,
        0x9F6E,
        0x9F4B,
        0x8F,
    ]
)
changes = st.dictionaries(tags_of_interest, st.none() | st.binary(max_size=40), max_size=5)


@settings(deadline=None)
@given(changes)
def test_any_values_from_a_visa_card_end_in_an_outcome(altered: dict[int, bytes | None]) -> None:
    card = visa(altered, template(0x70, {0x5F24: b"\x31\x12\x31"}))
    card.answers[bytes.fromhex(READ)] = template(0x70, {0x9F7C: b"\x01"})
    end(card)


@settings(deadline=None)
@given(changes, changes, changes)
def test_any_values_from_a_mastercard_end_in_an_outcome(
    record: dict[int, bytes | None], ac: dict[int, bytes | None], gpo: dict[int, bytes | None]
) -> None:
    end(mastercard(record, ac, gpo))


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_pdol_ends_in_an_outcome(pdol: bytes) -> None:
    for listed in (pdol, PDOL_TTQ + pdol):
        end(visa(pdol=listed))


@settings(deadline=None)
@given(st.binary(min_size=2, max_size=60), st.binary(max_size=30))
def test_any_cdol_and_drdol_end_in_an_outcome(cdol: bytes, drdol: bytes) -> None:
    end(mastercard({0x8C: cdol, 0x9F51: drdol}))
    end(mastercard({0x8C: cdol, 0x9F51: drdol}, AC=CardLost("gone")))


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([VISA, MASTERCARD, VISA[:5], MASTERCARD + b"\x01", b"\x00" * 20, b""]),
            st.binary(max_size=3),
            st.binary(max_size=4),
            st.binary(max_size=20),
        ),
        max_size=20,
    ),
    st.binary(max_size=80),
)
def test_any_directory_ends_in_an_outcome(entries: list[tuple[bytes, ...]], fci: bytes) -> None:
    from kassa.emv import tlv

    inside = b""
    for adf, priority, kernel, extension in entries:
        objects: list[Any] = [(0x4F, adf), (0x87, priority), (0x9F2A, kernel), (0x9F29, extension)]
        inside += tlv.encode(0x61, objects)
    directory = tlv.encode(0x6F, tlv.encode(0xA5, tlv.encode(0xBF0C, inside))) + b"\x90\x00"
    end(Scripted({PPSE: directory, SELECT: fci + b"\x90\x00"}))


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_any_answer_of_the_host_can_be_handed_to_a_card(answer: bytes) -> None:
    def updates(source: dict[str, Any]) -> None:
        visa_of(source)["ttq"] = "2000C000"

    terminal = Terminal(updates)
    terminal.prepare()
    card = visa({0x9F6C: bytes.fromhex("2840")})
    assert terminal.tap(card).start == "B"
    terminal.update(card, answer)


@pytest.mark.parametrize("amount", [0, 1, 4_999, 5_000, 499_999, 10**12 - 1])
@pytest.mark.parametrize("name", cards.names())
def test_every_card_of_the_wallet_at_every_kind_of_amount_ends_in_an_outcome(
    name: str, amount: int
) -> None:
    for terminal in TERMINALS:
        result = terminal.prepare(amount) or terminal.tap(name)
        assert result.kind in KINDS and result.ui is not None
