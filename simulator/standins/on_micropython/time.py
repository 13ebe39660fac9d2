"""`time` of the ESP32 on the real MicroPython binary: the chip's clock, its epoch of 2000.

Ticks are the binary's own.  Sleeping lets soft interrupts run, as on the chip.
"""

# MicroPython, like the firmware:

import utime
from _mcu import call as _call
from _mcu import wait_ms as sleep_ms
from utime import sleep_us, ticks_add, ticks_cpu, ticks_diff, ticks_ms, ticks_us

__all__ = (
    "gmtime",
    "localtime",
    "mktime",
    "sleep",
    "sleep_ms",
    "sleep_us",
    "ticks_add",
    "ticks_cpu",
    "ticks_diff",
    "ticks_ms",
    "ticks_us",
    "time",
    "time_ns",
)

_EPOCH = 946684800  # 2000-01-01 in seconds since 1970
_NS = 1000000000


def sleep(seconds):
    sleep_ms(int(seconds * 1000))


def time():
    """Seconds since 2000-01-01T00:00:00Z by the chip's clock."""
    return _call("rtc_get") // _NS


def time_ns():
    return _call("rtc_get")


def gmtime(secs=None):
    """(year, month, day, hour, minute, second, weekday with Monday 0, day of the year)."""
    return utime.gmtime((time() if secs is None else int(secs)) + _EPOCH)[:8]


localtime = gmtime


def mktime(local_time):
    return int(utime.mktime(local_time)) - _EPOCH
