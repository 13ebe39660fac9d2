"""The user interface on the real interpreter: same pixels, same words, little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from host_tools import mpy
from tests.ui.stage import FIRMWARE, MERCHANT, SCREENS, Stage

VISIT = Path(__file__).with_name("visit.py")
ASSETS = FIRMWARE / "assets"
CASES = [
    (screen, {"merchant": MERCHANT, **facts})
    for screen, facts in SCREENS.values()
    if screen != "authorising"  # its dots run by the clock
]
ROWS = [
    ("title", "Kassa 咖啡"),
    ("center", "请妥善保管此联"),
    ("pair", "卡号", "476173******0010"),
    ("big", "€12.50"),
    ("rule",),
    ("pair", "Terminal", "KASSA001"),
]
KEYS = ["LANG", "5", "2", "00", "CLEAR", "ENTER", "1"]


def source(fonts: str, words: str) -> str:
    given = {"FONTS": fonts, "WORDS": words, "CASES": CASES, "ROWS": ROWS, "KEYS": KEYS}
    lines = [f"{name} = {value!r}" for name, value in given.items()]
    return VISIT.read_text(encoding="utf-8") + "\n" + "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> list[list[Any]]:
    """What the walk prints on MicroPython: bytecode, a heap of 1 MiB."""
    binary = Path(sys.executable).with_name("micropython")
    if not binary.exists():
        pytest.skip("no MicroPython binary for this platform")
    folder = tmp_path_factory.mktemp("device")
    rooms = ("kassa/__init__", "kassa/ui/", "kassa/system/", "kassa/drivers/")
    for name, code in mpy.sources(FIRMWARE).items():
        if name.startswith(rooms) or name.startswith("lib/"):
            path = folder / name.removeprefix("lib/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_suffix(".mpy").write_bytes(mpy.compile_source(code, name))
    script = source(f"{ASSETS}/fonts", f"{ASSETS}/words") + "asyncio.run(main())\n"
    (folder / "visit.mpy").write_bytes(mpy.compile_source(script.encode(), "visit.py"))
    done = subprocess.run(
        [str(binary), "-X", "heapsize=1m", "-m", "visit"],
        cwd=folder,
        capture_output=True,
        timeout=100,
        env={"MICROPYPATH": f"{folder}:.frozen"},
    )
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def simulated() -> list[list[Any]]:
    """What it prints in the simulator's CPython world."""
    stage = Stage(start=False)
    visit = stage.world.execute(source("/assets/fonts", "/assets/words"), "visit")
    stage.run(visit.main(), 60)
    return stage.lines


def without(lines: list[list[Any]], kind: str) -> list[list[Any]]:
    return [line for line in lines if line[0] != kind]


@pytest.mark.micropython
def test_both_interpreters_show_the_same_pixels_and_words(
    real: list[list[Any]], simulated: list[list[Any]]
) -> None:
    assert without(real, "heap") == without(simulated, "heap")
    assert sum(line[0] == "pixels" for line in real) == 2 * len(CASES) + 1


@pytest.mark.micropython
def test_keys_decide_on_the_real_interpreter(real: list[list[Any]]) -> None:
    said = {line[0]: line[1] for line in real if line[0] in ("key", "typed", "chosen", "nobody")}
    assert said == {"key": "5", "typed": 120, "chosen": 0, "nobody": None}


@pytest.mark.micropython
def test_the_interface_keeps_little_in_memory(real: list[list[Any]]) -> None:
    """64-bit bytes: the chip's objects are about half as large.  A technician's screens, which
    few terminals ever show, take some 10,000 of them."""
    heap = {line[1]: line[2] for line in real if line[0] == "heap"}
    assert heap["end"] - heap["panel"] < 90_000
    assert heap["zh"] - heap["en"] < 8_000
