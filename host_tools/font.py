"""Build the terminal's type: small `.kf` files (see `font_file`) cut from large open fonts.

The letters come from Noto Sans CJK Medium with its Simplified Chinese forms and, for the Central
European letters that it lacks, from Source Sans Pro Semibold, which its Latin is drawn after.
Both are under the SIL Open Font License.  What goes in: Latin, currency signs, and every character
of the catalogues; so a new word in a catalogue means building again.

    pip install --require-hashes -r requirements-font.lock
    kassa font build
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image, ImageFont, features

from host_tools import pictures
from host_tools.font_file import FontFile, Glyph

ASSETS = Path(__file__).resolve().parent.parent / "firmware" / "assets"

TEXT_SIZES = (20, 24, 32)
AMOUNT_SIZES = (40, 56)
"""Pixels per em.  The amount's fonts hold digits, capitals and currency signs only."""

_DIGITS = "0123456789"
_LATIN = (
    "".join(map(chr, range(0x20, 0x7F)))
    + "".join(map(chr, range(0xA0, 0x100)))
    + "".join(map(chr, range(0x100, 0x17F)))
    + "\u0218\u0219\u021a\u021b"
)
_SIGNS = "€£¥$¢₩₫–—‘’“”…•·×−←→↑↓"
_VERDICTS = ("approved.title", "approved.refund", "deferred.title", "declined.title")
# A Han font sets these in the middle of a full square.
_LATIN_MARKS = "–—‘’“”…"
_AMOUNT = _DIGITS + " \u00a0.,'-−" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + "€£¥$₩"
# Pairs are looked for among these; digits stay out, so that a column of figures is a column.
_KERNED = [chr(code) for code in range(0x21, 0x7F) if chr(code).isalpha()] + list(".,-")


class FontError(Exception):
    """The fonts cannot be built; the message says what to do."""


@dataclass(frozen=True)
class Source:
    """A font to cut letters from.  `scale` makes its letters as large as the first font's."""

    path: Path
    scale: float = 1.0


def installed_sources() -> list[Source]:
    """The fonts of requirements-font.lock.  Raises FontError when they are not installed."""
    wanted = (
        ("cvttf_NotoSansCJK_Medium", "NotoSansCJKtc-Medium.otf", 1.0),
        ("font_source_sans_pro", "files/SourceSansPro-Semibold.otf", 570 / 497),
    )
    sources = []
    for package, file, scale in wanted:
        found = importlib.util.find_spec(package)
        if found is None or not found.submodule_search_locations:
            raise FontError(
                "the source fonts are not installed: "
                "pip install --require-hashes -r requirements-font.lock"
            )
        sources.append(Source(Path(next(iter(found.submodule_search_locations))) / file, scale))
    return sources


def characters(words: Path = ASSETS / "words") -> str:
    """Every character a text font must hold: Latin, signs, and all of the catalogues'."""
    used = set(_LATIN + _SIGNS)
    for catalogue in sorted(words.glob("*.json")):
        for text in json.loads(catalogue.read_text(encoding="utf-8")).values():
            used.update(text)
    return "".join(sorted(used - {"\n"}))


def amount_characters(words: Path = ASSETS / "words") -> str:
    """Every character of an amount, however its currency is written, and of the two verdicts."""
    used = set(_AMOUNT)
    for catalogue in sorted(words.glob("*.json")):
        for key, text in json.loads(catalogue.read_text(encoding="utf-8")).items():
            if key.startswith("currency.") or key in _VERDICTS:
                used.update(text)
    return "".join(sorted(used))


def build(
    out: Path = ASSETS / "fonts",
    words: Path = ASSETS / "words",
    sources: Iterable[Source] | None = None,
) -> list[Path]:
    """Write every `.kf` file into `out`; the paths written.  The same sources give the same bytes.

    Raises FontError when a source font is missing or lacks a character.
    """
    chosen = installed_sources() if sources is None else list(sources)
    out.mkdir(parents=True, exist_ok=True)
    jobs = [(size, characters(words)) for size in TEXT_SIZES]
    jobs += [(size, amount_characters(words)) for size in AMOUNT_SIZES]
    written = []
    for size, wanted in jobs:
        path = out / f"{size}.kf"
        path.write_bytes(cut(chosen, size, wanted, full=size in TEXT_SIZES).encode())
        written.append(path)
    path = out / "pictures.kf"
    path.write_bytes(pictures.draw_all().encode())
    written.append(path)
    return written


def cut(sources: list[Source], size: int, wanted: str, *, full: bool) -> FontFile:
    """A font of `size` pixels with the characters `wanted`; `full` leaves room for accents."""
    if not features.check("raqm"):
        raise FontError("this Pillow has no Raqm: install the one of requirements.lock")
    faces = [_Face(source, size) for source in sources]
    ascent = round(size * (1.14 if full else 0.92))
    font = FontFile(size, ascent, ascent + round(size * (0.30 if full else 0.22)))
    for character in wanted:
        order = faces[::-1] if character in _LATIN_MARKS else faces
        face = next((face for face in order if face.has(character)), None)
        if face is None:
            raise FontError(f"no source font has {character!r} (U+{ord(character):04X})")
        glyph = face.glyph(character, ascent)
        if glyph.top < 0 or glyph.top + len(glyph.rows) > font.line:
            raise FontError(f"{character!r} does not fit into a line of {size} px")
        font.glyphs[ord(character)] = glyph
    for left in _KERNED if full else ():
        for right in _KERNED:
            move = faces[0].kerning(left, right)
            if move:
                font.kerning[ord(left), ord(right)] = move
    return font


class _Face:
    """One source font at one size."""

    def __init__(self, source: Source, size: int) -> None:
        self._size = size
        pixels = size * source.scale
        self._font = _open(source.path, pixels)
        self._units = _open(source.path, 1000)
        self._missing = self._shape(chr(0xFFFE))

    def _shape(self, character: str) -> tuple[bytes, tuple[int, int]]:
        mask, _ = self._font.getmask2(character, "L", language=_language(character))
        return bytes(mask), mask.size

    def has(self, character: str) -> bool:
        return character.isspace() or self._shape(character) != self._missing

    def glyph(self, character: str, ascent: int) -> Glyph:
        # Alone, a full-width mark belongs to no script and misses its national form: set it after
        # a Han character, and cut that off.
        lead = "中" if _is_full_width_mark(character) else ""
        language = _language(lead + character)
        skip = round(self._font.getlength(lead, language=language)) if lead else 0
        advance = round(self._font.getlength(lead + character, language=language)) - skip
        mask, (left, top) = self._font.getmask2(
            lead + character, "L", language=language, anchor="ls"
        )
        width, height = mask.size
        if not width or not height:
            return Glyph(advance)
        values = bytes(mask)
        start = max(0, skip - left)
        rows = [
            tuple(
                (value * 15 + 127) // 255 for value in values[y * width + start : (y + 1) * width]
            )
            for y in range(height)
        ]
        return trimmed(rows, advance, left + start - skip, ascent + top)

    def kerning(self, left: str, right: str) -> int:
        """Pixels by which `right` moves after `left`."""
        together = self._units.getlength(left + right)
        alone = self._units.getlength(left) + self._units.getlength(right)
        return round((together - alone) * self._size / 1000)


def _open(path: Path, pixels: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), pixels, layout_engine=ImageFont.Layout.RAQM)


def _language(text: str) -> str:
    """Han characters have national forms; ours are the mainland's."""
    return "zh-Hans" if ord(text[0]) >= 0x2E80 else "en"


def _is_full_width_mark(character: str) -> bool:
    return 0x3000 < ord(character) < 0x3040 or 0xFF00 < ord(character) < 0xFF66


def trimmed(rows: list[tuple[int, ...]], advance: int, left: int, top: int) -> Glyph:
    """A glyph without empty rows and columns around it."""
    while rows and not any(rows[0]):
        rows, top = rows[1:], top + 1
    while rows and not any(rows[-1]):
        rows = rows[:-1]
    if not rows:
        return Glyph(advance)
    used = [x for x in range(len(rows[0])) if any(row[x] for row in rows)]
    first, last = used[0], used[-1]
    return Glyph(advance, left + first, top, tuple(row[first : last + 1] for row in rows))


def preview(font: FontFile, text: str) -> Image.Image:
    """`text` in black on white, as the terminal would draw it; for a look at a built font."""
    width = max(1, sum(font.glyphs[ord(character)].advance for character in text) + 4)
    image = Image.new("L", (width, font.line), 255)
    x, before = 2, None
    for character in text:
        glyph = font.glyphs[ord(character)]
        x += font.kerning.get((before or 0, ord(character)), 0)
        for down, row in enumerate(glyph.rows):
            for right, value in enumerate(row):
                spot = (x + glyph.left + right, glyph.top + down)
                if value and 0 <= spot[0] < width and 0 <= spot[1] < font.line:
                    image.putpixel(spot, 255 - 17 * value)
        x, before = x + glyph.advance, ord(character)
    return image


def add_commands(app: typer.Typer) -> None:
    """Hang `font build` on the command line."""
    group = typer.Typer(no_args_is_help=True, help="The terminal's type.")
    app.add_typer(group, name="font")

    @group.command("build")
    def build_command(
        out: Annotated[Path, typer.Option(help="Folder for the .kf files.")] = ASSETS / "fonts",
        words: Annotated[Path, typer.Option(help="Folder of catalogues.")] = ASSETS / "words",
    ) -> None:
        """Build the .kf files from the installed source fonts and the catalogues."""
        try:
            for path in build(out, words):
                typer.echo(f"{path.name:14} {path.stat().st_size:7} bytes")
        except FontError as error:
            typer.echo(f"kassa font build: {error}", err=True)
            raise typer.Exit(1) from None

    @group.command("show")
    def show_command(
        size: Annotated[int, typer.Argument(help="One of the built sizes.")],
        text: Annotated[str, typer.Argument(help="What to set.")],
        out: Annotated[Path, typer.Option(help="Picture to write.")] = Path("font.png"),
    ) -> None:
        """Set a line of text in a built font, as a picture."""
        path = ASSETS / "fonts" / f"{size}.kf"
        if not path.exists():
            typer.echo(f"kassa font show: there is no {path.name}", err=True)
            raise typer.Exit(1)
        preview(FontFile.decode(path.read_bytes()), text).save(out)
