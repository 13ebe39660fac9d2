"""The bench itself: power, resets and what it tells."""

from __future__ import annotations

import asyncio

import pytest

from simulator import micropython
from simulator.bench import ENTER, Bench, BenchError
from simulator.chips.mcu import HARD_RESET

RUNTIMES = [
    "cpython",
    pytest.param(
        "micropython",
        marks=[
            pytest.mark.micropython,
            pytest.mark.skipif(
                micropython.binary() is None, reason="no MicroPython binary on this machine"
            ),
        ],
    ),
]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_power_that_goes_inside_a_flash_write_stays_gone_until_it_is_switched_on(runtime):
    async def story() -> None:
        async with Bench(runtime=runtime, seed=3) as bench:
            bench.wiring.flash.cut_after(1, "half")
            await bench.press("500", ENTER)
            await bench.tap("visa_credit")
            assert await bench.until(lambda: not bench.powered, 10)
            assert bench.screen.image().getbbox() is None
            await bench.power_on()
            await bench.press("500", ENTER)
            await bench.tap("visa_credit")
            await bench.until_screen("approved", within_s=10)

    asyncio.run(story())


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_terminal_that_resets_its_chip_starts_again_by_itself(runtime):
    async def story() -> None:
        async with Bench(runtime=runtime, seed=3) as bench:
            starts = sum(screen["name"] == "starting" for screen in bench.screen.history)
            bench.wiring.mcu.reset(HARD_RESET)
            assert await bench.until(
                lambda: sum(s["name"] == "starting" for s in bench.screen.history) > starts, 10
            )
            await bench.until_screen("welcome", within_s=10)

    asyncio.run(story())


def test_a_screen_that_does_not_come_is_told_with_what_was_there_instead():
    async def story() -> None:
        async with Bench(seed=3) as bench:
            with pytest.raises(BenchError, match=r"no approved screen within 1 s; .* welcome"):
                await bench.until_screen("approved", within_s=1)

    asyncio.run(story())


def test_a_key_that_does_not_exist_is_named():
    async def story() -> None:
        async with Bench(seed=3) as bench:
            with pytest.raises(ValueError, match="'x' is no key"):
                await bench.press("x")

    asyncio.run(story())


def test_an_unknown_runtime_is_named():
    with pytest.raises(ValueError, match="'perl' is none of cpython, micropython"):
        Bench(runtime="perl")


def test_a_terminal_without_configuration_says_so_and_does_not_start():
    async def story() -> None:
        async with Bench(seed=3, terminal={"terminal_id": "WRONG"}) as bench:
            assert bench.screen.name == "out_of_order"
            assert "terminal_id" in bench.screen.text or any(
                "terminal_id" in str(event.get("message")) for event in bench.events
            )

    asyncio.run(story())
