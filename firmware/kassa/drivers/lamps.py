"""The row of contactless lamps, lit by a 1.

EMV Contactless Book A, user interface: in idle the first lamp flashes for some 200 ms every 5 s;
one lit lamp is "ready to read"; with "card read OK" all four are lit.
"""

import asyncio
from typing import TYPE_CHECKING

from micropython import const

if TYPE_CHECKING:
    from machine import Pin

_FLASH_MS = const(200)
_FLASH_EVERY_MS = const(5_000)


class Lamps:
    """`pins` are outputs, from left to right."""

    def __init__(self, pins: "list[Pin]") -> None:
        self._pins = pins
        self.off()

    def show(self, count: int) -> None:
        """Light the first `count` lamps and no other."""
        for index, pin in enumerate(self._pins):
            pin.value(1 if index < count else 0)

    def off(self) -> None:
        self.show(0)

    async def idle_blink(self) -> None:
        """Flash the first lamp until cancelled, which leaves all dark."""
        try:
            while True:
                self.show(1)
                await asyncio.sleep_ms(_FLASH_MS)
                self.show(0)
                await asyncio.sleep_ms(_FLASH_EVERY_MS - _FLASH_MS)
        finally:
            self.off()
