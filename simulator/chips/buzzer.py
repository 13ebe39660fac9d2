"""A passive buzzer: it sounds at the frequency of the PWM that drives it, while the duty is
neither 0 nor full.
"""

from __future__ import annotations

from collections.abc import Callable

from simulator.clock import Clock

_FULL_DUTY = 0xFFFF


class Buzzer:
    """`tones` are the finished ones, (start_ns, end_ns, freq_hz) in order; `on_tone(freq_hz)`
    hears each change, 0 = silence.
    """

    def __init__(self, clock: Clock) -> None:
        self.tones: list[tuple[int, int, int]] = []
        self.on_tone: Callable[[int], None] | None = None
        self._clock = clock
        self._freq_hz = 0
        self._since_ns = 0

    @property
    def sounding_hz(self) -> int:
        """What can be heard now; 0 is silence."""
        return self._freq_hz

    def set_pwm(self, freq_hz: int, duty_u16: int) -> None:
        """The pin's PWM changes.  Without duty, or always on, the membrane does not move."""
        freq_hz = freq_hz if 0 < duty_u16 < _FULL_DUTY else 0
        if freq_hz == self._freq_hz:
            return
        now = self._clock.now_ns
        if self._freq_hz and now > self._since_ns:
            self.tones.append((self._since_ns, now, self._freq_hz))
        self._freq_hz = freq_hz
        self._since_ns = now
        if self.on_tone is not None:
            self.on_tone(freq_hz)
