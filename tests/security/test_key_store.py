"""The keys on flash: no key twice, whatever happens to the power."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.acquirer import dukpt as host
from simulator.acquirer.dukpt import Usage
from simulator.chips.nor_flash import PowerCut
from simulator.standins.world import World
from simulator.wiring import Wiring
from tests.conftest import new_world
from tests.security import vectors

BASE_KEY = bytes.fromhex(vectors.BASE_KEY)
INITIAL_KEY = bytes.fromhex(vectors.INITIAL_KEY)
INITIAL_KEY_ID = bytes.fromhex(vectors.INITIAL_KEY_ID)
PATH = "/state/keys.bin"


def power_on(wiring: Wiring) -> World:
    return new_world(wiring=wiring, root=wiring.filesystem())


def store(world: World) -> Any:
    return world.load("kassa.security.key_store").KeyStore(PATH)


def injected(wiring: Wiring) -> tuple[World, Any]:
    world = power_on(wiring)
    keys = store(world)
    keys.inject(INITIAL_KEY, INITIAL_KEY_ID)
    return world, keys


def counter(world: World, keys: Any) -> int:
    """The counter of the next transaction's keys, taken."""
    taken = world.run(keys.next_keys())
    assert taken.data_key == host.working_key(BASE_KEY, taken.ksn, Usage.DATA_ENCRYPTION)
    return int.from_bytes(taken.ksn[8:])


def test_keys_come_one_after_the_other(wiring: Wiring) -> None:
    world, keys = injected(wiring)
    assert [counter(world, keys) for _ in range(4)] == [1, 2, 3, 4]


def test_after_a_power_cycle_they_go_on_where_they_were(wiring: Wiring) -> None:
    world, keys = injected(wiring)
    counter(world, keys)
    world.close()
    world = power_on(wiring)
    assert counter(world, store(world)) == 2


def test_a_prefetched_key_that_nobody_took_is_never_given_again(wiring: Wiring) -> None:
    world, keys = injected(wiring)
    keys.prefetch()
    world.close()
    world = power_on(wiring)
    assert counter(world, store(world)) == 2


def test_taking_prefetched_keys_leaves_the_flash_alone(wiring: Wiring) -> None:
    world, keys = injected(wiring)
    assert not keys.prefetched
    keys.prefetch()
    assert keys.prefetched
    before = wiring.flash.counters.operations
    counter(world, keys)
    assert wiring.flash.counters.operations == before


def test_without_prefetching_the_flash_is_written_before_the_keys_come(wiring: Wiring) -> None:
    world, keys = injected(wiring)
    before = wiring.flash.counters.operations
    counter(world, keys)
    assert wiring.flash.counters.operations > before


@pytest.mark.parametrize("torn", ["none", "half", "all_but_last", "all", "random"])
def test_no_key_is_used_twice_wherever_the_power_fails(wiring: Wiring, torn: str) -> None:
    world, keys = injected(wiring)
    counter(world, keys)
    world.close()
    start = wiring.flash.snapshot()
    operation = 0
    while True:
        operation += 1
        wiring.flash.restore(start)
        world = power_on(wiring)
        keys = store(world)
        wiring.flash.cut_after(operation, torn)  # type: ignore[arg-type]
        used = []
        try:
            for _ in range(3):
                used.append(counter(world, keys))
        except PowerCut:
            pass
        survived = wiring.flash.cut_pending
        wiring.flash.no_cut()
        world.close()
        wiring.flash.power_on()
        world = power_on(wiring)
        after = counter(world, store(world))
        world.close()
        assert after not in used and after > max(used, default=1)
        if survived:
            return
        assert operation < 100


def test_a_terminal_without_keys_says_so(wiring: Wiring) -> None:
    world = power_on(wiring)
    keys = store(world)
    assert not keys.ready
    keys.prefetch()
    with pytest.raises(world.load("kassa.security.errors").NoKeys):
        world.run(keys.next_keys())


@pytest.mark.parametrize("damage", [0, 7, 13, 100, 539])
def test_a_damaged_key_file_is_named_and_not_used(wiring: Wiring, damage: int) -> None:
    world, keys = injected(wiring)
    files = world.root
    content = bytearray(files.read_file(PATH))
    assert len(content) == 540
    content[damage] ^= 0x10
    files.write_file(PATH, bytes(content))
    keys = store(world)
    with pytest.raises(world.load("kassa.security.errors").KeysDamaged, match=PATH):
        world.run(keys.next_keys())


def test_a_key_file_cut_short_is_damaged(wiring: Wiring) -> None:
    world, _ = injected(wiring)
    world.root.write_file(PATH, world.root.read_file(PATH)[:300])
    with pytest.raises(world.load("kassa.security.errors").KeysDamaged):
        _ = store(world).ready


def test_neither_initial_key_nor_used_keys_stand_in_the_file(wiring: Wiring) -> None:
    world, keys = injected(wiring)
    assert INITIAL_KEY not in world.root.read_file(PATH)
    for number in range(1, 4):
        counter(world, keys)
        used = host.intermediate_key(BASE_KEY, INITIAL_KEY_ID, number)
        assert used not in world.root.read_file(PATH)


def test_zeroising_leaves_no_key_in_the_file_system(wiring: Wiring) -> None:
    world, keys = injected(wiring)
    keys.prefetch()
    keys.zeroise()
    assert not keys.ready
    assert PATH not in list(world.root.walk("/"))
    with pytest.raises(world.load("kassa.security.errors").NoKeys):
        world.run(keys.next_keys())
    world.close()
    world = power_on(wiring)
    assert not store(world).ready


def test_injecting_again_starts_the_new_key_from_its_first_counter(wiring: Wiring) -> None:
    world, keys = injected(wiring)
    counter(world, keys)
    keys.prefetch()
    other = bytes.fromhex("1234567890123457")
    keys.inject(host.initial_key(BASE_KEY, other), other)
    taken = world.run(keys.next_keys())
    assert taken.ksn == other + (1).to_bytes(4)


def test_keys_that_could_not_be_put_on_record_are_not_handed_out(wiring: Wiring) -> None:
    world, keys = injected(wiring)
    original = world.root.open

    def failing(path: str, mode: str = "r") -> Any:
        if "w" in mode:
            raise OSError(28)
        return original(path, mode)

    world.root.open = failing
    with pytest.raises(OSError):
        world.run(keys.next_keys())
    world.root.open = original
    assert counter(world, keys) == 1
