"""`time`: ticks that wrap, blocking sleeps, and the chip's epoch of 2000."""

from __future__ import annotations

import pytest

from simulator.clock import NS_PER_MS
from simulator.standins.world import World
from tests.conftest import new_world

PERIOD = 2**30


def test_ticks_wrap_at_two_to_the_thirty():
    world = new_world(ticks_start_ms=PERIOD - 10)
    time = world.load("time")
    before = time.ticks_ms()
    time.sleep_ms(30)
    after = time.ticks_ms()
    assert before > PERIOD - 20
    assert after < 30
    assert 29 <= time.ticks_diff(after, before) <= 31


def test_a_task_that_sleeps_across_the_wrap_wakes_in_time():
    world = new_world(ticks_start_ms=PERIOD - 10)
    parts = world.execute(
        "import asyncio, time\n"
        "async def main():\n"
        "    before = time.ticks_ms()\n"
        "    await asyncio.sleep_ms(50)\n"
        "    return time.ticks_diff(time.ticks_ms(), before)\n"
    )
    assert 49 <= world.run(parts.main()) <= 51


@pytest.mark.parametrize(
    ("a", "b", "difference"),
    [
        (5, 3, 2),
        (3, 5, -2),
        (2, PERIOD - 3, 5),
        (PERIOD - 3, 2, -5),
        (0, PERIOD // 2, -PERIOD // 2),
    ],
)
def test_ticks_diff_goes_the_short_way_round(world: World, a: int, b: int, difference: int):
    time = world.load("time")
    assert time.ticks_diff(a, b) == difference
    if difference > -PERIOD // 2:
        assert time.ticks_add(b, difference) == a


@pytest.mark.parametrize("delta", [PERIOD // 2, -PERIOD // 2, PERIOD])
def test_an_interval_of_half_the_period_is_refused(world: World, delta: int):
    with pytest.raises(OverflowError):
        world.load("time").ticks_add(0, delta)


def test_a_sleep_of_more_than_half_the_period_is_refused(world: World):
    with pytest.raises(OverflowError):
        world.load("asyncio").sleep_ms(PERIOD // 2)


def test_blocking_sleeps_take_the_worlds_time(world: World):
    time, clock = world.load("time"), world.clock
    for sleep, amount, expected_ns in (
        (time.sleep_ms, 7, 7 * NS_PER_MS),
        (time.sleep_us, 250, 250_000),
        (time.sleep, 0.5, 500 * NS_PER_MS),
        (time.sleep_ms, -3, 0),
    ):
        before = clock.now_ns
        sleep(amount)
        assert clock.now_ns - before == expected_ns


def test_a_loop_that_only_watches_the_clock_ends(world: World):
    world.execute(
        "import time\n"
        "start = time.ticks_ms()\n"
        "while time.ticks_diff(time.ticks_ms(), start) < 5: pass\n"
    )


def test_a_task_that_only_gives_way_does_not_stop_time(world: World):
    parts = world.execute(
        "import asyncio\n"
        "from machine import Timer\n"
        "async def main():\n"
        "    seen, turns = [], 0\n"
        "    Timer(0).init(mode=Timer.ONE_SHOT, period=10, callback=seen.append)\n"
        "    while not seen and turns < 5_000:\n"
        "        turns += 1\n        await asyncio.sleep_ms(0)\n"
        "    return turns\n"
    )
    assert 20 < world.run(parts.main(), timeout_s=1) < 2_000


def test_the_other_tasks_do_not_run_while_one_blocks(world: World):
    parts = world.execute(
        "import asyncio, time\n"
        "ran = []\n"
        "async def other():\n"
        "    while True:\n        ran.append(time.ticks_ms())\n        await asyncio.sleep_ms(1)\n"
        "async def main():\n"
        "    task = asyncio.create_task(other())\n"
        "    await asyncio.sleep_ms(3)\n"
        "    before = len(ran)\n"
        "    time.sleep_ms(50)\n"
        "    return len(ran) - before\n"
    )
    assert world.run(parts.main()) == 0


def test_the_epoch_is_2000_and_the_clock_starts_there(world: World):
    time = world.load("time")
    assert time.gmtime(0) == (2000, 1, 1, 0, 0, 0, 5, 1)
    assert time.time() in (0, 1)
    assert time.localtime()[:3] == (2000, 1, 1)
    assert time.mktime((2000, 1, 2, 0, 0, 0, 0, 0)) == 86_400


def test_the_rtc_is_set_and_runs_on(world: World):
    rtc, time = world.load("machine").RTC(), world.load("time")
    rtc.datetime((2026, 11, 22, 0, 23, 59, 58, 500_000))
    assert rtc.datetime() == (2026, 11, 22, 6, 23, 59, 58, 500_000)
    time.sleep_ms(1_500)
    assert rtc.datetime()[:7] == (2026, 11, 23, 0, 0, 0, 0)
    assert time.localtime()[:6] == (2026, 11, 23, 0, 0, 0)
    assert world.wiring.rtc.get().isoformat()[:19] == "2026-11-23T00:00:00"


def test_a_timer_calls_back_once_or_again_and_again(world: World):
    names = world.execute(
        "import time\nfrom machine import Timer\n"
        "once, often = [], []\n"
        "a = Timer(0)\n"
        "a.init(mode=Timer.ONE_SHOT, period=20, callback=lambda t: once.append(t is a))\n"
        "b = Timer(1, mode=Timer.PERIODIC, freq=100, callback=lambda t: often.append(1))\n"
        "time.sleep_ms(95)\n"
        "b.deinit()\n"
        "time.sleep_ms(50)\n"
    )
    assert names.once == [True]
    assert len(names.often) == 9
    with pytest.raises(ValueError, match="Timer"):
        world.execute("from machine import Timer\nTimer(9)")
