"""The two panel modules as they are sold: controller, how its glass is mounted, its own commands.

- ST7789 modules carry an IPS glass, which shows the complement of the frame memory until inversion
  is on;
- ILI9341 modules are scanned from right to left and have their colour filters in the order blue,
  green, red.
"""

from __future__ import annotations

from typing import NamedTuple


class Module(NamedTuple):
    """What differs between the two: write cycle, glass, and which commands there are."""

    title: str
    max_baudrate: int
    inverted_glass: bool
    mirrored_glass: bool
    bgr_glass: bool
    settings: dict[int, int]  # vendor command: number of its parameters


# Voltages, gamma, frame rate: they change how good the picture looks, not what it shows.
_ST7789_SETTINGS = {
    0xB0: 2, 0xB2: 5, 0xB7: 1, 0xBB: 1, 0xC0: 1, 0xC2: 1, 0xC3: 1, 0xC4: 1, 0xC5: 1, 0xC6: 1,
    0xD0: 2, 0xD6: 1, 0xE0: 14, 0xE1: 14, 0xE4: 3,
}  # fmt: skip
_ILI9341_SETTINGS = {
    0xB1: 2, 0xB4: 1, 0xB5: 4, 0xB6: 4, 0xB7: 1, 0xC0: 1, 0xC1: 1, 0xC5: 2, 0xC7: 1, 0xCB: 5,
    0xCF: 3, 0xE0: 15, 0xE1: 15, 0xE8: 3, 0xEA: 2, 0xED: 4, 0xF2: 1, 0xF6: 3, 0xF7: 1,
}  # fmt: skip

MODULES = {
    "st7789": Module("ST7789VW", 62_500_000, True, False, False, _ST7789_SETTINGS),
    "ili9341": Module("ILI9341", 10_000_000, False, True, True, _ILI9341_SETTINGS),
}
