"""The terminal looks after itself, when nobody needs it.

One task, `run`: puts the black box into flash, takes the heap's figures, tells the host once a day
and after an unexpected restart how the terminal is, and sees when the quiet hour has come.  The
quiet hour itself is a flow of the terminal's: a minute's warning, which any key postpones, the
self-test, and a restart, from which the terminal comes back by itself.  It never comes while money
is in doubt or under way, and once a day at most, whatever happens to the power.
"""

import asyncio
import json
import time
from typing import TYPE_CHECKING

from micropython import const

from kassa.host.errors import HostError
from kassa.host.messages import LONGEST_HEALTH
from kassa.system import health
from kassa.system.counters import PLANNED, UNEXPECTED
from kassa.system.state_file import StateError
from kassa.system.tasks import unwatched

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from kassa.app.checks import Check
    from kassa.app.terminal import Terminal
    from kassa.security.key_store import KeyStore
    from kassa.system.black_box import BlackBox
    from kassa.system.counters import Counters
    from kassa.system.state_file import StateFile

_LOOK_MS = const(2_000)
_LOOKS_A_MINUTE = const(30)
_LOOKS_AN_HOUR = const(1800)
_WINDOW_MINUTES = const(120)
_DAY_MINUTES = const(1440)
_UNTOUCHED_MS = const(300_000)
_WARNING_MS = const(60_000)
_POSTPONED_MS = const(1_800_000)
_TELL_AGAIN_MS = const(600_000)
_MOST_DAYS = const(7)
_MOST_BAD = const(5)
_KIB = const(1024)
# As in kassa.app.checks, which is not loaded before it is needed.
_OK = "ok"
_FAIL = "fail"


class Care:
    """Looks after one terminal.

    wanted: set when the quiet hour has come; the terminal then carries out `quiet_hour`.
    keys, box, counters, board, version, restart: as handed in; the service menu shows them.
    state: a StateFile for [day of the last quiet hour, day of the last report, checks that
        failed]; trend: one for [[day, KiB free, KiB of the largest piece] ...].
    board: the board's description, of which `name` and `chip` count; version: the firmware's.
    restart: restarts the chip; does not return.
    """

    def __init__(
        self,
        terminal: "Terminal",
        keys: "KeyStore",
        box: "BlackBox",
        counters: "Counters",
        state: "StateFile",
        trend: "StateFile",
        board: "dict[str, Any]",
        version: str,
        restart: "Callable[[], None]",
    ) -> None:
        self.wanted = asyncio.Event()
        self._terminal = terminal
        self._minute = terminal.config.care.restart_minute
        self.keys = keys
        self.box = box
        self.counters = counters
        self._state = state
        self._trend = trend
        self.board = board
        self.version = version
        self.restart = restart
        self._started_at = time.ticks_ms()
        self._up_s = 0
        self._least_free = health.free_bytes()
        self._not_before = None  # type: Any
        self._tell_not_before = None  # type: Any
        self._unexpected = counters.why in UNEXPECTED
        self._quiet_day = 0
        self._told_day = 0
        self._bad = []  # type: list[str]
        self._recall()

    # -- what is remembered

    def _recall(self) -> None:
        try:
            quiet_day, told_day, bad = self._state.load() or (0, 0, [])
            self._quiet_day, self._told_day, self._bad = int(quiet_day), int(told_day), list(bad)
        except (StateError, ValueError, TypeError):
            pass  # as on the first day

    def _remember(self) -> None:
        try:
            self._state.save((self._quiet_day, self._told_day, self._bad))
        except StateError as error:
            self._terminal.log.trouble("care", "not remembered", error)

    def _days(self) -> "list[list[int]]":
        try:
            days = self._trend.load()
        except StateError:
            days = None
        return days if isinstance(days, list) else []

    def _today(self) -> int:
        """The number of the day that began with the last quiet hour's beginning."""
        minutes = self._minutes()
        return (minutes - (self._minute or 0)) // _DAY_MINUTES

    def _minutes(self) -> int:
        """Minutes of local time since some midnight long ago."""
        year, month, day, hour, minute, _ = self._terminal.clock.local()
        return time.mktime((year, month, day, hour, minute, 0, 0, 0)) // 60

    # -- the task

    async def run(self, beat: "Callable[[], None]" = unwatched) -> None:
        """Critical task: beats every two seconds, or once the host has answered."""
        looks = 0
        while True:
            beat()
            await asyncio.sleep_ms(_LOOK_MS)
            looks += 1
            self._up_s += _LOOK_MS // 1000
            if not self._terminal.idle:
                continue
            self.box.write()
            if looks % _LOOKS_A_MINUTE == 0:
                self._least_free = min(self._least_free, health.free_bytes())
                if self._quiet_hour_is_due():
                    self.wanted.set()
                elif self._report_is_due():
                    await self._report()
            if looks >= _LOOKS_AN_HOUR:
                looks = 0
                self.counters.save()

    def _quiet_hour_is_due(self) -> bool:
        clock = self._terminal.clock
        if self._minute is None or not clock.trusted or not _over(self._not_before):
            return False
        return self._in_window() and self._quiet()

    def _in_window(self) -> bool:
        """Whether it is night, and today's quiet hour is still to come."""
        if self._minute is None:
            return False
        since = (self._minutes() - self._minute) % _DAY_MINUTES
        return since < _WINDOW_MINUTES and self._quiet_day != self._today()

    def _quiet(self) -> bool:
        """Nobody is there, and no money is in doubt or under way."""
        terminal = self._terminal
        payments = terminal.payments
        book = payments.book
        untouched_ms = time.ticks_diff(time.ticks_ms(), terminal.idle_since)
        # Ticks wrap: a key of many days ago may look as if it were to come.
        if not terminal.idle or 0 <= untouched_ms < _UNTOUCHED_MS:
            return False
        if book.owed or book.settling is not None or payments.forwarder.busy.locked():
            return False
        return not (book.stored and terminal.link.online)

    # -- telling the host

    def _report_is_due(self) -> bool:
        terminal = self._terminal
        if not terminal.link.online or not terminal.clock.trusted:
            return False
        if not _over(self._tell_not_before):
            return False
        today = self._today()
        if not self._told_day:
            # A terminal's first day is told when it is over.
            self._told_day = today
            self._remember()
        return self._unexpected or (self._told_day != today and not self._in_window())

    async def _report(self) -> None:
        text = json.dumps(self.figures())
        try:
            told = await self._terminal.link.tell_health(text)
        except HostError as error:
            self._terminal.log.trouble("care", "host not told", error)
            told = False
        if not told:
            self._tell_not_before = time.ticks_add(time.ticks_ms(), _TELL_AGAIN_MS)
            return
        self._terminal.log.event("care", "host told", why=self.counters.why)
        self._unexpected = False
        self._told_day = self._today()
        self._remember()

    def figures(self) -> "dict[str, Any]":
        """How the terminal is, in few letters: see simulator/acquirer/README.md for the keys."""
        free, largest = health.free_bytes(), health.largest_block()
        self._least_free = min(self._least_free, free)
        system_free, system_largest = health.system_heap()
        journal = self._terminal.payments.book.journal
        told = {
            "v": self.version[:24],
            "boot": self.counters.boots,
            "why": self.counters.why,
            "up": self._up_s,
            "heap": [free // _KIB, self._least_free // _KIB, largest // _KIB, self._slope()],
            "sys": [system_free // _KIB, system_largest // _KIB],
            "c": health.temperature_c(),
            "wear": [journal.erases, journal.free_slots],
            "n": self.counters.counts,
            "bad": self._bad,
        }
        while len(json.dumps(told)) > LONGEST_HEALTH:
            # Counts of five digits each, and that five times: the names of the checks can wait.
            told["bad"] = told["bad"][:-1] if told["bad"] else []
            if not told["bad"]:
                told["v"] = ""
                break
        return told

    def _slope(self) -> int:
        """KiB a day by which the free heap changes, over the days that are remembered."""
        days = self._days()
        if len(days) < 2 or days[-1][0] == days[0][0]:
            return 0
        return (days[-1][1] - days[0][1]) // (days[-1][0] - days[0][0])

    # -- the quiet hour

    async def quiet_hour(self) -> None:
        """Warn, test, restart; returns when a key has postponed it, or when somebody else was
        faster."""
        self.wanted.clear()
        terminal = self._terminal
        key = await terminal.screens.acknowledge(
            "quiet_hour", _WARNING_MS, title="quiet_hour.title", text="quiet_hour.text"
        )
        if key is not None or terminal.payments.book.owed:
            terminal.log.event("care", "quiet hour postponed", key=key)
            self._not_before = time.ticks_add(time.ticks_ms(), _POSTPONED_MS)
            return
        # Whatever becomes of it, it is not begun again today.
        self._quiet_day = self._today()
        self._remember()
        await terminal.screens.show("self_test", title="self_test.title", text="self_test.text")
        self._note(await self.self_test())
        self._keep_trend()
        self.counters.restarting(PLANNED)
        self.restart()

    async def self_test(self) -> "list[Check]":
        """Look at every part that can be looked at without a person."""
        # Not before it is needed: an idle terminal has better use for the memory.
        from kassa.app import checks

        terminal = self._terminal
        book = terminal.payments.book
        found = [
            checks.heap(),
            checks.system_heap(),
            checks.temperature(),
            checks.flash(),
            checks.clock(terminal.clock),
            await checks.journal_proof(book.journal),
            checks.pending(book),
            checks.keys(self.keys),
            checks.keypad(terminal.keypad),
            checks.slot(self.board["name"], self.board["chip"]),
            checks.host(terminal.link),
            checks.certificates(terminal.clock),
            await checks.reader(terminal.reader),
            await checks.printer(terminal.paper.printer),
        ]
        await terminal.reader.field(False)
        return found

    def _note(self, found: "list[Check]") -> None:
        """Keep the result: what is not well line by line, and all of it in one."""
        self._bad = []
        for check in found:
            if check.verdict == _OK:
                continue
            if check.verdict == _FAIL and len(self._bad) < _MOST_BAD:
                self._bad.append(check.name)
            self.box.add(
                {
                    "at": "care",
                    "is": "check " + check.verdict,
                    "check": check.name,
                    "message": check.detail,
                }
            )
        self._remember()
        self._terminal.log.event("care", "self-test", bad=self._bad)
        self.box.last_words({"at": "care", "is": "self-test", "figures": self.figures()})

    def _keep_trend(self) -> None:
        days = self._days()
        days.append(
            [self._today(), self._least_free // _KIB, health.largest_block() // _KIB],
        )
        try:
            self._trend.save(days[-_MOST_DAYS:])
        except StateError as error:
            self._terminal.log.trouble("care", "not remembered", error)


def _over(moment: "int | None") -> bool:
    """Whether that moment (ticks) has passed; None is long ago."""
    return moment is None or time.ticks_diff(time.ticks_ms(), moment) >= 0
