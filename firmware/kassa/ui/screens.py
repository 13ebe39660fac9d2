"""The screens: each is awaited; some give back what the person decided.

A screen is a name, facts and the view that draws it.  Showing one also lights the lamps, sounds
the tone that belongs to it, and tells the log its words, so that a test or a bench can read it:

    {"at": "ui", "is": "screen", "name": "approved", "words": ["€12.50", "APPROVED", "Thank you"]}
"""

import asyncio
import time
from typing import TYPE_CHECKING

from micropython import const

from kassa.drivers.buzzer import FAILURE, KEY, SUCCESS, WARNING
from kassa.system.tasks import unwatched
from kassa.ui.page import LAMPS, Page
from kassa.ui.views import idle, trouble

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from kassa.drivers.buzzer import Buzzer
    from kassa.drivers.keypad import Keypad
    from kassa.drivers.lamps import Lamps
    from kassa.system.log import Log
    from kassa.ui.display import Display
    from kassa.ui.language import Catalogue

    Facts = dict[str, Any]

LARGEST_AMOUNT = 99999999
"""Minor units a person can type."""

VIEWS = {
    "starting": ("idle", "starting"),
    "welcome": ("idle", "welcome"),
    "amount": ("idle", "amount"),
    "menu": ("idle", "menu"),
    "present_card": ("tap", "present_card"),
    "processing": ("tap", "notice"),
    "card_read_ok": ("tap", "notice"),
    "try_again": ("tap", "notice"),
    "remove_card": ("tap", "notice"),
    "one_card_only": ("tap", "notice"),
    "see_phone": ("tap", "notice"),
    "insert_or_swipe": ("tap", "notice"),
    "try_another_card": ("tap", "notice"),
    "authorising": ("result", "authorising"),
    "approved": ("result", "approved"),
    "declined": ("result", "declined"),
    "cancelled": ("result", "cancelled"),
    "printing": ("result", "printing"),
    "number": ("staff", "number"),
    "staff_done": ("staff", "notice"),
    "staff_working": ("staff", "notice"),
    "staff_problem": ("staff", "notice"),
    "totals": ("staff", "sums"),
    "quiet_hour": ("staff", "notice"),
    "self_test": ("staff", "notice"),
    "paper_out": ("trouble", "paper_out"),
    "no_network": ("trouble", "no_network"),
    "out_of_order": ("trouble", "out_of_order"),
}
"""Screen -> the module below kassa.ui.views, and its function, that draw it; but for those of the
service menu, `kassa.ui.views.service.VIEWS`."""

_TONES = {
    "card_read_ok": SUCCESS,
    "declined": FAILURE,
    "try_again": WARNING,
    "one_card_only": WARNING,
    "see_phone": WARNING,
    "insert_or_swipe": WARNING,
    "try_another_card": WARNING,
    "staff_done": SUCCESS,
    "staff_problem": WARNING,
    "quiet_hour": WARNING,
    "paper_out": WARNING,
    "out_of_order": FAILURE,
}
# These begin anew: the amount of a sale before is forgotten.
_WITHOUT_AMOUNT = ("starting", "welcome", "amount", "menu", "number", "totals")
_BEAT_MS = const(400)
_REFRESH_MS = const(1000)
_ALL_LAMPS = const(4)
_ALL_LIT_MS = const(750)


def view(name: str) -> "Callable[[Page, Facts], None]":
    """What draws the screen `name`.  KeyError for a screen that does not exist."""
    if name.startswith("service_"):
        # A technician's: they come with the service menu.
        from kassa.ui.views import service

        return service.VIEWS[name]
    room, function = VIEWS[name]
    # An idle terminal shows none of these three; what tells of trouble is always at hand.
    if room == "tap":
        from kassa.ui.views import tap as views
    elif room == "result":
        from kassa.ui.views import result as views
    elif room == "staff":
        from kassa.ui.views import staff as views
    else:
        views = trouble if room == "trouble" else idle
    return getattr(views, function)


class Screens:
    """All screens of the terminal.

    `catalogue` may be read by others: receipts speak the language of the screen.
    `beat` is called with every screen shown, and while a person is waited for: it is the heartbeat
    of the task that serves customers.
    """

    def __init__(
        self,
        display: "Display",
        keypad: "Keypad",
        buzzer: "Buzzer",
        lamps: "Lamps",
        catalogue: "Catalogue",
        log: "Log",
    ) -> None:
        self.catalogue = catalogue
        self.beat = unwatched  # type: Callable[[], None]
        self.display = display
        self._keypad = keypad
        self.buzzer = buzzer
        self.lamps = lamps
        self._log = log
        self._name = ""
        self._facts = {}  # type: Facts
        self._merchant = ""
        self._amount = {}  # type: Facts
        self._told = ("", [])  # type: tuple[str, list[str]]
        self._beat = None  # type: asyncio.Task | None
        self._dimmer = None  # type: asyncio.Task | None
        self._lit = 0
        self._lit_at = 0

    # -- showing

    async def show(self, name: str, **facts: object) -> None:
        """Show the screen `name`; returns when the panel shows it.  What `facts` it takes its view
        says.

        An amount stays on the screens of its sale, and the merchant's name on all, without being
        given again.  KeyError for a screen that does not exist.
        """
        draw = view(name)
        self.beat()
        if self._beat is not None:
            self._beat.cancel()
            self._beat = None
        again = name == self._name
        self._name = name
        self._facts = self._complete(name, facts)
        if not again:
            self._light(LAMPS.get(name, 0))
            if name in _TONES:
                self.buzzer.start(_TONES[name])
        await self._draw(draw)
        if name == "authorising":
            self._beat = asyncio.create_task(self._keep_beating())

    def _light(self, lit: int) -> None:
        """Light `lit` lamps.  All four, once lit, stay for 750 ms so that they are seen, unless a
        card is wanted again (EMV Contactless Book A, user interface).
        """
        if lit == 0 and self._dimmer is not None and not self._dimmer.done():
            return
        self._stop_dimmer()
        if lit == 0 and self._lit == _ALL_LAMPS:
            shown_ms = time.ticks_diff(time.ticks_ms(), self._lit_at)
            if 0 <= shown_ms < _ALL_LIT_MS:
                self._dimmer = asyncio.create_task(self._dim(_ALL_LIT_MS - shown_ms))
                return
        self._lit = lit
        self._lit_at = time.ticks_ms()
        self.lamps.show(lit)

    async def _dim(self, wait_ms: int) -> None:
        await asyncio.sleep_ms(wait_ms)
        self._lit = 0
        self.lamps.off()

    def _stop_dimmer(self) -> None:
        if self._dimmer is not None:
            self._dimmer.cancel()
            self._dimmer = None

    def _complete(self, name: str, facts: "Facts") -> "Facts":
        """The facts with what is known from earlier screens."""
        if "merchant" in facts:
            self._merchant = facts["merchant"]
        if name in _WITHOUT_AMOUNT:
            self._amount = {}
        elif "amount_minor" in facts:
            self._amount = {
                "amount_minor": facts["amount_minor"],
                "currency": facts["currency"],
            }
        complete = {"screen": name, "merchant": self._merchant}
        complete.update(self._amount)
        complete.update(facts)
        return complete

    async def _draw(self, draw: "Callable[[Page, Facts], None]") -> None:
        page = Page(self.display.fonts, self.catalogue)
        draw(page, self._facts)
        name = self._name
        words = page.words
        await self.display.show(page.scene)
        if name == self._name and (name, words) != self._told:
            self._told = (name, words)
            self._log.event("ui", "screen", name=name, words=words)

    async def _keep_beating(self) -> None:
        """Let the dots run, so that waiting looks alive."""
        while True:
            await asyncio.sleep_ms(_BEAT_MS)
            self._facts["beat"] = self._facts.get("beat", 0) + 1
            await self._draw(view("authorising"))

    async def switch_language(self) -> None:
        """Speak the next language, and show the present screen in it."""
        self.catalogue.use(self.catalogue.next_language())
        if self._name:
            await self._draw(view(self._name))

    # -- asking

    async def key(self, patient: bool = False) -> str:
        """The next key, with its tone.  `patient` when nothing else is waited for beside it: a
        person may take hours."""
        key = await self._keypad.next(self.beat if patient else None)
        self.buzzer.start(KEY)
        return key

    async def welcome(self, facts: "Facts | Callable[[], Facts]") -> str:
        """The idle screen, until a key is pressed; gives the key (never LANG).

        `facts` as the view `idle.welcome` wants them, or a function that gives them: it is asked
        every second, so that clock and network stay true.
        """
        ask = facts if callable(facts) else (lambda: facts)
        await self.show("welcome", **ask())
        self._stop_dimmer()
        beside = [
            asyncio.create_task(self.lamps.idle_blink()),
            asyncio.create_task(self._refresh(ask)),
        ]
        try:
            while True:
                key = await self.key(patient=True)
                if key != "LANG":
                    return key
                await self.switch_language()
        finally:
            for task in beside:
                task.cancel()
            self._lit = 0
            self.lamps.off()

    async def _refresh(self, ask: "Callable[[], Facts]") -> None:
        while True:
            await asyncio.sleep_ms(_REFRESH_MS)
            facts = self._complete("welcome", ask())
            if facts != self._facts:
                self._facts = facts
                await self._draw(idle.welcome)

    async def amount(self, currency: str, first_key: str = "") -> "int | None":
        """Let an amount be typed; minor units (1..99999999), or None when CANCEL was pressed.

        `first_key` is a digit that was pressed already.  Digits come in from the right, as on
        every terminal: 1 2 5 0 is 12.50 in a currency with two minor digits, 1250 in one without.
        """
        minor = self._typed(0, first_key)
        await self.show("amount", amount_minor=minor, currency=currency)
        while True:
            key = await self.key(patient=True)
            if key == "CANCEL":
                return None
            if key == "ENTER" and minor:
                return minor
            if key == "LANG":
                await self.switch_language()
                continue
            changed = minor // 10 if key == "CLEAR" else self._typed(minor, key)
            if changed == minor and key != "00":
                self.buzzer.start(WARNING)
                continue
            minor = changed
            self._facts["amount_minor"] = minor
            await self._draw(idle.amount)

    def _typed(self, minor: int, key: str) -> int:
        """The amount after a digit key; other keys and too many digits change nothing."""
        if not key.isdigit():
            return minor
        longer = minor * 10 ** len(key) + int(key)
        return longer if longer <= LARGEST_AMOUNT else minor

    async def choose(self, title: str, choices: "list[str]") -> "int | None":
        """A menu; the index of what was chosen by its digit, or None for CANCEL.

        `title` and `choices` are keys of the catalogue or plain texts.  MENU turns the page.
        """
        pages = max(1, (len(choices) + idle.ROWS - 1) // idle.ROWS)
        number = 0
        while True:
            first = number * idle.ROWS
            shown = choices[first : first + idle.ROWS]
            await self.show("menu", title=title, choices=shown, number=number, pages=pages)
            key = await self.key(patient=True)
            if key == "CANCEL":
                return None
            if key == "LANG":
                await self.switch_language()
            elif key == "MENU":
                number = (number + 1) % pages
            elif len(key) == 1 and "1" <= key <= str(len(shown)):
                return first + int(key) - 1
            else:
                self.buzzer.start(WARNING)

    async def number(self, title: str, digits: int = 6) -> "int | None":
        """Let a whole number be typed, its title a key of the catalogue; None for CANCEL."""
        typed = ""
        await self.show("number", title=title, digits=typed)
        while True:
            key = await self.key(patient=True)
            if key == "CANCEL":
                return None
            if key == "ENTER" and typed:
                return int(typed)
            if key == "CLEAR":
                typed = typed[:-1]
            elif key.isdigit() and len(typed) + len(key) <= digits:
                typed += key
            self._facts["digits"] = typed
            await self._draw(view("number"))

    async def pause(self, timeout_ms: int) -> None:
        """Leave the screen as it is until a key is pressed or the time is over."""
        try:
            await asyncio.wait_for_ms(self._keypad.next(), timeout_ms)
        except asyncio.TimeoutError:
            pass

    async def acknowledge(self, name: str, timeout_ms: int, **facts: object) -> "str | None":
        """Show a screen until a key is pressed or the time is over; gives the key, or None."""
        await self.show(name, **facts)
        deadline = time.ticks_add(time.ticks_ms(), timeout_ms)
        while True:
            left_ms = time.ticks_diff(deadline, time.ticks_ms())
            if left_ms <= 0:
                return None
            try:
                key = await asyncio.wait_for_ms(self.key(), left_ms)
            except asyncio.TimeoutError:
                return None
            if key != "LANG":
                return key
            await self.switch_language()
