"""While a card is wanted or read."""

from typing import TYPE_CHECKING

from kassa.ui import pictures
from kassa.ui.page import (
    AMBER,
    BLUE,
    GREEN,
    HERO_Y,
    INK,
    MUTED,
    PAPER,
    SMALL,
    WIDTH,
    Page,
)

if TYPE_CHECKING:
    from typing import Any

    Facts = dict[str, Any]

_MARKS = (("visa", 0x1A3C8C), ("mastercard", 0xD9541E))
"""The schemes taken, each with a plain disc of our own colour: no scheme's mark is imitated."""

_NOTICES = {
    "processing": (pictures.WAVES, BLUE, 2),
    "card_read_ok": (pictures.CHECK, GREEN, 4),
    "try_again": (pictures.AGAIN, AMBER, 1),
    "remove_card": (pictures.CARD_OUT, BLUE, 0),
    "one_card_only": (pictures.ONE_CARD, AMBER, 1),
    "see_phone": (pictures.PHONE, BLUE, 1),
    "insert_or_swipe": (pictures.OTHER_CARD, AMBER, 1),
    "try_another_card": (pictures.OTHER_CARD, AMBER, 1),
}
"""Screen -> (symbol, colour, lamps lit)."""

LAMPS = {"present_card": 1}
for _name in _NOTICES:
    LAMPS[_name] = _NOTICES[_name][2]


def present_card(page: Page, facts: "Facts") -> None:
    """Asking for the card.  Facts: amount_minor, currency, refund (whether it gets the money)."""
    page.head(facts["merchant"], True)
    page.lamps(1)
    amount(page, facts)
    page.picture(pictures.TAP, (WIDTH - 112) // 2, 118, BLUE, PAPER)
    title = "present_card.refund" if facts.get("refund") else "present_card.title"
    page.title(page.t(title), 231)
    page.paragraph(page.t("present_card.text"), 257, ((SMALL, 2),), MUTED, step=23)
    _marks(page)


def _marks(page: Page) -> None:
    """Whose cards are taken."""
    font = page.fonts.font(SMALL)
    names = [page.t("scheme." + name) for name, _ in _MARKS]
    width = sum([font.width(name) for name in names]) + 18 * len(names) + 16 * (len(names) - 1)
    x = (WIDTH - width) // 2
    for (_, colour), name in zip(_MARKS, names):
        page.picture(pictures.DISC_12, x, 299, colour, PAPER)
        page.line(name, x + 18, 312, SMALL, INK)
        x += 18 + font.width(name) + 16


def notice(page: Page, facts: "Facts") -> None:
    """Every other moment of a tap: a symbol, what to do, and why."""
    name = facts["screen"]
    symbol, colour, lit = _NOTICES[name]
    page.head(facts["merchant"])
    page.lamps(lit)
    amount(page, facts)
    page.hero(symbol, HERO_Y, colour)
    page.message(HERO_Y, page.t(name + ".title"), page.t(name + ".text"))


def amount(page: Page, facts: "Facts") -> None:
    """The sale's amount, if there is one."""
    if facts.get("amount_minor"):
        page.amount(page.catalogue.format_amount(facts["amount_minor"], facts["currency"]))
