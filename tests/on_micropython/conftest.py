"""Every test here runs on the real MicroPython binary."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.on_micropython.run import need_micropython, run_script


@pytest.fixture(autouse=True)
def _binary() -> None:
    need_micropython()


@pytest.fixture
def on_micropython() -> Callable[..., str]:
    """Runs a script with the firmware on its path; gives what it prints."""
    return run_script


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "on_micropython" in item.path.parts:
            item.add_marker(pytest.mark.micropython)
