"""Stepping ahead in a terminal's keys: right keys afterwards, and none of those before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tools import key_file
from simulator.acquirer import dukpt, key_material
from simulator.standins.world import World
from simulator.wiring import Wiring
from tests.conftest import new_world

IDENTITY = "KASSA001"
PATH = "/state/keys.bin"


@pytest.fixture
def terminal(wiring: Wiring) -> Iterator[World]:
    """One that was just given its keys."""
    world = new_world(wiring=wiring, root=wiring.filesystem())
    store = world.load("kassa.security.key_store").KeyStore()
    store.inject(key_material.initial_key(IDENTITY), key_material.initial_key_id(IDENTITY))
    yield world
    world.close()


def fresh(terminal: World) -> bytes:
    return terminal.root.read_file(PATH)


def next_keys(terminal: World, content: bytes) -> tuple[bytes, bytes]:
    """KSN and data key that the firmware takes next from such a file."""
    terminal.root.write_file(PATH, content)
    store = terminal.load("kassa.security.key_store").KeyStore()
    keys = terminal.run(store.next_keys())
    return keys.ksn, bytes(keys.data_key)


def test_a_file_reads_back_as_it_was(terminal: World) -> None:
    content = fresh(terminal)
    keys = key_file.parse(content)
    assert (keys.counter, len(keys.registers)) == (1, 32)
    assert keys.initial_key_id == key_material.initial_key_id(IDENTITY)
    assert keys.to_bytes() == content


@pytest.mark.parametrize("steps", [(1,), (2, 3), (1 << 20,), (5, 1 << 20, 1, 1 << 20), (65_535,)])
def test_the_terminal_goes_on_with_the_right_keys(terminal: World, steps: tuple[int, ...]) -> None:
    keys = key_file.parse(fresh(terminal))
    for step in steps:
        before = keys.counter
        keys.step_ahead(step)
        # Counters with more than 16 one bits are stepped over, so it may be a few more.
        assert before + step <= keys.counter <= before + step + (1 << 15)
    ksn, data_key = next_keys(terminal, keys.to_bytes())
    assert ksn == keys.initial_key_id + keys.counter.to_bytes(4, "big")
    usage = dukpt.Usage.DATA_ENCRYPTION
    assert data_key == dukpt.working_key(key_material.BASE_KEY, ksn, usage)


@settings(max_examples=60)
@given(used=st.integers(0, 5000), by=st.integers(0, 1 << 21))
def test_no_register_is_left_that_gives_a_key_stepped_over(used: int, by: int) -> None:
    keys = key_file.KeyFile(bytes(8), 1, {n: bytes([n] * 16) for n in range(32)})
    keys.step_ahead(used)
    keys.step_ahead(by)
    # Register n gives the next counter whose lowest bit is n, and those that follow from it.
    lowest = min(keys.registers)
    assert keys.counter & -keys.counter == 1 << lowest
    assert all(
        not keys.counter >> register & 1 for register in keys.registers if register > lowest
    )


def test_damaged_and_exhausted_keys_are_told(terminal: World) -> None:
    content = fresh(terminal)
    for damaged in (b"", content[:-1], b"X" + content[1:], content[:100] + b"!" + content[101:]):
        with pytest.raises(key_file.KeysError, match="damaged"):
            key_file.parse(damaged)
    keys = key_file.parse(content)
    with pytest.raises(key_file.KeysError, match="used up"):
        for _ in range(5):
            keys.step_ahead(1 << 30)
