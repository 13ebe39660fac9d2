"""What the terminal says when it lacks something: paper, a network, or its own health."""

from typing import TYPE_CHECKING

from micropython import const

from kassa.ui import pictures
from kassa.ui.page import AMBER, MUTED, RED, SMALL, Page

if TYPE_CHECKING:
    from typing import Any

    Facts = dict[str, Any]

_HERO_Y = const(64)


def paper_out(page: Page, facts: "Facts") -> None:
    page.head(facts["merchant"])
    page.hero(pictures.PAPER, _HERO_Y, AMBER)
    page.message(_HERO_Y, page.t("paper_out.title"), page.t("paper_out.text"))


def no_network(page: Page, facts: "Facts") -> None:
    page.head(facts["merchant"])
    page.hero(pictures.NO_NETWORK, _HERO_Y, AMBER)
    page.message(_HERO_Y, page.t("no_network.title"), page.t("no_network.text"))


def out_of_order(page: Page, facts: "Facts") -> None:
    """Facts: fault, for the technician (may be missing)."""
    page.head(facts["merchant"])
    page.hero(pictures.TOOL, _HERO_Y, RED)
    page.message(_HERO_Y, page.t("out_of_order.title"), page.t("out_of_order.text"))
    if facts.get("fault"):
        page.paragraph(facts["fault"], 266, ((SMALL, 3),), MUTED)
