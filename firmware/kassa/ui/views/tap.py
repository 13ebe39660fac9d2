"""While a card is wanted or read."""

from typing import TYPE_CHECKING

from micropython import const

from kassa.ui import pictures
from kassa.ui.page import (
    AMBER,
    BLUE,
    GREEN,
    HERO_Y,
    INK,
    LAMPS,
    MUTED,
    PAPER,
    SMALL,
    WIDTH,
    Page,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Facts = dict[str, Any]

_COLOURS = {
    "visa": 0x1A3C8C,
    "mastercard": 0xD9541E,
    "amex": 0x00829A,
    "jcb": 0x1E8A4C,
    "discover": 0xE08A1E,
    "unionpay": 0xB0123B,
}
"""Each scheme's plain disc in a colour of our own: no scheme's mark is imitated."""

_DISC = const(18)
_APART = const(12)

_NOTICES = {
    "processing": (pictures.WAVES, BLUE),
    "card_read_ok": (pictures.CHECK, GREEN),
    "try_again": (pictures.AGAIN, AMBER),
    "remove_card": (pictures.CARD_OUT, BLUE),
    "one_card_only": (pictures.ONE_CARD, AMBER),
    "see_phone": (pictures.PHONE, BLUE),
    "insert_or_swipe": (pictures.OTHER_CARD, AMBER),
    "try_another_card": (pictures.OTHER_CARD, AMBER),
}
"""Screen -> (symbol, colour)."""


def present_card(page: Page, facts: "Facts") -> None:
    """Asking for the card.  Facts: amount_minor, currency, refund (whether it gets the money),
    schemes (whose cards are taken, the most usual first)."""
    page.head(facts["merchant"], True)
    page.lamps(1)
    amount(page, facts)
    page.picture(pictures.TAP, (WIDTH - 112) // 2, 118, BLUE, PAPER)
    title = "present_card.refund" if facts.get("refund") else "present_card.title"
    page.title(page.t(title), 231)
    page.paragraph(page.t("present_card.text"), 257, ((SMALL, 2),), MUTED, step=23)
    _marks(page, facts.get("schemes") or ("visa", "mastercard"))


def _marks(page: Page, schemes: "Sequence[str]") -> None:
    """Whose cards are taken: as many as have room, and how many more."""
    font = page.fonts.font(SMALL)
    known = [name for name in schemes if name in _COLOURS]
    shown = len(known)
    while True:
        names = [page.t("scheme." + name) for name in known[:shown]]
        more = "+{}".format(len(known) - shown) if shown < len(known) else ""
        width = sum([_DISC + font.width(name) + _APART for name in names]) + font.width(more)
        if not more:
            width -= _APART
        if width <= WIDTH - 8 or shown == 1:
            break
        shown -= 1
    x = (WIDTH - width) // 2
    for scheme, name in zip(known, names):
        page.picture(pictures.DISC_12, x, 299, _COLOURS[scheme], PAPER)
        page.line(name, x + _DISC, 312, SMALL, INK)
        x += _DISC + font.width(name) + _APART
    if more:
        page.line(more, x, 312, SMALL, MUTED)


def notice(page: Page, facts: "Facts") -> None:
    """Every other moment of a tap: a symbol, what to do, and why."""
    name = facts["screen"]
    symbol, colour = _NOTICES[name]
    page.head(facts["merchant"])
    page.lamps(LAMPS.get(name, 0))
    amount(page, facts)
    page.hero(symbol, HERO_Y, colour)
    page.message(HERO_Y, page.t(name + ".title"), page.t(name + ".text"))


def amount(page: Page, facts: "Facts") -> None:
    """The sale's amount, if there is one."""
    if facts.get("amount_minor"):
        page.amount(page.catalogue.format_amount(facts["amount_minor"], facts["currency"]))
