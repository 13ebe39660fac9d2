"""How a sale goes and ends: authorising, approved, declined, cancelled, printing."""

from typing import TYPE_CHECKING

from micropython import const

from kassa.ui import pictures
from kassa.ui.page import (
    BLUE,
    BODY,
    GREEN,
    HEIGHT,
    HERO_Y,
    MUTED,
    PAPER,
    RED,
    SMALL,
    TITLE,
    WHITE,
    WIDTH,
    Page,
)
from kassa.ui.views.tap import amount

if TYPE_CHECKING:
    from typing import Any

    Facts = dict[str, Any]

DOTS = const(3)
_PANEL_Y = const(114)
_PALE_GREEN = 0xDDF3E5
_PALE_RED = 0xFBE3E1


def authorising(page: Page, facts: "Facts") -> None:
    """Waiting for the host.  Facts: amount_minor, currency, beat (which dot is bright)."""
    page.head(facts["merchant"])
    page.lamps(0)
    amount(page, facts)
    page.picture(pictures.DISC_88, (WIDTH - 88) // 2, HERO_Y, BLUE, PAPER)
    x = WIDTH // 2 - 6 - 22
    for dot in range(DOTS):
        bright = dot == facts.get("beat", 0) % DOTS
        page.picture(pictures.DISC_12, x, HERO_Y + 38, WHITE if bright else 0x6FA3D6, BLUE)
        x += 22
    page.message(HERO_Y, page.t("authorising.title"), page.t("authorising.text"))


def approved(page: Page, facts: "Facts") -> None:
    """Facts: amount_minor, currency, approval_code (may be ""), refund (whether the money goes
    back), by_card (whether the card approved it offline), deferred (why the bank is only asked
    later, the catalogue's key after `deferred.`; "" when it has answered).
    """
    text = page.t("approved.text")
    title = page.t("approved.refund" if facts.get("refund") else "approved.title")
    if facts.get("deferred"):
        title = page.t("deferred.title")
        text = page.t("deferred." + facts["deferred"])
    elif facts.get("by_card"):
        text = page.t("approved.by_card")
    elif facts.get("approval_code"):
        text = page.t("approved.code", code=facts["approval_code"])
    _verdict(page, facts, pictures.CHECK, GREEN, title, 20)
    page.text(text, 278, _PALE_GREEN, GREEN)


def declined(page: Page, facts: "Facts") -> None:
    """Facts: amount_minor, currency, reason (the catalogue's key after `declined.`)."""
    key = "declined." + (facts.get("reason") or "other")
    if not page.catalogue.has(key):
        key = "declined.other"
    _verdict(page, facts, pictures.CROSS, RED, page.t("declined.title"), 8)
    page.text(page.t(key), 260, _PALE_RED, RED)
    # When the host may have booked it, "nothing was charged" would be a guess.
    unknown = facts.get("reason") == "no_answer"
    money = page.t("declined.put_back" if unknown else "declined.not_charged")
    page.line(money, WIDTH // 2, 309, SMALL, WHITE, RED, 1)


def _verdict(page: Page, facts: "Facts", symbol: int, colour: int, title: str, down: int) -> None:
    """The amount on paper, and the answer on a field of its own colour."""
    page.head(facts["merchant"])
    amount(page, facts)
    page.box(0, _PANEL_Y, WIDTH, HEIGHT - _PANEL_Y, colour)
    y = _PANEL_Y + down
    page.hero(symbol, y, WHITE, colour, colour, 72)
    page.paragraph(title, y + 110, ((40, 1), (TITLE, 1), (BODY, 1)), WHITE, colour)


def cancelled(page: Page, facts: "Facts") -> None:
    """Facts: amount_minor, currency."""
    page.head(facts["merchant"])
    amount(page, facts)
    page.hero(pictures.MINUS, HERO_Y, MUTED)
    page.message(HERO_Y, page.t("cancelled.title"), page.t("cancelled.text"))


def printing(page: Page, facts: "Facts") -> None:
    """Facts: copy, "merchant" or "customer"."""
    page.head(facts["merchant"])
    amount(page, facts)
    page.hero(pictures.RECEIPT, HERO_Y, BLUE)
    page.message(
        HERO_Y, page.t("printing.title"), page.t("printing." + facts.get("copy", "customer"))
    )
