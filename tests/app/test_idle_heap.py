"""How much of the heap an idle terminal's imports take, and that a payment has all of its own
before a card is asked for."""

from __future__ import annotations

import pytest

from simulator.bench import Bench
from tests.app.test_sale import ask_for_card, on_bench, sell, still_sells
from tests.benchmarks import heap32, idle, image

LIMITS = {"offline": {"per_sale": 5000, "total": 50000, "count": 5, "patience_ms": 500}}


def imported(bench: Bench) -> set[str]:
    assert bench.world is not None
    return set(bench.world.modules)


def test_the_imports_of_an_idle_terminal_leave_a_32_bit_heap_room() -> None:
    try:
        measured = image.measure_32bit()
    except heap32.Missing as missing:
        pytest.skip(str(missing))
    assert {"kassa.app.terminal", "kassa.ui.screens", "main"} <= {name for name, _, _ in measured}
    taken = sum(added + names for _, added, names in measured)
    largest = sorted(measured, key=lambda row: -row[1])[:10]
    assert taken <= image.MOST_32BIT, f"{taken} bytes; most of them: {largest}"


@pytest.mark.parametrize(
    "package", ["kassa.emv.kernels", "kassa.app.back_office", "kassa.drivers.printer"]
)
def test_an_idle_terminal_has_not_imported_what_only_a_flow_needs(package: str) -> None:
    assert not [name for name in idle.modules(image.BOARD) if name.startswith(package)]


@pytest.mark.parametrize("card", ["visa_credit", "mastercard_credit", "amex_credit"])
def test_nothing_is_imported_from_the_moment_a_card_is_asked_for(card: str) -> None:
    async def story(bench: Bench) -> None:
        await idle.restart_with_little_heap(bench)
        await ask_for_card(bench)
        ready = imported(bench)
        await bench.tap(card)
        await bench.until_screen("approved", within_s=3)
        await bench.until(lambda: "receipt_first_line" in bench.timings(), 10)
        assert imported(bench) == ready

    on_bench(story)


def test_nor_when_an_amount_was_cancelled_while_it_got_ready() -> None:
    async def story(bench: Bench) -> None:
        await idle.restart_with_little_heap(bench)
        await bench.press("1", "CANCEL")
        assert "kassa.payment.risk" not in imported(bench), "it is ready before CANCEL can be hit"
        await bench.press("1", "ENTER")
        await bench.until_screen("present_card", within_s=5)
        ready = imported(bench)
        await bench.tap("visa_credit")
        await bench.until_screen("approved", within_s=3)
        await bench.until(lambda: "receipt_first_line" in bench.timings(), 10)
        assert imported(bench) == ready

    on_bench(story)


def test_nor_for_a_sale_that_is_taken_without_the_host() -> None:
    async def story(bench: Bench) -> None:
        await idle.restart_with_little_heap(bench)
        bench.network.down()
        await ask_for_card(bench)
        ready = imported(bench)
        await bench.tap("visa_credit")
        await bench.until_screen("approved", within_s=60)
        assert imported(bench) == ready

    on_bench(story, terminal=LIMITS)


def test_too_little_heap_to_get_ready_ends_the_sale_before_a_card_is_asked_for() -> None:
    async def story(bench: Bench) -> None:
        await idle.restart_with_little_heap(bench)
        assert bench.world is not None
        kernels = bench.world.load("kassa.emv.kernels")
        create = kernels.create

        tight = [True]

        def while_heap_lasts(number: int) -> object:
            if tight:
                raise MemoryError(f"no heap for kernel {number}")
            return create(number)

        kernels.create = while_heap_lasts
        await bench.press("1250", "ENTER")
        await bench.until_screen("out_of_order", within_s=5)
        assert "present_card" not in {screen["name"] for screen in bench.screen.history}
        tight.clear()
        await still_sells(bench)

    on_bench(story)


def test_the_first_sale_keeps_a_card_no_longer_and_its_customer_hardly() -> None:
    async def story(bench: Bench) -> None:
        await idle.restart_with_little_heap(bench)
        await sell(bench)
        first = bench.timings()
        await bench.press("ENTER")
        await sell(bench)
        second = bench.timings()
        # Four digits typed as fast as can be: some modules are still to come at ENTER.
        assert first["approved"] - second["approved"] < 500
        assert abs(first["card_in_field"] - second["card_in_field"]) < 50

    on_bench(story)
