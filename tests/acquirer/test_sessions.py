"""Framing, and misbehaviour on request."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.acquirer import messages
from simulator.acquirer.acquirer import Acquirer
from simulator.acquirer.ledger import OPENING_BALANCE_MINOR
from simulator.acquirer.session import Session
from tests.acquirer.terminal import NOW, PAN, Terminal


class Line:
    """A session with what it sent, and what it wants to do later."""

    def __init__(self, acquirer: Acquirer) -> None:
        self.sent = bytearray()
        self.closed = False
        self.later: list[tuple[float, Callable[[], None]]] = []
        self.session = Session(
            acquirer,
            self.sent.extend,
            self.close,
            lambda delay_s, call: self.later.append((delay_s, call)),
            "KASSA001",
        )

    def close(self) -> None:
        self.closed = True

    def ask(self, terminal: Terminal, amount_minor: int = 1250, stan: int = 1) -> None:
        self.session.received(framed(terminal.seal(*terminal.sale_request(amount_minor, stan))))


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(2) + message


@pytest.fixture
def line(acquirer: Acquirer) -> Line:
    return Line(acquirer)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 120), max_size=12))
def test_messages_are_found_however_the_stream_is_cut(cuts: list[int]) -> None:
    acquirer = Acquirer(now=lambda: NOW)
    terminal, line = Terminal(acquirer), Line(acquirer)
    stream = b"".join(
        framed(terminal.seal(*terminal.sale_request(1000 + stan, stan))) for stan in (1, 2)
    )
    for cut in cuts:
        line.session.received(stream[:cut])
        stream = stream[cut:]
    line.session.received(stream)
    assert acquirer.ledger.summary()["approved"] == 2
    acquirer.ledger.close()


def balance(acquirer: Acquirer) -> int:
    acquirer.ledger.open_account(PAN, "978")
    return acquirer.ledger.balance_minor(PAN)


def test_a_dropped_request_was_never_there(
    acquirer: Acquirer, terminal: Terminal, line: Line
) -> None:
    acquirer.faults.drop_next("request")
    line.ask(terminal)
    assert (bytes(line.sent), acquirer.messages) == (b"", [])
    assert balance(acquirer) == OPENING_BALANCE_MINOR


def test_a_dropped_response_was_booked(acquirer: Acquirer, terminal: Terminal, line: Line) -> None:
    acquirer.faults.drop_next("response")
    line.ask(terminal)
    assert bytes(line.sent) == b""
    assert balance(acquirer) == OPENING_BALANCE_MINOR - 1250


def test_a_stall_sends_half_of_an_answer(
    acquirer: Acquirer, terminal: Terminal, line: Line
) -> None:
    acquirer.faults.next("stall")
    line.ask(terminal)
    assert 2 < len(line.sent) < 2 + int.from_bytes(line.sent[:2])


def test_a_wrong_mac_differs_in_the_mac_only(
    acquirer: Acquirer, terminal: Terminal, line: Line
) -> None:
    acquirer.faults.next("wrong_mac")
    line.ask(terminal)
    sent = bytes(line.sent)
    with pytest.raises(AssertionError):
        terminal.read(sent)
    right = messages.mac(terminal.answer_key, sent[2:-8])
    assert terminal.read(sent[:-8] + right).get(39) == "00"


def test_a_wrong_stan_is_well_signed(acquirer: Acquirer, terminal: Terminal, line: Line) -> None:
    acquirer.faults.next("wrong_stan")
    line.ask(terminal, stan=1)
    answer = terminal.read(bytes(line.sent))
    assert answer.get(11) == "500001"


def test_closing_comes_without_an_answer(
    acquirer: Acquirer, terminal: Terminal, line: Line
) -> None:
    acquirer.faults.next("close")
    line.ask(terminal)
    assert line.closed and not line.sent


def test_a_late_answer_is_the_right_one_and_late(
    acquirer: Acquirer, terminal: Terminal, line: Line
) -> None:
    acquirer.faults.next("late", delay_s=12)
    line.ask(terminal)
    assert not line.sent
    [(delay_s, deliver)] = line.later
    deliver()
    assert delay_s == 12 and len(line.sent) == 2 + int.from_bytes(line.sent[:2])


def test_a_late_answer_goes_nowhere_when_the_connection_has_ended(
    acquirer: Acquirer, terminal: Terminal, line: Line
) -> None:
    acquirer.faults.next("late")
    line.ask(terminal)
    line.session.closed()
    line.later[0][1]()
    assert not line.sent


def test_garbage_is_no_message(acquirer: Acquirer, terminal: Terminal, line: Line) -> None:
    acquirer.faults.next("garbage")
    line.ask(terminal)
    assert line.sent and not line.closed


def test_a_fault_waits_for_its_message_type(
    acquirer: Acquirer, terminal: Terminal, line: Line
) -> None:
    acquirer.faults.next("close", mti="0400")
    line.ask(terminal)
    assert line.sent and not line.closed


def test_faults_leave_network_management_alone(acquirer: Acquirer, terminal: Terminal) -> None:
    acquirer.faults.drop_next("response")
    assert terminal.send("0800", terminal.common(1) | {70: "001"}).data
    assert not terminal.send(*terminal.sale_request()).data


def test_a_fault_can_be_meant_for_several_messages(acquirer: Acquirer, terminal: Terminal) -> None:
    acquirer.faults.next("drop_request", count=2)
    answered = [bool(terminal.send(*terminal.sale_request(stan=stan)).data) for stan in (1, 2, 3)]
    assert answered == [False, False, True]


def test_dropping_something_else_is_an_error(acquirer: Acquirer) -> None:
    with pytest.raises(ValueError, match="neither request nor response"):
        acquirer.faults.drop_next("mic")
