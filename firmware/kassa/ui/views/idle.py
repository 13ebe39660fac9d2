"""Before a sale: starting, welcome, the amount, the menu."""

from typing import TYPE_CHECKING

from micropython import const

from kassa.ui import pictures
from kassa.ui.page import (
    AMBER,
    BLUE,
    BODY,
    FAINT,
    GREEN,
    HEAD_BASE,
    HEIGHT,
    INK,
    INNER,
    MARGIN,
    MUTED,
    PAPER,
    RED,
    SMALL,
    TITLE,
    WHITE,
    WIDTH,
    YELLOW,
    Page,
)

if TYPE_CHECKING:
    from typing import Any

    Facts = dict[str, Any]

_FOOT = const(38)
_FOOT_ROW = const(26)
_ALARM = const(30)
_KEYS_Y = const(178)
_KEY_STEP = const(46)
_ROW = const(42)
ROWS = 6
"""Choices on one page of a menu."""


def starting(page: Page, facts: "Facts") -> None:
    """The product's name while the terminal starts."""
    page.picture(pictures.TAP, (WIDTH - 112) // 2, 76, BLUE, PAPER)
    page.line(page.t("product.name"), WIDTH // 2, 202, TITLE, INK, PAPER, 1)
    page.line(page.t("starting.title"), WIDTH // 2, 244, BODY, MUTED, PAPER, 1)
    page.line(page.t("starting.text"), WIDTH // 2, 274, SMALL, MUTED, PAPER, 1)


def welcome(page: Page, facts: "Facts") -> None:
    """Idle.  Facts: merchant, time (local moment or None), online, what waits to be sent
    (pending_count, pending_minor, currency), and alarm: a key of the catalogue that says what the
    merchant must see to, or "".
    """
    if facts.get("time"):
        page.line(page.catalogue.format_time(facts["time"]), MARGIN, HEAD_BASE, SMALL, MUTED)
    page.language_key()
    foot = _welcome_foot(page, facts)
    y = 42 if facts.get("pending_count") or facts.get("alarm") else 54
    page.picture(pictures.TAP, (WIDTH - 112) // 2, y, BLUE, PAPER)
    page.line(page.t("welcome.title"), WIDTH // 2, y + 122, TITLE, INK, PAPER, 1)
    base = page.paragraph(facts["merchant"], y + 155, ((BODY, 1), (SMALL, 2)), INK) + 29
    if base + 6 < foot:
        page.paragraph(page.t("welcome.text"), base, ((SMALL, 2),), MUTED)


def _welcome_foot(page: Page, facts: "Facts") -> int:
    """Network state, above it the payments that still have to be sent, and on top what is wrong;
    gives its top."""
    state = page.t("network.online" if facts.get("online") else "network.offline")
    texts = []  # above the state, from top to bottom
    beside = ""
    count = facts.get("pending_count", 0)
    if count:
        key = "welcome.pending_one" if count == 1 else "welcome.pending"
        texts.append(page.t(key, count=count))
        if facts.get("pending_minor"):
            beside = page.catalogue.format_amount(facts["pending_minor"], facts["currency"])
            font = page.fonts.font(SMALL)
            if font.width(state) + font.width(beside) > INNER - 40:
                texts.append(beside)
                beside = ""
    y = HEIGHT - _FOOT - _FOOT_ROW * len(texts)
    page.box(0, y, WIDTH, HEIGHT - y, FAINT)
    base = y + 26
    if facts.get("alarm"):
        y -= _ALARM
        page.box(0, y, WIDTH, _ALARM, RED)
        page.line(page.t(facts["alarm"]), WIDTH // 2, y + 21, SMALL, WHITE, RED, 1)
    for text in texts:
        page.line(text, MARGIN, base, SMALL, INK, FAINT)
        base += _FOOT_ROW
    colour = GREEN if facts.get("online") else AMBER
    page.picture(pictures.DISC_12, MARGIN, base - 13, colour, FAINT)
    page.line(state, MARGIN + 20, base, SMALL, INK, FAINT)
    page.line(beside, WIDTH - MARGIN, base, SMALL, INK, FAINT, 2)
    return y


def amount(page: Page, facts: "Facts") -> None:
    """The amount being typed.  Facts: amount_minor, currency."""
    page.head(facts["merchant"], True)
    minor = facts["amount_minor"]
    text = page.catalogue.format_amount(minor, facts["currency"])
    page.amount(text, INK if minor else MUTED)
    page.box(MARGIN, 118, INNER, 2, BLUE if minor else FAINT)
    page.line(page.t("amount.title"), WIDTH // 2, 145, SMALL, MUTED, PAPER, 1)
    _keys(page, minor > 0)


def _keys(page: Page, ready: bool) -> None:
    """What the three coloured keys do, in the order in which they stand on the keypad."""
    y = _KEYS_Y
    for symbol, colour, sign, key, usable in (
        (pictures.KEY_CANCEL, RED, WHITE, "key.cancel", True),
        (pictures.KEY_CLEAR, YELLOW, INK, "key.clear", ready),
        (pictures.KEY_ENTER, GREEN, WHITE, "key.enter", ready),
    ):
        if not usable:
            colour, sign = FAINT, MUTED
        page.picture(pictures.DISC_24, 72, y, colour, PAPER)
        page.picture(symbol, 72, y, sign, colour)
        page.line(page.t(key), 110, y + 20, BODY, INK if usable else MUTED)
        y += _KEY_STEP


def menu(page: Page, facts: "Facts") -> None:
    """A list to choose from.  Facts: title, choices of this page, number, pages.

    Title and choices are keys of the catalogue, or texts that are no keys and stay as they are.
    """
    page.line(page.t(facts["title"]), MARGIN, 30, BODY, INK)
    if facts["pages"] > 1:
        text = page.t("menu.more", page=facts["number"] + 1, pages=facts["pages"])
        page.line(text, WIDTH - MARGIN, 30, SMALL, MUTED, PAPER, 2)
    y = 46
    for number, choice in enumerate(facts["choices"]):
        page.box(MARGIN, y, INNER, 1, FAINT)
        page.picture(pictures.DISC_24, MARGIN, y + 9, BLUE, PAPER)
        page.line(str(number + 1), MARGIN + 12, y + 28, SMALL, WHITE, BLUE, 1, word=False)
        page.short_line(page.t(choice), MARGIN + 38, y + 30, BODY, INNER - 38)
        y += _ROW
    page.box(MARGIN, y, INNER, 1, FAINT)
