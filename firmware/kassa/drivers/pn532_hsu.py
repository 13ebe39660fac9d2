"""The PN532 on its high speed UART: 115200 baud, 8N1 (UM0701-02 section 6.2.3).

The chip sends when it likes, so there is nothing to ask for and no interrupt line to watch.
Give it `UART(..., rxbuf=512)`, so that an ACK and a long frame fit while the loop is elsewhere.
"""

import asyncio
import time
from typing import TYPE_CHECKING

from micropython import const

from kassa.drivers.pn532_errors import FrameError, NoFrame, ReaderSilent
from kassa.drivers.pn532_frames import ACK
from kassa.drivers.pn532_transport import EXPECTED, OSCILLATOR_MS, Transport

if TYPE_CHECKING:
    from machine import UART, Pin

    from kassa.drivers.pn532_frames import FrameReader

# Rising edges wake the chip; it hears nothing until its oscillator runs.
_WAKE_UP = b"\x55\x55\x00\x00\x00\x00\x00\x00"
_WAKE_UP_MS = const(1)  # on the wire
_POLL_MS = const(1)
_BREAK_MS = const(20)  # a gap this long inside a frame means that the rest does not come
_QUIET_MS = const(3)
_MOST_QUIETING = const(30)


class Pn532Hsu(Transport):
    """`uart` as above, `reset` RSTPDN if wired."""

    def __init__(self, uart: "UART", reset: "Pin | None" = None) -> None:
        super().__init__(reset)
        self._uart = uart
        self._waste = bytearray(64)

    async def _rouse(self) -> None:
        self._uart.write(_WAKE_UP)
        await asyncio.sleep_ms(_WAKE_UP_MS + OSCILLATOR_MS)

    async def write(self, frame: "bytes | memoryview") -> None:
        # What is left of an answer that nobody waits for any more.
        while self._uart.any():
            self._uart.readinto(self._waste)
        self._uart.write(frame)

    async def read(self, frames: "FrameReader", timeout_ms: int, expected: int = EXPECTED) -> None:
        frames.clear()
        try:
            await self._receive(frames, timeout_ms)
        except FrameError:
            await self._quieten()
            raise

    async def _receive(self, frames: "FrameReader", timeout_ms: int) -> None:
        last_ms = time.ticks_ms()
        while True:
            count = self._uart.readinto(frames.space()) if self._uart.any() else 0
            if count:
                frames.added(count)
                if not frames.missing():
                    return
                last_ms = time.ticks_ms()
                continue
            idle_ms = time.ticks_diff(time.ticks_ms(), last_ms)
            if frames.length and idle_ms > _BREAK_MS:
                raise NoFrame("the reader's frame breaks off")
            if not frames.length and idle_ms > timeout_ms:
                raise ReaderSilent("the reader does not answer")
            await asyncio.sleep_ms(_POLL_MS)

    async def _quieten(self) -> None:
        """Let the rest of a damaged frame pass."""
        for _ in range(_MOST_QUIETING):
            await asyncio.sleep_ms(_QUIET_MS)
            if not self._uart.any():
                return
            while self._uart.any():
                self._uart.readinto(self._waste)

    def abort(self) -> None:
        self._uart.write(ACK)
