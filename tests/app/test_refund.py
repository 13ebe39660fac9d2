"""Giving money back, of a sale and to a card."""

from __future__ import annotations

import pytest

from simulator.bench import CANCEL, ENTER, MENU, Bench
from tests.app.test_sale import on_bench, sell, still_sells


async def refund_to_card(bench: Bench, amount: str, card: str) -> None:
    await bench.until_screen("welcome", within_s=60)
    await bench.press(MENU)
    await bench.until_screen("menu", within_s=2)
    await bench.press("3")
    await bench.wait(0.5)
    assert "To a card" in bench.screen.text
    await bench.press("2")
    await bench.until_screen("amount", within_s=2)
    await bench.press(amount, ENTER)
    await bench.until_screen("present_card", within_s=2)
    assert "Refund: tap card" in bench.screen.text
    await bench.tap(card)


@pytest.mark.parametrize("card", ["visa_credit", "mastercard_credit", "visa_phone"])
def test_a_card_is_given_money_without_a_sale_on_record(card: str) -> None:
    async def story(bench: Bench) -> None:
        await refund_to_card(bench, "1500", card)
        await bench.until_screen("approved", within_s=5)
        assert "REFUNDED" in bench.screen.text and "€15.00" in bench.screen.text
        summary = bench.sandbox.acquirer.ledger.summary()
        assert (summary["refunds"], summary["total_minor"]) == (1, -1500)
        await bench.wait(8)
        assert "REFUND" in bench.printer.slips[-1] and "15.00" in bench.printer.slips[-1]
        await still_sells(bench)

    on_bench(story)


def test_a_free_refund_that_is_not_answered_is_taken_back_and_never_stored() -> None:
    async def story(bench: Bench) -> None:
        bench.sandbox.acquirer.faults.next("drop_response", "0200")
        await refund_to_card(bench, "1500", "visa_credit")
        await bench.until_screen("declined", within_s=20)
        await bench.wait(20)
        summary = bench.sandbox.acquirer.ledger.summary()
        assert (summary["reversed"], summary["advices"], summary["total_minor"]) == (1, 0, 0)

    on_bench(story, terminal={"offline": {"per_sale": 2000, "total": 5000, "count": 3}})


def test_nothing_is_given_without_the_host() -> None:
    async def story(bench: Bench) -> None:
        bench.network.down()
        await bench.wait(12)
        await refund_to_card(bench, "1500", "visa_credit")
        await bench.until_screen("declined", within_s=20)
        assert bench.sandbox.acquirer.ledger.summary()["refunds"] == 0

    on_bench(story, terminal={"offline": {"per_sale": 2000, "total": 5000, "count": 3}})


def test_a_free_refund_can_be_cancelled_before_the_tap() -> None:
    async def story(bench: Bench) -> None:
        await bench.press(MENU)
        await bench.until_screen("menu", within_s=2)
        await bench.press("3")
        await bench.wait(0.5)
        await bench.press("2")
        await bench.until_screen("amount", within_s=2)
        await bench.press("1500", ENTER)
        await bench.until_screen("present_card", within_s=2)
        await bench.press(CANCEL)
        await bench.until_screen("cancelled", within_s=2)
        await still_sells(bench)

    on_bench(story)


def test_the_batch_of_a_free_refund_agrees_with_the_host() -> None:
    async def story(bench: Bench) -> None:
        await sell(bench)
        await refund_to_card(bench, "500", "visa_debit")
        await bench.until_screen("approved", within_s=5)
        await bench.until_screen("welcome", within_s=60)
        await bench.press(MENU)
        await bench.until_screen("menu", within_s=2)
        await bench.press("5")
        await bench.until_screen("staff_done", within_s=20)
        assert "totals agree" in bench.screen.text
        assert bench.sandbox.acquirer.ledger.summary()["total_minor"] == 750

    on_bench(story)


def test_only_whoever_may_gives_money_without_a_sale() -> None:
    async def story(bench: Bench) -> None:
        assert bench.world is not None
        terminal = bench.world.load("kassa.app.terminal").Terminal
        terminal.allowed = lambda self, action: action != "refund_card"
        await bench.press(MENU)
        await bench.until_screen("menu", within_s=2)
        await bench.press("3")
        await bench.wait(0.5)
        await bench.press("2")
        await bench.until_screen("staff_problem", within_s=2)

    on_bench(story)
