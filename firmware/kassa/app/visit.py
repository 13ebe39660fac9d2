"""A technician at the terminal: shows, asks and tells, and notices when nobody is there any
more."""

import asyncio
import time
from typing import TYPE_CHECKING

from micropython import const

from kassa.system.ensure import ensure
from kassa.ui.views import idle
from kassa.ui.views import service as views

if TYPE_CHECKING:
    from network import WLAN

    from kassa.app.care import Care
    from kassa.app.checks import Check
    from kassa.app.terminal import Terminal
    from kassa.drivers.tamper import TamperSwitch

_UNTOUCHED_MS = const(120_000)
_WORST_FIRST = ("fail", "warn", "ok")


class Untouched(Exception):
    """Nobody has pressed a key for two minutes: the visit is over."""


class Visit:
    """What the items of the service menu are handed.

    terminal, case (the switch that opens with it), wlan: what they look at.
    restart_wanted: an item has agreed with the technician that the terminal restarts.
    Every method that waits for a key without a time of its own raises Untouched.
    """

    untouched_ms = _UNTOUCHED_MS

    def __init__(self, terminal: "Terminal", case: "TamperSwitch", wlan: "WLAN") -> None:
        self.terminal = terminal
        self.case = case
        self.wlan = wlan
        self.restart_wanted = False

    @property
    def care(self) -> "Care":
        care = self.terminal.care
        ensure(care is not None, "nobody takes care")
        return care  # type: ignore[return-value]

    async def show(self, name: str, **facts: object) -> None:
        """As `Screens.show`."""
        await self.terminal.screens.show(name, **facts)

    async def working(self, title: str, text: str = "authorising.text") -> None:
        """Something takes a while; keys of the catalogue."""
        await self.show("staff_working", title=title, text=text)

    async def key(self, timeout_ms: int = 0) -> "str | None":
        """The next key but LANG, which switches the language; None after `timeout_ms`."""
        screens = self.terminal.screens
        deadline = time.ticks_add(time.ticks_ms(), timeout_ms or _UNTOUCHED_MS)
        while True:
            left_ms = time.ticks_diff(deadline, time.ticks_ms())
            try:
                key = await asyncio.wait_for_ms(screens.key(), max(0, left_ms))
            except asyncio.TimeoutError:
                if not timeout_ms:
                    raise Untouched
                return None
            if key != "LANG":
                return key
            await screens.switch_language()

    async def choose(self, title: str, choices: "list[str]") -> "int | None":
        """As `Screens.choose`, for somebody who may go away."""
        number = 0
        pages = _pages(choices, idle.ROWS)
        while True:
            shown = choices[number * idle.ROWS : (number + 1) * idle.ROWS]
            await self.show("menu", title=title, choices=shown, number=number, pages=pages)
            key = await self.key()
            if key == "CANCEL":
                return None
            if key == "MENU":
                number = (number + 1) % pages
            elif key is not None and len(key) == 1 and "1" <= key <= str(len(shown)):
                return number * idle.ROWS + int(key) - 1

    async def agreed(self, title: str, text: str, screen: str = "service_ask") -> bool:
        """Ask a question: ENTER is yes, CANCEL no."""
        self.terminal.keypad.clear()
        await self.show(screen, title=title, text=text)
        while True:
            key = await self.key()
            if key in ("ENTER", "CANCEL"):
                return key == "ENTER"

    async def tell(self, check: "Check") -> None:
        """Show one verdict, whole, until a key is pressed; the log has it too."""
        self.note(check)
        await self.show_verdict(check)
        await self.key()

    async def show_verdict(self, check: "Check") -> None:
        """Show one verdict, whole."""
        await self.show(
            "service_verdict",
            verdict=check.verdict,
            part=check.name,
            detail=check.detail,
            remedy=check.remedy,
        )

    def note(self, check: "Check") -> None:
        """Tell the log."""
        self.terminal.log.event(
            "service", "check", check=check.name, verdict=check.verdict, detail=check.detail
        )

    async def tell_all(self, title: str, found: "list[Check]") -> None:
        """Show verdicts, the worst first, until CANCEL: a digit shows one whole, MENU or ENTER
        turns the page."""
        checks = []
        for verdict in _WORST_FIRST:
            checks += [check for check in found if check.verdict == verdict]
        for check in checks:
            self.note(check)
        number = 0
        pages = _pages(checks, views.ROWS)
        while True:
            shown = checks[number * views.ROWS : (number + 1) * views.ROWS]
            rows = [(check.verdict, check.name, check.detail) for check in shown]
            await self.show("service_verdicts", title=title, rows=rows, number=number, pages=pages)
            key = await self.key()
            if key == "CANCEL":
                return
            if key in ("MENU", "ENTER"):
                number = (number + 1) % pages
            elif key is not None and len(key) == 1 and "1" <= key <= str(len(shown)):
                await self.show_verdict(shown[int(key) - 1])
                await self.key()

    async def figures(self, title: str, leaves: "list[list[tuple[str, str]]]") -> None:
        """Show labels and values, leaf by leaf, until CANCEL; any other key turns over."""
        number = 0
        while True:
            await self.show(
                "service_figures",
                title=title,
                rows=leaves[number],
                number=number,
                pages=len(leaves),
            )
            if await self.key() == "CANCEL":
                return
            number = (number + 1) % len(leaves)


def _pages(rows: "list", each: int) -> int:
    return max(1, (len(rows) + each - 1) // each)
