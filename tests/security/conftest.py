"""One world for all tests of a module that only compute: nothing in it changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from simulator.standins.world import World
from tests.conftest import new_world


@pytest.fixture(scope="module")
def security() -> Iterator[World]:
    world = new_world()
    yield world
    world.close()


@pytest.fixture(scope="module")
def cmac(security: World) -> Any:
    return security.load("kassa.security.cmac")


@pytest.fixture(scope="module")
def ccm(security: World) -> Any:
    return security.load("kassa.security.ccm")


@pytest.fixture(scope="module")
def dukpt(security: World) -> Any:
    return security.load("kassa.security.dukpt")
