"""What only the staff sees: numbers to type, notices, sums."""

from typing import TYPE_CHECKING

from micropython import const

from kassa.ui import pictures
from kassa.ui.page import (
    AMBER,
    BLUE,
    BODY,
    FAINT,
    GREEN,
    INK,
    INNER,
    MARGIN,
    MUTED,
    SMALL,
    TITLE,
    WIDTH,
    Page,
)

if TYPE_CHECKING:
    from typing import Any

    Facts = dict[str, Any]

_HERO_Y = const(64)
_ROW = const(30)
_LOOKS = {
    "staff_done": (pictures.CHECK, GREEN),
    "staff_working": (pictures.WAVES, BLUE),
    "staff_problem": (pictures.MINUS, AMBER),
    "quiet_hour": (pictures.TOOL, AMBER),
    "self_test": (pictures.TOOL, BLUE),
}
"""Screen -> (symbol, colour)."""


def number(page: Page, facts: "Facts") -> None:
    """A number being typed.  Facts: title (key of the catalogue), digits."""
    page.head(facts["merchant"], True)
    page.line(page.t(facts["title"]), WIDTH // 2, 80, SMALL, MUTED, align=1)
    page.line(facts["digits"] or "-", WIDTH // 2, 140, TITLE, INK, align=1)
    page.box(MARGIN, 156, INNER, 2, BLUE if facts["digits"] else FAINT)
    page.line(page.t("key.enter"), WIDTH // 2, 200, BODY, MUTED, align=1)


def notice(page: Page, facts: "Facts") -> None:
    """What became of it.  Facts: title, text (keys of the catalogue), may have an amount."""
    symbol, colour = _LOOKS[facts["screen"]]
    page.head(facts["merchant"])
    page.hero(symbol, _HERO_Y, colour)
    page.message(_HERO_Y, page.t(facts["title"]), page.t(facts["text"]))
    if facts.get("detail"):
        page.line(facts["detail"], WIDTH // 2, 296, BODY, INK, align=1)


def sums(page: Page, facts: "Facts") -> None:
    """Labels and values.  Facts: title (key), rows of (text, text)."""
    page.line(page.t(facts["title"]), MARGIN, 30, BODY, INK)
    base = 70
    for label, value in facts["rows"]:
        page.line(label, MARGIN, base, SMALL, MUTED)
        page.line(value, WIDTH - MARGIN, base, SMALL, INK, align=2)
        base += _ROW
