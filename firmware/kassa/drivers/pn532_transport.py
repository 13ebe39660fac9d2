"""What the three links to the PN532 have in common: wake-up, waiting for a frame, aborting."""

import asyncio
import time
from typing import TYPE_CHECKING

from machine import Pin
from micropython import const

from kassa.drivers.pn532_errors import NoFrame, ReaderSilent

if TYPE_CHECKING:
    from collections.abc import Callable

    from kassa.drivers.pn532_frames import FrameReader

EXPECTED = const(64)
"""A guess at the bytes of a response frame: most fit, and reading so many costs little."""

_RESET_MS = const(1)
_POLL_MS = const(1)
OSCILLATOR_MS = const(4)
"""From a wake-up condition until the chip understands: at most 2 ms, and ticks are coarse."""


class Transport:
    """One link to a PN532.  `reset` is RSTPDN if wired (low holds the chip off)."""

    def __init__(self, reset: "Pin | None" = None) -> None:
        self._reset = reset

    async def wake(self) -> None:
        """Reset the chip where that is wired, and bring it out of its sleep."""
        if self._reset is not None:
            self._reset.value(0)
            await asyncio.sleep_ms(_RESET_MS)
            self._reset.value(1)
            await asyncio.sleep_ms(OSCILLATOR_MS)
        await self._rouse()

    async def _rouse(self) -> None:
        raise NotImplementedError

    async def write(self, frame: "bytes | memoryview") -> None:
        """Send a frame.  Raises ReaderSilent when the link itself shows that nobody is there."""
        raise NotImplementedError

    async def read(self, frames: "FrameReader", timeout_ms: int, expected: int = EXPECTED) -> None:
        """Wait for one frame of the chip and leave it in `frames`.

        `expected` is its length, or a guess at it.  Raises ReaderSilent when none comes in time,
        ChecksumError and NoFrame when what comes is damaged.
        """
        raise NotImplementedError

    def abort(self) -> None:
        """Stop the command that runs by an ACK frame (UM0701-02 section 6.2.1.3), at once."""
        raise NotImplementedError


class ReadyWait:
    """Waits until the chip has a frame for us: P70_IRQ is low, or the chip says so when asked.

    irq     the pin of P70_IRQ, None when it is not wired
    ready   asks the chip

    A wire that proves to be broken is not waited for again.
    """

    def __init__(self, irq: "Pin | None", ready: "Callable[[], bool]") -> None:
        self._irq = irq
        self._ready = ready
        self._fell = asyncio.ThreadSafeFlag()
        if irq is not None:
            irq.irq(handler=self._on_fall, trigger=Pin.IRQ_FALLING)

    def _on_fall(self, _pin: Pin) -> None:
        self._fell.set()

    async def wait(self, timeout_ms: int) -> None:
        """Return once a frame is there; ReaderSilent after `timeout_ms`."""
        deadline = time.ticks_add(time.ticks_ms(), timeout_ms)
        while True:
            left_ms = time.ticks_diff(deadline, time.ticks_ms())
            if self._irq is not None:
                self._fell.clear()
                if self._irq.value():
                    await self._wait_for_fall(left_ms)
                    continue
            if self._ready():
                return
            if left_ms <= 0:
                raise ReaderSilent("the reader does not answer")
            await asyncio.sleep_ms(_POLL_MS)

    async def _wait_for_fall(self, left_ms: int) -> None:
        try:
            await asyncio.wait_for_ms(self._fell.wait(), max(0, left_ms))
        except asyncio.TimeoutError:
            if not self._ready():
                raise ReaderSilent("the reader does not answer")
            self._irq = None


def whole(frames: "FrameReader") -> None:
    """Raise NoFrame unless a whole frame is in `frames`."""
    if frames.missing():
        raise NoFrame("the reader's frame breaks off")
