"""A message counts once, and so does a key."""

from __future__ import annotations

from simulator.acquirer.acquirer import Acquirer
from simulator.acquirer.messages import Message
from tests.acquirer.terminal import PAN, Terminal

SIGN_ON = {70: "001"}


def answer(terminal: Terminal, sealed: bytes) -> Message:
    return terminal.read(terminal.acquirer.handle(sealed, terminal.terminal_id))


def notes(acquirer: Acquirer) -> list[str]:
    return [m["note"] for m in acquirer.messages if m["direction"] == "in" and "note" in m]


def test_a_copy_of_a_message_is_refused(acquirer: Acquirer, terminal: Terminal) -> None:
    sealed = terminal.seal(*terminal.sale_request(1250, stan=1))
    assert answer(terminal, sealed).get(39) == "00"
    left_minor = acquirer.ledger.balance_minor(PAN)
    assert answer(terminal, sealed).get(39) == "63"
    assert notes(acquirer) == ["a copy of an earlier message"]
    assert acquirer.ledger.balance_minor(PAN) == left_minor


def test_another_message_under_a_key_that_was_used_is_refused(
    acquirer: Acquirer, terminal: Terminal
) -> None:
    assert terminal.sale(stan=1).get(39) == "00"
    terminal.counter -= 1
    assert terminal.sale(stan=2).get(39) == "63"
    assert notes(acquirer) == ["the KSN is not above the last one"]
    assert terminal.sale(stan=3).get(39) == "00"


def test_a_message_that_was_overtaken_is_refused(acquirer: Acquirer, terminal: Terminal) -> None:
    late = terminal.seal(*terminal.sale_request(1250, stan=1))
    late_key = terminal.answer_key
    assert terminal.sale(stan=2).get(39) == "00"
    terminal.answer_key = late_key
    assert answer(terminal, late).get(39) == "63"


def test_a_repetition_is_sealed_anew_and_answered(terminal: Terminal) -> None:
    mti, fields, card = terminal.sale_request(1250, stan=1, mti="0220")
    fields |= {39: "Y3"}
    assert terminal.read(terminal.send(mti, fields, card)).get(39) == "00"
    assert terminal.read(terminal.send("0221", fields, card)).get(39) == "00"


def test_each_initial_key_counts_for_itself(acquirer: Acquirer) -> None:
    for terminal_id in ("KASSA001", "KASSA002"):
        assert Terminal(acquirer, terminal_id).sale(1000).get(39) == "00"


def test_a_board_that_was_made_anew_signs_on_and_counts_anew(
    acquirer: Acquirer, terminal: Terminal
) -> None:
    first = terminal.seal("0800", terminal.common(1) | SIGN_ON)
    assert answer(terminal, first).get(39) == "00"
    sold = terminal.seal(*terminal.sale_request(1000, stan=1))
    sold_key = terminal.answer_key
    assert answer(terminal, sold).get(39) == "00"

    board = Terminal(acquirer)
    assert board.read(board.send("0800", board.common(2) | SIGN_ON)).get(39) == "00"
    # What the first board has sent does not count again, sign-on or sale.
    terminal.answer_key = sold_key
    assert answer(terminal, sold).get(39) == "63"
    assert board.sale(1000, stan=2).get(39) == "00"


def test_what_is_not_authentic_moves_no_counter(terminal: Terminal) -> None:
    terminal.counter = 5
    forged = bytearray(terminal.seal(*terminal.sale_request(1250, stan=1)))
    forged[-1] ^= 1
    assert answer(terminal, bytes(forged)).get(39) == "63"
    terminal.counter = 0
    assert terminal.sale(stan=2).get(39) == "00"
