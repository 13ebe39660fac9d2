"""Timer, WDT and RTC of `machine`."""

# MicroPython, like the firmware:

import time

from _mcu import call as _call
from _mcu import on_irq as _on_irq

_TIMER_IRQ = 0x100
_NS = 1000000000


class Timer:
    ONE_SHOT = 0
    PERIODIC = 1

    def __init__(self, id, **settings):
        _call("timer_check", id)
        self._id = id
        if settings:
            self.init(**settings)

    def init(self, *, mode=1, callback=None, period=None, freq=None, tick_hz=1000, hard=False):
        """`callback(timer)` after `period` ticks of 1/`tick_hz` s, or `freq` times a second."""
        if freq is not None:
            period_us = 1000000 // freq
        elif period is not None:
            period_us = period * 1000000 // tick_hz
        else:
            raise ValueError("period or freq")
        if callback is None:
            _on_irq(_TIMER_IRQ + self._id, None)
        else:
            _on_irq(_TIMER_IRQ + self._id, lambda level: callback(self))
        _call("timer_start", self._id, mode, period_us)

    def value(self):
        """Milliseconds since it was started or went off."""
        return _call("timer_value", self._id) // 1000

    def deinit(self):
        _call("timer_stop", self._id)


class WDT:
    def __init__(self, id=0, timeout=5000):
        if id != 0:
            raise ValueError("no such WDT")
        if timeout <= 0:
            raise ValueError("WDT timeout too short")
        _call("wdt_start", timeout)

    def feed(self):
        _call("wdt_feed")


class RTC:
    """The clock counts from 2000-01-01; calendar sums use `time`, whose epoch cancels out."""

    def __init__(self, id=0):
        if id != 0:
            raise ValueError("no such RTC")

    def datetime(self, datetimetuple=None):
        """(year, month, day, weekday, hour, minute, second, microsecond), to get or to set."""
        epoch = time.mktime((2000, 1, 1, 0, 0, 0, 0, 0))
        if datetimetuple is None:
            now = _call("rtc_get")
            t = time.gmtime(epoch + now // _NS)
            return (t[0], t[1], t[2], t[6], t[3], t[4], t[5], now % _NS // 1000)
        year, month, day, _, hour, minute, second, microsecond = datetimetuple
        seconds = time.mktime((year, month, day, hour, minute, second, 0, 0)) - epoch
        _call("rtc_set", seconds * _NS + microsecond * 1000)

    def init(self, datetime):
        self.datetime(datetime)

    def memory(self, data=None):
        """Up to 2048 bytes that survive a reset, not a power cut."""
        if data is None:
            return _call("rtc_memory")
        _call("rtc_set_memory", bytes(data))
