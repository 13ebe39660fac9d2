"""A sale as the customer and the merchant live it, and everything that can go wrong on the way.

Each trouble must end on a named screen within its time, leave no traceback and no debt at the host, and the
terminal must take the next sale.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from simulator import cards
from simulator.bench import CANCEL, CLEAR, ENTER, LANG, Bench
from simulator.cards.awkward import Garbage, TornAfter

END_SCREENS = ("approved", "declined", "try_again", "try_another_card", "out_of_order")


def on_bench(story: Callable[[Bench], Awaitable[None]], **options: object) -> Bench:
    """Run a story on a bench in virtual time; the bench, switched off, for a last look."""

    async def run() -> Bench:
        async with Bench(**{"seed": 7, **options}) as bench:
            await story(bench)
            assert_no_traceback(bench)
        return bench

    return asyncio.run(run())


def assert_no_traceback(bench: Bench) -> None:
    assert not [line for line in bench.console if "Traceback" in line], bench.console
    assert not [event for event in bench.events if event["is"] == "critical task failed"]


async def ask_for_card(bench: Bench, amount: str = "1250") -> None:
    await bench.until_screen("welcome", within_s=90)
    await bench.press(amount, ENTER)
    await bench.until_screen("present_card", within_s=1)


async def sell(bench: Bench, card: object = "visa_credit", amount: str = "1250") -> None:
    await ask_for_card(bench, amount)
    await bench.tap(card)
    await bench.until_screen("approved", within_s=3)


async def still_sells(bench: Bench) -> None:
    """The proof that whatever happened is over: back to welcome, and the next sale is approved."""
    if bench.screen.name not in ("welcome", "approved", "declined", "cancelled"):
        await bench.press(CANCEL)
    before = bench.sandbox.acquirer.ledger.summary()["approved"]
    await sell(bench, amount="300")
    assert bench.sandbox.acquirer.ledger.summary()["approved"] == before + 1


@pytest.mark.parametrize(
    "card", ["visa_credit", "visa_debit", "visa_phone", "mastercard_credit", "mastercard_phone"]
)
def test_a_tap_is_approved_printed_twice_and_booked_once(card):
    async def story(bench: Bench) -> None:
        await sell(bench, card)
        await bench.until(lambda: len(bench.printer.slips) == 2, 15)
        customer, merchant = bench.printer.slips
        assert "12.50" in customer and "12.50" in merchant
        assert "CUSTOMER COPY" in customer and "MERCHANT COPY" in merchant
        assert bench.sandbox.acquirer.ledger.summary()["total_minor"] == 1250

    on_bench(story)


def test_the_sale_is_fast_enough_that_nobody_waits():
    async def story(bench: Bench) -> None:
        await sell(bench)
        await bench.until(lambda: "receipt_first_line" in bench.timings(), 5)
        timings = bench.timings()
        assert timings["card_in_field"] <= 500
        assert timings["approved"] <= 2000
        assert timings["receipt_first_line"] <= 300
        assert {"ppse", "select", "gpo", "records", "host", "result"} <= set(timings)

    on_bench(story)


def test_the_same_seed_gives_the_same_run():
    async def story(bench: Bench) -> None:
        await sell(bench)
        await bench.wait(8)

    first, second = on_bench(story), on_bench(story)
    assert first.console == second.console
    assert first.exchanges == second.exchanges
    assert first.flash.image() == second.flash.image()


def test_clear_corrects_the_amount_and_cancel_leaves_it():
    async def story(bench: Bench) -> None:
        await bench.press("129", CLEAR, "50", ENTER)
        await bench.until_screen("present_card", within_s=1)
        assert "€12.50" in bench.screen.words
        await bench.press(CANCEL)
        await bench.until_screen("cancelled", within_s=1)
        await bench.until_screen("welcome", within_s=10)
        await still_sells(bench)

    on_bench(story)


def test_the_language_key_speaks_chinese_until_the_next_customer():
    async def story(bench: Bench) -> None:
        await ask_for_card(bench)
        await bench.press(LANG)
        assert any("一" <= letter <= "鿿" for letter in bench.screen.text)
        await bench.tap("visa_credit")
        await bench.until_screen("approved", within_s=3)
        assert "APPROVED" not in bench.screen.text
        await bench.until_screen("welcome", within_s=60)
        await bench.wait(0.1)
        assert "Welcome" in bench.screen.text

    on_bench(story)


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("1005", "Your bank did not approve"),
        ("1051", "Not enough funds"),
        ("1054", "This card has expired"),
        ("1091", "Your bank cannot be reached"),
    ],
)
def test_a_decline_says_why_in_plain_words(amount, words):
    async def story(bench: Bench) -> None:
        await ask_for_card(bench, amount)
        await bench.tap("visa_credit")
        await bench.until_screen("declined", within_s=5)
        assert words in " ".join(bench.screen.words)
        await still_sells(bench)

    on_bench(story)


@pytest.mark.parametrize(
    "fault",
    [
        "drop_request",
        "drop_response",
        "stall",
        "garbage",
        "wrong_mac",
        "wrong_stan",
        "close",
        "late",
    ],
)
def test_a_host_that_misbehaves_charges_nobody(fault):
    async def story(bench: Bench) -> None:
        await ask_for_card(bench)
        bench.sandbox.acquirer.faults.next(fault, "0200")
        await bench.tap("visa_credit")
        await bench.until_screen("declined", within_s=15)
        assert "No answer from the bank" in " ".join(bench.screen.words)
        ledger = bench.sandbox.acquirer.ledger
        assert await bench.until(lambda: ledger.summary()["reversed"] == 1, 60)
        assert ledger.summary()["approved"] == 0
        await still_sells(bench)

    on_bench(story)


def test_without_a_network_nothing_is_sent_and_nothing_is_owed():
    async def story(bench: Bench) -> None:
        await ask_for_card(bench)
        bench.network.down()
        await bench.wait(70)
        if bench.screen.name != "present_card":
            await ask_for_card(bench)
        await bench.tap("visa_credit")
        await bench.until_screen("declined", within_s=20)
        assert "No connection to the bank" in " ".join(bench.screen.words)
        bench.network.up()
        await bench.wait(40)
        assert bench.sandbox.acquirer.ledger.summary()["reversed"] == 0
        await still_sells(bench)

    on_bench(story)


@pytest.mark.parametrize("apdus", range(5))
@pytest.mark.parametrize("card", ["visa_credit", "mastercard_credit"])
def test_a_card_that_leaves_at_any_step_is_asked_back(card, apdus):
    async def story(bench: Bench) -> None:
        await ask_for_card(bench)
        await bench.tap(TornAfter(cards.load(card), apdus=apdus), hold_ms=900)
        if bench.screen.name != "card_read_ok" and bench.screen.name != "approved":
            assert bench.screen.name == "try_again", bench.screen.name
            await bench.tap(card)
        await bench.until_screen("approved", within_s=5)
        await still_sells(bench)

    on_bench(story)


@pytest.mark.parametrize("seed", range(8))
def test_a_card_that_talks_garbage_ends_on_a_screen(seed):
    async def story(bench: Bench) -> None:
        await ask_for_card(bench)
        await bench.tap(Garbage(cards.load("visa_credit"), seed), hold_ms=1500)
        assert bench.screen.name in END_SCREENS
        await still_sells(bench)

    on_bench(story)


def test_two_cards_are_asked_to_become_one():
    async def story(bench: Bench) -> None:
        await ask_for_card(bench)
        await bench.tap("two_cards")
        await bench.until_screen("one_card_only", "present_card", within_s=2)
        assert [s for s in bench.screen.history if s["name"] == "one_card_only"]
        await bench.wait(0.5)
        await bench.tap("visa_credit")
        await bench.until_screen("approved", within_s=5)

    on_bench(story)


def test_a_card_that_stays_is_asked_to_leave():
    async def story(bench: Bench) -> None:
        await ask_for_card(bench)
        bench.present(cards.load("visa_credit"))
        await bench.until_screen("remove_card", within_s=30)
        bench.remove()
        await bench.until_screen("welcome", within_s=30)
        await still_sells(bench)

    on_bench(story)


@pytest.mark.parametrize("card", ["visa_expired", "visa_blocked"])
def test_an_expired_or_blocked_card_is_refused_and_another_may_pay(card):
    async def story(bench: Bench) -> None:
        await ask_for_card(bench)
        await bench.tap(card)
        await bench.until_screen("declined", "try_another_card", within_s=5)
        assert bench.sandbox.acquirer.ledger.summary()["approved"] == 0
        await still_sells(bench)

    on_bench(story)


def test_paper_that_ends_is_asked_for_and_the_slip_printed_again():
    async def story(bench: Bench) -> None:
        bench.wiring.printer.paper = "out"
        await sell(bench)
        await bench.until_screen("paper_out", within_s=10)
        bench.wiring.printer.paper = "ok"
        await bench.press(ENTER)
        assert await bench.until(lambda: len(bench.printer.slips) == 2, 20)
        await still_sells(bench)

    on_bench(story)


@pytest.mark.parametrize("board", ["esp32_wrover", "esp32_devkitc"])
def test_the_other_boards_sell_too(board):
    async def story(bench: Bench) -> None:
        await sell(bench)
        await bench.wait(5)

    on_bench(story, board=board)


def test_power_lost_while_idle_costs_nothing():
    async def story(bench: Bench) -> None:
        await sell(bench)
        await bench.wait(15)
        await bench.cut_power()
        await bench.wait(2)
        await bench.power_on()
        await still_sells(bench)
        stans = [m["fields"]["11"] for m in bench.sandbox.acquirer.messages if m["mti"] == "0200"]
        assert len(stans) == len(set(stans)) == 2

    on_bench(story)
