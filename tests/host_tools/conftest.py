"""A port on which nothing answers."""

from __future__ import annotations

import os
import tty
from collections.abc import Iterator

import pytest

from host_tools import device


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The port of something that never answers."""
    monkeypatch.setattr(device, "_ANSWERS_WITHIN_S", 0.3)
    master, slave = os.openpty()
    tty.setraw(slave)
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)
