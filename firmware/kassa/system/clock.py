"""The time of day: one place that knows the chip's clock, its epoch and whether it may be
believed.

The ESP32's clock has no battery.  After power-on it is restored to the last time the terminal
knew, which is good enough to check a certificate's dates, and becomes `trusted` when the host has
told the time. All times are UTC as (year, month, day, hour, minute, second); local time is UTC
plus a configured offset.
"""

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from machine import RTC

    from kassa.system.state_file import StateFile

    Moment = tuple[int, int, int, int, int, int]

_NEVER_SET_BEFORE_YEAR = 2025


class Clock:
    """UTC and local time.  `rtc` is a `machine.RTC`, `memory` remembers the last known time across
    power loss.

    drift_s: by how many seconds a trusted clock was set forward (back: negative) the last time
    that it was told the time; None before the first.
    """

    def __init__(self, rtc: "RTC", memory: "StateFile", utc_offset_minutes: int = 0) -> None:
        self._rtc = rtc
        self._memory = memory
        self._offset_s = utc_offset_minutes * 60
        self.trusted = False
        self.drift_s: "int | None" = None

    def restore(self) -> None:
        """At boot: a clock that runs is kept; one that was reset continues from the last known
        time.
        """
        if self._rtc.datetime()[0] >= _NEVER_SET_BEFORE_YEAR:
            self.trusted = True
            return
        known = self._memory.load()
        if known and len(known) == 6:
            self._set(tuple(known))

    def set_utc(self, moment: "Moment") -> None:
        """Set from a trusted source (the host's answer, a technician) and remember it."""
        if self.trusted:
            self.drift_s = _seconds(moment) - _seconds(self.utc())
        self._set(moment)
        self.trusted = True
        self._memory.save(list(moment))

    def _set(self, moment: "Moment") -> None:
        year, month, day, hour, minute, second = moment
        self._rtc.datetime((year, month, day, 0, hour, minute, second, 0))

    def utc(self) -> "Moment":
        year, month, day, _, hour, minute, second, _ = self._rtc.datetime()
        return year, month, day, hour, minute, second

    def local(self) -> "Moment":
        if not self._offset_s:
            return self.utc()
        # mktime and localtime use the same epoch, so it cancels out here.
        there = time.localtime(_seconds(self.utc()) + self._offset_s)
        return there[0], there[1], there[2], there[3], there[4], there[5]

    @property
    def is_set(self) -> bool:
        return self.utc()[0] >= _NEVER_SET_BEFORE_YEAR


def _seconds(moment: "Moment") -> int:
    """Since the epoch, whichever the port has."""
    year, month, day, hour, minute, second = moment
    return time.mktime((year, month, day, hour, minute, second, 0, 0))


def yymmdd(moment: "Moment") -> str:
    """EMV 9A and ISO 8583 style date of a moment."""
    return "%02d%02d%02d" % (moment[0] % 100, moment[1], moment[2])


def hhmmss(moment: "Moment") -> str:
    """EMV 9F21 and ISO 8583 style time of a moment."""
    return "%02d%02d%02d" % (moment[3], moment[4], moment[5])
