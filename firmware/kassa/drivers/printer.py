"""A 58 mm ESC/POS receipt printer: text, pictures, status, and paper that may end at any moment.

Two things are slower than we are: the line (11 bytes a millisecond) and the mechanism (a line of
text takes 62 ms).  PrinterLine keeps to the first; this module keeps at most about a second of
print ahead of the second, so that the printer's buffer never fills and an end of paper is noticed
soon.

A slip ends with `cut`, which returns when it is printed.  After any error, and after a cancelled
call, the rest of the slip is dropped from the printer's buffer with the next call: begin the slip
again.
"""

import asyncio
import time
from typing import TYPE_CHECKING

from micropython import const

from kassa.drivers import code_pages
from kassa.drivers.printer_line import PrinterError, PrinterLine
from kassa.system.ensure import ensure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from machine import UART

    Dots = bytes | bytearray | memoryview

OK = "ok"
NEAR_END = "near_end"
OUT = "out"

_LETTER = (12, 24)  # dots of font A
_LINE_ROWS = const(30)  # default line spacing in dots
_ROWS_A_SECOND = const(480)  # 60 mm/s, 8 dots a mm
_TO_CUTTER_ROWS = const(120)  # 12 mm, and 3 mm of margin
_CUT_ROWS = const(120)  # a cut takes as long as feeding so much
_TEAR_LINES = const(4)

_AHEAD_MS = const(1_000)
_LOOK_EVERY_MS = const(250)
_LONGEST_MS = const(600_000)
_GRACE_MS = const(2_000)
_BAND_ROWS = const(24)

# DLE EOT 4, 1, 2: what the bits say.
_PAPER_END = const(0x60)
_PAPER_NEAR_END = const(0x0C)
_OFF_LINE = const(0x08)
_COVER_OPEN = const(0x04)
_STOPPED_BY_PAPER = const(0x20)

# ESC ! n
_BOLD = const(0x08)
_DOUBLE_HEIGHT = const(0x10)
_DOUBLE_WIDTH = const(0x20)
_ALIGNMENTS = ("left", "center", "right")

_CUT = b"\x1dV\x42\x18"  # GS V 66 24: feed the slip and 3 mm beyond the blade, cut
_ASK_IN_TURN = b"\x1dr\x01"  # GS r 1: answered when everything before it is done


class PaperOut(PrinterError):
    """The paper has ended.  Begin the slip again when there is a new roll."""


class PrinterStatus:
    """`paper` is OK, NEAR_END or OUT; `online` says that it would print; `cover_open` why it may
    not.
    """

    def __init__(self, paper: int, printer: int, cause: int) -> None:
        self.paper = OUT if paper & _PAPER_END else NEAR_END if paper & _PAPER_NEAR_END else OK
        self.online = not printer & _OFF_LINE
        self.cover_open = bool(cause & _COVER_OPEN)
        if cause & _STOPPED_BY_PAPER:
            self.paper = OUT


class Printer:
    """`uart` runs at `baudrate`, 8N1, with a transmit ring of 256 bytes at least.

    One call at a time is carried out, the others wait.  All raise PaperOut and PrinterError.
    """

    def __init__(
        self, uart: "UART", baudrate: int, width_dots: int = 384, cutter: bool = True
    ) -> None:
        self.width_dots = width_dots
        self.columns = width_dots // _LETTER[0]
        self._cutter = cutter
        self._line = PrinterLine(uart, baudrate)
        self._lock = asyncio.Lock()
        self._whole = False  # initialised, and nothing half sent or half printed
        self._done_at = time.ticks_ms()  # when the mechanism will have done what was sent
        self._looked_at = time.ticks_ms()
        self._answers_in_turn = False
        self._forget_settings()

    def _forget_settings(self) -> None:
        """What ESC @ sets."""
        self._page = code_pages.PC437[0]
        self._mode = 0
        self._alignment = 0
        self._in_line = False

    # -- what others ask for

    async def status(self) -> PrinterStatus:
        """Ask the sensors."""
        async with self._lock:
            return await self._status()

    def encodable(self, text: str) -> bool:
        """Whether the printer has letters for all of `text`; what it has not must come as a
        picture.
        """
        for letter in text:
            if letter != "\n" and code_pages.page_with(letter) is None:
                return False
        return True

    async def text(self, text: str) -> None:
        """Print text; each newline prints a line, what follows the last waits for the next call.

        Raises PrinterError, before anything is printed, when `encodable` says no.
        """
        if not self.encodable(text):
            raise PrinterError("the printer has no letters for this text")
        async with self._lock:
            lines = text.split("\n")
            for line in lines[:-1]:
                await self._text(line, b"\n")
            if lines[-1]:
                await self._text(lines[-1], b"")

    async def style(
        self,
        bold: bool = False,
        double_width: bool = False,
        double_height: bool = False,
        align: str = "left",
    ) -> None:
        """How the text to come looks; what is not given is plain.  Alignment counts from the next
        line.
        """
        mode = (
            (_BOLD if bold else 0)
            | (_DOUBLE_WIDTH if double_width else 0)
            | (_DOUBLE_HEIGHT if double_height else 0)
        )
        alignment = _ALIGNMENTS.index(align)
        async with self._lock:
            await self._keep_pace()
            if mode != self._mode:
                await self._send(b"\x1b!" + bytes((mode,)), 0)
                self._mode = mode
            if alignment != self._alignment:
                await self._send(b"\x1ba" + bytes((alignment,)), 0)
                self._alignment = alignment

    async def raster(self, width_dots: int, height: int, rows: "Dots | Iterable[Dots]") -> None:
        """Print a picture, aligned as the text is.

        `rows` is one block or an iterable of blocks of whole dot rows, together `height` of them;
        a row is (width_dots + 7) // 8 bytes, most significant bit left, 1 is black.  Blocks are
        sent from where they are, so one buffer may be refilled for each.
        """
        ensure(0 < width_dots <= self.width_dots, "picture wider than the paper")
        row_bytes = (width_dots + 7) // 8
        blocks = (rows,) if isinstance(rows, (bytes, bytearray, memoryview)) else rows
        async with self._lock:
            await self._end_line()
            left = height
            for block in blocks:
                view = memoryview(block)
                count = len(view) // row_bytes
                ensure(count * row_bytes == len(view) and count <= left, "picture rows")
                for first in range(0, count, _BAND_ROWS):
                    last = min(first + _BAND_ROWS, count)
                    await self._band(row_bytes, view[first * row_bytes : last * row_bytes])
                left -= count
            ensure(left == 0, "picture rows")

    async def feed(self, lines: int) -> None:
        """Blank paper, in text lines."""
        ensure(0 <= lines <= 255, "lines to feed")
        async with self._lock:
            await self._keep_pace()
            await self._send(b"\x1bd" + bytes((lines,)), lines * _LINE_ROWS)
            self._in_line = False

    async def cut(self) -> None:
        """End the slip: feed it out, cut it where there is a cutter; returns when that is done."""
        async with self._lock:
            await self._end_line()
            if self._cutter:
                await self._send(_CUT, _TO_CUTTER_ROWS + _CUT_ROWS)
            else:
                await self._send(b"\x1bd" + bytes((_TEAR_LINES,)), _TEAR_LINES * _LINE_ROWS)
            await self._until_printed()

    # -- lines and bands

    async def _text(self, line: str, end: bytes) -> None:
        await self._keep_pace()
        encoded = code_pages.encode(line, self._page)
        if encoded is None:
            raise PrinterError("the printer has no letters for this text")
        codes, self._page = encoded
        columns = self.columns // (2 if self._mode & _DOUBLE_WIDTH else 1)
        rows = _LETTER[1] * 2 if self._mode & _DOUBLE_HEIGHT else _LINE_ROWS
        wrapped = (len(line) - 1) // columns if line else 0
        codes.extend(end)
        await self._send(codes, rows * (wrapped + len(end)))
        self._in_line = not end

    async def _end_line(self) -> None:
        """Pictures and cuts begin at the left: print the line that still waits for its newline."""
        await self._keep_pace()
        if self._in_line:
            await self._text("", b"\n")

    async def _band(self, row_bytes: int, dots: memoryview) -> None:
        """GS v 0: it is one command, so it goes out whole or the printer waits for the rest."""
        await self._keep_pace()
        rows = len(dots) // row_bytes
        self._whole = False
        await self._line.send(bytes((0x1D, 0x76, 0x30, 0, row_bytes, 0, rows, 0)))
        self._line.owed = len(dots)
        await self._send(dots, rows)

    async def _send(self, data: "Dots", rows: int) -> None:
        """Send, and remember how long the mechanism takes; an error leaves the slip broken."""
        self._whole = False
        await self._line.send(data)
        self._whole = True
        busy_ms = self._behind_ms() + rows * 1000 // _ROWS_A_SECOND
        self._done_at = time.ticks_add(time.ticks_ms(), busy_ms)

    # -- the mechanism and its paper

    def _behind_ms(self) -> int:
        """How long the mechanism will be busy with what it has got."""
        behind_ms = time.ticks_diff(self._done_at, time.ticks_ms())
        return behind_ms if 0 < behind_ms < _LONGEST_MS else 0

    async def _keep_pace(self) -> None:
        """Until the printer wants more; looks after the paper on the way."""
        if not self._whole:
            await self._begin_again()
        while True:
            if not 0 <= time.ticks_diff(time.ticks_ms(), self._looked_at) < _LOOK_EVERY_MS:
                await self._look()
            behind_ms = self._behind_ms()
            if behind_ms <= _AHEAD_MS:
                return
            await asyncio.sleep_ms(min(behind_ms - _AHEAD_MS, _LOOK_EVERY_MS))

    async def _until_printed(self) -> None:
        """Until everything sent is on paper.  A printer that does not tell is given its usual
        time.
        """
        line = self._line
        line.listen()
        line.in_turn = False
        await self._send(_ASK_IN_TURN, 0)
        patience_ms = self._behind_ms() + _GRACE_MS
        if self._answers_in_turn:
            patience_ms *= 2
        start = time.ticks_ms()
        while time.ticks_diff(time.ticks_ms(), start) < patience_ms:
            await asyncio.sleep_ms(10)
            line.listen()
            if line.in_turn:
                self._answers_in_turn = True
                self._done_at = time.ticks_ms()
                return
            if time.ticks_diff(time.ticks_ms(), self._looked_at) >= _LOOK_EVERY_MS:
                await self._look()
        self._answers_in_turn = False
        await self._look()

    async def _begin_again(self) -> None:
        """Bring the printer to a known state: its buffer empty, no half picture, settings at their
        defaults.
        """
        await self._look()
        if not await self._line.clear():
            await self._line.send(bytes(self._line.owed))
        await self._line.send(b"\x1b@\x1bR\x00")
        self._forget_settings()
        self._done_at = time.ticks_ms()
        self._whole = True

    async def _status(self) -> PrinterStatus:
        paper = await self._line.ask(4)
        printer = await self._line.ask(1)
        cause = await self._line.ask(2) if printer & _OFF_LINE else 0
        self._looked_at = time.ticks_ms()
        return PrinterStatus(paper, printer, cause)

    async def _look(self) -> None:
        """Raise what keeps the printer from printing, after dropping what it would print later."""
        whole, self._whole = self._whole, False
        status = await self._status()
        if status.online and status.paper != OUT:
            self._whole = whole
            return
        await self._line.clear()
        if status.cover_open:
            raise PrinterError("the printer's cover is open")
        if status.paper == OUT:
            raise PaperOut("the printer is out of paper")
        raise PrinterError("the printer is off line")
