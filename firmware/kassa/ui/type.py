"""Type: letters and pictures from `.kf` files, drawn straight from flash through a small cache.

The format of the files is described where they are made, in `host_tools/font_file.py`.  A letter
that has been drawn stays in memory until the cache is full and it is the one not used for longest;
a large picture never enters the cache but is read some rows at a time.
"""

import struct
from typing import TYPE_CHECKING

import framebuf
from micropython import const

from kassa.system.errors import KassaError

if TYPE_CHECKING:
    from typing import Any, Protocol

    class Ink(Protocol):
        """A 16 pixel palette from coverage to what is drawn; `paper` is its first colour."""

        palette: framebuf.FrameBuffer
        paper: int


_HEADER = ">4s4B2HI"
_HEADER_BYTES = const(16)
_GLYPH = ">BbbBBBH"
_GLYPH_BYTES = const(8)
_LARGEST_CACHED = const(1024)
_OVERHEAD = const(128)  # what a cached glyph costs beside its bitmap
_SCRATCH = const(512)
_UNKNOWN = const(0x3F)  # "?"

SIZES = (20, 24, 32, 40, 56)
"""Pixels per em of the fonts; 40 and 56 hold amounts only."""

PICTURES = 0
"""The "size" of the font that holds the pictures."""


class FontError(KassaError):
    """A font file is missing or damaged; the message names it."""


class _Glyph:
    """Metrics of one letter and, once it was drawn, its bitmap."""

    def __init__(self, advance: int, left: int, top: int, width: int, height: int) -> None:
        self.advance = advance
        self.left = left
        self.top = top
        self.width = width
        self.height = height
        self.place = 0
        self.bitmap = None  # type: framebuf.FrameBuffer | None
        self.cost = _OVERHEAD
        self.used = 0


class Fonts:
    """All fonts of a folder, and the glyphs that they have in memory: at most `cache_bytes`."""

    def __init__(self, directory: str = "/assets/fonts", cache_bytes: int = 16384) -> None:
        self._directory = directory
        self._fonts = {}
        self._tables = {}
        self._limit = cache_bytes
        self._glyphs = {}
        self._clock = 0
        self.cached_bytes = 0
        self.scratch = bytearray(_SCRATCH)

    def font(self, size: int) -> "Font":
        """The font of `size`; FontError when its file cannot be used."""
        font = self._fonts.get(size)
        if font is None:
            font = self._fonts[size] = Font(self, self._directory, size)
        return font

    def table(self, check: int, count: int, file: "Any") -> bytes:
        """The code points of a font, shared by all fonts that have the same letters."""
        table = self._tables.get(check)
        if table is None:
            table = self._tables[check] = file.read(2 * count)
        else:
            file.seek(2 * count, 1)
        return table

    def find(self, key: int) -> "_Glyph | None":
        glyph = self._glyphs.get(key)
        if glyph is not None:
            self._clock += 1
            glyph.used = self._clock
        return glyph

    def keep(self, key: int, glyph: "_Glyph") -> None:
        """Remember a glyph that was just read."""
        self._make_room(glyph.cost)
        self._clock += 1
        glyph.used = self._clock
        self._glyphs[key] = glyph

    def grow(self, glyph: "_Glyph", count: int) -> None:
        """Account for `count` bytes more in a glyph that is kept."""
        self._make_room(count)
        glyph.cost += count

    def _make_room(self, count: int) -> None:
        self.cached_bytes += count
        while self.cached_bytes > self._limit and len(self._glyphs) > 1:
            oldest = None
            stale = 0
            for key, glyph in self._glyphs.items():
                if oldest is None or glyph.used < oldest.used:
                    stale, oldest = key, glyph
            del self._glyphs[stale]
            self.cached_bytes -= oldest.cost  # type: ignore[union-attr]


class Font:
    """One size.  Measures are in pixels; the base line is `ascent` below the top of a line."""

    def __init__(self, fonts: Fonts, directory: str, size: int) -> None:
        self._fonts = fonts
        name = "pictures" if size == PICTURES else str(size)
        self._path = directory + "/" + name + ".kf"
        try:
            # Stays open for as long as the terminal runs.
            self._file = open(self._path, "rb")  # noqa: SIM115
            self._read_head(size)
        except (OSError, ValueError) as error:
            raise FontError(self._path + ": " + str(error))
        self._key = size << 16

    def _read_head(self, size: int) -> None:
        file = self._file
        head = file.read(_HEADER_BYTES)
        if len(head) < _HEADER_BYTES or head[:4] != b"KF01":
            raise ValueError("not a font")
        _, self.size, self.ascent, self.line, _, count, pairs, check = struct.unpack(_HEADER, head)
        if self.size != size:
            raise ValueError("another size")
        self._codes = self._fonts.table(check, count, file)
        self._count = count
        self._pairs = file.read(2 * pairs)
        self._moves = file.read(pairs)
        self._index = _HEADER_BYTES + 2 * count + 3 * pairs

    def has(self, character: str) -> bool:
        return self._search(ord(character)) >= 0

    def _search(self, code: int) -> int:
        """Which glyph is `code`, or -1."""
        codes = self._codes
        low, high = 0, self._count
        while low < high:
            middle = (low + high) >> 1
            if codes[2 * middle] << 8 | codes[2 * middle + 1] < code:
                low = middle + 1
            else:
                high = middle
        if low < self._count and codes[2 * low] << 8 | codes[2 * low + 1] == code:
            return low
        return -1

    def glyph(self, code: int) -> "_Glyph | None":
        """A letter's metrics; "?" for one the font lacks, None if it lacks that too."""
        key = self._key | code & 0xFFFF
        glyph = self._fonts.find(key)
        if glyph is not None:
            return glyph
        at = self._search(code)
        if at < 0:
            return self.glyph(_UNKNOWN) if code != _UNKNOWN else None
        entry = self._read(self._index + at * _GLYPH_BYTES, memoryview(self._fonts.scratch)[:8])
        advance, left, top, width, height, place, rest = struct.unpack(_GLYPH, entry)
        glyph = _Glyph(advance, left, top, width, height)
        glyph.place = place << 16 | rest
        self._fonts.keep(key, glyph)
        return glyph

    def _read(self, place: int, into: memoryview) -> memoryview:
        self._file.seek(place)
        if self._file.readinto(into) != len(into):
            raise FontError(self._path + ": cut short")
        return into

    def width(self, text: str) -> int:
        """How far a line of text reaches."""
        x = 0
        before = 0
        for character in text:
            code = ord(character)
            glyph = self.glyph(code)
            if glyph is not None:
                x += self._kerning(before, code) + glyph.advance
            before = code
        return x

    def extent(self, text: str) -> "tuple[int, int, int, int, int]":
        """A line's width, and the box of what is really drawn: (width, left, top, right, bottom).

        The box is relative to the line's top left corner; it is empty (right <= left) for blanks.
        """
        x = 0
        left = top = 0x7FFF
        right = bottom = -0x7FFF
        before = 0
        for character in text:
            code = ord(character)
            glyph = self.glyph(code)
            if glyph is not None:
                x += self._kerning(before, code)
                if glyph.height:
                    left = min(left, x + glyph.left)
                    right = max(right, x + glyph.left + glyph.width)
                    top = min(top, glyph.top)
                    bottom = max(bottom, glyph.top + glyph.height)
                x += glyph.advance
            before = code
        return x, left, top, right, bottom

    def _kerning(self, before: int, code: int) -> int:
        """Pixels by which a letter moves towards (negative) the one before it."""
        if before > 0x7F or code > 0x7F or not self._pairs:
            return 0
        pair = bytes((before, code))
        at = self._pairs.find(pair)
        while at & 1 and at > 0:
            at = self._pairs.find(pair, at + 1)
        if at < 0:
            return 0
        move = self._moves[at >> 1]
        return move - 256 if move > 127 else move

    def draw(
        self,
        sheet: "framebuf.FrameBuffer",
        rows: int,
        x: int,
        y: int,
        text: str,
        ink: "Ink",
    ) -> None:
        """Draw a line of text into `sheet`, which is `rows` high, its line's top left corner at
        (x, y).

        What lies outside of the sheet is cut off.
        """
        before = 0
        for character in text:
            code = ord(character)
            glyph = self.glyph(code)
            if glyph is None:
                continue
            x += self._kerning(before, code)
            top = y + glyph.top
            if glyph.height and top < rows and top + glyph.height > 0:
                self._draw_glyph(sheet, rows, x + glyph.left, top, glyph, ink)
            x += glyph.advance
            before = code

    def _draw_glyph(
        self,
        sheet: "framebuf.FrameBuffer",
        rows: int,
        x: int,
        y: int,
        glyph: _Glyph,
        ink: "Ink",
    ) -> None:
        step = (glyph.width + 1) >> 1
        if step * glyph.height > _LARGEST_CACHED:
            self._draw_in_parts(sheet, rows, x, y, glyph, ink)
            return
        if glyph.bitmap is None:
            data = bytearray(step * glyph.height)
            self._read(glyph.place, memoryview(data))
            self._fonts.grow(glyph, len(data))
            glyph.bitmap = framebuf.FrameBuffer(data, glyph.width, glyph.height, framebuf.GS4_HMSB)
        # Coverage 0 is left out: letters may reach into each other's boxes.
        sheet.blit(glyph.bitmap, x, y, ink.paper, ink.palette)

    def _draw_in_parts(
        self,
        sheet: "framebuf.FrameBuffer",
        rows: int,
        x: int,
        y: int,
        glyph: _Glyph,
        ink: "Ink",
    ) -> None:
        step = (glyph.width + 1) >> 1
        at_once = _SCRATCH // step
        row = max(0, -y)
        end = min(glyph.height, rows - y)
        while row < end:
            count = min(at_once, end - row)
            part = memoryview(self._fonts.scratch)[: count * step]
            self._read(glyph.place + row * step, part)
            bitmap = framebuf.FrameBuffer(part, glyph.width, count, framebuf.GS4_HMSB)
            sheet.blit(bitmap, x, y + row, ink.paper, ink.palette)
            row += count
