"""Which slot is started: the table of `kassa.system.slots`, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.standins.world import World
from simulator.wiring import Wiring
from tests.conftest import new_world


@pytest.fixture
def world(wiring: Wiring) -> World:
    return new_world(wiring=wiring, root=wiring.filesystem())


@pytest.fixture
def slots(world: World) -> Any:
    state = world.load("kassa.system.state_file").StateFile("/state/slots")
    return world.load("kassa.system.slots").Slots(state)


def start(slots: Any, counts: bool = True, after_power_cut: bool = True) -> str:
    return slots.starting(counts, after_power_cut)[0]


def run_in(world: World, slot: str) -> None:
    os = world.load("os")
    if slot not in os.listdir("/"):
        os.mkdir("/" + slot)
    os.chdir("/" + slot)


def test_a_new_board_starts_slot_a_and_has_the_other_behind_it(slots: Any) -> None:
    assert slots.starting(True, True) == ["slot_a", "slot_b"]


def test_what_was_offered_is_tried_three_times_and_then_left(slots: Any) -> None:
    slots.offer("slot_b")
    assert [start(slots) for _ in range(5)] == ["slot_b"] * 3 + ["slot_a"] * 2


def test_what_has_come_up_stays(slots: Any, world: World) -> None:
    slots.offer("slot_b")
    start(slots)
    run_in(world, "slot_b")
    assert slots.on_trial
    slots.came_up()
    assert not slots.on_trial
    assert slots.idle == "slot_a"
    assert [start(slots) for _ in range(5)] == ["slot_b"] * 5


def test_a_version_that_keeps_restarting_gives_way_even_when_it_came_up_once(slots: Any) -> None:
    told = [start(slots, after_power_cut=False) for _ in range(4)]
    assert told == ["slot_a"] * 3 + ["slot_b"]


def test_coming_up_between_two_restarts_forgives_them(slots: Any, world: World) -> None:
    run_in(world, "slot_a")
    for _ in range(10):
        assert start(slots, after_power_cut=False) == "slot_a"
        slots.came_up()


def test_power_cuts_count_against_a_trial_only(slots: Any) -> None:
    assert [start(slots) for _ in range(9)] == ["slot_a"] * 9


def test_a_technicians_start_counts_for_nothing(slots: Any) -> None:
    slots.offer("slot_b")
    assert [start(slots, counts=False) for _ in range(9)] == ["slot_b"] * 9
    assert [start(slots) for _ in range(4)] == ["slot_b"] * 3 + ["slot_a"]


def test_what_is_withdrawn_is_not_tried(slots: Any) -> None:
    slots.offer("slot_b", need_host=True)
    assert slots.needs_host
    slots.withdraw()
    assert not slots.needs_host
    assert start(slots) == "slot_a"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"use": "slot_c"}', b'{"tries": "x"}'])
def test_a_damaged_state_is_none(slots: Any, world: World, content: bytes) -> None:
    world.root.write_file("/state/slots", content)
    assert start(slots) == "slot_a"


def test_the_state_stays_inside_its_directory_entry(slots: Any, world: World) -> None:
    slots.offer("slot_b", need_host=True)
    start(slots)
    assert len(world.root.read_file("/state/slots")) <= 128
