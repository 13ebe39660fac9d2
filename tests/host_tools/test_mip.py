"""`package.json`: the drivers for other people's projects, complete and no more than that."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from host_tools import mip
from host_tools.mpy import FIRMWARE, ROOT

FILES: dict[str, str] = dict(json.loads(mip.PACKAGE.read_text("utf-8"))["urls"])
# What a stock ESP32 brings, of all that the drivers import.
STOCK = {"asyncio", "json", "machine", "micropython", "time"}
FOR_TYPES_ONLY = {"collections.abc"}


def imported(source: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def test_the_package_is_the_one_that_the_tool_writes() -> None:
    assert mip.PACKAGE.read_text("utf-8") == mip.package(), "run `python -m host_tools.mip`"


def test_every_driver_is_in_the_package() -> None:
    drivers = {f"kassa/drivers/{path.name}" for path in (FIRMWARE / "kassa/drivers").glob("*.py")}
    assert drivers and drivers <= set(FILES)


@pytest.mark.parametrize("place", FILES)
def test_a_file_of_the_package_finds_all_that_it_imports(place: str) -> None:
    source = ROOT / FILES[place]
    assert source.is_file()
    missing = {
        name
        for name in imported(source) - STOCK - FOR_TYPES_ONLY
        if f"{name.replace('.', '/')}.py" not in FILES
        and f"{name.replace('.', '/')}/__init__.py" not in FILES
    }
    assert missing == set()


def test_nothing_of_payments_comes_along() -> None:
    rooms = {place.split("/")[1] for place in FILES if place.count("/") > 1}
    assert rooms == {"drivers", "system"}
    assert set(FILES) - {place for place in FILES if place.count("/") > 1} == {
        "kassa/__init__.py",
        "typing.py",
    }


def test_what_a_driver_is_handed_is_in_the_package() -> None:
    assert "kassa/system/log.py" in FILES
