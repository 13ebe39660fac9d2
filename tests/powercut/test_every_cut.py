"""The power fails at every flash operation of a day's work, and inside each.

After each cut the terminal starts again by itself, pays what it owes, and then: both sides' books
are equal, everything somebody was promised is in them, nothing has effect twice, the next sale
works, and the batch settles in balance.  The cuts of one step begin from a snapshot taken just
before it.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from simulator.acquirer.pki import Pki
from tests.powercut.till import Moment, PowerCut, Till

FEWEST_CUTS = 2_000
TORN = ("none", "half", "all_but_last", "random", "all")
PREFIXES = 7  # lengths drawn at random, beside those
_SEED_OF_PREFIXES = 20_260_105


def online_sale(till: Till) -> None:
    till.sale(1250)


def offline_sales(till: Till) -> None:
    till.network.down()
    till.sale(700, offline=True)
    till.sale(800)


def offline_sale_and_void(till: Till) -> None:
    till.network.down()
    stan = till.sale(900, offline=True).stan
    till.void(stan)


def forwarding(till: Till) -> None:
    till.network.up()
    till.debts_paid()


def void_of_an_approved_sale(till: Till) -> None:
    stan = till.sale(1100).stan
    till.void(stan)


def unanswered_sale(till: Till) -> None:
    till.acquirer.faults.next("drop_response", "0200")
    till.sale(1300)
    till.debts_paid()


def refund(till: Till) -> None:
    sale = till.sale(2000)
    if sale.state == "approved":
        till.refund(sale.name, 500)


def settlement(till: Till) -> None:
    till.settle()


def idle_work(till: Till) -> None:
    async def prepare() -> None:
        while till.journal.prepare():
            pass

    till.run(prepare())


STEPS: list[Callable[[Till], None]] = [
    online_sale,
    offline_sales,
    offline_sale_and_void,
    forwarding,
    void_of_an_approved_sale,
    idle_work,
    unanswered_sale,
    refund,
    settlement,
    online_sale,
    offline_sales,
    forwarding,
    settlement,
]


def day(pki: Pki) -> list[tuple[Moment, bool, int]]:
    """Before each step: the moment, whether the network is up, and the step's flash operations."""
    till = Till(pki, seed=1)
    till.wait(5)
    found = []
    for step in STEPS:
        before, moment = till.network.is_up, till.moment()
        # Count from a fresh start, as the cuts will begin.
        rehearsal = _start(pki, moment, before)
        operations = rehearsal.flash.counters.operations
        step(rehearsal)
        count = rehearsal.flash.counters.operations - operations
        rehearsal.power_off()
        found.append((moment, before, count))
        step(till)
        till.wait(1)
    till.network.up()
    assert till.debts_paid()
    till.assert_nothing_lost_and_nothing_twice()
    till.power_off()
    return found


def _start(pki: Pki, moment: Moment, network_up: bool) -> Till:
    till = Till(pki, seed=2, moment=moment)
    if network_up:
        till.wait(2)
    else:
        till.network.down()
    return till


def ways(operation: int) -> list[str | int]:
    """How one operation is torn."""
    lengths = [(_SEED_OF_PREFIXES * (operation + 1) * (n + 3)) % 255 + 1 for n in range(PREFIXES)]
    return [*TORN, *lengths]


def cut(
    pki: Pki,
    step: Callable[[Till], None],
    moment: Moment,
    up: bool,
    operation: int,
    how: str | int,
) -> bool:
    """One cut and all that must hold after it; False when the step ended before it came."""
    till = _start(pki, moment, up)
    till.flash.cut_after(operation, how)
    happened = False
    try:
        step(till)
    except PowerCut:
        happened = True
    till.flash.no_cut()
    till.power_off()
    till.acquirer.faults.clear()
    till.network.up()
    till.boot()
    assert till.debts_paid(), till.tail()
    till.assert_nothing_lost_and_nothing_twice()
    assert till.sale(300).state == "approved", till.tail()
    assert till.settle(), till.tail()
    till.assert_nothing_lost_and_nothing_twice()
    till.power_off()
    till.acquirer.ledger.close()
    return happened


@pytest.fixture(scope="session")
def moments(certificates: Pki) -> list[tuple[Moment, bool, int]]:
    return day(certificates)


@pytest.fixture(scope="session")
def certificates() -> Pki:
    return Pki()


@pytest.mark.parametrize("number", range(len(STEPS)), ids=[step.__name__ for step in STEPS])
def test_no_cut_loses_or_doubles_money(
    certificates: Pki,
    moments: list[tuple[Moment, bool, int]],
    number: int,
    record_property: Callable[[str, object], None],
) -> None:
    moment, up, operations = moments[number]
    cuts = 0
    for operation in range(1, operations + 1):
        for how in ways(operation):
            try:
                cuts += cut(certificates, STEPS[number], moment, up, operation, how)
            except Exception as error:
                raise AssertionError(
                    f"{STEPS[number].__name__}: cut at operation {operation}, {how}: {error}"
                ) from error
    record_property("cuts", cuts)
    print(f"{STEPS[number].__name__}: {cuts} cuts")


def test_the_day_is_long_enough(moments: list[tuple[Moment, bool, int]]) -> None:
    cuts = sum(operations for _, _, operations in moments) * len(ways(0))
    print(f"{cuts} power cuts")
    assert cuts >= FEWEST_CUTS
