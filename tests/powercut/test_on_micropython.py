"""Power cuts inside flash operations of a sale, on the real MicroPython binary: a sample.

All cuts are made in virtual time (test_every_cut.py); here it is the interpreter's own
process that dies.
"""

from __future__ import annotations

import asyncio

import pytest

from simulator import micropython
from simulator.bench import ENTER, Bench

pytestmark = [
    pytest.mark.micropython,
    pytest.mark.skipif(micropython.binary() is None, reason="no MicroPython binary here"),
]


@pytest.mark.parametrize(
    ("operation", "torn"), [(1, "half"), (2, "none"), (3, "random"), (4, "all")]
)
def test_a_sale_that_loses_its_power_is_booked_once_or_not_at_all(operation, torn):
    async def story() -> None:
        async with Bench(runtime="micropython", seed=11) as bench:
            await bench.press("500", ENTER)
            await bench.until_screen("present_card", within_s=5)
            bench.wiring.flash.cut_after(operation, torn)
            await bench.tap("visa_credit")
            await bench.until(lambda: not bench.powered, 10)
            bench.wiring.flash.no_cut()
            promised = any(screen["name"] == "approved" for screen in bench.screen.history)
            await bench.cut_power()
            await bench.power_on()
            await bench.press("300", ENTER)
            await bench.tap("visa_credit")
            await bench.until_screen("approved", within_s=20)
            ledger = bench.sandbox.acquirer.ledger
            due = 300 + (500 if promised else 0)
            assert await bench.until(lambda: ledger.summary()["total_minor"] == due, 20), (
                promised,
                ledger.summary(),
            )

    asyncio.run(story())
