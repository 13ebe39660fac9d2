"""What only a technician sees: the service code, verdicts, figures, and the pictures of tests."""

from typing import TYPE_CHECKING

from micropython import const

from kassa.ui import pictures
from kassa.ui.layout import shorten, wrap
from kassa.ui.page import (
    AMBER,
    BLUE,
    BODY,
    FAINT,
    GREEN,
    HEIGHT,
    INK,
    INNER,
    MARGIN,
    MUTED,
    PAPER,
    RED,
    SMALL,
    WHITE,
    WIDTH,
    YELLOW,
    Page,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from kassa.ui.type import Font

    Facts = dict[str, Any]

ROWS = 5
"""Verdicts on one page."""

_BLACK = 0x000000
_LOOKS = {
    "ok": (pictures.CHECK, GREEN),
    "warn": (pictures.EXCLAMATION, AMBER),
    "fail": (pictures.CROSS, RED),
}
"""Verdict -> (symbol, colour)."""

_HERO_Y = const(64)
_ROW = const(54)
_LINE = const(25)
_SMALL_LINE = const(23)
_LOWEST_BASE = const(314)
_DETAIL_LINES = const(6)
_DETAIL_LINES_AND_REMEDY = const(4)
_DOT_STEP = const(20)
_BAND_Y, _BAND_STEP = const(14), const(38)
_KEYS_Y = const(84)
_KEYS_HEIGHT = const(228)
_KEY_GAP = const(6)
_TALLEST_KEY = const(52)


def code(page: Page, facts: "Facts") -> None:
    """The service code being typed.  Facts: typed (how many digits), text (key, or "")."""
    page.head(facts["merchant"], True)
    page.line(page.t("service.code"), WIDTH // 2, 80, SMALL, MUTED, align=1)
    count = facts["typed"]
    x = (WIDTH - count * _DOT_STEP + 8) // 2
    for _ in range(count):
        page.picture(pictures.DISC_12, x, 118, INK, PAPER)
        x += _DOT_STEP
    page.box(MARGIN, 156, INNER, 2, BLUE if count else FAINT)
    page.line(page.t("key.enter"), WIDTH // 2, 200, BODY, MUTED, align=1)
    if facts["text"]:
        page.paragraph(page.t(facts["text"]), 256, ((BODY, 1), (SMALL, 2)), RED)


def wait(page: Page, facts: "Facts") -> None:
    """No code is taken yet.  Facts: left_s."""
    left_s = facts["left_s"]
    page.head(facts["merchant"], True)
    page.hero(pictures.MINUS, _HERO_Y, AMBER)
    told = page.t("service.wait", time="%d:%02d" % (left_s // 60, left_s % 60))
    page.message(_HERO_Y, page.t("service.wrong"), told)


def verdicts(page: Page, facts: "Facts") -> None:
    """Parts and how they are.  Facts: title (key), rows of (verdict, part, detail) of this page,
    number, pages."""
    _title(page, facts)
    y = 46
    for number, (verdict, part, detail) in enumerate(facts["rows"]):
        colour = _LOOKS[verdict][1]
        page.box(MARGIN, y, INNER, 1, FAINT)
        page.picture(pictures.DISC_24, MARGIN, y + 14, colour, PAPER)
        page.line(str(number + 1), MARGIN + 12, y + 33, SMALL, WHITE, colour, 1, word=False)
        page.short_line(_part(page, part), MARGIN + 38, y + 24, BODY, INNER - 38)
        word = page.t("verdict." + verdict)
        page.line(word, MARGIN + 38, y + 48, SMALL, colour)
        font = page.fonts.font(SMALL)
        x = MARGIN + 38 + font.width(word) + 8
        page.line(shorten(font, detail, WIDTH - MARGIN - x), x, y + 48, SMALL, MUTED)
        y += _ROW
    page.box(MARGIN, y, INNER, 1, FAINT)


def verdict(page: Page, facts: "Facts") -> None:
    """One part.  Facts: verdict, part, detail, remedy (key, or "")."""
    symbol, colour = _LOOKS[facts["verdict"]]
    page.hero(symbol, 16, colour, diameter=72)
    page.title(_part(page, facts["part"]), 124)
    word = page.t("verdict." + facts["verdict"])
    page.line(word, WIDTH // 2, 150, SMALL, colour, align=1)
    lines = _DETAIL_LINES_AND_REMEDY if facts["remedy"] else _DETAIL_LINES
    base = page.paragraph(facts["detail"], 177, ((SMALL, lines),), MUTED, step=_SMALL_LINE)
    if facts["remedy"]:
        remedy = page.t(facts["remedy"])
        page.paragraph(remedy, max(base + 26, 268), ((BODY, 1), (SMALL, 3)), step=22)


def figures(page: Page, facts: "Facts") -> None:
    """Labels and values.  Facts: title (key), rows of (text, text), number, pages.

    A value that does not fit beside its label stands below it, in as many lines as there is room
    for."""
    _title(page, facts)
    font = page.fonts.font(SMALL)
    base = 66
    for label, value in facts["rows"]:
        if base > _LOWEST_BASE:
            return
        page.line(label, MARGIN, base, SMALL, MUTED)
        if font.width(label) + font.width(value) + 10 <= INNER:
            page.line(value, WIDTH - MARGIN, base, SMALL, align=2)
            base += _LINE
            continue
        for line in _broken(font, value):
            base += _SMALL_LINE
            if base > _LOWEST_BASE:
                return
            page.line(line, MARGIN, base, SMALL)
        base += _LINE


def _broken(font: "Font", text: str) -> "list[str]":
    """Lines of a text; a word that is longer than a line goes on in the next."""
    lines = []
    for line in wrap(font, text, INNER):
        while font.width(line) > INNER:
            fits = len(line)
            while font.width(line[:fits]) > INNER:
                fits -= 1
            lines.append(line[:fits])
            line = line[fits:]
        lines.append(line)
    return lines


def ask(page: Page, facts: "Facts") -> None:
    """A question.  Facts: title, text (keys)."""
    page.line(page.t(facts["title"]), MARGIN, 30, BODY)
    page.paragraph(page.t(facts["text"]), 96, ((BODY, 3), (SMALL, 4)), step=30)
    y = 208
    for symbol, colour, key in (
        (pictures.KEY_ENTER, GREEN, "key.enter"),
        (pictures.KEY_CANCEL, RED, "key.cancel"),
    ):
        page.picture(pictures.DISC_24, 72, y, colour, PAPER)
        page.picture(symbol, 72, y, WHITE, colour)
        page.line(page.t(key), 110, y + 20, BODY)
        y += 46


def pattern(page: Page, facts: "Facts") -> None:
    """Every edge and every colour of the panel.  Facts: title (key).

    A white frame on the outermost pixels, so that a wrong offset hides one of its sides; a corner
    of its own at the upper left, so that a turned or mirrored picture is seen; bands that name
    their colour, so that swapped or inverted colours are.
    """
    page.box(0, 0, WIDTH, HEIGHT, WHITE)
    page.box(2, 2, WIDTH - 4, HEIGHT - 4, _BLACK)
    page.box(2, 2, 8, 8, YELLOW)
    y = _BAND_Y
    for colour, ink, name in (
        (0xFF0000, WHITE, "R"),
        (0x00FF00, _BLACK, "G"),
        (0x0000FF, WHITE, "B"),
        (WHITE, _BLACK, "W"),
    ):
        page.box(14, y, WIDTH - 28, _BAND_STEP, colour)
        page.line(name, WIDTH // 2, y + 28, BODY, ink, colour, 1, word=False)
        y += _BAND_STEP
    for step in range(7):  # greys
        left, right = INNER * step // 7, INNER * (step + 1) // 7
        page.box(14 + left, y, right - left, _BAND_STEP, 0x010101 * (255 * (step + 1) // 8))
    page.line(page.t(facts["title"]), WIDTH // 2, 244, BODY, WHITE, _BLACK, 1)
    page.paragraph(page.t("service.panel_ask"), 272, ((SMALL, 2),), WHITE, _BLACK)


def keys(page: Page, facts: "Facts") -> None:
    """The keypad.  Facts: title (key), layout (names by row), pressed, stuck (names)."""
    page.line(page.t(facts["title"]), MARGIN, 30, BODY)
    page.paragraph(page.t("service.keys_text"), 62, ((SMALL, 1),), MUTED)
    layout = facts["layout"]
    width = (INNER + _KEY_GAP) // len(layout[0]) - _KEY_GAP
    height = min(_KEYS_HEIGHT // len(layout) - _KEY_GAP, _TALLEST_KEY)
    y = _KEYS_Y
    for row in layout:
        x = MARGIN
        for name in row:
            _key(page, name, (x, y, width, height), facts)
            x += width + _KEY_GAP
        y += height + _KEY_GAP


def _key(page: Page, name: str, place: "tuple[int, int, int, int]", facts: "Facts") -> None:
    x, y, width, height = place
    colour, ink = FAINT, INK
    if name in facts["stuck"]:
        colour, ink = RED, WHITE
    elif name in facts["pressed"]:
        colour, ink = GREEN, WHITE
    page.round(x, y, width, height, colour, PAPER)
    symbol = {
        "CANCEL": pictures.KEY_CANCEL,
        "CLEAR": pictures.KEY_CLEAR,
        "ENTER": pictures.KEY_ENTER,
    }.get(name)
    if symbol is not None:
        page.picture(symbol, x + (width - 24) // 2, y + (height - 24) // 2, ink, colour)
    elif name == "MENU":
        for line in (-8, -1, 6):
            page.box(x + width // 2 - 11, y + height // 2 + line, 22, 3, ink)
    else:
        label = page.t("language.other") if name == "LANG" else name
        label = shorten(page.fonts.font(SMALL), label, width - 4)
        page.line(label, x + width // 2, y + height // 2 + 7, SMALL, ink, colour, 1, word=False)


def _title(page: Page, facts: "Facts") -> None:
    page.line(page.t(facts["title"]), MARGIN, 30, BODY)
    if facts["pages"] > 1:
        text = page.t("menu.more", page=facts["number"] + 1, pages=facts["pages"])
        page.line(text, WIDTH - MARGIN, 30, SMALL, MUTED, PAPER, 2)


def _part(page: Page, name: str) -> str:
    """What a part is called, maybe as the item that tries it out; one that the catalogue does not
    know (a route to the host) keeps its own name."""
    name_there = name.replace(" ", "_")
    for key in ("part." + name_there, "service." + name_there):
        if page.catalogue.has(key):
            return page.t(key)
    return name


VIEWS: "dict[str, Callable[[Page, Facts], None]]" = {
    "service_code": code,
    "service_wait": wait,
    "service_verdicts": verdicts,
    "service_verdict": verdict,
    "service_figures": figures,
    "service_ask": ask,
    "service_pattern": pattern,
    "service_keys": keys,
}
"""Screen -> what draws it; `kassa.ui.screens` looks here for every name that begins like these."""
