"""By how much the host corrects the clock."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.standins.world import World

NOON = (2026, 11, 27, 12, 0, 0)


class Memory:
    def __init__(self) -> None:
        self.value: Any = [2026, 11, 27, 11, 0, 0]

    def load(self) -> Any:
        return self.value

    def save(self, value: Any) -> None:
        self.value = value


@pytest.fixture
def clock(world: World) -> Any:
    return world.load("kassa.system.clock").Clock(world.load("machine").RTC(), Memory())


def test_the_first_time_that_is_told_says_nothing_of_the_clock(clock: Any) -> None:
    clock.restore()
    assert clock.drift_s is None and not clock.trusted
    clock.set_utc(NOON)
    assert clock.drift_s is None and clock.trusted


@pytest.mark.parametrize(
    ("told", "drift_s"),
    [
        (NOON, 0),
        ((2026, 11, 27, 12, 0, 3), 3),
        ((2026, 11, 27, 11, 58, 30), -90),
        ((2026, 12, 1, 0, 0, 0), 302_400),
    ],
)
def test_later_ones_are_compared_with_it(clock: Any, told: Any, drift_s: int) -> None:
    clock.set_utc(NOON)
    clock.set_utc(told)
    assert clock.drift_s == drift_s and clock.utc() == told
    clock.set_utc(told)
    assert clock.drift_s == 0
