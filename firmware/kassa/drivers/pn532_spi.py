"""The PN532 on SPI: mode 0, least significant bit first, up to 5 MHz (UM0701-02 section 6.2.5).

Each transfer, from NSS low to NSS high, begins with a byte that says what it is.  With
`SPI(..., polarity=0, phase=0, firstbit=SPI.LSB)` the ESP32 turns the bits by itself.
"""

import asyncio
from typing import TYPE_CHECKING

from kassa.drivers.pn532_frames import ACK
from kassa.drivers.pn532_transport import EXPECTED, OSCILLATOR_MS, ReadyWait, Transport

if TYPE_CHECKING:
    from machine import SPI, Pin

    from kassa.drivers.pn532_frames import FrameReader

_DATA_WRITE = b"\x01"
_STATUS_READ = b"\x02\x00"
_DATA_READ = b"\x03"


class Pn532Spi(Transport):
    """`spi` as above, `cs` NSS (an output, high), `irq` P70_IRQ and `reset` RSTPDN if wired."""

    def __init__(
        self, spi: "SPI", cs: "Pin", irq: "Pin | None" = None, reset: "Pin | None" = None
    ) -> None:
        super().__init__(reset)
        self._spi = spi
        self._cs = cs
        self._status = bytearray(2)
        self._wait = ReadyWait(irq, self._ready)

    async def _rouse(self) -> None:
        # NSS low wakes the chip and has to stay so until its oscillator runs.
        self._cs.value(0)
        try:
            await asyncio.sleep_ms(OSCILLATOR_MS)
        finally:
            self._cs.value(1)

    async def write(self, frame: "bytes | memoryview") -> None:
        self._send(frame)

    async def read(self, frames: "FrameReader", timeout_ms: int, expected: int = EXPECTED) -> None:
        frames.clear()
        await self._wait.wait(timeout_ms)
        self._cs.value(0)
        try:
            self._spi.write(_DATA_READ)
            missing = frames.missing()
            while missing:
                self._spi.readinto(frames.space())
                frames.added(missing)
                missing = frames.missing()
        finally:
            self._cs.value(1)

    def abort(self) -> None:
        self._send(ACK)

    def _send(self, frame: "bytes | memoryview") -> None:
        self._cs.value(0)
        self._spi.write(_DATA_WRITE)
        self._spi.write(frame)
        self._cs.value(1)

    def _ready(self) -> bool:
        self._cs.value(0)
        self._spi.write_readinto(_STATUS_READ, self._status)
        self._cs.value(1)
        # A bus without a reader floats at 0xFF, which is no status.
        return self._status[1] == 0x01
