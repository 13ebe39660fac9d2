"""The switch that the closed case holds down: once the case was opened, that is not forgotten."""

import asyncio
from typing import TYPE_CHECKING

from machine import Pin
from micropython import const

if TYPE_CHECKING:
    from collections.abc import Callable

_LOOK_AGAIN_MS = const(30_000)


class TamperSwitch:
    """`closed_level` is what the pin reads while the case is closed; the other level, or a cut
    wire, is open.

    The pin is configured here, with its pull towards open.
    """

    def __init__(self, pin: Pin, closed_level: int) -> None:
        pin.init(Pin.IN, Pin.PULL_DOWN if closed_level else Pin.PULL_UP)
        self._pin = pin
        self._closed_level = closed_level
        self._edge = asyncio.ThreadSafeFlag()
        self.tripped = self.is_open
        opening = Pin.IRQ_FALLING if closed_level else Pin.IRQ_RISING
        pin.irq(self._on_edge, opening)

    @property
    def is_open(self) -> bool:
        """Whether the case is open now."""
        return self._pin.value() != self._closed_level

    def _on_edge(self, pin: Pin) -> None:
        """Interrupt: nothing may be allocated here.  However short, an opening counts."""
        self.tripped = True
        self._edge.set()

    async def opened(self, beat: "Callable[[], None] | None" = None) -> None:
        """Wait until the case was opened; at once if it was since power-on.  One task may wait.

        A critical task, which beats at least every 30 s."""
        while not self.tripped:
            if beat is not None:
                beat()
            try:
                await asyncio.wait_for_ms(self._edge.wait(), _LOOK_AGAIN_MS)
            except asyncio.TimeoutError:
                self.tripped = self.tripped or self.is_open
