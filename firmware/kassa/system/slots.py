"""The two places for a version of the firmware, and which of them is started.

A slot holds one whole version.  One slot is in use; a new version is put into the other, offered,
and tried at the next start.  What is remembered (`/state/slots`, at most 128 bytes) is

    {"use": "slot_a", "try": "slot_b", "host": true, "tries": 2}

| what happens | use | try | tries |
|---|---|---|---|
| nothing was ever offered | slot_a | | 0 |
| offer(b) | a | b | 0 |
| start, b on trial | a | b | one more |
| the fourth start, b never came up | a | | 0 |
| came_up() in b | b | | 0 |
| start of a without a power cut before it | a | | one more |
| the fourth of these in a row, a never came up | b | | 0 |
| came_up() in a | a | | 0 |

A slot that cannot be verified is passed over at once, whatever its tries.  The start after a soft
reset is a technician's and counts for nothing; nor does a power cut count against a version that
has come up before.  Nor does a tool's reset: the start before it may not have had the time to
come up, since the tool stopped it.
"""

import os
from typing import TYPE_CHECKING

from micropython import const

from kassa.system.state_file import StateError

if TYPE_CHECKING:
    from typing import Any

    from kassa.system.state_file import StateFile

SLOTS = ("slot_a", "slot_b")
STATE = "/state/slots"
BY_TOOL = b"reset by a tool"
"""What a technician's tool leaves in the memory of `machine.RTC` before it resets the chip."""
_MOST_TRIES = const(3)


def other(slot: str) -> str:
    """The slot that `slot` is not."""
    return SLOTS[1 - SLOTS.index(slot)]


def running() -> str:
    """The slot that this program was started from, "" where it was started from none."""
    folder = os.getcwd().strip("/")
    return folder if folder in SLOTS else ""


class Slots:
    """What is known of the slots; every change is durable when the call returns.

    Reading never fails: a state file that cannot be read says no more than an empty one.  Changes
    raise StateError.
    """

    def __init__(self, state: "StateFile") -> None:
        self._state = state

    @property
    def running(self) -> str:
        """See `running()`."""
        return running()

    @property
    def idle(self) -> str:
        """The slot that a new version may be put into; "" where there are none."""
        return other(running()) if running() else ""

    @property
    def on_trial(self) -> bool:
        """Whether what runs has yet to prove itself."""
        return bool(running()) and self._load().get("try") == running()

    @property
    def needs_host(self) -> bool:
        """Whether what is on trial must reach the host before it has come up."""
        return bool(self._load().get("host"))

    def told(self) -> "dict[str, Any]":
        """What is remembered, for a technician's tools: `use`, `tries`, and `try` and `host` where
        something is on trial."""
        return self._load()

    def offer(self, slot: str, need_host: bool = False) -> None:
        """A whole, verified version lies in `slot`: try it at the next start."""
        found = self._load()
        use = found["use"]
        if use == slot:  # over USB, where the idle slot may be any
            use = other(slot)
        self._save({"use": use, "try": slot, "host": need_host, "tries": 0})

    def withdraw(self) -> None:
        """What was offered is not to be tried: it is about to be overwritten."""
        found = self._load()
        if found.get("try"):
            self._save({"use": found["use"], "tries": 0})

    def starting(self, counts: bool, after_power_cut: bool) -> "list[str]":
        """The slots in the order in which to try them, from boot.py, before anything else runs.

        counts: whether this start is the terminal's own.  after_power_cut: as the chip says.
        """
        found = self._load()
        use, trial, tries = found["use"], found.get("try"), found["tries"]
        if not counts:
            return [trial or use, other(trial or use)]
        if tries >= _MOST_TRIES:
            if not trial:
                use = other(use)
            self._save({"use": use, "tries": 0})
            return [use, other(use)]
        if trial:
            found["tries"] = tries + 1
            self._save(found)
        elif not after_power_cut:
            self._save({"use": use, "tries": tries + 1})
        return [trial or use, other(trial or use)]

    def came_up(self) -> None:
        """What runs serves customers: it stays in use."""
        slot = running()
        if slot:
            found = self._load()
            if found.get("try") or found["tries"] or found["use"] != slot:
                self._save({"use": slot, "tries": 0})

    def _load(self) -> "dict[str, Any]":
        found = None  # type: Any
        try:
            found = self._state.load()
        except StateError:
            pass
        if not isinstance(found, dict) or found.get("use") not in SLOTS:
            found = {"use": SLOTS[0], "tries": 0}
        if found.get("try") not in SLOTS:
            found.pop("try", None)
        if not isinstance(found.get("tries"), int):
            found["tries"] = 0
        return found

    def _save(self, value: "dict[str, Any]") -> None:
        self._state.save(value)
