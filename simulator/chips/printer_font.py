"""The printer's built-in character generator: font A (12 x 24 dots) and font B (9 x 17).

Letters come from the typeface that Pillow carries, fitted into the cell; it has no accents, so
those are composed here from the letter and its marks, as the generators of small printers do.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONT_A = (12, 24)
FONT_B = (9, 17)

_SCALE = 8  # drawn eight times as large, then thresholded
_WIDTH, _HEIGHT = FONT_A[0] * _SCALE, FONT_A[1] * _SCALE
_BASELINE = 19 * _SCALE
_SIZE = 22 * _SCALE
_WIDEST = 11 * _SCALE
_THRESHOLD = 96
_STROKE = 13  # 1.6 dots, as thick as the letters

# What Pillow's typeface lacks: another letter, and lines over it through points in dots of the
# cell.
_COMPOSED = {
    "€": ("C", "0.5,10 8,10; 0.5,13.5 8,13.5"),
    "£": ("", "9.5,5.5 7.5,4 5,4 4,6 4,18.5; 1.5,18.5 10.5,18.5; 1.5,12 8,12"),
    "¥": ("Y", "2,12 10,12; 2,15 10,15"),
    "₩": ("W", "0.5,9.5 11.5,9.5; 0.5,12.5 11.5,12.5"),
    "¢": ("c", "6,5 6,21"),
    "§": ("S", "3,12 9,12"),
    "ß": ("", "2.5,19 2.5,7 4,4.5 7.5,4.5 9,7 6.5,10.5 9.5,14 9,17.5 6,18.5"),
    "Ł": ("L", "1.5,13.5 7.5,9"),
    "ł": ("l", "3.5,13 8.5,9.5"),
    "Đ": ("D", "0.5,11.5 6,11.5"),
    "đ": ("d", "6,6.5 11.5,6.5"),
    "ø": ("o", "1.5,20 10.5,7"),
    "Ø": ("O", "1,20 11,3.5"),
    "æ": (
        "",
        "2,9 5,9 6,11; 6,10 6,18; 6,13 2,14 1.5,17 3,18.5 6,17; 6,13.5 10.5,13.5 10,10 "
        "8.5,9 6.5,10; 6,17 8,18.5 10.5,18",
    ),
    "Æ": ("", "0.5,19 5,4 11,4; 6,4 6,18.5 11,18.5; 6,11 10,11; 2.5,13.5 6,13.5"),
    "¡": ("", "6,8 6,10; 6,12 6,22"),
    "¿": ("", "6,8 6,10; 6,12 6,14 3,17 3,20 5,22 8,22 9.5,20"),
    "·": ("", "5.5,12 6.5,12"),
    "•": ("", "5,11 7,11; 4.5,12 7.5,12; 5,13 7,13"),
    "–": ("", "2,13 10,13"),
    "—": ("", "0,13 12,13"),
    "ı": ("", "6,9 6,18.5"),
}

# Combining marks (after canonical decomposition) over a letter of x-height, higher on capitals.
_MARKS = {
    "\u0300": "4,3.5 7,6.5",
    "\u0301": "8,3.5 5,6.5",
    "\u0302": "3.5,6.5 6,3.5 8.5,6.5",
    "\u0303": "2.5,6 4.5,4.5 7,6 9.5,4",
    "\u0308": "3.5,5 4,5; 8,5 8.5,5",
    "\u030a": "4.5,4 4.5,6.5 7.5,6.5 7.5,4 4.5,4",
    "\u030b": "5,3.5 3.5,6.5; 9.5,3.5 7.5,6.5",
    "\u030c": "3.5,3.5 6,6.5 8.5,3.5",
    "\u0306": "3.5,4 5,6 7,6 8.5,4",
    "\u0307": "5.5,5 6.5,5",
    "\u0304": "3,5 9,5",
    "\u0327": "6,19 6.5,21 4.5,22.5",
    "\u0328": "8,19 7,21 9,22.5",
}

# Box drawing by the ends of its lines: left, right, up, down; 1 single, 2 double.
_BOXES = {
    "─": "1100", "│": "0011", "┌": "0101", "┐": "1001", "└": "0110", "┘": "1010", "├": "0111",
    "┤": "1011", "┬": "1101", "┴": "1110", "┼": "1111", "═": "2200", "║": "0022", "╔": "0202",
    "╗": "2002", "╚": "0220", "╝": "2020", "╠": "0222", "╣": "2022", "╦": "2202", "╩": "2220",
    "╬": "2222",
}  # fmt: skip
_BLOCKS = {
    "█": (0, 0, 12, 24), "▀": (0, 0, 12, 12), "▄": (0, 12, 12, 24), "▌": (0, 0, 6, 24),
    "▐": (6, 0, 12, 24), "■": (3, 8, 9, 16),
}  # fmt: skip
_SHADES = {"░": 4, "▒": 2}


@cache
def glyph(character: str, font: tuple[int, int] = FONT_A) -> np.ndarray:
    """The dots of a character, bool, (height, width) of the font's cell; an empty box for what it
    lacks.
    """
    cell = _draw(character)
    if font != FONT_A:
        cell = cell.resize((font[0] * _SCALE, font[1] * _SCALE), Image.Resampling.BOX)
    small = cell.resize(font, Image.Resampling.BOX)
    return np.asarray(small) > _THRESHOLD


def _draw(character: str) -> Image.Image:
    cell = Image.new("L", (_WIDTH, _HEIGHT))
    if character.isspace():
        return cell
    pen = ImageDraw.Draw(cell)
    if character in _BOXES:
        _draw_box(pen, _BOXES[character])
    elif character in _BLOCKS:
        x0, y0, x1, y1 = (value * _SCALE for value in _BLOCKS[character])
        pen.rectangle((x0, y0, x1 - 1, y1 - 1), fill=255)
    elif character in _SHADES:
        _draw_shade(pen, _SHADES[character])
    elif character in _COMPOSED:
        letter, lines = _COMPOSED[character]
        _draw_letter(cell, letter)
        _draw_lines(pen, lines)
    else:
        letter, *marks = unicodedata.normalize("NFD", character)
        drawable = letter if not (marks and letter in "ij") else "ı"
        if drawable in _COMPOSED:
            _draw_lines(pen, _COMPOSED[drawable][1])
        elif not _draw_letter(cell, drawable) or any(mark not in _MARKS for mark in marks):
            pen.rectangle((8, 5 * _SCALE, _WIDTH - 9, 19 * _SCALE), outline=255, width=_SCALE)
            return cell
        for mark in marks:
            # Marks below stay; those above a capital move up.
            _draw_lines(pen, _MARKS[mark], -3.5 if letter.isupper() and mark < "\u0327" else 0)
    return cell


@cache
def _typeface() -> ImageFont.FreeTypeFont:
    face = ImageFont.load_default(_SIZE)
    assert isinstance(face, ImageFont.FreeTypeFont), "Pillow must be built with FreeType"
    return face


@cache
def _missing() -> bytes:
    return bytes(_typeface().getmask("\U0010fffd"))


def _draw_letter(cell: Image.Image, letter: str) -> bool:
    """Draw a letter of the typeface, squeezed if wider than the cell; False if there is none."""
    if not letter:
        return True
    face = _typeface()
    if bytes(face.getmask(letter)) == _missing():
        return False
    x0, _, x1, _ = face.getbbox(letter, anchor="ls")
    width = int(x1 - x0)
    if width <= 0:
        return True
    ink = Image.new("L", (width, _HEIGHT))
    ImageDraw.Draw(ink).text((-x0, _BASELINE), letter, fill=255, font=face, anchor="ls")
    if width > _WIDEST:
        ink = ink.resize((_WIDEST, _HEIGHT), Image.Resampling.BOX)
    cell.paste(ink, ((_WIDTH - ink.width) // 2, 0))
    return True


def _draw_lines(pen: ImageDraw.ImageDraw, lines: str, up: float = 0) -> None:
    """Lines as "x,y x,y; x,y x,y x,y" in dots of the cell, moved `up` (negative is higher)."""
    radius = _STROKE // 2
    for line in lines.split(";"):
        points = []
        for point in line.split():
            x, y = point.split(",")
            points.append((float(x) * _SCALE, max(1.0, float(y) + up) * _SCALE))
        pen.line(points, fill=255, width=_STROKE)
        for x, y in points:
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)


def _draw_box(pen: ImageDraw.ImageDraw, ends: str) -> None:
    middle_x, middle_y, thick = _WIDTH // 2, _HEIGHT // 2, _SCALE
    left, right, up, down = (int(end) for end in ends)
    for shift in (-2 * thick, 2 * thick) if "2" in ends else (0,):
        if left or right:
            x0 = 0 if left else middle_x - 2 * thick
            x1 = _WIDTH if right else middle_x + 2 * thick
            pen.rectangle((x0, middle_y + shift - thick, x1, middle_y + shift + thick), fill=255)
        if up or down:
            y0 = 0 if up else middle_y - 2 * thick
            y1 = _HEIGHT if down else middle_y + 2 * thick
            pen.rectangle((middle_x + shift - thick, y0, middle_x + shift + thick, y1), fill=255)


def _draw_shade(pen: ImageDraw.ImageDraw, every: int) -> None:
    for y in range(FONT_A[1]):
        for x in range(y % 2 * (every // 2), FONT_A[0], every):
            pen.rectangle(
                (x * _SCALE, y * _SCALE, (x + 1) * _SCALE - 1, (y + 1) * _SCALE - 1), fill=255
            )
