"""The console log: one JSON object a line, for technicians, tests and tools alike.

    {"t": 81234, "at": "ui", "is": "screen", "name": "approved", "words": ["APPROVED"]}

`t` is `time.ticks_ms()`, `at` the floor or room that speaks, `is` what happened; the rest is the
event's own. Nothing secret goes in: PANs are masked by the caller, keys and PINs never arrive
here.
"""

import json
import time

LEVELS = ("debug", "info", "warning", "error")


class Log:
    """Writes events to the console.  `sink(line: str)` replaces `print` where lines should go
    elsewhere too.
    """

    def __init__(self, sink=print) -> None:  # type: ignore[no-untyped-def]
        self._sink = sink

    def event(self, at: str, happened: str, **facts: object) -> None:
        """Say what `happened` in `at`.  `facts` are JSON values."""
        line = {"t": time.ticks_ms(), "at": at, "is": happened}
        line.update(facts)
        self._sink(json.dumps(line))

    def trouble(self, at: str, happened: str, error: BaseException, **facts: object) -> None:
        """Like `event`, for something that went wrong: adds the error's class and its message."""
        self.event(at, happened, error=type(error).__name__, message=str(error), **facts)
