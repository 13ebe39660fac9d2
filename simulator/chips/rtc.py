"""The ESP32's clock of the day and its memory: no battery, so both are lost with the power."""

from __future__ import annotations

from datetime import UTC, datetime

from simulator.clock import NS_PER_S, NS_PER_US, Clock

MEMORY_SIZE = 2048
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class Rtc:
    """Counts nanoseconds since the chip's epoch, 2000-01-01T00:00:00Z, at which it starts after
    power-on.

    `memory` is the 2048 bytes of `machine.RTC.memory()`; they and the time survive a reset, not a
    power cut. `drift_ppm` makes the clock run fast (positive) or slow; a 32 kHz-less ESP32 is off
    by percents in sleep, by some 10 ppm awake.  With `stands` it does not run at all.
    """

    def __init__(self, clock: Clock, drift_ppm: int = 0) -> None:
        self._clock = clock
        self._drift_ppm = drift_ppm
        self._memory = b""
        self._set_to_ns = 0
        self._set_at_ns = clock.now_ns
        self.stands = False

    def power_on(self) -> None:
        """Power comes (back): the epoch, and an empty memory."""
        self._memory = b""
        self.set(0)

    def get_ns(self) -> int:
        """Nanoseconds since 2000-01-01T00:00:00Z."""
        passed = 0 if self.stands else self._clock.now_ns - self._set_at_ns
        return self._set_to_ns + passed + passed * self._drift_ppm // 1_000_000

    def set(self, since_epoch_ns: int) -> None:
        """Set the clock, in nanoseconds since 2000-01-01T00:00:00Z."""
        self._set_to_ns = since_epoch_ns
        self._set_at_ns = self._clock.now_ns

    def get(self) -> datetime:
        """The time it believes it is, to the microsecond."""
        seconds, rest = divmod(self.get_ns(), NS_PER_S)
        stamp = datetime.fromtimestamp(_EPOCH.timestamp() + seconds, UTC)
        return stamp.replace(microsecond=rest // NS_PER_US)

    def set_utc(self, when: datetime) -> None:
        """Set the clock from an aware datetime."""
        passed = when - _EPOCH
        self.set(
            (passed.days * 86_400 + passed.seconds) * NS_PER_S + passed.microseconds * NS_PER_US
        )

    @property
    def memory(self) -> bytes:
        return self._memory

    @memory.setter
    def memory(self, content: bytes) -> None:
        if len(content) > MEMORY_SIZE:
            raise ValueError(f"RTC memory: {len(content)} bytes do not fit {MEMORY_SIZE}")
        self._memory = bytes(content)
