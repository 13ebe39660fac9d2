"""A page under construction: the parts of screens, at their places on 240 x 320 pixels."""

from typing import TYPE_CHECKING

from micropython import const

from kassa.ui import pictures
from kassa.ui.layout import fit, shorten
from kassa.ui.scene import BOX, PICTURE, ROUND, TEXT, Scene

if TYPE_CHECKING:
    from kassa.ui.language import Catalogue
    from kassa.ui.type import Fonts

PAPER = 0xF7F8FA
INK = 0x16202B
MUTED = 0x586470
FAINT = 0xDFE4E9
WHITE = 0xFFFFFF
BLUE = 0x0A5FB4
GREEN = 0x118048
AMBER = 0xC77700
RED = 0xC02B2B
LIT = 0x14AE5C
YELLOW = 0xF2B600

SMALL = const(20)
BODY = const(24)
TITLE = const(32)
AMOUNT_SIZES = ((56, 1), (40, 1), (32, 1), (24, 1))

WIDTH = const(240)
HEIGHT = const(320)
MARGIN = const(14)
INNER = const(212)

HEAD_BASE = const(24)
LAMPS_Y = const(38)
LAMPS = {
    "present_card": 1,
    "processing": 2,
    "card_read_ok": 4,
    "try_again": 1,
    "one_card_only": 1,
    "see_phone": 1,
    "insert_or_swipe": 1,
    "try_another_card": 1,
}
"""Screen -> lamps lit; on every other none is."""
AMOUNT_BASE = const(102)
HERO_Y = const(118)
"""Top of the 88 pixel disc on a screen with an amount; without one, everything below moves up."""

_HERO = const(88)
_SYMBOL = const(56)
_TITLE_BELOW_HERO = const(37)  # from the disc's foot to the title's base line
_TEXT_BELOW_TITLE = const(27)
_TEXT_STEP = const(25)
_LAMP_WIDTH = const(36)
_LAMP_GAP = const(8)


class Page:
    """Collects a scene's items and its words.  `words` are the texts from top to bottom."""

    def __init__(self, fonts: "Fonts", catalogue: "Catalogue", ground: int = PAPER) -> None:
        self.scene = Scene(ground)
        self.fonts = fonts
        self.catalogue = catalogue
        self.t = catalogue.t
        self._said = []  # type: list[tuple[int, int, str]]

    @property
    def words(self) -> "list[str]":
        """What can be read, from top to bottom."""
        return [said[2] for said in sorted(self._said)]

    def say(self, text: str, y: int) -> None:
        """Count `text` among the words at height `y`."""
        self._said.append((y, len(self._said), text))

    # -- simple items

    def box(self, x: int, y: int, width: int, height: int, colour: int) -> None:
        self.scene.items.append((x, y, width, height, BOX, colour))

    def round(
        self, x: int, y: int, width: int, height: int, colour: int, on: int, corner: int = 16
    ) -> None:
        """A box whose corners are quarters of a disc of diameter `corner`."""
        self.scene.items.append((x, y, width, height, ROUND, colour, on, corner))

    def picture(self, code: int, x: int, y: int, colour: int, on: int) -> None:
        glyph = self.fonts.font(0).glyph(code)
        if glyph is not None:
            self.scene.items.append((x, y, glyph.width, glyph.height, PICTURE, code, colour, on))

    def line(
        self,
        text: str,
        x: int,
        base: int,
        size: int,
        colour: int = INK,
        on: int = PAPER,
        align: int = 0,
        word: bool = True,
    ) -> None:
        """One line on base line `base`; `x` is its left (align 0), middle (1) or right (2)."""
        font = self.fonts.font(size)
        width, left, top, right, bottom = font.extent(text)
        if word and text:
            self.say(text, base - size)
        if right <= left:
            return
        x -= width * align // 2
        y = base - font.ascent
        self.scene.items.append(
            (x + left, y + top, right - left, bottom - top, TEXT, x, y, size, text, colour, on)
        )

    def short_line(self, text: str, x: int, base: int, size: int, width: int) -> None:
        """One line, cut short if it is wider than `width`."""
        self.line(shorten(self.fonts.font(size), text, width), x, base, size)

    def paragraph(
        self,
        text: str,
        base: int,
        choices: "tuple[tuple[int, int], ...]",
        colour: int = INK,
        on: int = PAPER,
        step: int = _TEXT_STEP,
        width: int = INNER,
    ) -> int:
        """Centred lines in the first of `choices` (size, lines) that fits; the last base line."""
        size, lines = fit(self.fonts, text, width, choices)
        if text:
            self.say(text, base - size)
        for line in lines:
            self.line(line, WIDTH // 2, base, size, colour, on, 1, word=False)
            base += step
        return base - step

    # -- parts that many screens share

    def head(self, merchant: str, switchable: bool = False) -> None:
        """The merchant's name, and the other language's where the key LANG brings it."""
        right = WIDTH - MARGIN
        if switchable:
            right = self.language_key() - 8
        name = shorten(self.fonts.font(SMALL), merchant, right - MARGIN)
        self.line(name, MARGIN, HEAD_BASE, SMALL, MUTED)

    def language_key(self) -> int:
        """The chip that names the other language; gives its left edge."""
        name = self.t("language.other")
        width = self.fonts.font(SMALL).width(name) + 20
        left = WIDTH - MARGIN - width
        self.round(left, 5, width, 26, FAINT, PAPER, 24)
        self.line(name, left + 10, HEAD_BASE + 1, SMALL, INK, FAINT)
        return left

    def lamps(self, lit: int) -> None:
        """The four contactless lamps, `lit` of them green (EMV Book A, user interface)."""
        x = (WIDTH - 4 * _LAMP_WIDTH - 3 * _LAMP_GAP) // 2
        for number in range(4):
            colour = LIT if number < lit else FAINT
            self.round(x, LAMPS_Y, _LAMP_WIDTH, 8, colour, PAPER, 8)
            x += _LAMP_WIDTH + _LAMP_GAP

    def amount(self, text: str, colour: int = INK) -> None:
        """The amount, large, at the place it keeps through the whole sale."""
        size, lines = fit(self.fonts, text, WIDTH - 4, AMOUNT_SIZES)
        self.line(lines[0], WIDTH // 2, AMOUNT_BASE, size, colour, PAPER, 1)

    def hero(
        self,
        symbol: int,
        y: int,
        colour: int,
        on: int = PAPER,
        sign: int = WHITE,
        diameter: int = _HERO,
    ) -> None:
        """A symbol in a large disc (88 or 72 pixels) whose top is at `y`."""
        x = (WIDTH - diameter) // 2
        self.picture(pictures.DISCS[diameter], x, y, colour, on)
        inset = (diameter - _SYMBOL) // 2
        self.picture(symbol, x + inset, y + inset, sign, colour)

    def title(self, text: str, base: int, colour: int = INK, on: int = PAPER) -> None:
        """What the screen says, in one line."""
        self.paragraph(text, base, ((TITLE, 1), (BODY, 1)), colour, on, width=WIDTH - 12)

    def text(self, text: str, base: int, colour: int = MUTED, on: int = PAPER) -> None:
        """What explains the title: one larger line, or two smaller ones."""
        self.paragraph(text, base, ((BODY, 1), (SMALL, 2)), colour, on)

    def message(
        self,
        hero_y: int,
        title: str,
        text: str,
        colour: int = INK,
        quiet: int = MUTED,
        on: int = PAPER,
    ) -> None:
        """Title and text under a disc that begins at `hero_y`."""
        base = hero_y + _HERO + _TITLE_BELOW_HERO
        self.title(title, base, colour, on)
        if text:
            self.text(text, base + _TEXT_BELOW_TITLE, quiet, on)
