"""How much of a time-out is left, on a tick counter that wraps."""

import time


class Deadline:
    """Starts now and is over after `timeout_ms` (less than six days)."""

    def __init__(self, timeout_ms: int) -> None:
        self._started = time.ticks_ms()
        self._timeout_ms = timeout_ms

    @property
    def passed_ms(self) -> int:
        """Milliseconds since the start."""
        return time.ticks_diff(time.ticks_ms(), self._started)

    @property
    def left_ms(self) -> int:
        """Milliseconds until it is over, 0 afterwards."""
        return max(0, self._timeout_ms - self.passed_ms)
