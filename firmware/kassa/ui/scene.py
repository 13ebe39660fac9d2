"""What can be on a screen: draw items, each a plain tuple so that two screens can be compared at
once.

An item begins with its bounding box, outside of which it draws nothing, and its kind:

    (x, y, width, height, BOX, colour)
    (x, y, width, height, ROUND, colour, ground, diameter of the corners)
    (x, y, width, height, TEXT, origin x, origin y, size, text, colour, ground)
    (x, y, width, height, PICTURE, code point, colour, ground)

`ground` is the colour behind a smooth edge.  Later items lie on top of earlier ones.
"""

from typing import TYPE_CHECKING

from kassa.ui.colour import Inks, panel_colour
from kassa.ui.pictures import DISCS
from kassa.ui.type import PICTURES, Fonts

if TYPE_CHECKING:
    from typing import Any

    import framebuf

    Item = tuple[Any, ...]

BOX = 0
ROUND = 1
TEXT = 2
PICTURE = 3


class Scene:
    """A screen's items on a ground of one colour."""

    def __init__(self, ground: int) -> None:
        self.ground = ground
        self.items = []  # type: list[Item]

    def differences(self, other: "Scene") -> "list[Item]":
        """The items that only one of the two scenes has: where they are, the panel must change."""
        changed = []
        for item in self.items:
            if item not in other.items:
                changed.append(item)
        for item in other.items:
            if item not in self.items:
                changed.append(item)
        return changed


class Painter:
    """Draws the part of a scene that falls into a sheet."""

    def __init__(self, fonts: Fonts) -> None:
        self._fonts = fonts
        self._inks = Inks()

    def paint(
        self,
        scene: Scene,
        sheet: "framebuf.FrameBuffer",
        x: int,
        y: int,
        width: int,
        height: int,
    ) -> None:
        """Draw into `sheet` (width x height, RGB565) what the scene shows from (x, y) on."""
        sheet.fill(panel_colour(scene.ground))
        for item in scene.items:
            if (
                item[0] < x + width
                and item[1] < y + height
                and item[0] + item[2] > x
                and item[1] + item[3] > y
            ):
                self._draw(item, sheet, x, y, height)

    def _draw(
        self, item: "Item", sheet: "framebuf.FrameBuffer", x: int, y: int, height: int
    ) -> None:
        left = item[0] - x
        top = item[1] - y
        kind = item[4]
        if kind == TEXT:
            _, _, _, _, _, from_x, from_y, size, text, colour, ground = item
            ink = self._inks.ink(colour, ground)
            self._fonts.font(size).draw(sheet, height, from_x - x, from_y - y, text, ink)
        elif kind == PICTURE:
            ink = self._inks.ink(item[6], item[7])
            self._fonts.font(PICTURES).draw(sheet, height, left, top, chr(item[5]), ink)
        elif kind == ROUND:
            self._draw_round(item, sheet, left, top, height)
        else:
            sheet.fill_rect(left, top, item[2], item[3], panel_colour(item[5]))

    def _draw_round(
        self, item: "Item", sheet: "framebuf.FrameBuffer", left: int, top: int, rows: int
    ) -> None:
        _, _, width, height, _, colour, ground, corner = item
        ink = self._inks.ink(colour, ground)
        discs = self._fonts.font(PICTURES)
        disc = chr(DISCS[corner])
        for right in (left, left + width - corner):
            for down in (top, top + height - corner):
                discs.draw(sheet, rows, right, down, disc, ink)
        half = corner >> 1
        solid = panel_colour(colour)
        sheet.fill_rect(left + half, top, width - corner, height, solid)
        sheet.fill_rect(left, top + half, width, height - corner, solid)
