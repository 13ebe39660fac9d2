"""Receipts: rows of meaning become text where the printer has the letters, and pictures where not.

A receipt is a list of rows:

    ("title", text)         the same as "center", larger
    ("center", text)        one line or more in the middle
    ("pair", left, right)   a label and its value, at either edge
    ("big", text)           the amount
    ("rule",)               a line across
    ("space", n)            n empty lines
    ("cut",)                the end of a slip

Text is by far the faster way, so a slip is printed as text if the printer's code pages have all
its letters. Otherwise all of it is drawn with the terminal's own type: one slip never mixes two
faces.
"""

from typing import TYPE_CHECKING

import framebuf
from micropython import const

from kassa.ui.layout import shorten, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kassa.drivers.printer import Printer
    from kassa.system.log import Log
    from kassa.ui.type import Font, Fonts

    Row = tuple

_BAND_ROWS = const(32)
_BODY = const(24)
_BIG = const(56)
_TITLE = const(32)
_LINE_ROWS = const(32)
_BASE = const(24)
_TITLE_ROWS = const(42)
_TITLE_BASE = const(31)
_BIG_ROWS = const(64)
_BIG_BASE = const(50)
_RULE_ROWS = const(14)
_PAIR_GAP = const(12)
_BLACK_FROM = const(7)  # coverage out of 15 from which a dot is burnt


class _BlackInk:
    """Coverage to dots: what `kassa.ui.colour.Ink` is to colours."""

    def __init__(self) -> None:
        self.palette = framebuf.FrameBuffer(bytearray(2), 16, 1, framebuf.MONO_HLSB)
        for level in range(_BLACK_FROM, 16):
            self.palette.pixel(level, 0, 1)
        self.paper = 0


class Paper:
    """Prints receipts on `printer`, with `fonts` where its own letters do not do."""

    def __init__(self, printer: "Printer", fonts: "Fonts", log: "Log") -> None:
        self.printer = printer
        self._fonts = fonts
        self._log = log
        self._width = printer.width_dots
        self._band = bytearray((self._width + 7) // 8 * _BAND_ROWS)
        self._ink = _BlackInk()

    async def print(self, rows: "list[Row]") -> None:
        """Print a receipt; returns when its last row is out (with ("cut",): cut off).

        Raises PaperOut and PrinterError of the printer's driver: print the whole receipt again
        then.
        """
        as_text = self._encodable(rows)
        self._log.event("ui", "receipt", rows=len(rows), mode="text" if as_text else "raster")
        for row in rows:
            if row[0] == "cut":
                await self.printer.cut()
            elif row[0] == "space":
                await self.printer.feed(row[1])
            elif as_text:
                await self._print_text(row)
            else:
                await self._print_picture(row)

    def _encodable(self, rows: "list[Row]") -> bool:
        for row in rows:
            for cell in row[1:]:
                if isinstance(cell, str) and not self.printer.encodable(cell):
                    return False
        return True

    # -- as text

    async def _print_text(self, row: "Row") -> None:
        printer = self.printer
        columns = printer.columns
        kind = row[0]
        if kind == "pair":
            await printer.style()
            for line in pair_lines(row[1], row[2], columns):
                await printer.text(line + "\n")
        elif kind == "rule":
            await printer.style()
            await printer.text("-" * columns + "\n")
        elif kind == "big":
            wide = 2 * len(row[1]) <= columns
            await printer.style(True, wide, True, "center")
            await printer.text(row[1] + "\n")
        else:
            title = kind == "title"
            await printer.style(bold=title, double_height=title, align="center")
            for line in text_lines(row[1], columns):
                await printer.text(line + "\n")

    # -- as pictures

    async def _print_picture(self, row: "Row") -> None:
        kind = row[0]
        if kind == "rule":
            await self._raster(_RULE_ROWS, "", self._fonts.font(_BODY), 0, 0)
        elif kind == "pair":
            await self._print_pair(row[1], row[2])
        elif kind == "big":
            font = self._fonts.font(_BIG)
            if not all(font.has(character) for character in row[1]) or (
                font.width(row[1]) > self._width
            ):
                font = self._fonts.font(_TITLE)
            await self._center(row[1], font, _BIG_ROWS, _BIG_BASE)
        elif kind == "title":
            font = self._fonts.font(_TITLE)
            for line in wrap(font, row[1], self._width):
                await self._center(line, font, _TITLE_ROWS, _TITLE_BASE)
        else:
            font = self._fonts.font(_BODY)
            for line in wrap(font, row[1], self._width):
                await self._center(line, font, _LINE_ROWS, _BASE)

    async def _center(self, text: str, font: "Font", height: int, base: int) -> None:
        text = shorten(font, text, self._width)
        x = (self._width - font.width(text)) // 2
        self._log.event("ui", "printed", text=text)
        await self._raster(height, text, font, x, base)

    async def _print_pair(self, left: str, right: str) -> None:
        """Both on one line, or the value on a line of its own."""
        font = self._fonts.font(_BODY)
        self._log.event("ui", "printed", text=left + " " + right)
        left_width = font.width(left)
        right = shorten(font, right, self._width)
        x = self._width - font.width(right)
        if left_width + _PAIR_GAP <= x:
            await self._raster(_LINE_ROWS, left, font, 0, _BASE, right, x)
        else:
            await self._raster(_LINE_ROWS, shorten(font, left, self._width), font, 0, _BASE)
            await self._raster(_LINE_ROWS, right, font, x, _BASE)

    async def _raster(
        self,
        height: int,
        text: str,
        font: "Font",
        x: int,
        base: int,
        right: str = "",
        right_x: int = 0,
    ) -> None:
        """Draw one line, band by band in the same buffer, and print it; without a text, a rule."""
        await self.printer.raster(
            self._width, height, self._bands(height, text, font, x, base, right, right_x)
        )

    def _bands(
        self, height: int, text: str, font: "Font", x: int, base: int, right: str, right_x: int
    ) -> "Iterator[memoryview]":
        step = (self._width + 7) // 8
        for top in range(0, height, _BAND_ROWS):
            rows = min(_BAND_ROWS, height - top)
            band = memoryview(self._band)[: step * rows]
            sheet = framebuf.FrameBuffer(band, self._width, rows, framebuf.MONO_HLSB)
            sheet.fill(0)
            y = base - font.ascent - top
            if text:
                font.draw(sheet, rows, x, y, text, self._ink)
            else:
                sheet.fill_rect(0, height // 2 - 1 - top, self._width, 2, 1)
            if right:
                font.draw(sheet, rows, right_x, y, right, self._ink)
            yield band


def text_lines(text: str, columns: int) -> "list[str]":
    """Break a text at its blanks into lines of at most `columns` letters; longer words are cut."""
    lines = []
    line = ""
    for word in text.split(" "):
        while len(word) > columns:
            if line:
                lines.append(line)
                line = ""
            lines.append(word[:columns])
            word = word[columns:]
        if line and len(line) + 1 + len(word) > columns:
            lines.append(line)
            line = word
        else:
            line = line + " " + word if line else word
    lines.append(line)
    return lines


def pair_lines(left: str, right: str, columns: int) -> "list[str]":
    """A label at the left and a value at the right edge; two lines where one is too short."""
    space = columns - len(left) - len(right)
    if space >= 1:
        return [left + " " * space + right]
    lines = text_lines(left, columns)
    for line in text_lines(right, columns):
        lines.append(" " * (columns - len(line)) + line)
    return lines
