"""What went wrong how often, and why the terminal was started: counts that outlive the power.

Kept in one small file, written when the terminal starts, at most once an hour, and before a
restart; what was counted since the last writing is lost with the power.
"""

import machine

from kassa.system.state_file import StateError

# Why the terminal was started.
POWER = "power"
PLANNED = "planned"
WATCHDOG = "watchdog"
TASK = "task"
OTHER = "other"
UNEXPECTED = (WATCHDOG, TASK, OTHER)

NAMES = (
    POWER, PLANNED, WATCHDOG, TASK, OTHER,
    "timeouts", "bad_answers", "reader", "printer", "cards", "memory", "journal",
)  # fmt: skip
"""The first five count starts; then answers of the host that did not come or were not authentic,
faults of the reader and the printer, cards that could not be read, memory that did not suffice,
and records that the journal did not take."""

_MOST = 99_999


class Counters:
    """The counts in `state` (a StateFile); `boots` is the number of starts, `why` what caused this
    one."""

    def __init__(self, state) -> None:  # type: ignore[no-untyped-def]
        self._state = state
        self._changed = False
        self.boots = 0
        self.why = POWER
        self.counts = [0] * len(NAMES)
        self._intent = ""
        self._load()

    def _load(self) -> None:
        try:
            boots, intent, counts = self._state.load() or (0, "", ())
            self.boots, self._intent = int(boots), str(intent)
            for index, count in enumerate(counts):
                self.counts[index] = int(count)
        except (StateError, ValueError, TypeError, IndexError):
            pass  # counting begins anew

    def started(self, cause: int) -> str:
        """Count this start; why it was, from `machine.reset_cause()` and what the terminal meant
        when it restarted itself."""
        if cause == machine.WDT_RESET:
            self.why = WATCHDOG
        elif cause == machine.HARD_RESET:
            self.why = self._intent or OTHER
        elif cause == machine.SOFT_RESET:
            self.why = PLANNED  # a technician's
        else:
            self.why = POWER
        self.boots = self.boots % _MOST + 1
        self._intent = ""
        self.count(self.why)
        self.save()
        return self.why

    def restarting(self, why: str) -> None:
        """The terminal is about to restart itself (PLANNED, TASK)."""
        self._intent = why
        self._changed = True
        self.save()

    def count(self, name: str) -> None:
        """One more of `name`, one of NAMES."""
        index = NAMES.index(name) if name in NAMES else NAMES.index(OTHER)
        self.counts[index] = min(self.counts[index] + 1, _MOST)
        self._changed = True

    def note(self, line: "dict[str, object]") -> None:
        """Count a trouble that the log was told of, if it is one that counts."""
        at, error = line.get("at"), line.get("error")
        if error == "MemoryError":
            self.count("memory")
        elif error in ("NoAnswer", "ConnectionLost"):
            self.count("timeouts")
        elif line.get("is") == "bad answer":
            self.count("bad_answers")
        elif at == "reader" or line.get("is") == "no card reader":
            self.count("reader")
        elif error in ("PrinterError", "PaperOut"):
            self.count("printer")
        elif at == "emv":
            self.count("cards")
        elif at == "journal" or line.get("is") == "not recorded":
            self.count("journal")

    def save(self) -> None:
        """Write what has changed; a file system that cannot be written costs the counts only."""
        if not self._changed:
            return
        try:
            self._state.save((self.boots, self._intent, self.counts))
            self._changed = False
        except StateError:
            pass
