"""Draw the terminal's pictures: discs, signs and symbols, all our own, as one `.kf` file.

A picture is a union of simple shapes, each a test whether a point is inside.  Every pixel is
asked 64 times, so edges come out smooth; nothing here depends on a drawing library.  Lengths are
pixels, y runs downwards.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from kassa.ui import pictures as names

from host_tools.font_file import FontFile, Glyph

Plane = np.ndarray
Shape = Callable[[Plane, Plane], Plane]

_FINE = 8  # samples along each side of a pixel


# -- shapes ---------------------------------------------------------------------------------------


def disc(cx: float, cy: float, r: float) -> Shape:
    return lambda x, y: (x - cx) ** 2 + (y - cy) ** 2 <= r * r


def stroke(width: float, *points: tuple[float, float]) -> Shape:
    """A line through the points, with round ends."""

    def inside(x: Plane, y: Plane) -> Plane:
        hit = np.zeros(x.shape, bool)
        for (ax, ay), (bx, by) in pairwise(points):
            dx, dy = bx - ax, by - ay
            along = np.clip(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy), 0, 1)
            hit |= (x - ax - along * dx) ** 2 + (y - ay - along * dy) ** 2 <= width * width / 4
        return hit

    return inside


def arc(cx: float, cy: float, r: float, width: float, start_deg: float, end_deg: float) -> Shape:
    """Part of a ring, clockwise from `start_deg` (0 = right, 90 = down), with round ends."""
    steps = max(8, int(abs(end_deg - start_deg) / 4))
    turns = [math.radians(start_deg + (end_deg - start_deg) * i / steps) for i in range(steps + 1)]
    return stroke(width, *((cx + r * math.cos(t), cy + r * math.sin(t)) for t in turns))


def box(x0: float, y0: float, width: float, height: float, radius: float = 0) -> Shape:
    """A rectangle with round corners."""

    def inside(x: Plane, y: Plane) -> Plane:
        over_x = np.maximum(np.abs(x - x0 - width / 2) - width / 2 + radius, 0)
        over_y = np.maximum(np.abs(y - y0 - height / 2) - height / 2 + radius, 0)
        return over_x**2 + over_y**2 <= max(radius, 1e-6) ** 2

    return inside


def frame(x0: float, y0: float, width: float, height: float, radius: float, line: float) -> Shape:
    """The outline of a round box, `line` wide, inside it."""
    inner = box(x0 + line, y0 + line, width - 2 * line, height - 2 * line, max(0, radius - line))
    return cut(box(x0, y0, width, height, radius), inner)


def join(*shapes: Shape) -> Shape:
    def inside(x: Plane, y: Plane) -> Plane:
        hit = np.zeros(x.shape, bool)
        for shape in shapes:
            hit |= shape(x, y)
        return hit

    return inside


def cut(shape: Shape, *holes: Shape) -> Shape:
    hole = join(*holes)
    return lambda x, y: shape(x, y) & ~hole(x, y)


def turned(shape: Shape, degrees: float, cx: float, cy: float) -> Shape:
    """Turned clockwise about a point."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))

    def inside(x: Plane, y: Plane) -> Plane:
        dx, dy = x - cx, y - cy
        return shape(cx + c * dx + s * dy, cy - s * dx + c * dy)

    return inside


def polygon(*points: tuple[float, float]) -> Shape:
    """A convex polygon, corners clockwise."""

    def inside(x: Plane, y: Plane) -> Plane:
        hit = np.ones(x.shape, bool)
        for (ax, ay), (bx, by) in zip(points, (*points[1:], points[0]), strict=True):
            hit &= (bx - ax) * (y - ay) - (by - ay) * (x - ax) >= 0
        return hit

    return inside


# -- pictures -------------------------------------------------------------------------------------

_LINE = 5.0  # the stroke of a symbol 56 pixels square


def _card(x: float, y: float, width: float = 40, height: float = 27) -> Shape:
    """A bank card: outline and stripe."""
    return join(
        frame(x, y, width, height, 4.5, 4),
        box(x + 2, y + height * 0.28, width - 4, height * 0.2),
    )


def _check() -> Shape:
    return stroke(8, (8, 30), (22, 44), (49, 14))


def _cross() -> Shape:
    return join(stroke(8, (13, 13), (43, 43)), stroke(8, (43, 13), (13, 43)))


def _exclamation() -> Shape:
    return join(stroke(8, (28, 9), (28, 33)), disc(28, 47, 4.8))


def _again() -> Shape:
    head = polygon((52.5, 13), (52.5, 30), (35.5, 30))
    return join(arc(28, 28, 19, 6, 20, 320), head)


def _card_out() -> Shape:
    """A card, and an arrow that leads away upwards."""
    arrow = join(stroke(_LINE, (28, 5), (28, 20)), stroke(_LINE, (20, 12), (28, 4.5), (36, 12)))
    return join(_card(7, 27, 42, 26), arrow)


def _one_card() -> Shape:
    """Two cards, one behind the other."""
    front = box(4, 22, 40, 28, 5)
    behind = cut(frame(14, 7, 38, 28, 5, 4), box(1, 19, 46, 34, 8))
    return join(behind, cut(front, box(8, 30, 32, 5)))


def _other_card() -> Shape:
    """A card, struck through."""
    bar = stroke(5, (9, 47), (47, 9))
    return join(cut(_card(6, 14, 44, 29), stroke(12, (9, 47), (47, 9))), bar)


def _phone() -> Shape:
    body = frame(14, 3, 28, 50, 6, 4)
    return join(body, stroke(3, (25, 9.6), (31, 9.6)), disc(28, 46.4, 2.2), _tick(28, 28))


def _tick(x: float, y: float) -> Shape:
    return stroke(4, (x - 7, y + 1), (x - 2, y + 6), (x + 7, y - 5))


def _receipt() -> Shape:
    teeth = [polygon((x, 54), (x + 4.5, 46.5), (x + 9, 54)) for x in (10, 19, 28, 37)]
    sheet = cut(box(10, 3, 36, 51, 3), *teeth)
    lines = [box(17, y, width, 4, 2) for y, width in ((12, 22), (21, 22), (30, 13))]
    return cut(sheet, *lines)


def _paper() -> Shape:
    """An empty roll with its last inch hanging out."""
    roll = join(cut(disc(22, 22, 18), disc(22, 22, 13)), disc(22, 22, 5))
    return join(roll, stroke(_LINE, (37.5, 22), (37.5, 40)), arc(45.5, 40, 8, _LINE, 180, 90))


def _no_network() -> Shape:
    """Radio waves with a cross at their foot."""
    waves = [arc(27, 46, r, _LINE, 225, 315) for r in (13, 24, 35)]
    cross = join(stroke(_LINE, (39, 36), (51, 48)), stroke(_LINE, (51, 36), (39, 48)))
    around = join(stroke(14, (39, 36), (51, 48)), stroke(14, (51, 36), (39, 48)))
    return join(cut(join(disc(27, 45, 4.5), *waves), around), cross)


def _tool() -> Shape:
    """A spanner."""
    jaw = cut(disc(28, 11, 13), box(23, -6, 10, 16, 2))
    ring = cut(disc(28, 46, 9), disc(28, 46, 3.8))
    return turned(join(jaw, ring, box(24, 20, 8, 22)), 40, 28, 28)


def _waves() -> Shape:
    return join(disc(14, 28, 4.5), *[arc(12, 28, r, _LINE + 0.5, -42, 42) for r in (13, 24, 35)])


def _tap() -> Shape:
    """A card that calls: 112 x 80."""
    card = box(6, 20, 62, 42, 6)
    card = cut(card, box(4, 31, 66, 8), box(14, 49, 15, 5, 2))
    card = turned(card, -14, 37, 41)
    waves = [arc(60, 38, r, 6, -40, 40) for r in (22, 34, 46)]
    return join(card, *waves)


def draw(shape: Shape, width: int, height: int) -> Glyph:
    """Ask every pixel; a glyph of exactly width x height, placed at its own origin."""
    step = (np.arange(width * _FINE) + 0.5) / _FINE, (np.arange(height * _FINE) + 0.5) / _FINE
    x, y = np.meshgrid(*step)
    hits = shape(x, y).reshape(height, _FINE, width, _FINE).sum((1, 3))
    values = (hits * 15 + _FINE * _FINE // 2) // (_FINE * _FINE)
    return Glyph(width, 0, 0, tuple(tuple(int(v) for v in row) for row in values))


def draw_all() -> FontFile:
    """The picture font."""
    font = FontFile(0, 0, 0)
    for diameter, code in names.DISCS.items():
        r = diameter / 2
        font.glyphs[code] = draw(disc(r, r, r), diameter, diameter)
    for code, shape in (
        (names.CHECK, _check()),
        (names.CROSS, _cross()),
        (names.MINUS, stroke(8, (12, 28), (44, 28))),
        (names.EXCLAMATION, _exclamation()),
        (names.AGAIN, _again()),
        (names.CARD_OUT, _card_out()),
        (names.ONE_CARD, _one_card()),
        (names.OTHER_CARD, _other_card()),
        (names.PHONE, _phone()),
        (names.RECEIPT, _receipt()),
        (names.PAPER, _paper()),
        (names.NO_NETWORK, _no_network()),
        (names.TOOL, _tool()),
        (names.WAVES, _waves()),
    ):
        font.glyphs[code] = draw(shape, 56, 56)
    font.glyphs[names.TAP] = draw(_tap(), 112, 80)
    cancel = join(stroke(3, (7, 7), (17, 17)), stroke(3, (17, 7), (7, 17)))
    font.glyphs[names.KEY_CANCEL] = draw(cancel, 24, 24)
    font.glyphs[names.KEY_CLEAR] = draw(stroke(3, (14.5, 6), (8.5, 12), (14.5, 18)), 24, 24)
    ring = cut(disc(12, 12, 6.5), disc(12, 12, 3.5))
    font.glyphs[names.KEY_ENTER] = draw(ring, 24, 24)
    return font
