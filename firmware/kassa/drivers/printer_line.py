"""The serial line to an ESC/POS printer: bytes out at the line's own pace, answers sorted as they
come in.

MicroPython's UART.write blocks until everything is in its ring, so no more goes out than fits any
ring surely; the rest waits while other tasks run.  The printer may say XOFF and XON at any time.
"""

import asyncio
import time
from typing import TYPE_CHECKING

from micropython import const

from kassa.drivers.errors import DriverError

if TYPE_CHECKING:
    from machine import UART


class PrinterError(DriverError):
    """The printer is missing, off line or does not follow.  Start the slip again once it is
    mended.
    """


_PART = const(64)  # bytes written at once; twice that is the most that waits in the UART
_XON = const(0x11)
_XOFF = const(0x13)
_POLL_MS = const(2)
_ANSWER_MS = const(60)
_HELD_AT_MOST_MS = const(2_000)
_US_A_MINUTE = const(60_000_000)

_CLEAR_BUFFERS = b"\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08"  # DLE DC4 fn 8


class PrinterLine:
    """`owed` counts the bytes that the printer still takes for picture data, whatever they are."""

    def __init__(self, uart: "UART", baudrate: int) -> None:
        self._uart = uart
        self._byte_us = 10_000_000 // baudrate  # start bit, 8 data bits, stop bit
        self._free_at = time.ticks_us()  # when what was written will have left
        self._inbox = bytearray(16)
        self._request = bytearray(b"\x10\x04\x00")  # DLE EOT n
        self._held = False  # by XOFF
        self._status = 0  # last answer to DLE EOT
        self._cleared = False
        self.in_turn = False  # the answer to GS r has come
        self.owed = 0

    async def send(self, data: "bytes | bytearray | memoryview") -> None:
        """Write all of `data`, giving way to others as often as the line is full.

        Raises PrinterError when the printer does not let us for 2 s.
        """
        view = memoryview(data)
        for start in range(0, len(view), _PART):
            await self._room()
            part = view[start : start + _PART]
            self._write(part)
            self.owed = max(0, self.owed - len(part))

    async def ask(self, what: int) -> int:
        """The status byte in answer to DLE EOT `what` (1 printer, 2 off-line cause, 4 paper).

        In the middle of a picture it is answered too, but spoils the picture.  Raises PrinterError
        when there is no answer.
        """
        self._request[2] = what
        for _ in range(2):
            await self._quiet()
            self.listen()
            self._status = 0
            self._write(self._request)
            for _ in range(_ANSWER_MS // _POLL_MS):
                await asyncio.sleep_ms(_POLL_MS)
                self.listen()
                if self._status:
                    return self._status
        raise PrinterError("the printer does not answer; check its power and its cable")

    async def clear(self) -> bool:
        """Have the printer forget everything it has not printed; False if it does not know how."""
        await self._quiet()
        self.listen()
        self._cleared = self._held = False
        self._write(_CLEAR_BUFFERS)
        for _ in range(_ANSWER_MS // _POLL_MS):
            await asyncio.sleep_ms(_POLL_MS)
            self.listen()
            if self._cleared:
                self.owed = 0
                return True
        return False

    def listen(self) -> None:
        """Take in what the printer has said."""
        while self._uart.any():
            for index in range(self._uart.readinto(self._inbox) or 0):
                self._heard(self._inbox[index])

    def _heard(self, byte: int) -> None:
        """Every kind of answer has fixed bits of its own (Epson's "Status identification")."""
        if byte in (_XON, _XOFF):
            self._held = byte == _XOFF
        elif byte & 0x93 == 0x12:
            self._status = byte
        elif byte == 0x25:  # of 37 25 00, "buffers cleared"
            self._cleared = True
        elif byte & 0xF0 == 0:
            self.in_turn = True

    # -- pace

    def _write(self, part: "bytes | bytearray | memoryview") -> None:
        now = time.ticks_us()
        start = time.ticks_add(now, self._pending_us())
        self._uart.write(part)
        self._free_at = time.ticks_add(start, len(part) * self._byte_us)

    def _pending_us(self) -> int:
        """How long the bytes written will still be under way."""
        pending_us = time.ticks_diff(self._free_at, time.ticks_us())
        # ticks_us wraps after 18 minutes: a time long gone may look like one to come.
        if not 0 < pending_us < _US_A_MINUTE or self._uart.txdone():
            return 0
        return pending_us

    async def _quiet(self) -> None:
        """Until nothing of ours is under way."""
        pending_us = self._pending_us()
        while pending_us:
            await asyncio.sleep_ms(pending_us // 1000 + 1)
            pending_us = self._pending_us()

    async def _room(self) -> None:
        """Until a part more fits the UART's ring and the printer wants it."""
        held_ms = 0
        while True:
            self.listen()
            if self._held:
                if held_ms >= _HELD_AT_MOST_MS:
                    raise PrinterError("the printer takes no more data")
                held_ms += _POLL_MS
                await asyncio.sleep_ms(_POLL_MS)
                continue
            surplus_us = self._pending_us() - _PART * self._byte_us
            if surplus_us <= 0:
                return
            await asyncio.sleep_ms(surplus_us // 1000 + 1)
