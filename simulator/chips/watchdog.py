"""The ESP32's task watchdog as `machine.WDT` has it: once started it can only be fed."""

from __future__ import annotations

from collections.abc import Callable

from simulator.clock import NS_PER_MS, Clock, Timer


class Watchdog:
    """Calls `on_bite` when it was not fed for the time it was started with.  `bites` counts."""

    def __init__(self, clock: Clock) -> None:
        self.on_bite: Callable[[], None] | None = None
        self.bites = 0
        self._clock = clock
        self._timeout_ns: int | None = None
        self._timer: Timer | None = None

    @property
    def running(self) -> bool:
        return self._timer is not None

    def start(self, timeout_ms: int) -> None:
        """Start it, or give a running one a new time-out; either way it is fed."""
        if timeout_ms <= 0:
            raise ValueError("WDT timeout too short")
        self._timeout_ns = timeout_ms * NS_PER_MS
        self.feed()

    def feed(self) -> None:
        """It is content for another time-out.  Nothing happens before it was started."""
        if self._timeout_ns is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.call_later(self._timeout_ns, self._bite)

    def power_on(self) -> None:
        """A hard reset or power-on: it is off until somebody starts it."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._timeout_ns = None

    def _bite(self) -> None:
        self._timer = None
        self._timeout_ns = None
        self.bites += 1
        if self.on_bite is not None:
            self.on_bite()
