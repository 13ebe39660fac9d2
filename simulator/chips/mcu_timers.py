"""The ESP32's hardware timers."""

from __future__ import annotations

from collections.abc import Callable

from simulator.clock import NS_PER_US, Clock, Timer

ONE_SHOT = 0
PERIODIC = 1


class Timers:
    """`on_alarm(id)` is called at each alarm."""

    def __init__(self, clock: Clock, count: int) -> None:
        self.on_alarm: Callable[[int], None] | None = None
        self._clock = clock
        self._count = count
        self._pending: dict[int, Timer] = {}
        self._started_ns: dict[int, int] = {}

    def check(self, id: int) -> None:
        if not 0 <= id < self._count:
            raise ValueError("invalid Timer number")

    def start(self, id: int, mode: int, period_us: int) -> None:
        """Alarm after `period_us`, and again and again when `mode` is PERIODIC."""
        self.check(id)
        if period_us <= 0:
            raise ValueError("invalid period")
        self.stop(id)
        self._arm(id, mode, period_us)

    def _arm(self, id: int, mode: int, period_us: int) -> None:
        self._started_ns[id] = self._clock.now_ns
        self._pending[id] = self._clock.call_later(
            period_us * NS_PER_US, lambda: self._alarm(id, mode, period_us)
        )

    def _alarm(self, id: int, mode: int, period_us: int) -> None:
        if mode == PERIODIC:
            self._arm(id, mode, period_us)
        else:
            del self._pending[id]
        if self.on_alarm is not None:
            self.on_alarm(id)

    def value(self, id: int) -> int:
        """Microseconds since the timer was started or last went off."""
        return (self._clock.now_ns - self._started_ns.get(id, self._clock.now_ns)) // NS_PER_US

    def stop(self, id: int) -> None:
        timer = self._pending.pop(id, None)
        if timer is not None:
            timer.cancel()

    def release(self) -> None:
        for id in list(self._pending):
            self.stop(id)
