"""The service menu: a technician's sign-in, and what can be looked at and tried out behind it.

The service code is a few digits, so whoever guesses is made to wait: three wrong ones in a row are
free, then it takes 30 s until the next is taken, a minute, two, and so on up to an hour.  The
count is written before a code is looked at and survives a power cut, so that pulling the plug
neither wins a try nor shortens a wait: after a start it begins again.
"""

import time
from typing import TYPE_CHECKING

from micropython import const

from kassa.app import loading
from kassa.app.visit import Untouched, Visit
from kassa.security import compare, pbkdf2
from kassa.security.errors import SecurityError
from kassa.system import health
from kassa.system.counters import PLANNED
from kassa.system.state_file import StateError

if TYPE_CHECKING:
    from network import WLAN

    from kassa.app.terminal import Terminal
    from kassa.drivers.tamper import TamperSwitch
    from kassa.system.state_file import StateFile

_MOST_DIGITS = const(10)
_FREE = const(3)
_SHORTEST_WAIT_S = const(30)
_LONGEST_WAIT_S = const(3600)
_MOST_DOUBLINGS = const(7)
_MOST_COUNTED = const(9999)
_LOOK_MS = const(1_000)
_ROOM_BYTES = const(160 * 1024)  # what a sale imports, and some more

# Item of the menu -> module and function that carry it out, `function(visit)`.
_ITEMS = (
    ("service.checks", "service_tests", "everything"),
    ("service.reader", "service_tests", "reader"),
    ("service.printer", "service_tests", "printer"),
    ("service.panel", "service_tests", "display"),
    ("service.keypad", "service_tests", "keypad"),
    ("service.sound", "service_tests", "sound"),
    ("service.case", "service_tests", "case"),
    ("service.network", "service_facts", "network"),
    ("service.clock", "service_facts", "clock"),
    ("service.money", "service_facts", "money"),
    ("service.about", "service_facts", "about"),
    ("service.errors", "service_facts", "errors"),
    ("service.update", "service_facts", "update"),
    ("service.restart", "service_facts", "restart"),
)


class WrongCode(SecurityError):
    """Somebody has typed a code that is not the service code."""


def wait_s(wrong: int) -> int:
    """Seconds from the last code until the next is taken, after so many wrong ones in a row."""
    if wrong < _FREE:
        return 0
    return min(_SHORTEST_WAIT_S << min(wrong - _FREE, _MOST_DOUBLINGS), _LONGEST_WAIT_S)


class Service:
    """One visit of a technician; used once.

    case: the switch that opens with the case.  wlan: the Wi-Fi interface.  state: a StateFile for
    [wrong codes in a row].
    """

    def __init__(
        self, terminal: "Terminal", case: "TamperSwitch", wlan: "WLAN", state: "StateFile"
    ) -> None:
        self._terminal = terminal
        self._visit = Visit(terminal, case, wlan)
        self._state = state

    async def run(self) -> None:
        """Sign in, then serve the menu until CANCEL, or until nobody touches it any more; restart
        the chip where that was wanted, or too little memory is left for a sale.

        Raises StateError when the count of wrong codes cannot be written: no code is taken then.
        """
        log = self._terminal.log
        signed_in = False
        try:
            signed_in = await self._sign_in()
            if signed_in:
                log.event("service", "signed in")
                await self._menu()
        except Untouched:
            log.event("service", "left alone")
        log.event("service", "ended")
        if self._visit.restart_wanted or (signed_in and health.free_bytes() < _ROOM_BYTES):
            # What the menu has imported stays: where memory is little, customers need it more.
            self._restart()

    # -- signing in

    async def _sign_in(self) -> bool:
        """Ask for the code until it is right; False for CANCEL."""
        text = ""
        while True:
            wrong = self._wrong()
            if not await self._waited(wait_s(wrong)):
                return False
            typed = bytearray(_MOST_DIGITS)
            try:
                count = await self._type(typed, text)
                if not count:
                    return False
                wrong = min(wrong + 1, _MOST_COUNTED)
                # First the count, then the look: pulling the plug wins nothing.
                self._state.save((wrong,))
                self._terminal.service_tried_at = time.ticks_ms()
                await self._visit.working("service.title")
                if await self._is_right(bytes(typed[:count])):
                    self._state.save((0,))
                    return True
            finally:
                typed[:] = bytes(_MOST_DIGITS)
            error = WrongCode("%d wrong codes in a row" % wrong)
            self._terminal.log.trouble("service", "wrong code", error)
            self._visit.care.box.write()  # whoever guesses may pull the plug next
            text = "service.wrong"

    def _wrong(self) -> int:
        """Wrong codes in a row so far.  A count that cannot be read is one too many."""
        try:
            (wrong,) = self._state.load() or (0,)
            return max(0, int(wrong))
        except (StateError, ValueError, TypeError):
            return _FREE

    async def _waited(self, needed_s: int) -> bool:
        """Wait until the next code is taken, and say for how long; False for CANCEL.  A visit that
        nobody touches ends meanwhile: the wait goes on without it."""
        untouched_ms = 0
        while True:
            passed_ms = time.ticks_diff(time.ticks_ms(), self._terminal.service_tried_at)
            # Ticks wrap: what was many days ago may look as if it were to come.
            left_ms = 1000 * needed_s - passed_ms if passed_ms >= 0 else 0
            if left_ms <= 0:
                return True
            await self._visit.show("service_wait", left_s=(left_ms + 999) // 1000)
            key = await self._visit.key(min(left_ms, _LOOK_MS))
            if key == "CANCEL":
                return False
            untouched_ms = 0 if key else untouched_ms + _LOOK_MS
            if untouched_ms >= self._visit.untouched_ms:
                raise Untouched

    async def _type(self, typed: bytearray, text: str) -> int:
        """Let a code be typed into a buffer; how many digits, 0 for CANCEL.  text: what is said
        below it, as a key."""
        count = 0
        while True:
            await self._visit.show("service_code", typed=count, text=text)
            key = await self._visit.key()
            text = ""
            if key == "CANCEL":
                return 0
            if key == "ENTER" and count:
                return count
            if key == "CLEAR" and count:
                count -= 1
            elif key is not None and key.isdigit() and count + len(key) <= len(typed):
                for digit in key.encode():
                    typed[count] = digit
                    count += 1

    async def _is_right(self, code: bytes) -> bool:
        kept = self._terminal.config.service
        derived = await pbkdf2.derive(code, kept.salt, kept.rounds)
        return compare.equal(derived, kept.hash)

    # -- the menu

    async def _menu(self) -> None:
        await self._visit.working("service.title")
        # Only who has signed in needs these.
        await loading.load(loading.SERVICE_MENU)
        items = [item for item in _ITEMS if self._offered(item[0])]
        choices = [item[0] for item in items]
        while True:
            chosen = await self._visit.choose("service.title", choices)
            if chosen is None:
                return
            name, module, function = items[chosen]
            self._terminal.log.event("service", "chosen", item=name[8:])
            room = __import__("kassa.app." + module, None, None, (function,))
            try:
                await getattr(room, function)(self._visit)
            finally:
                await self._terminal.reader.field(False)
                self._terminal.screens.lamps.off()
            if self._visit.restart_wanted:
                return

    def _offered(self, name: str) -> bool:
        return name != "service.update" or self._terminal.updater is not None

    def _restart(self) -> None:
        care = self._visit.care
        self._terminal.log.event("service", "restart")
        care.box.write()
        care.counters.restarting(PLANNED)
        care.restart()
