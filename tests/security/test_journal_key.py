"""The key of the journal: made once, never made again while something is there."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.filesystem import Littlefs
from simulator.standins.world import World
from simulator.wiring import Wiring
from tests.conftest import new_world

PATH = "/state/journal_key"


@pytest.fixture
def root(wiring: Wiring) -> Littlefs:
    vfs = wiring.partition("vfs")
    return Littlefs(wiring.flash, vfs["offset"], vfs["size"])


@pytest.fixture
def powered(wiring: Wiring, root: Littlefs) -> Any:
    world = new_world(wiring=wiring, root=root)
    yield world
    world.close()


def key_of(world: World) -> Any:
    return world.load("kassa.security.journal_key").JournalKey()


def test_the_key_is_made_once_and_kept(powered: World) -> None:
    key = key_of(powered).get()
    assert len(key) == 16 and key != bytes(16)
    assert key_of(powered).get() == key


def test_a_damaged_key_is_said_so_and_left_alone(powered: World, root: Littlefs) -> None:
    key_of(powered).get()
    content = bytearray(root.read_file(PATH))
    for at in range(len(content)):
        content[at] ^= 0x10
        root.write_file(PATH, bytes(content))
        with pytest.raises(powered.load("kassa.security.errors").KeysDamaged):
            key_of(powered).get()
        assert root.read_file(PATH) == bytes(content)
        content[at] ^= 0x10


def test_a_cut_off_key_is_said_so(powered: World, root: Littlefs) -> None:
    root.write_file(PATH, b"KJK1")
    with pytest.raises(powered.load("kassa.security.errors").KeysDamaged):
        key_of(powered).get()


def test_a_zeroised_key_is_gone(powered: World, root: Littlefs) -> None:
    key = key_of(powered).get()
    key_of(powered).zeroise()
    assert PATH not in list(root.walk())
    assert key_of(powered).get() != key
    key_of(powered).zeroise()
    key_of(powered).zeroise()
