"""The console log: one JSON object a line, for technicians, tests and tools alike.

    {"t": 81234, "at": "ui", "is": "screen", "name": "approved", "words": ["APPROVED"]}

`t` is `time.ticks_ms()`, `at` the floor or room that speaks, `is` what happened; the rest is the
event's own. Nothing secret goes in: PANs are masked by the caller, keys and PINs never arrive
here.
"""

import json
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

LEVELS = ("debug", "info", "warning", "error")


class Log:
    """Writes events to the console.  `sink(line: str)` replaces `print` where lines should go
    elsewhere too.

    on_trouble: hears each trouble's line as a dict, or None.
    """

    def __init__(self, sink=print) -> None:  # type: ignore[no-untyped-def]
        self.on_trouble: "Callable[[dict[str, Any]], object] | None" = None
        self._sink = sink

    def event(self, at: str, happened: str, **facts: object) -> None:
        """Say what `happened` in `at`.  `facts` are JSON values."""
        self._say(at, happened, facts)

    def _say(self, at: str, happened: str, facts: "dict[str, Any]") -> "dict[str, Any]":
        line = {"t": time.ticks_ms(), "at": at, "is": happened}  # type: dict[str, Any]
        line.update(facts)
        self._sink(json.dumps(line))
        return line

    def trouble(self, at: str, happened: str, error: BaseException, **facts: object) -> None:
        """Like `event`, for something that went wrong: adds the error's class and its message."""
        facts["error"] = type(error).__name__
        facts["message"] = str(error)
        line = self._say(at, happened, facts)
        if self.on_trouble is not None:
            self.on_trouble(line)
