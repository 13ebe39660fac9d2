"""The framebuf stand-in against the real one: the same random calls must leave the same bytes."""

from __future__ import annotations

import errno
import json
import random
import subprocess
import sys
from array import array
from pathlib import Path

import pytest

from simulator.standins import framebuf

FORMATS = {
    "MONO_VLSB": framebuf.MONO_VLSB,
    "RGB565": framebuf.RGB565,
    "GS4_HMSB": framebuf.GS4_HMSB,
    "MONO_HLSB": framebuf.MONO_HLSB,
    "MONO_HMSB": framebuf.MONO_HMSB,
    "GS2_HMSB": framebuf.GS2_HMSB,
    "GS8": framebuf.GS8,
}
_BITS = {0: 1, 1: 16, 2: 4, 3: 1, 4: 1, 5: 2, 6: 8}

# Runs on both interpreters: plays drawings; gives each buffer in hex, or the error's name.
PLAYER = """
def play(framebuf, array, drawings):
    out = []
    for drawing in drawings:
        sheets = []
        try:
            for content, width, height, form, stride in drawing["sheets"]:
                data = bytearray(bytes.fromhex(content))
                args = [data, width, height, form] + ([] if stride is None else [stride])
                sheets.append((data, framebuf.FrameBuffer(*args)))
        except ValueError:
            out.append("ValueError")
            continue
        seen = []
        for name, args in drawing["calls"]:
            args = list(args)
            if name == "poly":
                args[2] = array("h", args[2])
            if name == "blit":
                args[0] = sheets[args[0]][1]
                if len(args) > 4 and args[4] is not None:
                    args[4] = sheets[args[4]][1]
            seen.append(getattr(sheets[0][1], name)(*args))
        out.append([sheets[0][0].hex(), [v for v in seen if v is not None]])
    return out
"""
_EMBEDDED = """
import framebuf, json, sys
from array import array
print(json.dumps(play(framebuf, array, json.loads(sys.stdin.read()))))
"""


def _micropython() -> str:
    beside = Path(sys.executable).with_name("micropython")
    if not beside.exists():
        pytest.skip("no MicroPython binary for this platform")
    return str(beside)


def _on_micropython(drawings: list[dict]) -> list:
    run = subprocess.run(
        [_micropython(), "-X", "heapsize=64m", "-c", PLAYER + _EMBEDDED],
        input=json.dumps(drawings).encode(),
        capture_output=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr.decode()
    return json.loads(run.stdout)


def _here(drawings: list[dict]) -> list:
    scope: dict = {}
    exec(PLAYER, scope)
    return json.loads(json.dumps(scope["play"](framebuf, array, drawings)))


def _sheet(chance: random.Random, form: int, width: int, height: int) -> list:
    """A sheet of random pixels, sometimes with a stride of its own."""
    stride = width + chance.randrange(9) if chance.random() < 0.4 else None
    count = ((stride or width) + 8) * (height + 8) * max(8, _BITS[form]) // 8
    return [chance.randbytes(count).hex(), width, height, form, stride]


def _calls(chance: random.Random, width: int, height: int, blits: list[list]) -> list:
    def across() -> int:
        return chance.randint(-10, width + 10)

    def down() -> int:
        return chance.randint(-10, height + 10)

    def colour() -> int:
        return chance.choice([0, 1, 0xFFFF, chance.randrange(1 << 16), chance.randrange(16), -1])

    def size() -> int:
        return chance.randint(-3, 30)

    calls: list = []
    for _ in range(6):
        kind = chance.randrange(11)
        if kind == 0:
            calls.append(["fill_rect", [across(), down(), size(), size(), colour()]])
        elif kind == 1:
            rect = [across(), down(), size(), size(), colour()]
            calls.append(["rect", rect + chance.choice([[], [True], [False]])])
        elif kind == 2:
            calls.append(["hline", [across(), down(), size(), colour()]])
            calls.append(["vline", [across(), down(), size(), colour()]])
        elif kind == 3:
            calls.append(["pixel", [across(), down(), colour()]])
            calls.append(["pixel", [across(), down()]])
        elif kind == 4:
            calls.append(["line", [across(), down(), across(), down(), colour()]])
        elif kind in (5, 6):
            oval = [across(), down(), chance.randint(0, 14), chance.randint(0, 14), colour()]
            calls.append(["ellipse", oval + chance.choice([[], [True], [True, 5], [False, 10]])])
        elif kind == 7:
            corners = [v for _ in range(chance.randint(1, 7)) for v in (across(), down())]
            corners += chance.choice([[], [3]])
            calls.append(["poly", [0, 0, corners, colour(), chance.random() < 0.7]])
        elif kind == 8:
            calls.append(["scroll", [chance.randint(-9, 9), chance.randint(-9, 9)]])
        elif kind == 9 and chance.random() < 0.3:
            calls.append(["fill", [colour()]])
        elif blits:
            source, palette = chance.choice(blits)
            key = chance.choice([-1, -1, 0, 1, 3, 0xFFFF])
            tail = [key] if palette is None else [key, palette]
            calls.append(["blit", [source, across(), down(), *tail]])
    return calls


def _drawing(chance: random.Random, form: int) -> dict:
    width, height = chance.randint(1, 34), chance.randint(1, 26)
    own = _sheet(chance, form, width, height)
    same = _sheet(chance, form, chance.randint(1, 20), chance.randint(1, 20))
    gray = _sheet(chance, framebuf.GS4_HMSB, chance.randint(1, 20), chance.randint(1, 20))
    mono = _sheet(chance, framebuf.MONO_HLSB, chance.randint(1, 20), chance.randint(1, 20))
    sixteen = _sheet(chance, form, 16, 1)
    blits = [[1, None], [2, 4], [3, 4], [0, None]]
    return {
        "sheets": [own, same, gray, mono, sixteen],
        "calls": _calls(chance, width, height, blits),
    }


@pytest.mark.micropython
@pytest.mark.parametrize("form", FORMATS)
def test_random_drawings_are_the_same_to_the_byte_on_both_interpreters(form: str) -> None:
    chance = random.Random(form)
    drawings = [_drawing(chance, FORMATS[form]) for _ in range(150)]
    real = _on_micropython(drawings)
    for drawing, expected, got in zip(drawings, real, _here(drawings), strict=True):
        assert got == expected, drawing["calls"]


@pytest.mark.micropython
def test_a_buffer_that_is_too_small_is_refused_at_the_same_size() -> None:
    drawings = []
    for form in FORMATS.values():
        for width, height, stride in (
            (9, 9, None),
            (9, 9, 10),
            (3, 2, 9),
            (4, 2, 3),
            (1, 1, None),
        ):
            for size in range(0, 200, 1):
                sheet = ["00" * size, width, height, form, stride]
                drawings.append({"sheets": [sheet], "calls": []})
    real = _on_micropython(drawings)
    assert "ValueError" in real
    assert _here(drawings) == real


def test_the_constants_are_micropythons() -> None:
    said = subprocess.run(
        [
            _micropython(),
            "-c",
            f"import framebuf;print([getattr(framebuf,n) for n in {list(FORMATS)}])",
        ],
        capture_output=True,
        check=True,
    )
    assert json.loads(said.stdout) == list(FORMATS.values())


def test_a_read_only_buffer_can_be_blitted_but_not_drawn_on() -> None:
    with pytest.raises(TypeError):
        framebuf.FrameBuffer(bytes(8), 2, 2, framebuf.RGB565)
    screen = bytearray(8)
    sheet = framebuf.FrameBuffer(screen, 2, 2, framebuf.RGB565)
    sheet.blit((b"\x01\x02\x03\x04", 2, 2, framebuf.GS8), 0, 0)
    assert screen == b"\x01\x00\x02\x00\x03\x00\x04\x00"


def test_colours_and_places_must_be_whole_numbers() -> None:
    sheet = framebuf.FrameBuffer(bytearray(8), 2, 2, framebuf.RGB565)
    with pytest.raises(TypeError):
        sheet.pixel(0.5, 0)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        sheet.fill(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        sheet.fill(c=1)  # type: ignore[call-arg]


def test_the_built_in_letters_are_left_out_and_say_so() -> None:
    sheet = framebuf.FrameBuffer(bytearray(8), 2, 2, framebuf.RGB565)
    with pytest.raises(OSError) as refused:
        sheet.text("A", 0, 0)
    assert refused.value.errno == errno.ENOSYS
