"""What went wrong, kept in flash: a ring of JSON lines, so that it can be told after the restart.

    {"at": "host", "is": "bad answer", "error": "BadAnswer", "message": "...", "boot": 12,
     "utc": "2026-11-27T03:31:05Z", "times": 40}

`<stem>.0` holds the newest lines, `<stem>.1` those before; each has at most 4 KiB.  When the first
is full it replaces the second, in one step of the file system.  `utc` is there when the time is
known, else `up_ms` (`ticks_ms`); `boot` counts the starts; `times` how often the same was noted
since it was written last; `lost` how many other lines were not kept.

Flash wears, and appending to a file may erase a block, which stops the chip for 45 ms.  So the
same event is written at most every ten minutes, with its count; all of them together at most
thirty an hour; and nothing is written before `write` is called, when nobody waits.
"""

import errno
import json
import os
import time
from typing import TYPE_CHECKING

from micropython import const

if TYPE_CHECKING:
    from typing import Any

    from kassa.system.clock import Clock

    Event = dict[str, Any]

LARGEST_FILE = 4096
"""Bytes of each of the two files."""

_LONGEST_TEXT = const(120)
_LONGEST_LINE = const(400)
# So many of the longest lines fill a file.
_MOST_WAITING = const(10)
_MOST_KNOWN = const(24)
_AGAIN_AFTER_MS = const(600_000)
_HOUR_MS = const(3_600_000)
_MOST_AN_HOUR = const(30)


class _Known:
    """An event that was written lately: how often it came since, and what it said last."""

    def __init__(self, name: "tuple[Any, ...]") -> None:
        self.name = name
        self.at = time.ticks_ms()
        self.times = 0
        self.last = {}  # type: Event


class BlackBox:
    """The ring of lines in `<stem>.0` and `<stem>.1`.

    clock: tells the time once it is there; boot: which start of the terminal this is, 0 unknown.
    Nothing here raises for a full, damaged or missing file system: losing a line is not losing a
    sale.
    """

    def __init__(self, stem: str = "/state/box") -> None:
        self.clock: "Clock | None" = None
        self.boot = 0
        self.lost = 0
        self._new = stem + ".0"
        self._old = stem + ".1"
        self._waiting = []  # type: list[Event]
        self._known = []  # type: list[_Known]
        self._hour_began = time.ticks_ms()
        self._this_hour = 0

    def add(self, event: "Event") -> None:
        """Note an event (`at`, `is`, and JSON values of its own); it is in RAM until `write`.

        Events are the same when `at`, `is`, `error`, `task` and `check` are.  No PAN and no key
        may be in it.
        """
        name = tuple([event.get(key) for key in ("at", "is", "error", "task", "check")])
        for known in self._known:
            if known.name == name:
                known.times += 1
                known.last = event
                return
        if len(self._known) >= _MOST_KNOWN:
            self._forget(self._known.pop(0))
        self._known.append(_Known(name))
        self._queue(event, 1)

    def last_words(self, event: "Event") -> None:
        """Note why the chip restarts, whatever was noted before, and put everything into flash
        now."""
        self._settle(True)
        self._waiting = self._waiting[: _MOST_WAITING - 1]
        self._this_hour = 0
        self._queue(event, 1)
        self.write()

    def _queue(self, event: "Event", times: int) -> None:
        if self._this_hour >= _MOST_AN_HOUR or len(self._waiting) >= _MOST_WAITING:
            self.lost += times
            return
        self._this_hour += 1
        line = {}
        for key, value in event.items():
            if key != "t":
                line[key] = value[:_LONGEST_TEXT] if isinstance(value, str) else value
        if self.boot:
            line["boot"] = self.boot
        if self.clock is not None and self.clock.is_set:
            line["utc"] = "%04d-%02d-%02dT%02d:%02d:%02dZ" % self.clock.utc()
        else:
            line["up_ms"] = time.ticks_ms()
        if times > 1:
            line["times"] = times
        self._waiting.append(line)

    def _forget(self, known: _Known) -> None:
        if known.times:
            self._queue(known.last, known.times)

    def _settle(self, everything: bool) -> None:
        """Give the counts of ten minutes to be written, and begin a new hour when it is time."""
        now = time.ticks_ms()
        # Ticks wrap: what was long ago may look as if it were to come.
        if not 0 <= time.ticks_diff(now, self._hour_began) < _HOUR_MS:
            self._hour_began = now
            self._this_hour = 0
        kept = []
        for known in self._known:
            recent = 0 <= time.ticks_diff(now, known.at) < _AGAIN_AFTER_MS
            if recent and not everything:
                kept.append(known)
                continue
            if known.times:
                self._forget(known)
                # It still goes on: the next ten minutes are counted again.
                known.at = now
                known.times = 0
                kept.append(known)
        self._known = kept

    def write(self) -> None:
        """Put what waits into flash.  Call it when nobody waits for anything."""
        self._settle(False)
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        if self.lost:
            waiting[-1]["lost"] = self.lost
        try:
            self._append(_encoded(waiting))
            self.lost = 0
        except (OSError, MemoryError):
            self.lost += len(waiting)

    def _append(self, content: bytes) -> None:
        try:
            size = os.stat(self._new)[6]
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
            size = 0
        if size and size + len(content) > LARGEST_FILE:
            os.rename(self._new, self._old)
        try:
            self._write(content)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
            os.mkdir(self._new.rsplit("/", 1)[0])
            self._write(content)

    def _write(self, content: bytes) -> None:
        with open(self._new, "ab") as file:
            file.write(content)

    def lines(self) -> "list[str]":
        """The lines in flash, oldest first; what cannot be read is left out."""
        found = []
        for path in (self._old, self._new):
            try:
                with open(path, "rb") as file:
                    content = file.read()
            except OSError:
                continue
            for line in content.split(b"\n"):
                try:
                    if line and isinstance(json.loads(line), dict):
                        found.append(line.decode())
                except ValueError:
                    pass  # a damaged line; UnicodeError is a ValueError, too
        return found


def _encoded(lines: "list[Event]") -> bytes:
    content = b""
    for line in lines:
        text = json.dumps(line).encode()
        # One too long for the ring is not cut: half a JSON object is of no use.
        if len(text) < _LONGEST_LINE:
            content += text + b"\n"
    return content
