"""Counts outlive the power, and tell one cause of a start from another."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulator.standins.world import World


class Memory:
    """What a StateFile does, in memory; `full` as when the flash is."""

    def __init__(self, error: type[Exception]) -> None:
        self.value: Any = None
        self.full = False
        self._error = error

    def load(self) -> Any:
        return self.value

    def save(self, value: Any) -> None:
        if self.full:
            raise self._error("full")
        self.value = value


@pytest.fixture
def memory(world: World) -> Memory:
    return Memory(world.load("kassa.system.state_file").StateError)


def counters(world: World, memory: Memory) -> Any:
    return world.load("kassa.system.counters").Counters(memory)


@pytest.mark.parametrize(
    ("cause", "intent", "why"),
    [
        ("PWRON_RESET", "", "power"),
        ("PWRON_RESET", "planned", "power"),
        ("WDT_RESET", "planned", "watchdog"),
        ("HARD_RESET", "planned", "planned"),
        ("HARD_RESET", "task", "task"),
        ("HARD_RESET", "", "other"),
        ("SOFT_RESET", "", "planned"),
    ],
)
def test_every_start_has_its_cause(
    world: World, memory: Memory, cause: str, intent: str, why: str
) -> None:
    before = counters(world, memory)
    if intent:
        before.restarting(intent)
    after = counters(world, memory)
    assert after.started(getattr(world.load("machine"), cause)) == why
    assert after.boots == 1 and sum(after.counts) == 1
    # What was meant once does not explain the start after.
    again = counters(world, memory)
    assert again.started(world.load("machine").HARD_RESET) == "other" and again.boots == 2


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ({"at": "payment", "is": "no answer", "error": "NoAnswer"}, "timeouts"),
        ({"at": "host", "is": "bad answer", "error": "BadAnswer"}, "bad_answers"),
        ({"at": "reader", "is": "exchange failed", "error": "ReaderSilent"}, "reader"),
        ({"at": "main", "is": "no card reader", "error": "ReaderNotFound"}, "reader"),
        ({"at": "app", "is": "receipt not printed", "error": "PrinterError"}, "printer"),
        ({"at": "emv", "is": "transmission", "error": "TransmissionError"}, "cards"),
        ({"at": "app", "is": "flow ended", "error": "MemoryError"}, "memory"),
        ({"at": "payment", "is": "not recorded", "error": "JournalFull"}, "journal"),
        ({"at": "system", "is": "wifi join failed", "error": "OSError"}, None),
    ],
)
def test_a_trouble_is_counted_under_its_name(
    world: World, memory: Memory, line: dict[str, str], name: str | None
) -> None:
    counted = counters(world, memory)
    names = world.load("kassa.system.counters").NAMES
    counted.note(line)
    assert [names[i] for i, times in enumerate(counted.counts) if times] == [name][: bool(name)]


def test_counts_fit_into_the_state_file_however_long_the_terminal_lives(
    world: World, memory: Memory
) -> None:
    counted = counters(world, memory)
    for name in world.load("kassa.system.counters").NAMES:
        counted.counts[:] = [99_998] * len(counted.counts)
        counted.count(name)
        counted.count(name)
    counted.boots = 99_999
    counted.restarting("planned")
    assert len(json.dumps(memory.value)) <= 128
    assert max(counted.counts) == 99_999


def test_a_full_flash_or_a_damaged_file_costs_the_counts_only(
    world: World, memory: Memory
) -> None:
    memory.full = True
    counted = counters(world, memory)
    counted.started(world.load("machine").HARD_RESET)
    memory.full = False
    counted.save()
    assert memory.value[0] == 1
    memory.value = {"not": "ours"}
    assert counters(world, memory).boots == 0
