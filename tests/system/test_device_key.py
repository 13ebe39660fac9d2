"""The terminal's own key: made once, and never made again while something is there."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Any

import pytest

from simulator.filesystem import Littlefs
from simulator.standins.world import World
from simulator.wiring import Wiring
from tests.conftest import new_world

PATH = "/state/device.key"


@pytest.fixture
def root(wiring: Wiring) -> Littlefs:
    vfs = wiring.partition("kassa")
    return Littlefs(wiring.flash, vfs["offset"], vfs["size"])


@pytest.fixture
def powered(wiring: Wiring, root: Littlefs) -> Iterator[World]:
    world = new_world(wiring=wiring, root=root)
    yield world
    world.close()


def key_of(world: World) -> Any:
    return world.load("kassa.system.device_key").DeviceKey()


def test_the_key_is_made_once_and_kept(powered: World) -> None:
    key = key_of(powered).load()
    assert len(key) == 16 and key != bytes(16)
    assert key_of(powered).load() == key


def test_a_damaged_key_is_said_so_and_left_alone(powered: World, root: Littlefs) -> None:
    root.write_file(PATH, b"short")
    with pytest.raises(powered.load("kassa.system.device_key").DeviceKeyError):
        key_of(powered).load()
    assert root.read_file(PATH) == b"short"


def test_a_key_that_cannot_be_read_is_not_replaced(powered: World, root: Littlefs) -> None:
    key = key_of(powered).load()
    opened, failed = root.open, []

    def fail_once(path: str, mode: str = "r") -> Any:
        if not failed and path == PATH:
            failed.append(path)
            raise OSError(errno.EIO)
        return opened(path, mode)

    root.open = fail_once  # type: ignore[method-assign]
    with pytest.raises(OSError, match=str(errno.EIO)):
        key_of(powered).load()
    assert key_of(powered).load() == key
