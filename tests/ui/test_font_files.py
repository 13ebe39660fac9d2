"""The font files: their format, what is in them, and that they are what the tool builds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kassa.system.currency import CURRENCIES
from kassa.ui import pictures as names
from kassa.ui.language import LANGUAGES, Catalogue
from PIL import Image, features
from typer import Typer
from typer.testing import CliRunner

from host_tools import font, pictures
from host_tools.font_file import FontFile, Glyph

FONTS = font.ASSETS / "fonts"
WORDS = font.ASSETS / "words"


def built(name: object) -> FontFile:
    return FontFile.decode((FONTS / f"{name}.kf").read_bytes())


def catalogue_texts() -> dict[str, str]:
    texts = {}
    for language in LANGUAGES:
        for key, text in json.loads((WORDS / f"{language}.json").read_text("utf-8")).items():
            texts[f"{language}:{key}"] = text
    return texts


@pytest.mark.parametrize("size", font.TEXT_SIZES)
def test_every_character_of_every_catalogue_is_in_every_text_font(size: int) -> None:
    glyphs = built(size).glyphs
    for where, text in catalogue_texts().items():
        missing = [character for character in text if ord(character) not in glyphs]
        assert missing == [], f"{where}: build the fonts again (kassa font build)"


@pytest.mark.parametrize("size", font.TEXT_SIZES)
def test_a_merchant_of_any_latin_name_can_be_shown(size: int) -> None:
    glyphs = built(size).glyphs
    for name in ("Kassa Coffee", "Łódź Żabka", "Čaj & Káva", "Şeker Dükkânı", "Ștefan", "Ærø"):
        assert all(ord(character) in glyphs for character in name), name


@pytest.mark.parametrize("size", font.AMOUNT_SIZES)
def test_every_amount_in_every_currency_can_be_shown_large(size: int) -> None:
    glyphs = built(size).glyphs
    for language in LANGUAGES:
        for currency in CURRENCIES:
            text = Catalogue(str(WORDS), language).format_amount(-99999999, currency)
            assert all(ord(character) in glyphs for character in text), text


def test_both_verdicts_can_be_shown_in_the_largest_words() -> None:
    glyphs = built(40).glyphs
    for language in LANGUAGES:
        for key in ("approved.title", "declined.title"):
            text = Catalogue(str(WORDS), language).t(key)
            assert all(ord(character) in glyphs for character in text), text


@pytest.mark.parametrize("size", font.TEXT_SIZES + font.AMOUNT_SIZES)
def test_figures_are_tabular(size: int) -> None:
    glyphs = built(size).glyphs
    assert len({glyphs[ord(digit)].advance for digit in "0123456789"}) == 1
    kerned = {code for pair in built(size).kerning for code in pair}
    assert not kerned & set(b"0123456789")


@pytest.mark.parametrize("size", font.TEXT_SIZES + font.AMOUNT_SIZES)
def test_every_letter_stays_inside_its_line(size: int) -> None:
    file = built(size)
    assert file.size == size
    for code, glyph in file.glyphs.items():
        assert glyph.top >= 0 and glyph.top + len(glyph.rows) <= file.line, chr(code)


def test_simplified_chinese_has_its_mainland_forms() -> None:
    """The comma of the mainland stands in the lower left of its square."""
    comma = built(32).glyphs[ord("，")]
    assert comma.advance == 32
    assert comma.left + comma.width <= 16


def test_every_named_picture_is_drawn() -> None:
    glyphs = built("pictures").glyphs
    codes = [value for name, value in vars(names).items() if isinstance(value, int)]
    assert sorted(codes) == sorted(glyphs)
    assert all(any(map(any, glyph.rows)) for glyph in glyphs.values())
    for diameter, code in names.DISCS.items():
        assert (glyphs[code].width, len(glyphs[code].rows)) == (diameter, diameter)


def test_the_pictures_are_what_the_tool_draws() -> None:
    assert pictures.draw_all().encode() == (FONTS / "pictures.kf").read_bytes()


def test_the_fonts_are_what_the_tool_builds(tmp_path: Path) -> None:
    try:
        font.installed_sources()
    except font.FontError:
        pytest.skip("the source fonts of requirements-font.lock are not installed")
    assert features.check("raqm")
    for path in font.build(tmp_path):
        assert path.read_bytes() == (FONTS / path.name).read_bytes(), path.name


def test_the_licence_of_the_fonts_lies_beside_them() -> None:
    licence = (FONTS / "OFL.txt").read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in licence
    assert "Adobe" in licence


# -- the format -----------------------------------------------------------------------------------

_glyphs = st.builds(
    lambda advance, left, top, width, height, seed: Glyph(
        advance,
        left,
        top,
        tuple(tuple((seed * (x + 3) * (y + 7)) % 16 for x in range(width)) for y in range(height))
        if width
        else (),
    ),
    st.integers(0, 255),
    st.integers(-128, 127),
    st.integers(-128, 127),
    st.integers(0, 9),
    st.integers(1, 9),
    st.integers(0, 99),
)


@given(
    glyphs=st.dictionaries(st.integers(1, 0xFFFF), _glyphs, max_size=12),
    kerning=st.dictionaries(
        st.tuples(st.integers(1, 255), st.integers(1, 255)),
        st.integers(-128, 127).filter(bool),
        max_size=9,
    ),
)
def test_a_font_file_reads_back_as_it_was_written(glyphs: dict, kerning: dict) -> None:
    file = FontFile(24, 20, 28, glyphs, kerning)
    again = FontFile.decode(file.encode())
    assert again == file
    assert again.encode() == file.encode()


def test_a_letter_beyond_the_basic_plane_is_refused() -> None:
    with pytest.raises(ValueError, match="1F600"):
        FontFile(24, 20, 28, {0x1F600: Glyph(24)}).encode()


def test_a_file_that_is_no_font_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not a \.kf"):
        FontFile.decode(b"RIFF" + bytes(40))
    data = bytearray(built(40).encode())
    data[17] ^= 1
    with pytest.raises(ValueError, match="check sum"):
        FontFile.decode(bytes(data))


# -- the command line -----------------------------------------------------------------------------


@pytest.fixture
def app() -> Typer:
    app = Typer()
    font.add_commands(app)
    return app


def test_font_build_names_the_package_that_is_missing(
    app: Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = CliRunner().invoke(app, ["font", "build", "--out", str(tmp_path)])
    assert result.exit_code == 1
    assert "requirements-font.lock" in result.output
    assert list(tmp_path.iterdir()) == []


def test_font_show_sets_a_line_of_text(app: Typer, tmp_path: Path) -> None:
    picture = tmp_path / "line.png"
    result = CliRunner().invoke(app, ["font", "show", "24", "AVA 12,50", "--out", str(picture)])
    assert result.exit_code == 0, result.output
    image = Image.open(picture)
    assert image.height == built(24).line
    assert image.getextrema()[0] == 0


def test_font_show_says_when_there_is_no_such_size(app: Typer, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["font", "show", "25", "A"])
    assert result.exit_code == 1 and "25.kf" in result.output
