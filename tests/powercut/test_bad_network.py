"""Ten thousand sales on a network that drops, delays, duplicates and cuts: the books are equal.

Virtual time, one seed for each part; the parts together are the ten thousand.
"""

from __future__ import annotations

import random

import pytest

from simulator.acquirer.pki import Pki
from tests.powercut.till import PowerCut, Till

SALES = 10_000
PARTS = 10
_BATCH = 100
_FAULTS = ("drop_request", "drop_response", "close", "twice", "late", "wrong_mac", "garbage")


class Weather:
    """What the network and the power do next."""

    def __init__(self, till: Till, dice: random.Random) -> None:
        self._till = till
        self._dice = dice

    def change(self) -> None:
        till, dice = self._till, self._dice
        till.network.loss = dice.choice((0.0, 0.0, 0.0, 0.05, 0.2))
        till.network.latency_ms = dice.choice((50, 150, 150, 600))
        if dice.random() < 0.05:
            till.network.down()
        else:
            till.network.up()
        if dice.random() < 0.08:
            fault = dice.choice(_FAULTS)
            till.acquirer.faults.next(fault, delay_s=dice.choice((1.0, 12.0)))

    def clear(self) -> None:
        self._till.network.loss, self._till.network.latency_ms = 0.0, 150
        self._till.acquirer.faults.clear()
        self._till.network.up()


def sell(till: Till, dice: random.Random) -> None:
    """One sale, now and then voided, now and then with the power failing in it."""
    if dice.random() < 0.02:
        till.flash.cut_after(dice.randrange(1, 14), dice.choice(("none", "half", "random", "all")))
    try:
        sale = till.sale(dice.randrange(1, 500), offline=dice.random() < 0.05)
        if sale.state in till.life.MONEY and dice.random() < 0.03:
            till.void(sale.stan)
    except PowerCut:
        pass
    if not till.flash.powered:
        till.power_off()
        till.boot()
    till.flash.no_cut()


@pytest.mark.parametrize("part", range(PARTS))
def test_ten_thousand_sales_end_with_equal_books(part: int) -> None:
    dice = random.Random(part)
    till = Till(Pki(), seed=part)
    weather = Weather(till, dice)
    reversed_before = 0
    for number in range(SALES // PARTS):
        if number % 4 == 0:
            weather.change()
        sell(till, dice)
        if number % _BATCH == _BATCH - 1:
            weather.clear()
            assert till.debts_paid(3_600), till.tail()
            till.assert_nothing_lost_and_nothing_twice()
            assert till.settle(), till.tail()
            till.assert_nothing_lost_and_nothing_twice()
            # What was promised in a settled batch has been compared.
            till.promises.made.clear()
            till.promises.taken_back.clear()
    summary = till.acquirer.ledger.summary()
    assert summary["out_of_balance"] == 0
    assert summary["reversed"] > reversed_before and summary["advices"] > 0
    assert summary["approved"] > SALES // PARTS // 2
    print(f"part {part}: {summary}")
    till.power_off()
