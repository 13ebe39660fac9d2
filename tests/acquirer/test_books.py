"""Money is moved once, whatever is sent twice, lost or overtaken."""

from __future__ import annotations

from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from simulator.acquirer.acquirer import Acquirer
from simulator.acquirer.ledger import OPENING_BALANCE_MINOR, Ledger
from simulator.acquirer.messages import Message
from tests.acquirer.terminal import NOW, PAN, Terminal


def reversal(terminal: Terminal, stan: int, mti: str = "0400") -> Message:
    _, fields, _ = terminal.sale_request(1250, stan)
    del fields[55]
    fields |= {39: "68", 90: "0200" + f"{stan:06}" + "0105110000" + "0" * 22}
    return terminal.read(terminal.send(mti, fields))


def settlement(terminal: Terminal, count: int, minor: int, stan: int = 900) -> Message:
    fields = terminal.common(stan) | {49: "978", 60: "000001", 74: "0" * 10, 75: "0" * 10}
    fields |= {76: f"{count:010}", 77: "0" * 10, 86: "0" * 16, 87: "0" * 16}
    fields |= {88: f"{minor:016}", 89: "0" * 16, 97: "D" + f"{minor:016}"}
    return terminal.read(terminal.send("0500", fields))


def taken(acquirer: Acquirer) -> int:
    acquirer.ledger.open_account(PAN, "978")
    return OPENING_BALANCE_MINOR - acquirer.ledger.balance_minor(PAN)


def test_a_repeated_sale_gets_the_first_answer_and_moves_money_once(
    acquirer: Acquirer, terminal: Terminal
) -> None:
    first = terminal.sale(1250, stan=1)
    again = terminal.sale(1250, stan=1)
    assert [again.get(n) for n in (37, 38, 39)] == [first.get(n) for n in (37, 38, 39)]
    assert taken(acquirer) == 1250


def test_a_repeated_decline_stays_declined_though_the_account_has_money_now(
    acquirer: Acquirer, terminal: Terminal
) -> None:
    acquirer.ledger.open_account(PAN, "978", balance_minor=0)
    assert terminal.sale(1250, stan=1).get(39) == "51"
    acquirer.ledger.set_account(PAN, balance_minor=5000)
    assert terminal.sale(1250, stan=1).get(39) == "51"


def test_another_amount_under_the_same_name_is_refused(
    acquirer: Acquirer, terminal: Terminal
) -> None:
    terminal.sale(1250, stan=1)
    assert terminal.sale(1300, stan=1).get(39) == "94"
    assert taken(acquirer) == 1250


def test_batch_stan_and_date_each_make_another_transaction(
    acquirer: Acquirer, terminal: Terminal
) -> None:
    for name in ({}, {"batch": 2}, {"stan": 2}, {"date": "0106"}):
        assert terminal.sale(1000, **name).get(39) == "00"
    assert taken(acquirer) == 4000


def test_terminals_do_not_share_names(acquirer: Acquirer) -> None:
    for terminal_id in ("KASSA001", "KASSA002"):
        assert Terminal(acquirer, terminal_id).sale(1000).get(39) == "00"
    assert taken(acquirer) == 2000


def test_a_reversal_gives_the_money_back_once(acquirer: Acquirer, terminal: Terminal) -> None:
    terminal.sale(1250, stan=1)
    assert reversal(terminal, 1).mti == "0410"
    assert reversal(terminal, 1, "0401").get(39) == "00"
    assert taken(acquirer) == 0
    summary = acquirer.ledger.summary()
    assert (summary["approved"], summary["reversed"]) == (0, 1)


def test_a_reversal_of_an_unknown_sale_is_accepted_and_stops_it_when_it_comes(
    acquirer: Acquirer, terminal: Terminal
) -> None:
    assert reversal(terminal, 1).get(39) == "00"
    assert terminal.sale(1250, stan=1).get(39) == "94"
    assert taken(acquirer) == 0


def test_a_declined_sale_can_be_reversed_without_effect(
    acquirer: Acquirer, terminal: Terminal
) -> None:
    terminal.sale(1205, stan=1)
    assert reversal(terminal, 1).get(39) == "00"
    assert taken(acquirer) == 0


def test_a_batch_balances_when_both_sides_count_the_same(
    acquirer: Acquirer, terminal: Terminal
) -> None:
    terminal.sale(1000, stan=1)
    terminal.sale(2000, stan=2)
    terminal.sale(1205, stan=3)
    reversal(terminal, 2)
    answer = settlement(terminal, 1, 1000)
    assert (answer.mti, answer.get(39), answer.get(66)) == ("0510", "00", "1")


def test_a_batch_that_does_not_balance_says_so_and_keeps_saying_so(
    acquirer: Acquirer, terminal: Terminal
) -> None:
    terminal.sale(1000, stan=1)
    for _ in range(2):
        answer = settlement(terminal, 2, 3000)
        assert (answer.get(39), answer.get(66)) == ("95", "2")
    assert acquirer.ledger.summary()["settled"] == 1


def test_the_books_survive_in_a_file_without_card_numbers(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    first = Acquirer(Ledger(url), now=lambda: NOW)
    Terminal(first).sale(1250, stan=1)
    first.ledger.close()
    second = Acquirer(Ledger(url), now=lambda: NOW)
    assert Terminal(second).sale(1250, stan=1).get(39) == "00"
    assert taken(second) == 1250
    second.ledger.close()
    assert PAN.encode() not in (tmp_path / "ledger.db").read_bytes()


class Books(RuleBasedStateMachine):
    """Sales and reversals in any order and number, against a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.acquirer = Acquirer(now=lambda: NOW)
        self.terminal = Terminal(self.acquirer)
        self.booked: dict[int, int] = {}
        self.reversed: set[int] = set()

    @rule(stan=st.integers(1, 5), amount_minor=st.sampled_from([1000, 2000, 1205, 1268]))
    def sale(self, stan: int, amount_minor: int) -> None:
        reply = self.terminal.send(*self.terminal.sale_request(amount_minor, stan))
        if stan in self.booked or stan in self.reversed:
            return
        self.booked[stan] = 0 if amount_minor == 1205 else amount_minor
        if reply.data:
            approved = self.terminal.read(reply).get(39) == "00"
            assert approved == (amount_minor != 1205)

    @rule(stan=st.integers(1, 5), mti=st.sampled_from(["0400", "0401"]))
    def reverse(self, stan: int, mti: str) -> None:
        assert reversal(self.terminal, stan, mti).get(39) == "00"
        self.reversed.add(stan)

    @invariant()
    def money_is_where_it_belongs(self) -> None:
        kept = sum(minor for stan, minor in self.booked.items() if stan not in self.reversed)
        assert taken(self.acquirer) == kept
        assert self.acquirer.ledger.summary()["total_minor"] == kept

    def teardown(self) -> None:
        self.acquirer.ledger.close()


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
