"""Letters come out of flash right, however little of them is kept in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from host_tools.font_file import FontFile
from tests.ui.stage import FIRMWARE, Stage

FONTS = FIRMWARE / "assets" / "fonts"
TEXT = "Kassa Łódź 请将卡片、手机或手表靠近 €1,234.50 AVAToWe"


def fonts(stage: Stage, **options: Any) -> Any:
    return stage.world.load("kassa.ui.type").Fonts(**options)


@pytest.fixture
def stage() -> Stage:
    return Stage(start=False)


def drawn(stage: Stage, font: Any, text: str, strip: int = 0) -> list[bytes]:
    """`text` in black on white, 340 x 60, drawn at once or in strips of `strip` rows."""
    colour, framebuf = stage.world.load("kassa.ui.colour"), stage.world.load("framebuf")
    ink = colour.Ink(0x000000, 0xFFFFFF)
    rows = []
    for top in range(0, 60, strip or 60):
        height = min(strip or 60, 60 - top)
        data = bytearray(340 * height * 2)
        sheet = framebuf.FrameBuffer(data, 340, height, framebuf.RGB565)
        sheet.fill(0xFFFF)
        font.draw(sheet, height, 4, 6 - top, text, ink)
        rows += [bytes(data[y * 680 : (y + 1) * 680]) for y in range(height)]
    return rows


def expected(size: int, text: str) -> list[list[int]]:
    """Coverage as the font file has it, set by the plain rules: 340 x 60."""
    file = FontFile.decode((FONTS / f"{size}.kf").read_bytes())
    sheet = [[0] * 340 for _ in range(60)]
    x, before = 4, 0
    for character in text:
        glyph = file.glyphs[ord(character)]
        x += file.kerning.get((before, ord(character)), 0)
        for y, row in enumerate(glyph.rows):
            for column, value in enumerate(row):
                spot = x + glyph.left + column
                if value and 0 <= spot < 340:
                    sheet[6 + glyph.top + y][spot] = value
        x, before = x + glyph.advance, ord(character)
    return sheet


def gray(value: int) -> int:
    level = 255 * (15 - value) // 15
    return (level >> 3) << 11 | (level >> 2) << 5 | level >> 3


@pytest.mark.parametrize("size", [20, 24, 32])
def test_text_is_drawn_as_the_font_file_has_it(stage: Stage, size: int) -> None:
    font = fonts(stage).font(size)
    rows = drawn(stage, font, TEXT[:16])
    for row, wanted in zip(rows, expected(size, TEXT[:16]), strict=True):
        pixels = [int.from_bytes(row[x : x + 2], "big") for x in range(0, 680, 2)]
        assert pixels == [gray(value) for value in wanted]


@pytest.mark.parametrize("strip", [1, 7, 24])
def test_strips_join_without_a_seam(stage: Stage, strip: int) -> None:
    font = fonts(stage).font(24)
    assert drawn(stage, font, TEXT, strip) == drawn(stage, font, TEXT)


@pytest.mark.parametrize("strip", [3, 16])
def test_a_large_picture_is_the_same_in_parts(stage: Stage, strip: int) -> None:
    """A picture that never enters the cache is read some rows at a time."""
    pictures = fonts(stage).font(0)
    at_once = drawn(stage, pictures, chr(0xE020))
    assert drawn(stage, pictures, chr(0xE020), strip) == at_once
    assert len(set(at_once)) > 20


def test_the_cache_stays_within_its_bytes_and_the_text_stays_right(stage: Stage) -> None:
    plenty, little = fonts(stage, cache_bytes=1 << 20), fonts(stage, cache_bytes=2500)
    for size in (32, 20, 24, 32):
        assert drawn(stage, little.font(size), TEXT) == drawn(stage, plenty.font(size), TEXT)
        assert little.cached_bytes <= 2500
    assert plenty.cached_bytes > 20000
    kept = sum(glyph.cost for glyph in little._glyphs.values())
    assert kept == little.cached_bytes


def test_what_was_used_last_is_what_stays(stage: Stage) -> None:
    case = fonts(stage, cache_bytes=6000)
    font = case.font(24)
    drawn(stage, font, "A")
    for character in "BCDEFGHIJKLMNOPQRSTUVWXYZ":
        drawn(stage, font, "A" + character)
    kept = {chr(key & 0xFFFF) for key in case._glyphs}
    assert "A" in kept and "Z" in kept and "B" not in kept


def test_width_and_extent_agree_with_what_is_drawn(stage: Stage) -> None:
    font = fonts(stage).font(24)
    width, left, top, right, bottom = font.extent(TEXT[:12])
    assert width == font.width(TEXT[:12])
    inked = [
        (x, y)
        for y, row in enumerate(expected(24, TEXT[:12]))
        for x, value in enumerate(row)
        if value
    ]
    assert min(x for x, _ in inked) == 4 + left
    assert max(x for x, _ in inked) == 4 + right - 1
    assert min(y for _, y in inked) == 6 + top
    assert max(y for _, y in inked) == 6 + bottom - 1


def test_letters_that_lean_are_kerned(stage: Stage) -> None:
    font = fonts(stage).font(32)
    assert font.width("AV") < font.width("A") + font.width("V")
    assert font.width("11") == 2 * font.width("1")


def test_a_letter_that_the_font_lacks_is_a_question_mark(stage: Stage) -> None:
    font = fonts(stage).font(24)
    assert drawn(stage, font, "\u0416") == drawn(stage, font, "?")
    assert font.width("\u0416") == font.width("?")
    assert not font.has("\u0416")


def test_an_amount_font_leaves_out_what_it_lacks(stage: Stage) -> None:
    font = fonts(stage).font(56)
    assert font.width("1\u04162") == font.width("12")


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("24.kf", lambda data: b"", "not a font"),
        ("24.kf", lambda data: b"RIFF" + data[4:], "not a font"),
        ("24.kf", lambda data: data[:4] + b"\x20" + data[5:], "another size"),
    ],
)
def test_a_damaged_font_file_is_named(
    stage: Stage, tmp_path: Path, name: str, change: Any, problem: str
) -> None:
    damaged = tmp_path / name
    damaged.write_bytes(change((FONTS / name).read_bytes()))
    stage.world.assets = tmp_path
    error = stage.world.load("kassa.ui.type").FontError
    with pytest.raises(error, match=f"{name}: {problem}"):
        fonts(stage, directory="/assets/x").font(24)


def test_a_font_file_that_ends_early_is_named_when_the_letter_is_drawn(
    stage: Stage, tmp_path: Path
) -> None:
    whole = (FONTS / "24.kf").read_bytes()
    (tmp_path / "24.kf").write_bytes(whole[: len(whole) // 4])
    stage.world.assets = tmp_path
    font = fonts(stage, directory="/assets/x").font(24)
    error = stage.world.load("kassa.ui.type").FontError
    with pytest.raises(error, match="cut short"):
        drawn(stage, font, "请")


def test_a_missing_font_is_named(stage: Stage) -> None:
    error = stage.world.load("kassa.ui.type").FontError
    with pytest.raises(error, match=r"/assets/fonts/25\.kf"):
        fonts(stage).font(25)
