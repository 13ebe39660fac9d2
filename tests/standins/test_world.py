"""A world: a module space of its own, virtual time, a console, and an end that nothing
survives.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.chips.buses import DataSheetViolation
from simulator.chips.mcu import HARD_RESET, PWRON_RESET, SOFT_RESET, WDT_RESET
from simulator.clock import NS_PER_MS, NS_PER_S, VirtualClock
from simulator.standins.world import Ended, World
from simulator.wiring import Wiring
from tests.conftest import bare_board, new_world


@pytest.fixture
def wiring() -> Wiring:
    """A chip with a flash and nothing on its pins."""
    return Wiring(bare_board(), VirtualClock())


@pytest.fixture
def program(tmp_path: Path):
    """Makes a world whose main.py is the given text."""

    def make(text: str, wiring: Wiring | None = None, **kw) -> World:
        (tmp_path / "main.py").write_text(text)
        return new_world(wiring=wiring, firmware=tmp_path, **kw)

    return make


LAMP = 1


def never() -> bool:
    return False


# -- modules


def test_two_worlds_in_one_process_know_nothing_of_each_other():
    first, second = new_world(), new_world()
    first.load("kassa.system.errors").KassaError.mark = 1
    first.load("machine").mark = 1
    first.load("random").seed(5)
    assert not hasattr(second.load("kassa.system.errors").KassaError, "mark")
    assert not hasattr(second.load("machine"), "mark")
    assert first.load("asyncio").create_task is not second.load("asyncio").create_task


def test_a_module_is_executed_once_and_then_the_same():
    world = new_world()
    world.execute(
        "import kassa.system.log\nfrom kassa.system import log\nsame = log is kassa.system.log"
    )
    assert world.modules["test"].same
    assert world.load("kassa.system.log") is world.modules["kassa.system.log"]


def test_a_package_knows_its_modules_by_attribute_and_by_name(world: World):
    world.execute(
        "from kassa.system.ensure import ensure\nimport kassa\nkassa.system.ensure.ensure(True)"
    )


def test_a_module_that_fails_to_load_can_be_tried_again(tmp_path: Path):
    (tmp_path / "part.py").write_text("raise ValueError('first')\n")
    world = new_world(firmware=tmp_path)
    with pytest.raises(ValueError, match="first"):
        world.load("part")
    (tmp_path / "part.py").write_text("name = 'a second text'\n")
    assert world.load("part").name == "a second text"


def test_annotations_are_not_evaluated_as_on_the_device(world: World):
    assert world.execute("def f(a: Undefined) -> Unknown:\n    return a").f(3) == 3


def test_the_board_file_is_the_module_board(board):
    world = new_world()
    assert world.load("board").BOARD["panel"] == board["panel"]


def test_only_what_a_stand_in_offers_can_be_seen_of_it(world: World):
    assert not hasattr(world.load("time"), "here")
    assert not hasattr(world.load("machine"), "_call")


def test_an_error_number_is_the_devices_wherever_it_was_raised(world: World):
    names = world.execute(
        "caught = []\n"
        "def attempt(call):\n"
        "    try: call()\n"
        "    except OSError as error: caught.append((type(error).__name__, error.errno))\n"
        "def own(): raise OSError(116)\n"
        "attempt(own)\n"
        "attempt(lambda: open('/nothing'))\n"
        "from machine import I2C, Pin\n"
        "bus = I2C(0, scl=Pin(4), sda=Pin(5))\n"
        "attempt(lambda: bus.writeto(0x50, b''))\n"
    )
    assert names.caught == [("OSError", 116), ("OSError", 19), ("OSError", 19)]


# -- running


def test_run_gives_the_result_and_raises_the_error(world: World):
    parts = world.execute(
        "import asyncio\n"
        "async def good():\n    await asyncio.sleep_ms(3)\n    return 4\n"
        "async def bad():\n    raise KeyError('k')\n"
    )
    assert world.run(parts.good()) == 4
    with pytest.raises(KeyError):
        world.run(parts.bad())


def test_run_says_who_was_not_done_in_time(world: World):
    parts = world.execute("import asyncio\nasync def slow():\n    await asyncio.sleep(5)\n")
    with pytest.raises(TimeoutError, match="slow was not done within 2 s"):
        world.run(parts.slow(), timeout_s=2)


def test_sleeping_takes_the_time_it_says_and_no_time_of_ours(world: World):
    clock = world.clock
    parts = world.execute("import asyncio\nasync def day():\n    await asyncio.sleep(86400)\n")
    started = clock.now_ns
    world.run(parts.day(), timeout_s=100_000)
    assert 86_399.9 * NS_PER_S <= clock.now_ns - started < 86_401 * NS_PER_S


def test_start_runs_main_until_its_first_await_and_run_until_goes_on(program):
    world = program(
        "import asyncio\n"
        "async def main():\n"
        "    n = 0\n"
        "    while True:\n"
        "        print(n)\n"
        "        n += 1\n"
        "        await asyncio.sleep_ms(100)\n"
        "asyncio.run(main())\n"
    )
    world.start()
    assert world.lines == []
    assert world.run_until(lambda: "5" in world.lines, world.clock.now_ns + NS_PER_S)
    assert world.lines == ["0", "1", "2", "3", "4", "5"]
    deadline = world.clock.now_ns + NS_PER_S
    assert not world.run_until(never, deadline)
    assert world.clock.now_ns >= deadline
    assert not world.finished


def test_what_is_started_runs_in_order(tmp_path: Path):
    (tmp_path / "boot.py").write_text("print('boot')\n")
    (tmp_path / "main.py").write_text("print('main')\n")
    world = new_world(firmware=tmp_path)
    world.start("boot", "main")
    assert world.lines == ["boot", "main"]
    assert world.finished


def test_a_program_that_fails_prints_its_traceback_and_is_over(program):
    world = program(
        "import asyncio\n"
        "async def main():\n    await asyncio.sleep_ms(1)\n    raise ValueError('broken')\n"
        "asyncio.run(main())\n"
    )
    world.start()
    world.run_until(never, world.clock.now_ns + NS_PER_S)
    assert world.finished
    assert isinstance(world.error, ValueError)
    assert world.lines[0] == "Traceback (most recent call last):"
    assert 'main.py", line 4, in main' in world.lines[1]
    assert world.lines[-1] == "ValueError: broken"


def test_a_program_in_which_nobody_can_be_woken_is_over(program):
    world = program(
        "import asyncio\n"
        "async def main():\n    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    world.start()
    world.run_until(never, world.clock.now_ns + NS_PER_S)
    assert world.finished
    assert world.error is None


def test_the_same_seed_gives_the_same_run_byte_for_byte(program):
    text = (
        "import asyncio, os, random, time\n"
        "async def noise(n):\n"
        "    while True:\n"
        "        await asyncio.sleep_ms(random.randrange(1, 50))\n"
        "        print(n, time.ticks_us(), os.urandom(4))\n"
        "async def main():\n"
        "    await asyncio.gather(noise(1), noise(2), noise(3))\n"
        "asyncio.run(main())\n"
    )
    runs = []
    for seed in (7, 7, 8):
        world = program(text, seed=seed, board_name="esp32s3_devkitc")
        world.start()
        world.run_until(never, world.clock.now_ns + NS_PER_S)
        runs.append("\n".join(world.lines))
    assert len(runs[0]) > 1000
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_print_goes_to_the_console_line_by_line():
    lines: list[str] = []
    world = new_world(console=lines.append)
    world.execute(
        "print('a', 1, end='')\nprint('b')\nprint('c\\nd', sep='-')\nprint('half', end='')"
    )
    assert lines == ["a 1b", "c", "d"]


# -- soft interrupts


def test_a_scheduled_call_runs_between_two_steps_and_not_at_once(world: World):
    names = world.execute(
        "import micropython, time\n"
        "seen = []\n"
        "micropython.schedule(seen.append, 1)\n"
        "before = list(seen)\n"
        "time.sleep_us(10)\n"
    )
    assert names.before == []
    assert names.seen == [1]


def test_the_ninth_scheduled_call_is_refused(world: World):
    with pytest.raises(RuntimeError, match="schedule queue full"):
        world.execute(
            "import micropython\nfor n in range(9):\n    micropython.schedule(print, n)\n"
        )


def test_an_error_in_a_callback_is_printed_and_the_program_goes_on(world: World):
    world.execute(
        "import micropython, time\n"
        "def bad(arg): raise ValueError('in callback')\n"
        "micropython.schedule(bad, 0)\n"
        "time.sleep_ms(1)\n"
        "print('alive')\n"
    )
    assert world.lines[-2:] == ["ValueError: in callback", "alive"]


# -- the end


def test_reset_ends_the_program_where_it_stands(program, wiring: Wiring):
    causes: list[int] = []
    wiring.mcu.on_reset = causes.append
    world = program(
        "import asyncio, machine\n"
        "led = machine.Pin(1, machine.Pin.OUT, value=0)\n"
        "async def main():\n"
        "    await asyncio.sleep_ms(5)\n"
        "    try:\n"
        "        machine.reset()\n"
        "        print('after')\n"
        "    except Exception:\n"
        "        print('caught')\n"
        "    finally:\n"
        "        led.on()\n"
        "        print('finally')\n"
        "asyncio.run(main())\n",
        wiring,
    )
    world.start()
    assert not world.run_until(never, world.clock.now_ns + NS_PER_S)
    assert causes == [HARD_RESET]
    assert world.reset_cause == HARD_RESET
    assert wiring.mcu.line(LAMP).level == 0
    assert world.clock.now_ns < 20 * NS_PER_MS
    assert program("", wiring).load("machine").reset_cause() == HARD_RESET
    assert program("", wiring).load("machine").reset_cause() == PWRON_RESET


def test_soft_reset_says_so_afterwards(program, wiring: Wiring):
    world = program("import machine\nmachine.soft_reset()\n", wiring)
    world.start()
    assert world.reset_cause == SOFT_RESET
    assert new_world(wiring=wiring).load("machine").reset_cause() == SOFT_RESET


def test_the_watchdog_bites_a_loop_that_is_stuck(program, wiring: Wiring):
    world = program(
        "import machine, time\n"
        "wdt = machine.WDT(timeout=500)\n"
        "for _ in range(4):\n    time.sleep_ms(400)\n    wdt.feed()\n"
        "while True:\n    time.ticks_ms()\n",
        wiring,
    )
    started = world.clock.now_ns
    world.start()
    assert world.reset_cause == WDT_RESET
    assert 2_100 * NS_PER_MS <= world.clock.now_ns - started < 2_101 * NS_PER_MS
    assert new_world(wiring=wiring).load("machine").reset_cause() == WDT_RESET


def test_a_fed_watchdog_does_not_bite(program):
    world = program(
        "import asyncio, machine\n"
        "async def main():\n"
        "    wdt = machine.WDT(timeout=500)\n"
        "    while True:\n        await asyncio.sleep_ms(300)\n        wdt.feed()\n"
        "asyncio.run(main())\n"
    )
    world.start()
    world.run_until(never, world.clock.now_ns + 5 * NS_PER_S)
    assert world.reset_cause is None


def test_a_violation_reaches_the_bench_whatever_the_firmware_catches(world: World):
    def refuse(level: int) -> None:
        raise DataSheetViolation("this chip: rule 1")

    world.wiring.mcu.line(LAMP).listen(refuse)
    parts = world.execute(
        "from machine import Pin\n"
        "async def main():\n"
        "    try:\n        Pin(1, Pin.OUT, value=1)\n"
        "    except BaseException:\n        return 'swallowed'\n"
    )
    with pytest.raises(DataSheetViolation, match="rule 1"):
        world.run(parts.main())
    with pytest.raises(DataSheetViolation, match="rule 1"):
        world.run_until(never, world.clock.now_ns + 1)


def test_a_violation_in_the_background_reaches_the_bench_too(world: World):
    def refuse() -> None:
        raise DataSheetViolation("this chip: rule 2")

    world.clock.call_later(5 * NS_PER_MS, refuse)
    parts = world.execute(
        "import time\nasync def main():\n"
        "    try:\n        time.sleep(1)\n    except BaseException:\n        return 'swallowed'\n"
    )
    with pytest.raises(DataSheetViolation, match="rule 2"):
        world.run(parts.main())


def test_a_world_without_power_cannot_touch_its_chip(world: World, wiring: Wiring):
    pin = world.execute("from machine import Pin\npin = Pin(1, Pin.OUT, value=0)").pin
    world.close()
    with pytest.raises(Ended):
        pin.on()
    assert wiring.mcu.line(LAMP).level == 0


def test_the_next_world_on_a_chip_ends_the_one_before(wiring: Wiring):
    first = new_world(wiring=wiring)
    pin = first.execute("from machine import Pin\npin = Pin(1, Pin.OUT, value=1)").pin
    assert wiring.mcu.line(LAMP).level == 1
    second = new_world(wiring=wiring)
    assert wiring.mcu.line(LAMP).level == 0
    with pytest.raises(Ended):
        pin.on()
    assert wiring.mcu.line(LAMP).level == 0
    assert second.load("machine").Pin(LAMP).value() == 0


def test_a_power_cut_in_the_middle_closes_coroutines_in_silence(program, wiring: Wiring, recwarn):
    world = program(
        "import asyncio\n"
        "from machine import Pin\n"
        "async def main():\n"
        "    try:\n        await asyncio.sleep(9)\n"
        "    finally:\n        Pin(1, Pin.OUT, value=1)\n"
        "asyncio.run(main())\n",
        wiring,
    )
    world.start()
    world.run_until(never, world.clock.now_ns + NS_PER_S)
    wiring.mcu.power_off()
    assert wiring.mcu.line(LAMP).level == 0
    assert not world.run_until(never, world.clock.now_ns + NS_PER_S)
    assert not recwarn.list


def test_the_power_takes_clock_and_rtc_memory_a_reset_does_not(program, wiring: Wiring):
    set_clock = (
        "import machine\n"
        "machine.RTC().datetime((2026, 11, 22, 6, 10, 0, 0, 0))\n"
        "machine.RTC().memory(b'kept')\n"
        "machine.reset()\n"
    )
    program(set_clock, wiring).start()
    machine = new_world(wiring=wiring).load("machine")
    assert machine.RTC().datetime()[:3] == (2026, 11, 22)
    assert machine.RTC().memory() == b"kept"
    wiring.mcu.power_off()
    machine = new_world(wiring=wiring).load("machine")
    assert machine.RTC().datetime()[0] == 2000
    assert machine.RTC().memory() == b""


def test_another_power_on_costs_milliseconds(tmp_path: Path, wiring: Wiring):
    import time

    new_world(wiring=wiring).load("kassa.host.link")
    started = time.perf_counter()
    for _ in range(20):
        new_world(wiring=wiring).load("kassa.host.link")
    assert (time.perf_counter() - started) / 20 < 0.05
