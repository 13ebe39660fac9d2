"""The PN532 on I2C: address 0x24, up to 400 kHz (UM0701-02 section 6.2.4).

Every read begins with a status byte, 0x01 when a frame follows.  A read that ends inside the frame
loses the rest of it, and its length is not known beforehand: the first read has a likely length,
and a longer frame is asked for again with a NACK and then read whole.
"""

import asyncio
from typing import TYPE_CHECKING

from micropython import const

from kassa.drivers.pn532_errors import ReaderSilent
from kassa.drivers.pn532_frames import ACK, NACK
from kassa.drivers.pn532_transport import (
    EXPECTED,
    OSCILLATOR_MS,
    ReadyWait,
    Transport,
    whole,
)

if TYPE_CHECKING:
    from machine import I2C, Pin

    from kassa.drivers.pn532_frames import FrameReader

ADDRESS = const(0x24)
_MOST_TRIES = const(10)
_AGAIN_MS = const(20)


class Pn532I2c(Transport):
    """`i2c` at up to 400 kHz, `irq` P70_IRQ and `reset` RSTPDN if wired."""

    def __init__(self, i2c: "I2C", irq: "Pin | None" = None, reset: "Pin | None" = None) -> None:
        super().__init__(reset)
        self._i2c = i2c
        self._status = bytearray(1)
        self._wait = ReadyWait(irq, self._ready)

    async def _rouse(self) -> None:
        # The chip wakes when it hears its address, and does not acknowledge it before it is awake.
        self._ready()
        await asyncio.sleep_ms(OSCILLATOR_MS)

    async def write(self, frame: "bytes | memoryview") -> None:
        # It may leave its address unacknowledged for a moment after an exchange.
        for _ in range(_MOST_TRIES):
            try:
                self._i2c.writeto(ADDRESS, frame)
                return
            except OSError:
                await asyncio.sleep_ms(1)
        raise ReaderSilent("the reader does not acknowledge its address")

    async def read(self, frames: "FrameReader", timeout_ms: int, expected: int = EXPECTED) -> None:
        await self._fetch(frames, timeout_ms, expected + 1)
        missing = frames.missing()
        if missing and frames.recognised:
            length = frames.length + missing
            await self.write(NACK)
            await self._fetch(frames, _AGAIN_MS, length)
        whole(frames)

    async def _fetch(self, frames: "FrameReader", timeout_ms: int, length: int) -> None:
        """Read `length` bytes; the status byte in front is junk to the frame parser."""
        frames.clear()
        await self._wait.wait(timeout_ms)
        try:
            self._i2c.readfrom_into(ADDRESS, frames.space(length))
        except OSError:
            raise ReaderSilent("the reader does not acknowledge its address")
        frames.added(length)

    def abort(self) -> None:
        try:
            self._i2c.writeto(ADDRESS, ACK)
        except OSError:
            pass  # busy; the next command aborts just as well

    def _ready(self) -> bool:
        try:
            self._i2c.readfrom_into(ADDRESS, self._status)
        except OSError:
            return False
        return self._status[0] == 0x01
