"""Terminal risk management: random selection, velocity, what must be verified, what is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from simulator.standins.world import World

# Numbers of published Visa and Mastercard test cards.
PAN, OTHER = "4761739001010119", "5413330089020011"
SALT = bytes(range(16))
NOW = (2026, 11, 22, 10, 0, 0)
TABLE = {
    "random_threshold": 500,
    "random_percent": 10,
    "random_max_percent": 60,
    "velocity_per_day": 2,
    "unsigned_cap": 1000,
}
COMBINATION = {"aid": "A0000000041010", "kernel": 2}


class Till:
    """A risk management with its clock and its counts, made by the firmware's own modules."""

    def __init__(self, world: World, risk: Any = TABLE, exceptions: Any = None) -> None:
        document: dict[str, Any] = {"combinations": [COMBINATION]}
        if risk is not None:
            document["risk"] = risk
        if exceptions is not None:
            document["exceptions"] = exceptions
        self.module = world.load("kassa.payment.risk")
        self.configuration = world.load("kassa.emv.config").from_dict(document)
        self.clock = SimpleNamespace(is_set=True, trusted=True, local=lambda: self.now)
        self.now: tuple[int, ...] = NOW
        self.counts = self.module.DayCounts()
        self.risk = self.module.Risk(self.configuration, self.counts, self.clock, b"k" * 16)

    def select(
        self, amount: int = 100, floor: int | None = 2500, drawn: int = 99, pan: str = PAN
    ) -> str:
        return self.risk.select_online(pan, amount, floor, lambda n: (drawn - 1).to_bytes(n))

    def approve(self, pan: str = PAN, times: int = 1) -> None:
        for _ in range(times):
            masked = pan[:6] + "*" * (len(pan) - 10) + pan[-4:]
            token = self.risk.token(pan)
            self.counts.note(
                SimpleNamespace(started=self.now, masked_pan=masked, card_token=token)
            )


@pytest.fixture
def till(world: World) -> Callable[..., Till]:
    return lambda *arguments, **named: Till(world, *arguments, **named)


def listing(*cards: str, date: str = "261120") -> dict[str, Any]:
    digests = sorted(hashlib.sha256(SALT + card.encode()).digest()[:8] for card in cards)
    return {
        "date": date,
        "salt": SALT.hex(),
        "digests": b"".join(digests).hex(),
        "max_age_days": 30,
    }


def outcome(authenticated: str = "cda", pan: str = PAN, psn: int | None = 1) -> Any:
    return SimpleNamespace(
        pan=pan,
        psn=psn,
        authenticated=authenticated,
        floor_minor=2500,
        trail=[("C2-8", "TC"), ("ODA-6", "CDA verified")],
    )


@pytest.mark.parametrize(
    ("amount", "percent"),
    [
        (1, 10),
        (499, 10),
        (500, 10),
        (900, 20),  # a fifth of the way: 10 + 50 / 5
        (1500, 35),
        (2499, 59),
        (2500, 60),
    ],
)
def test_R_2_the_odds_rise_from_the_threshold_to_the_floor_limit(till, amount, percent):
    """Book 3, 10.6.2: at random below the threshold, biased from there to the floor limit."""
    one = till()
    assert one.select(amount, drawn=percent) == "random"
    assert one.select(amount, drawn=percent + 1) == ""


def test_R_2_without_a_floor_limit_the_odds_above_the_threshold_are_the_highest(till):
    assert till().select(501, floor=None, drawn=60) == "random"
    assert till().select(501, floor=None, drawn=61) == ""


def test_R_2_a_threshold_above_the_floor_limit_leaves_the_level_odds(till):
    one = till(TABLE | {"random_threshold": 5000})
    assert one.select(2500, drawn=10) == "random" and one.select(2500, drawn=11) == ""


def test_R_2_at_no_odds_nothing_is_drawn(till):
    def never(_: int) -> bytes:
        raise AssertionError("random numbers are not to be wasted")

    one = till(TABLE | {"random_percent": 0, "random_max_percent": 0})
    assert one.risk.select_online(PAN, 2500, 2500, never) == ""


@pytest.mark.parametrize("percent", [99, 100])
def test_R_2_at_full_odds_every_draw_goes_online(till, percent):
    one = till(TABLE | {"random_percent": percent, "random_max_percent": 100})
    assert {one.select(drawn=drawn) for drawn in range(1, 100)} == {"random"}


def test_R_2_the_numbers_drawn_are_fair(till):
    one, state = till(), 7
    selected = 0
    for _ in range(2000):
        state = (state * 1103515245 + 12345) % 2**32
        drawn = hashlib.sha256(state.to_bytes(4)).digest()
        selected += one.risk.select_online(PAN, 1500, 2500, lambda n, d=drawn: d[:n]) == "random"
    # 35 of 99, some three standard deviations either way
    assert 640 <= selected <= 775


def test_R_2_a_card_that_had_its_share_today_goes_online_and_others_do_not(till):
    one = till()
    one.approve()
    assert one.select() == ""
    one.approve()
    assert one.select() == "velocity"
    assert one.select(pan=OTHER) == ""


def test_R_2_the_next_day_counts_anew(till):
    one = till()
    one.approve(times=2)
    one.now = (2026, 11, 23, 0, 0, 1)
    assert one.select() == ""
    one.approve()
    assert one.select() == ""
    one.approve()
    assert one.select() == "velocity"


def test_R_2_a_velocity_of_zero_lets_no_card_pay_offline(till):
    assert till(TABLE | {"velocity_per_day": 0}).select() == "velocity"


def test_R_2_a_clock_that_was_set_back_lets_no_day_come_twice(till):
    one = till()
    one.approve()
    one.now = (2026, 11, 21, 23, 0, 0)
    assert one.select() == "clock"
    assert one.risk.refusal(outcome(), 100) == "clock_not_set"


def test_R_2_a_clock_that_was_never_set_sends_everything_online(till):
    one = till()
    one.clock.is_set = False
    assert one.select() == "clock"
    assert one.risk.refusal(outcome(), 100) == "clock_not_set"


def test_D_4_a_clock_that_goes_on_from_the_last_known_time_approves_nobody(till):
    """After power-on, until the host has told the time, its date may be weeks old."""
    one = till(exceptions=listing("4000000000000002/01"))
    assert one.select() == "" and one.risk.refusal(outcome(), 100) == ""
    one.clock.trusted = False
    assert one.select() == "clock" and one.risk.listed(PAN, 1) is None
    assert one.risk.refusal(outcome(), 100) == "clock_not_set"


def test_R_2_more_cards_than_can_be_remembered_go_online(till):
    one = till()
    one.approve(OTHER, times=one.module.MOST_A_DAY)
    assert one.select() == "velocity"
    one.now = (2026, 11, 23, 10, 0, 0)
    assert one.select() == ""


def test_R_2_the_token_tells_cards_apart_that_look_alike_but_never_which_they_are(till, world):
    one = till()
    # The same six and four digits; the ten thousand numbers between them that end alike.
    alike = [f"476173{middle:06}0119" for middle in range(2000)]
    tokens = [one.risk.token(pan) for pan in alike]
    assert {len(token) for token in tokens} == {1}
    assert len(set(tokens)) > 200
    # Whoever has the key still has hundreds of numbers for each token.
    assert max(tokens.count(token) for token in set(tokens)) > 5
    other_key = one.module.Risk(one.configuration, one.counts, one.clock, b"x" * 16)
    assert [other_key.token(pan) for pan in alike[:50]] != tokens[:50]


def test_R_1_a_listed_card_is_told_and_refused(till):
    one = till(exceptions=listing(PAN + "/01"))
    assert one.risk.listed(PAN, 1) is True
    assert one.risk.listed(PAN, 2) is False
    assert one.risk.listed(OTHER, 1) is False
    assert one.risk.refusal(outcome(), 100) == "card_blocked"
    assert one.risk.refusal(outcome(psn=2), 100) == ""


def test_R_1_a_list_that_is_too_old_approves_nobody_and_sends_all_online(till):
    one = till(exceptions=listing(date="260901"))
    assert one.risk.listed(PAN, 1) is None
    assert one.select() == "list"
    assert one.risk.refusal(outcome(), 100) == "bank_needed"


def test_R_2_above_the_cap_only_a_verified_signature_will_do(till):
    one = till()
    assert one.risk.refusal(outcome(""), 1000) == ""
    assert one.risk.refusal(outcome(""), 1001) == "not_verified"
    assert one.risk.refusal(outcome("cda"), 1001) == ""


def test_R_2_static_data_that_anybody_can_copy_are_no_signature_of_a_sale(till):
    one = till()
    assert one.risk.refusal(outcome("sda"), 1000) == ""
    assert one.risk.refusal(outcome("sda"), 1001) == "not_verified"


def test_R_2_a_terminal_without_a_risk_table_still_wants_a_signature(till):
    one = till(risk=None)
    assert one.select(amount=2500, drawn=1) == ""
    assert one.risk.refusal(outcome(""), 1) == "not_verified"
    assert one.risk.refusal(outcome("fdda"), 2500) == ""


def test_R_2_a_card_over_its_share_is_refused_even_if_a_kernel_did_not_ask(till):
    one = till()
    one.approve(times=2)
    assert one.risk.refusal(outcome(), 100) == "limit_exceeded"


def test_R_3_the_decision_keeps_what_was_drawn_counted_and_verified(till):
    one = till(exceptions=listing(date="261119"))
    one.approve()
    assert one.select(amount=1500, drawn=57) == ""
    decision = one.risk.decision(outcome("fdda"))
    assert decision.describe() == {
        "signature": "fDDA",
        "floor_minor": 2500,
        "unsigned_cap_minor": 1000,
        "drawn": 57,
        "percent": 35,
        "today": 2,
        "per_day": 2,
        "list_age_days": 3,
        "rules": ["C2-8", "ODA-6"],
    }


def test_R_3_a_draw_belongs_to_its_own_sale(till):
    one = till()
    one.select(amount=1500, drawn=57)
    assert one.risk.decision(outcome()).drawn == 57
    assert one.risk.decision(outcome()).drawn is None
    one.select(amount=1500, drawn=57)
    one.now = (2026, 11, 21, 10, 0, 0)
    one.select(amount=1500)
    one.clock.is_set = False
    assert one.select(amount=1500) == "clock"
    assert one.risk.decision(outcome()).drawn is None
