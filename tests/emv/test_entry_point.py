"""EP-6 and EP-12 to EP-15: two cards, outcomes, restarts, messages."""

import asyncio
import itertools
from typing import Any

import pytest
from kassa.emv import outcome
from kassa.system.card import TwoCards

from simulator import cards
from tests.emv import scripts
from tests.emv.reader import Present, Terminal, sale, tap
from tests.emv.scripts import (
    AC,
    GPO,
    MASTERCARD,
    PPSE,
    SELECT,
    VISA,
    directory,
    entry,
    fci,
)


def test_EP_6_a_card_is_asked_for_with_message_15() -> None:
    terminal = Terminal()
    terminal.prepare()
    assert (terminal.entry_point.invitation.message, terminal.entry_point.invitation.status) == (
        0x15,
        "ready_to_read",
    )


def test_EP_6_more_than_one_card_gives_message_19_and_then_15_again() -> None:
    terminal = Terminal()
    terminal.prepare()
    found = terminal.entry_point.collision()
    assert (found.kind, found.start) == ("try_again", "B")
    assert found.ui is not None and found.ui.message == 0x19
    assert terminal.entry_point.invitation.message == 0x15


@pytest.mark.parametrize("at", [PPSE, SELECT, GPO, "00B2", AC])
def test_EP_6_a_second_card_during_the_exchange_is_a_collision_too(at: str) -> None:
    for card in (
        scripts.visa({}, scripts.template(0x70, {0x5F24: b"\x31\x12\x31"})),
        scripts.mastercard(),
    ):
        found = tap(scripts.answering(card, at, TwoCards("two")))
        if any(c.startswith(bytes.fromhex(at)) for c in card.commands):
            assert found.ui is not None and (found.ui.message, found.start) == (0x19, "B")


def test_EP_12_an_online_request_carries_what_host_and_receipt_need() -> None:
    found = tap("mastercard_credit")
    assert found.kind == outcome.ONLINE_REQUEST and found.start is None
    assert (found.scheme, found.label, found.aid) == ("mastercard", "Mastercard", MASTERCARD)
    assert (found.pan, found.psn, found.expiry) == ("5413330089020011", 1, "3112")
    assert found.track2[:8].hex() == found.pan and isinstance(found.track2, bytearray)
    assert (found.cid, found.atc) == (0x80, 0x42)
    assert found.cryptogram is not None and len(found.cryptogram) == 8
    assert (found.cvm, found.languages) == ("none", "ende")
    assert (found.field_off, found.alternate_interface, found.online_response) == (
        None,
        None,
        None,
    )


def test_EP_12_the_data_for_the_host_never_hold_the_account() -> None:
    for name in cards.names():
        found = tap(name)
        content = found.emv_data()
        for tag in (0x5A, 0x57, 0x56, 0x5F20, 0x5F24, 0x9F6B):
            assert tag not in found.data and tag not in scripts.tlv.flatten(content)
        packed = bytes.fromhex(found.pan + "F" * (len(found.pan) % 2))
        assert not found.pan or packed not in content


def test_EP_12_the_account_can_be_forgotten() -> None:
    found = tap("visa_credit")
    track2 = found.track2
    found.forget()
    assert not any(track2) and not found.track2 and not found.pan


def test_EP_13_select_next_goes_on_with_the_rest_of_the_list() -> None:
    card = directory(
        entry(VISA, 1),
        entry(MASTERCARD, 2),
        **{
            "00A4040007" + VISA.hex(): fci(VISA, scripts.PDOL_TTQ),
            "00A4040007" + MASTERCARD.hex(): fci(MASTERCARD),
            GPO: ["6985", scripts.template(0x77, scripts.MASTERCARD_GPO)],
            "00B2": scripts.template(0x70, scripts.MASTERCARD_RECORD),
            AC: scripts.template(0x77, scripts.MASTERCARD_AC),
        },
    )
    found = tap(card)
    assert (found.kind, found.scheme) == ("online_request", "mastercard")
    # Nothing of the first application is left in what the second one says.
    assert found.aid == MASTERCARD and 0x9F66 not in found.data


def test_EP_13_a_restart_keeps_amount_and_counter_and_draws_a_new_number() -> None:
    terminal = Terminal()
    terminal.prepare(1250)
    first, second = (Present(cards.load("visa_credit")) for _ in range(2))
    torn = Present(cards.load("pulled_away"))
    assert terminal.tap(torn).start == "B"
    one, other = terminal.tap(first), terminal.tap(second)
    assert one.data[0x9F02] == other.data[0x9F02] and one.data[0x9F41] == other.data[0x9F41]
    assert one.unpredictable_number != other.unpredictable_number


def test_EP_13_a_phone_that_wants_its_owner_starts_again_and_pays_on_the_second_tap() -> None:
    for name in ("visa_phone_locked", "mastercard_phone_locked"):
        terminal = Terminal()
        terminal.prepare()
        phone = cards.load(name)
        first, second = terminal.tap(phone), terminal.tap(phone)
        assert first.start == "B" and first.ui is not None and first.ui.message == 0x20
        assert terminal.entry_point.invitation.message == 0x20
        assert second.kind == outcome.ONLINE_REQUEST


def test_EP_14_the_message_identifiers_are_book_a_s() -> None:
    book = {
        "APPROVED": 0x03,
        "NOT_AUTHORISED": 0x07,
        "ENTER_PIN": 0x09,
        "PROCESSING_ERROR": 0x0F,
        "REMOVE_CARD": 0x10,
        "WELCOME": 0x14,
        "PRESENT_CARD": 0x15,
        "PROCESSING": 0x16,
        "CARD_READ_OK": 0x17,
        "INSERT_OR_SWIPE": 0x18,
        "ONE_CARD_ONLY": 0x19,
        "APPROVED_SIGN": 0x1A,
        "AUTHORISING": 0x1B,
        "TRY_ANOTHER_CARD": 0x1C,
        "INSERT_CARD": 0x1D,
        "SEE_PHONE": 0x20,
        "PRESENT_AGAIN": 0x21,
    }
    ours = {k[8:]: v for k, v in vars(outcome).items() if k.startswith("MESSAGE_")}
    assert ours == book


@pytest.mark.parametrize("name", ["visa_credit", "visa_phone", "mastercard_credit"])
def test_EP_15_card_read_ok_is_said_after_the_last_command_and_before_the_outcome(
    name: str,
) -> None:
    terminal = Terminal()
    terminal.prepare()
    said_after = []
    present = Present(cards.load(name))
    terminal.entry_point.on_ui = lambda request: said_after.append(
        (request.message, len(present.exchanges))
    )
    found = terminal.tap(present)
    assert said_after == [(0x17, len(present.exchanges))]
    assert found.ui is not None and found.ui.message == 0x1B


def test_EP_15_a_card_that_failed_is_not_said_to_be_read() -> None:
    for card in ("pulled_away", "visa_blocked", "garbage"):
        terminal = Terminal()
        terminal.prepare()
        terminal.tap(card)
        assert terminal.shown == []


def test_the_commands_are_as_few_as_they_can_be() -> None:
    expected = {
        "visa_phone": ["SELECT", "SELECT", "GPO"],
        "visa_credit": ["SELECT", "SELECT", "GPO", "READ"],
        "mastercard_credit": ["SELECT", "SELECT", "GPO", "READ", "READ", "READ", "READ", "AC"],
    }
    names = {0xA4: "SELECT", 0xA8: "GPO", 0xB2: "READ", 0xAE: "AC"}
    for card, commands in expected.items():
        terminal = Terminal()
        terminal.prepare()
        present = Present(cards.load(card))
        terminal.tap(present)
        assert [names[c[1]] for c, _ in present.exchanges] == commands


def test_phases_are_told_in_order_with_their_start() -> None:
    found = tap("mastercard_credit")
    assert [name for name, _ in found.phases] == ["ppse", "select", "gpo", "records", "ac", "end"]
    ticks = [t for _, t in found.phases]
    assert all(0 < (b - a) & ((1 << 30) - 1) < 4 for a, b in itertools.pairwise(ticks))


def test_no_account_number_is_logged() -> None:
    for name in cards.names():
        terminal = Terminal()
        terminal.prepare()
        found = terminal.tap(name)
        assert terminal.log.events
        assert not found.pan or found.pan not in str(terminal.log.events)


def test_a_card_before_an_amount_is_a_programming_error() -> None:
    with pytest.raises(Exception, match="prepare"):
        asyncio.run(Terminal().entry_point.perform(Present(cards.load("visa_credit"))))


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount_minor": -1},
        {"amount_minor": 10**12},
        {"amount_minor": 100, "amount_other_minor": 101},
        {"date": "2026-11-22"},
        {"date": "26112x"},
        {"time": "10:00"},
        {"currency": 1000},
        {"counter": -1},
    ],
)
def test_transaction_data_that_cannot_be_are_a_programming_error(wrong: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r"amount|date|time|ISO|counter"):
        sale(**wrong)


@pytest.mark.parametrize(
    ("objects", "label"),
    [
        ({"x50": b"VISA CREDIT"}, "VISA CREDIT"),
        ({"x50": b"VISA", "x9F12": b"Caf\xe9", "x9F11": b"\x01"}, "Caf\xe9"),
        ({"x50": b"VISA", "x9F12": b"Visa", "x9F11": b"\x05"}, "VISA"),  # another alphabet
        ({"x50": b"VISA", "x9F12": b"Visa"}, "VISA"),  # no alphabet named
        ({"x50": b"VI\x1bSA\x00 "}, "VISA"),  # nothing a printer takes for a command
        ({"x50": b"\x1f!~\x7f\x80\x9f\xa1\xff"}, "!~\xa1\xff"),
        ({"x50": b" \xa0VISA CREDIT CLASSIC"}, "VISA CREDIT CLAS"),
        ({}, ""),
    ],
)
def test_the_label_is_what_the_card_calls_itself_in_letters_we_have(
    objects: dict[str, bytes], label: str
) -> None:
    card = scripts.visa(select=fci(VISA, scripts.PDOL_TTQ, **objects))
    assert tap(card).label == label
