"""The keypad driver against the matrix: every press once, no ghosts, stuck keys do not silence the
rest.
"""

from __future__ import annotations

import random
from typing import Any

import pytest

from simulator.clock import NS_PER_MS
from simulator.standins.world import World
from tests.conftest import new_world

KEYS = ["1", "2", "3", "CANCEL", "4", "5", "6", "CLEAR", "7", "8", "9", "MENU",
        "LANG", "0", "00", "ENTER"]  # fmt: skip


class Bench:
    """A finger, and the driver running in its world."""

    def __init__(self, world: World, start: bool = True) -> None:
        self.world = world
        self.pad = world.wiring.keypad
        self.asyncio = world.load("asyncio")
        part = world.mcu.board["keypad"]
        pin = world.load("machine").Pin
        pull = None if part.get("external_pull_ups") else pin.PULL_UP
        self.keypad: Any = world.load("kassa.drivers.keypad").Keypad(
            [pin(gpio) for gpio in part["rows"]],
            [pin(gpio, pin.IN, pull) for gpio in part["columns"]],
            part["layout"],
        )
        self.got: list[str] = []
        if start:
            self.start()

    def start(self) -> None:
        self.asyncio.create_task(self.keypad.run())
        self.asyncio.create_task(self._collect())
        self.wait(1)

    async def _collect(self) -> None:
        while True:
            key = await self.keypad.next()
            self.got.append(key)

    def wait(self, ms: float) -> None:
        self.world.run_until(lambda: False, self.world.clock.now_ns + int(ms * NS_PER_MS))

    def tap(self, key: str, down_ms: float = 60, up_ms: float = 60) -> None:
        self.pad.press(key)
        self.wait(down_ms)
        self.pad.release(key)
        self.wait(up_ms)

    def taken(self) -> list[str]:
        got, self.got = self.got, []
        return got


@pytest.fixture
def bench(world: World) -> Bench:
    return Bench(world)


@pytest.mark.parametrize("board", ["esp32s3_devkitc", "esp32_wrover", "esp32_devkitc"])
def test_each_key_of_each_board_has_its_name(board):
    bench = Bench(new_world(board))
    for key in KEYS:
        bench.tap(key)
    assert bench.taken() == KEYS


def test_a_bouncing_key_counts_once_in_1000_presses(bench):
    fingers = random.Random(5)
    pressed = []
    for _ in range(1000):
        key = fingers.choice(KEYS)
        pressed.append(key)
        bench.tap(key, fingers.uniform(30, 150), fingers.uniform(25, 150))
    assert bench.taken() == pressed


def test_a_press_is_there_within_25_ms(bench):
    for _ in range(20):
        bench.pad.press("5")
        bench.wait(25)
        assert bench.taken() == ["5"]
        bench.pad.release("5")
        bench.wait(60)


def test_a_spark_shorter_than_the_debounce_is_no_press(bench):
    bench.pad.longest_bounce_us = 0
    bench.tap("5", down_ms=5)
    assert bench.taken() == []


def test_a_spark_while_another_key_is_held_is_no_press_either(bench):
    bench.pad.longest_bounce_us = 0
    bench.pad.press("1")
    bench.wait(50)
    for _ in range(12):
        bench.tap("9", down_ms=6, up_ms=37)
    assert bench.taken() == ["1"]


def test_a_press_in_the_gap_between_the_last_scan_and_the_interrupts_is_seen():
    def tapped(second_press_ns: int | None = None) -> tuple[Bench, int]:
        """Tap 5; the time at which the interrupts were armed again.  Press 6 at the given time."""
        bench = Bench(new_world())
        bench.pad.longest_bounce_us = 0
        armed = []
        last_row = bench.world.mcu.line(bench.world.mcu.board["keypad"]["rows"][-1])
        last_row.listen(lambda level: level or armed.append(bench.world.clock.now_ns))
        if second_press_ns is not None:
            bench.world.clock.call_at(second_press_ns, lambda: bench.pad.press("6"))
        bench.tap("5")
        bench.wait(100)
        return bench, armed[-1]

    armed_ns = tapped()[1]
    for before_us in range(-2, 40, 2):
        bench, _ = tapped(armed_ns - before_us * 1_000)
        assert bench.taken() == ["5", "6"], before_us


def test_rolling_from_key_to_key_keeps_the_order(bench):
    for key, before in zip("4561", "_456", strict=True):
        bench.pad.press(key)
        bench.wait(40)
        if before != "_":
            bench.pad.release(before)
        bench.wait(40)
    assert bench.taken() == list("4561")


def test_a_held_key_does_not_repeat(bench):
    bench.tap("8", down_ms=5_000)
    assert bench.taken() == ["8"]


@pytest.mark.parametrize("corners", [("1", "3", "7"), ("5", "6", "8"), ("0", "1", "2")])
def test_the_third_corner_of_a_rectangle_and_its_ghost_count_for_nothing(bench, corners):
    first, second, third = corners
    for key in (first, second):
        bench.pad.press(key)
        bench.wait(50)
    assert bench.taken() == [first, second]
    bench.pad.press(third)
    bench.wait(100)
    assert set(bench.keypad.pressed()) == {first, second}
    for key in corners:
        bench.pad.release(key)
        bench.wait(50)
    assert bench.taken() == [] and bench.keypad.pressed() == []
    bench.tap(third)
    assert bench.taken() == [third]


def test_a_fist_on_the_keypad_gives_nothing(bench):
    for key in ("1", "2", "4", "5"):
        bench.pad.press(key)
    bench.wait(200)
    for key in ("1", "2", "4", "5"):
        bench.pad.release(key)
        bench.wait(30)
    assert bench.taken() == []


def test_two_keys_in_one_column_do_not_short_their_rows(bench):
    bench.pad.press("1")
    bench.pad.press("7")
    bench.wait(100)
    assert bench.taken() == ["1", "7"]


def test_a_stuck_key_is_reported_and_the_others_go_on_working(bench):
    bench.pad.stick("5")
    bench.wait(29_000)
    assert bench.taken() == ["5"] and bench.keypad.stuck() == []
    bench.wait(2_000)
    assert bench.keypad.stuck() == ["5"] and bench.keypad.pressed() == []
    for key in ("2", "4", "8", "ENTER"):  # its column, its row, its column, neither
        bench.tap(key)
    assert bench.taken() == ["2", "4", "8", "ENTER"]
    bench.pad.unstick("5")
    bench.wait(100)
    assert bench.keypad.stuck() == []
    bench.tap("5")
    assert bench.taken() == ["5"]


def test_a_key_that_is_down_at_the_start_counts_once_it_was_released(world):
    bench = Bench(world, start=False)
    bench.pad.press("MENU")
    bench.start()
    bench.wait(100)
    assert bench.taken() == []
    bench.pad.release("MENU")
    bench.wait(100)
    bench.tap("MENU")
    assert bench.taken() == ["MENU"]


def test_what_was_typed_ahead_waits_in_order_and_can_be_forgotten(world):
    bench = Bench(world, start=False)
    bench.asyncio.create_task(bench.keypad.run())
    bench.wait(1)
    for key in "12345":
        bench.tap(key)
    assert [world.run(bench.keypad.next(), 1) for _ in range(3)] == list("123")
    bench.keypad.clear()
    with pytest.raises(TimeoutError):
        world.run(bench.keypad.next(), 0.5)


def test_a_full_queue_keeps_the_oldest_keys(world):
    bench = Bench(world, start=False)
    bench.asyncio.create_task(bench.keypad.run())
    bench.wait(1)
    for key in "12345678901234567890":
        bench.tap(key)
    assert "".join(world.run(bench.keypad.next(), 1) for _ in range(15)) == "123456789012345"


def test_a_wait_that_is_given_up_loses_no_key(world):
    bench = Bench(world, start=False)
    bench.asyncio.create_task(bench.keypad.run())
    with pytest.raises(bench.asyncio.TimeoutError):
        world.run(bench.asyncio.wait_for_ms(bench.keypad.next(), 50))
    bench.tap("9")
    assert world.run(bench.keypad.next(), 1) == "9"


def test_nothing_runs_while_no_key_is_down(bench):
    bench.wait(100)
    rows = [bench.world.mcu.line(gpio) for gpio in bench.world.mcu.board["keypad"]["rows"]]
    changes = []
    for row in rows:
        row.listen(changes.append)
    bench.wait(60_000)
    assert changes == [] and [row.level for row in rows] == [0, 0, 0, 0]


def test_cancelling_the_scan_lets_go_of_rows_and_interrupts(world):
    bench = Bench(world, start=False)
    task = bench.asyncio.create_task(bench.keypad.run())
    bench.wait(10)
    task.cancel()
    bench.wait(10)
    part = world.mcu.board["keypad"]
    assert all(world.mcu.line(gpio).driven_by_others(bench.pad) == set() for gpio in part["rows"])
