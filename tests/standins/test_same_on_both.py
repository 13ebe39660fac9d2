"""What MicroPython does, the stand-ins do: the same scripts, run on both, print the same."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import micropython_binary, new_world

HERE = Path(__file__).parent
ASYNCIO = HERE / "asyncio_on_both.py"
MODULES = HERE / "modules_on_both.py"

SCENES = [
    line.split("(")[0].removeprefix("async def ")
    for line in ASYNCIO.read_text(encoding="utf-8").splitlines()
    if line.startswith("async def scene_")
]


@cache
def on_micropython(script: Path) -> str:
    binary = micropython_binary()
    run = subprocess.run([binary, str(script)], capture_output=True, timeout=60, check=False)
    return (run.stdout + run.stderr).decode()


@cache
def on_the_standins(script: Path) -> str:
    world = new_world()
    world.execute(script.read_text(encoding="utf-8"), filename=str(script))
    return "".join(line + "\n" for line in world.lines)


def _scenes(output: str) -> dict[str, str]:
    return dict(part.split("\n", 1) for part in output.split("== ")[1:])


@pytest.mark.micropython
@pytest.mark.parametrize("name", SCENES)
def test_asyncio_plays_the_scene_as_micropython_does(name: str) -> None:
    expected = _scenes(on_micropython(ASYNCIO))[name]
    assert expected
    assert _scenes(on_the_standins(ASYNCIO))[name] == expected


@pytest.mark.micropython
def test_the_narrow_modules_answer_as_micropythons_do() -> None:
    expected = on_micropython(MODULES).splitlines()
    assert len(expected) > 50
    assert on_the_standins(MODULES).splitlines() == expected
