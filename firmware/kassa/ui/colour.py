"""Colours as the panel wants them, and the inks that make smooth edges.

Everywhere else a colour is 0xRRGGBB.  Here it becomes RGB565 with its two bytes swapped: the frame
buffer keeps words little end first, the panel is sent big end first, so a swapped word arrives
right.
"""

import framebuf
from micropython import const

_LEVELS = const(16)
_KEPT = const(24)


def panel_colour(rgb: int) -> int:
    """0xRRGGBB -> the 16 bits to draw with."""
    return _swapped(rgb >> 16, rgb >> 8 & 0xFF, rgb & 0xFF)


def _swapped(red: int, green: int, blue: int) -> int:
    value = (red >> 3) << 11 | (green >> 2) << 5 | blue >> 3
    return value >> 8 | (value & 0xFF) << 8


class Ink:
    """One colour on another: `palette` maps coverage 0..15 to colours, `paper` is the first."""

    def __init__(self, rgb: int, on: int) -> None:
        self.palette = framebuf.FrameBuffer(bytearray(2 * _LEVELS), _LEVELS, 1, framebuf.RGB565)
        for level in range(_LEVELS):
            rest = _LEVELS - 1 - level
            colour = _swapped(
                ((rgb >> 16) * level + (on >> 16) * rest) // (_LEVELS - 1),
                ((rgb >> 8 & 0xFF) * level + (on >> 8 & 0xFF) * rest) // (_LEVELS - 1),
                ((rgb & 0xFF) * level + (on & 0xFF) * rest) // (_LEVELS - 1),
            )
            self.palette.pixel(level, 0, colour)
        self.paper = panel_colour(on)


class Inks:
    """The inks in use, mixed once each."""

    def __init__(self) -> None:
        self._inks = {}

    def ink(self, rgb: int, on: int) -> Ink:
        """The ink for colour `rgb` on a ground of colour `on`."""
        key = (rgb, on)
        ink = self._inks.get(key)
        if ink is None:
            if len(self._inks) >= _KEPT:
                self._inks.clear()
            ink = self._inks[key] = Ink(rgb, on)
        return ink
