"""The buzzer: tones on a PWM pin, as tunes of (frequency in Hz, duration in ms); frequency 0 is a
pause.

SUCCESS and FAILURE are the tones of EMV Contactless Book A (user interface: success tone 1500 Hz
for 500 ms; alert tone 750 Hz twice for 200 ms).
"""

import asyncio
from typing import TYPE_CHECKING

from micropython import const

if TYPE_CHECKING:
    from machine import PWM

    Tune = tuple[tuple[int, int], ...]

KEY = ((2000, 20),)
SUCCESS = ((1500, 500),)
FAILURE = ((750, 200), (0, 200), (750, 200))
WARNING = ((1000, 100), (0, 80), (1000, 100))

_HALF = const(0x8000)


class Buzzer:
    """`pwm` drives a passive buzzer.  A tune that begins ends the one before it."""

    def __init__(self, pwm: "PWM") -> None:
        self._pwm = pwm
        self._turn = 0
        self._task = None  # type: asyncio.Task | None
        pwm.duty_u16(0)

    async def play(self, tones: "Tune") -> None:
        """Play to the end, or until another tune begins."""
        self._turn += 1
        turn = self._turn
        try:
            for freq_hz, duration_ms in tones:
                if freq_hz:
                    self._pwm.freq(freq_hz)
                self._pwm.duty_u16(_HALF if freq_hz else 0)
                await asyncio.sleep_ms(duration_ms)
                if turn != self._turn:
                    return
        finally:
            if turn == self._turn:
                self._pwm.duty_u16(0)

    def start(self, tones: "Tune") -> None:
        """Play as a task of its own, so that nobody waits for it."""
        self._task = asyncio.create_task(self.play(tones))
