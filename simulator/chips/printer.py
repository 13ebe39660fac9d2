"""A 58 mm ESC/POS receipt printer on a serial line: 384 dots at 8 dots/mm, 60 mm/s, cutter.

It behaves as Epson's ESC/POS reference says where payment terminals notice: a receive buffer of 4
KB that says XOFF when it fills and drops what comes after, real-time commands that are answered at
once even when it is off line, paper that ends in the middle of a job, and a blade that sits 12 mm
beyond the head.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image

from simulator.chips.buses import UartWire
from simulator.chips.printer_commands import Interpreter
from simulator.chips.printer_paper import DOTS_PER_MM, Paper
from simulator.clock import NS_PER_MS, NS_PER_S, Clock, Timer

BUFFER_SIZE = 4096
_XOFF_FREE = 256
_XON_FREE = 1024
_XON, _XOFF = 0x11, 0x13

_SPEED_MM_S = 60
_ROW_NS = NS_PER_S // (_SPEED_MM_S * DOTS_PER_MM)
_DOTS_AT_ONCE = 96  # the supply heats a quarter of the head at a time
_STROBE_NS = 750_000
_MOTOR_START_NS = 10 * NS_PER_MS
_CUT_NS = 250 * NS_PER_MS
_TO_CUTTER = 12 * DOTS_PER_MM

_DLE_EOT = b"\x10\x04"
_CLEAR_BUFFERS = bytes((0x10, 0x14, 8, 1, 3, 20, 1, 6, 2, 8))
_CLEARED = bytes((0x37, 0x25, 0x00))

OK, NEAR_END, OUT = "ok", "near_end", "out"


class _Motion(NamedTuple):
    """Something the mechanism does: move paper under the head, or cut."""

    rows: np.ndarray | None
    text: str | None

    def duration_ns(self) -> int:
        if self.rows is None:
            return _CUT_NS
        strobes = -(-self.rows.sum(axis=1) // _DOTS_AT_ONCE)
        return int(np.maximum(strobes * _STROBE_NS, _ROW_NS).sum())


class EscPosPrinter:
    """The printer (`UartDevice`); the wiring sets `uart`.

    `on_print(text)` is called as each line comes out, with None for pictures and feeds, `on_cut()`
    after a cut.  `overruns` counts bytes lost because the buffer was full.  Faults: `paper`,
    `cover_open`, `powered`; `xon_xoff` False is a printer set to hardware flow control, whose
    wires are not connected.
    """

    def __init__(self, clock: Clock, width_dots: int = 384, cutter: bool = True) -> None:
        self.uart: UartWire
        self.baudrate = 115_200
        self.xon_xoff = True
        self.overruns = 0
        self.framing_errors = 0
        self.first_lines_ns: list[int] = []
        self.on_print: Callable[[str | None], None] | None = None
        self.on_cut: Callable[[], None] | None = None
        self.roll = Paper(width_dots, _TO_CUTTER)
        self._clock = clock
        self._interpreter = Interpreter(width_dots, cutter, _TO_CUTTER, self)
        self._buffer = bytearray()
        self._tail = b""  # the last bytes received, in which real-time commands are recognised
        self._motions: deque[_Motion] = deque()
        self._moving: Timer | None = None
        self._last_stop_ns = -NS_PER_S
        self._stopped_sender = False
        self._automatic = 0
        self._paper = OK
        self._cover_open = False
        self._powered = True
        self._fresh = True  # nothing printed since the last cut

    # -- what a person sees and does

    @property
    def text(self) -> str:
        """Everything printed as text so far, lines separated by newlines."""
        return self.roll.text()

    @property
    def receipts(self) -> list[str]:
        """The text of each piece of paper that was cut off, oldest first."""
        return [self.roll.text(start, end) for start, end in self.roll.pieces()]

    @property
    def unknown(self) -> list[bytes]:
        """Commands that it did not understand and skipped."""
        return self._interpreter.unknown

    @property
    def first_line_ns(self) -> int | None:
        """When the first line of the latest receipt was on paper; None before the first."""
        return self.first_lines_ns[-1] if self.first_lines_ns else None

    @property
    def busy(self) -> bool:
        """Whether it has anything left to do."""
        return self._moving is not None or bool(self._motions) or bool(self._buffer)

    def image(self, receipt: int | None = None) -> Image.Image:
        """The paper (RGB, 8 dots/mm): all of it, or the piece of that index once it is cut off."""
        if receipt is None:
            return self.roll.image()
        return self.roll.image(*self.roll.pieces()[receipt])

    @property
    def paper(self) -> str:
        """OK, NEAR_END or OUT; assign to change it.  OUT stops it after the line under way."""
        return self._paper

    @paper.setter
    def paper(self, state: str) -> None:
        if state not in (OK, NEAR_END, OUT):
            raise ValueError(f"printer: paper is {OK}, {NEAR_END} or {OUT}, not {state!r}")
        self._paper = state
        self._status_changed(0x0A)

    @property
    def cover_open(self) -> bool:
        """Whether the lid over the roll is open; assign to open and close it."""
        return self._cover_open

    @cover_open.setter
    def cover_open(self, is_open: bool) -> None:
        self._cover_open = is_open
        self._status_changed(0x02)

    @property
    def powered(self) -> bool:
        """Whether it has power; assign to pull its plug and to put it back."""
        return self._powered

    @powered.setter
    def powered(self, on: bool) -> None:
        self._powered = on
        self._buffer.clear()
        self._motions.clear()
        self._tail = b""
        self._stopped_sender = False
        self._automatic = 0
        self._interpreter.reset()
        if self._moving is not None:
            self._moving.cancel()
            self._moving = None

    @property
    def online(self) -> bool:
        return self._powered and self._paper != OUT and not self._cover_open

    # -- the serial line

    def uart_receive(self, data: bytes) -> None:
        """Bytes from the terminal; real-time commands take effect at once, the rest waits its
        turn.
        """
        if not self._powered:
            return
        if self.uart.baudrate != self.baudrate:
            self.framing_errors += len(data)
            return
        for index in range(len(data)):
            self._receive(data[index])
        if self.xon_xoff and BUFFER_SIZE - len(self._buffer) <= _XOFF_FREE:
            self._stop_sender(True)
        self._work()

    def _receive(self, byte: int) -> None:
        if len(self._buffer) < BUFFER_SIZE:
            self._buffer.append(byte)
        else:
            self.overruns += 1
        self._tail = self._tail[1 - len(_CLEAR_BUFFERS) :] + bytes((byte,))
        if self._tail[-3:-1] == _DLE_EOT and 1 <= byte <= 4:
            self._send(bytes((self._real_time_status(byte),)))
        elif self._tail == _CLEAR_BUFFERS:
            self._buffer.clear()
            while len(self._motions) > (self._moving is not None):
                self._motions.pop()
            self._interpreter.clear()
            self._stop_sender(False)
            self._send(_CLEARED)

    def _send(self, data: bytes) -> None:
        self.uart.send(data)

    def _stop_sender(self, stop: bool) -> None:
        if stop != self._stopped_sender:
            self._stopped_sender = stop
            self._send(bytes((_XOFF if stop else _XON,)))

    # -- status

    def _real_time_status(self, n: int) -> int:
        """The answer to DLE EOT n: 1 printer, 2 cause of being off line, 3 errors, 4 paper
        sensors.
        """
        status = 0x12
        if n == 1 and not self.online:
            status |= 0x08
        if n == 2:
            status |= (0x04 if self._cover_open else 0) | (0x20 if self._paper == OUT else 0)
        if n == 4:
            status |= 0x0C if self._paper != OK else 0
            status |= 0x60 if self._paper == OUT else 0
        return status

    def transmit_status(self, kind: int) -> None:
        """GS r 1: the paper sensors, in turn with the print data."""
        near, out = self._paper != OK, self._paper == OUT
        self._send(bytes(((0x03 if near else 0) | (0x0C if out else 0),)))

    def automatic_status(self, mask: int) -> None:
        """GS a n: report changes from now on (bit 1 on/off line, bit 3 paper sensors), and once
        now.
        """
        self._automatic = mask
        self._report(mask)

    def _status_changed(self, changed: int) -> None:
        self._report(changed)
        self._work()

    def _report(self, changed: int) -> None:
        if self._powered and self._automatic & changed:
            near, out = self._paper != OK, self._paper == OUT
            first = 0x10 | (0x08 if not self.online else 0) | (0x20 if self._cover_open else 0)
            self._send(bytes((first, 0, (0x03 if near else 0) | (0x0C if out else 0), 0)))

    # -- the mechanism

    def print_rows(self, rows: np.ndarray, text: str | None) -> None:
        """Move the paper by as many dot lines as there are rows, burning what is True."""
        self._motions.append(_Motion(rows, text))

    def cut(self) -> None:
        """Cut where the blade is."""
        self._motions.append(_Motion(None, None))

    def _work(self) -> None:
        """Go on with whatever is next, until something takes time or data is missing."""
        while self._moving is None and self.online:
            if self._motions:
                self._start(self._motions[0])
            elif not self._interpreter.step(self._buffer):
                break
        if self._stopped_sender and BUFFER_SIZE - len(self._buffer) >= _XON_FREE:
            self._stop_sender(False)

    def _start(self, motion: _Motion) -> None:
        now = self._clock.now_ns
        duration = motion.duration_ns()
        if now > self._last_stop_ns:
            duration += _MOTOR_START_NS
        self._moving = self._clock.call_later(duration, self._finish)

    def _finish(self) -> None:
        self._moving = None
        self._last_stop_ns = self._clock.now_ns
        motion = self._motions.popleft()
        if motion.rows is None:
            self.roll.cut()
            self._fresh = True
            if self.on_cut is not None:
                self.on_cut()
        else:
            self.roll.add(motion.rows, motion.text)
            if self._fresh and motion.rows.any():
                self._fresh = False
                self.first_lines_ns.append(self._clock.now_ns)
            if self.on_print is not None:
                self.on_print(motion.text)
        self._work()
