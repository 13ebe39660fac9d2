"""The life of a transaction."""

from __future__ import annotations

import pytest
from kassa.payment import responses
from kassa.payment import transaction as life
from kassa.payment.transaction import TRANSITIONS, Transaction
from kassa.system.ensure import InvariantError

STARTED = (2026, 11, 22, 10, 0, 0)


def sale(**changes):
    arguments = {"kind": "sale", "amount_minor": 1250, "currency": "EUR", "stan": 1, "batch": 1}
    return Transaction(started=STARTED, **{**arguments, **changes})


def test_every_state_that_may_follow_has_followers_of_its_own():
    assert {state for follow in TRANSITIONS.values() for state in follow} <= set(TRANSITIONS)


@pytest.mark.parametrize("state", sorted(TRANSITIONS))
def test_only_the_arrows_of_the_table_can_be_gone(state):
    for target in TRANSITIONS:
        transaction = sale()
        transaction.state = state
        if target in TRANSITIONS[state]:
            transaction.move(target)
            assert transaction.state == target
        else:
            with pytest.raises(InvariantError):
                transaction.move(target)
            assert transaction.state == state


def test_an_approved_sale_can_never_become_declined():
    transaction = sale()
    for state in (life.CARD_READ, life.REQUESTED, life.APPROVED):
        transaction.move(state)
    with pytest.raises(InvariantError):
        transaction.decline("do_not_honour")


def test_each_move_is_reported_once():
    moves = []
    transaction = sale(on_move=lambda moved, state: moves.append((moved.stan, state)))
    transaction.move(life.CARD_READ)
    transaction.decline("no_network")
    assert moves == [(1, life.CARD_READ), (1, life.DECLINED)]
    assert transaction.decline_reason == "no_network"


@pytest.mark.parametrize(
    "changes", [{"amount_minor": 0}, {"amount_minor": -5}, {"stan": 0}, {"stan": 10**6}]
)
def test_nonsense_makes_no_transaction(changes):
    with pytest.raises(InvariantError):
        sale(**changes)


def test_an_unknown_response_code_declines():
    assert not responses.is_approved("ZZ")
    assert responses.decline_reason("ZZ") == "do_not_honour"


def test_no_code_both_approves_and_declines_with_a_reason_of_its_own():
    assert not set(responses.APPROVED_CODES) & set(responses._REASONS)
