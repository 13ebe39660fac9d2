"""Behind the key MENU, and what the merchant is told without asking."""

from __future__ import annotations

from simulator.acquirer.ledger import Name
from simulator.bench import ENTER, MENU, Bench
from tests.app.test_sale import on_bench, sell

OFFLINE = {"offline": {"per_sale": 2000, "total": 5000, "count": 3}}


async def sell_offline(bench: Bench, amount: str, screen: str = "approved") -> None:
    await bench.until_screen("welcome", within_s=90)
    await bench.press(amount, ENTER)
    await bench.until_screen("present_card", within_s=2)
    await bench.tap("visa_credit")
    await bench.until_screen(screen, within_s=8)


def test_a_stored_sale_that_the_bank_declines_is_told_on_screen_and_paper():
    async def story(bench: Bench) -> None:
        bench.network.down()
        await bench.wait(12)
        # The last digits 51 mean: not enough funds.
        await sell_offline(bench, "1551")
        await bench.until_screen("welcome", within_s=60)
        bench.network.up()
        await bench.until_screen("staff_problem", within_s=60)
        assert "Declined later" in bench.screen.text and "€15.51" in bench.screen.text
        await bench.wait(5)
        assert "DECLINED AFTERWARDS" in bench.printer.slips[-1]
        await bench.until_screen("welcome", within_s=30)
        assert "to send" not in bench.screen.text
        told = len(bench.printer.slips)
        await bench.cut_power()
        await bench.power_on()
        await bench.wait(10)
        assert len(bench.printer.slips) == told

    on_bench(story, terminal=OFFLINE)


def test_each_limit_refuses_in_its_own_words():
    async def story(bench: Bench) -> None:
        bench.network.down()
        await bench.wait(12)
        await sell_offline(bench, "2500", "declined")
        assert "Too much without a connection" in bench.screen.text
        for _ in range(3):
            await sell_offline(bench, "400")
        await sell_offline(bench, "400", "declined")
        assert "enough is stored" in bench.screen.text

    on_bench(story, terminal=OFFLINE)


def test_totals_that_differ_are_uploaded_reported_and_not_hidden():
    async def story(bench: Bench) -> None:
        await sell(bench)
        ledger = bench.sandbox.acquirer.ledger
        # The bank has a sale that the terminal never made.
        ledger.book(
            Name("KASSA001", "000001", "000777", "0105"),
            "0200", None, 500, "978", "00", "000000", "000000000777",
        )  # fmt: skip
        await bench.until_screen("welcome", within_s=60)
        await bench.press(MENU)
        await bench.until_screen("menu", within_s=2)
        await bench.press("5")
        await bench.until_screen("staff_problem", within_s=20)
        assert "Totals differ" in bench.screen.text
        await bench.wait(5)
        assert "TOTALS DIFFER" in bench.printer.slips[-1] and "17.50" in bench.printer.slips[-1]
        assert ledger.differences("KASSA001", "000001") == ["000777"]
        assert [m["mti"] for m in bench.sandbox.acquirer.messages].count("0320") == 1

    on_bench(story)


def test_a_sale_that_the_host_leaves_unanswered_is_reversed_and_taken_deferred():
    async def story(bench: Bench) -> None:
        await bench.press("1250", ENTER)
        await bench.until_screen("present_card", within_s=2)
        bench.sandbox.acquirer.faults.next("drop_response", "0200")
        await bench.tap("visa_credit")
        await bench.until_screen("approved", within_s=15)
        assert "ACCEPTED" in bench.screen.text
        ledger = bench.sandbox.acquirer.ledger
        assert await bench.until(lambda: ledger.summary()["advices"] == 1, 60)
        await bench.wait(5)
        summary = ledger.summary()
        assert (summary["reversed"], summary["approved"]) == (1, 1)
        assert summary["total_minor"] == 1250

    on_bench(story, terminal=OFFLINE)


def test_an_undo_takes_the_last_sale_back_at_the_bank():
    async def story(bench: Bench) -> None:
        await sell(bench)
        await bench.until_screen("welcome", within_s=60)
        await bench.press(MENU)
        await bench.until_screen("menu", within_s=2)
        await bench.press("2")
        await bench.until_screen("staff_done", within_s=10)
        assert bench.sandbox.acquirer.ledger.summary()["total_minor"] == 0

    on_bench(story)


def test_a_sale_that_waits_too_long_is_an_alarm_on_the_welcome_screen():
    async def story(bench: Bench) -> None:
        bench.network.down()
        await bench.wait(12)
        await sell_offline(bench, "400")
        await bench.until_screen("welcome", within_s=60)
        assert "Payments overdue" not in bench.screen.text
        await bench.wait(2 * 3600)
        assert "Payments overdue" in bench.screen.text
        await sell_offline(bench, "400", "declined")
        bench.network.up()
        summary = bench.sandbox.acquirer.ledger.summary
        assert await bench.until(lambda: summary()["advices"] == 1, 120)
        await bench.until_screen("welcome", within_s=60)
        await bench.wait(2)
        assert "Payments overdue" not in bench.screen.text

    on_bench(story, terminal={"offline": {**OFFLINE["offline"], "max_age_h": 1}})


def test_an_issuer_that_is_down_is_asked_again_and_declines_nothing():
    async def story(bench: Bench) -> None:
        bench.network.down()
        await bench.wait(12)
        await sell_offline(bench, "400")
        bench.sandbox.acquirer.faults.next("issuer_down", "0220")
        bench.sandbox.acquirer.faults.next("issuer_down", "0221", count=2)
        bench.network.up()
        summary = bench.sandbox.acquirer.ledger.summary
        assert await bench.until(lambda: summary()["advices"] == 1, 120)
        await bench.wait(2)
        assert "to send" not in bench.screen.text
        assert summary()["total_minor"] == 400

    on_bench(story, terminal=OFFLINE)


def test_an_issuer_that_stays_down_does_not_hold_up_the_other_sales():
    async def story(bench: Bench) -> None:
        bench.network.down()
        await bench.wait(12)
        await sell_offline(bench, "491")
        await sell_offline(bench, "400")
        bench.network.up()
        await bench.until_screen("staff_problem", within_s=120)
        assert "€4.91" in bench.screen.text
        summary = bench.sandbox.acquirer.ledger.summary
        assert await bench.until(lambda: summary()["total_minor"] == 400, 60)

    on_bench(story, terminal=OFFLINE)


def test_a_log_put_back_after_a_quiet_moment_is_noticed():
    async def story(bench: Bench) -> None:
        place = bench.wiring.partition("journal")
        await sell(bench)
        await bench.wait(60)
        older = bench.wiring.flash.image(place["offset"], place["size"])
        await bench.until_screen("welcome", within_s=60)
        await sell(bench)
        await bench.wait(60)
        await bench.cut_power()
        bench.wiring.flash.load(older, place["offset"])
        await bench.power_on()
        await bench.until_screen("welcome", within_s=30)
        assert "Memory changed" in bench.screen.text

    on_bench(story)
