"""Commands and answers of the PN532, over any of its links (UM0701-02 section 6.2.2).

A command is acknowledged within 15 ms and answered when it is done.  What arrives damaged is
asked for again with a NACK, what does not arrive is sent again, and a command that nobody waits
for any more is stopped with an ACK.
"""

import asyncio
from typing import TYPE_CHECKING

from micropython import const

from kassa.drivers.pn532_errors import (
    CommandRefused,
    FrameError,
    ReaderFault,
    ReaderSilent,
)
from kassa.drivers.pn532_frames import (
    ACK,
    INFORMATION,
    NACK,
    REFUSE,
    SYNTAX_ERROR,
    FrameReader,
    FrameWriter,
)
from kassa.system.ensure import ensure

if TYPE_CHECKING:
    from kassa.drivers.pn532_transport import Transport

ANSWER_MS = 100
"""For commands that only set something."""

_ACK_MS = const(20)
_UNACKNOWLEDGED_MS = const(500)
_MOST_REPEATS = const(2)


class Dialogue:
    """Commands over `transport`, one at a time.

    `open_now` is False before `open`, and after an error: the chip's state is unknown then.
    """

    def __init__(self, transport: "Transport") -> None:
        self.open_now = False
        self._transport = transport
        self._writer = FrameWriter()
        self._frames = FrameReader()
        self._busy = False

    async def open(self) -> None:
        """Reset and wake the chip.  ReaderSilent where the link itself shows that it is absent."""
        self.open_now = False
        await self._transport.wake()
        self.open_now = True

    def close(self) -> None:
        """The chip is not to be used before the next `open`."""
        self.open_now = False

    async def command(
        self,
        code: int,
        parameters: "tuple[int, ...]" = (),
        data: bytes = b"",
        answer_ms: int = ANSWER_MS,
        once: bool = False,
    ) -> memoryview:
        """One command; the parameters of its answer, which are good until the next command.

        `once`: it must not be carried out twice, so it is not repeated when its ACK is missing.
        Raises ReaderSilent, CommandRefused or FrameError, and closes.  When cancelled it stops
        the chip's work.
        """
        ensure(not self._busy, "two tasks use the reader at once")
        self._busy = True
        try:
            frame = self._writer.build(code, parameters, data)
            if not await self._send(frame, once):
                answer_ms = min(answer_ms, _UNACKNOWLEDGED_MS)
            return await self._answer(code, answer_ms)
        except asyncio.CancelledError:
            self._transport.abort()
            raise
        except ReaderFault:
            self.open_now = False
            self._transport.abort()
            raise
        finally:
            self._busy = False

    async def _send(self, frame: memoryview, once: bool) -> bool:
        """Send a command until something comes back; whether something did."""
        for _ in range(_MOST_REPEATS + 1):
            await self._transport.write(frame)
            try:
                await self._transport.read(self._frames, _ACK_MS, len(ACK))
            except FrameError:
                return True  # a damaged ACK, most likely: the answer will tell
            except ReaderSilent:
                if once:
                    return False
                continue
            if once or self._frames.kind != REFUSE:
                return True
        raise ReaderSilent("the reader does not acknowledge a command")

    async def _answer(self, code: int, answer_ms: int) -> memoryview:
        frames = self._frames
        # When its ACK was lost, the answer itself may be here already.
        here = frames.kind in (INFORMATION, SYNTAX_ERROR)
        repeats = 0
        while True:
            try:
                if not here:
                    await self._transport.read(frames, answer_ms)
            except FrameError:
                if repeats == _MOST_REPEATS:
                    raise
                repeats += 1
                answer_ms = ANSWER_MS
                await self._transport.write(NACK)
                continue
            here = False
            if frames.kind == SYNTAX_ERROR:
                raise CommandRefused("the reader refuses command %02x" % code)
            if frames.kind == INFORMATION and frames.data[0] == code + 1:
                return frames.data[1:]
            # A late ACK, or what is left of a command that was aborted: the answer follows.
