"""`time` of the ESP32: ticks that wrap at 2**30, an epoch of 2000, sleeps that block."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from simulator.clock import NS_PER_MS, NS_PER_S, NS_PER_US
from simulator.standins.seam import here

_PERIOD = 2**30
_HALF = 2**29
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_CALL_NS = 1_000  # reading the clock takes time too, so that a loop that only watches it ends


def ticks_ms() -> int:
    here.spend(_CALL_NS)
    return here.ticks_ms() % _PERIOD


def ticks_us() -> int:
    here.spend(_CALL_NS)
    return here.ticks_us() % _PERIOD


def ticks_cpu() -> int:
    """Cycles of the processor."""
    here.spend(_CALL_NS)
    return here.ticks_us() * (here.operate("freq") // 1_000_000) % _PERIOD


def ticks_add(ticks: int, delta: int, /) -> int:
    if not -_HALF < delta < _HALF:
        raise OverflowError("ticks interval overflow")
    return (ticks + delta) % _PERIOD


def ticks_diff(ticks1: int, ticks2: int, /) -> int:
    return (ticks1 - ticks2 + _HALF) % _PERIOD - _HALF


def sleep(seconds: float, /) -> None:
    here.wait(int(seconds * 1000) * NS_PER_MS)


def sleep_ms(ms: int, /) -> None:
    here.wait(ms * NS_PER_MS)


def sleep_us(us: int, /) -> None:
    here.wait(us * NS_PER_US)


def time() -> int:
    """Seconds since 2000-01-01T00:00:00Z by the chip's clock."""
    return here.operate("rtc_get") // NS_PER_S


def time_ns() -> int:
    return here.operate("rtc_get")


def gmtime(secs: int | None = None, /) -> tuple[int, int, int, int, int, int, int, int]:
    """(year, month, day, hour, minute, second, weekday with Monday 0, day of the year from 1)."""
    moment = _EPOCH + timedelta(seconds=time() if secs is None else int(secs))
    return (*moment.timetuple()[:6], moment.weekday(), moment.timetuple().tm_yday)


localtime = gmtime


def mktime(local_time: tuple[int, ...], /) -> int:
    """Seconds since the epoch; fields out of their range carry over."""
    if not 8 <= len(local_time) <= 9:
        raise TypeError("mktime needs a tuple of length 8 or 9")
    year, month, day, hour, minute, second = local_time[:6]
    month -= 1
    first = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    moment = first + timedelta(days=day - 1, hours=hour, minutes=minute, seconds=second)
    return int((moment - _EPOCH).total_seconds())


__all__ = [
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
]
