"""240 x 320 colour panels: the Sitronix ST7789VW and the Ilitek ILI9341, each on its usual glass.

Sources: ST7789VW data sheet v1.0 ("Serial interface characteristics", "Address control", "System
function command table 1") and ILI9341 data sheet v1.11 (8.2 commands, 9 memory, 19.3.4 serial
timing).  Of what they can be asked only the display power mode is modelled; the answer arrives
where the board wires a module's SDO pin.

What a module adds to its controller is in `panel_modules`: a driver that forgets how the glass is
mounted draws a picture that is visibly wrong, as on the desk.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from simulator.chips.buses import DataSheetViolation, Line
from simulator.chips.panel_modules import MODULES
from simulator.clock import NS_PER_MS, NS_PER_US, Clock

COLUMNS = 240
ROWS = 320

# MADCTL bits (ILI9341 8.2.29; the ST7789's are the same).
_MY, _MX, _MV, _BGR = 0x80, 0x40, 0x20, 0x08

_AFTER_COMMAND_NS = 5 * NS_PER_MS
_SLEEP_NS = 120 * NS_PER_MS
_SHORTEST_RESET_NS = 10 * NS_PER_US
# A read cycle has 150 ns at least (ST7789VW 7.4.3, ILI9341 19.3.4).
_FASTEST_READ = 6_666_666

# Standard commands with the number of their parameters.
_NOP, _SWRESET, _SLPIN, _SLPOUT, _NORON = 0x00, 0x01, 0x10, 0x11, 0x13
_INVOFF, _INVON, _GAMSET, _DISPOFF, _DISPON = 0x20, 0x21, 0x26, 0x28, 0x29
_CASET, _RASET, _RAMWR, _TEOFF, _TEON = 0x2A, 0x2B, 0x2C, 0x34, 0x35
_MADCTL, _IDMOFF, _COLMOD, _RAMWRC = 0x36, 0x38, 0x3A, 0x3C
_RDDPM = 0x0A
_PARAMETERS = {
    _NOP: 0, _SWRESET: 0, _SLPIN: 0, _SLPOUT: 0, _NORON: 0, _INVOFF: 0, _INVON: 0, _GAMSET: 1,
    _DISPOFF: 0, _DISPON: 0, _CASET: 4, _RASET: 4, _TEOFF: 0, _TEON: 1,
    _MADCTL: 1, _IDMOFF: 0, _COLMOD: 1, _RDDPM: 1,
}  # fmt: skip


class Panel:
    """A panel module on an SPI bus (`SpiDevice`), with its D/C wire and, where wired, reset and
    backlight.

    `width` and `height` are the glass's, 240 x 320.  `rotation` says how the panel is mounted in
    the case: quarter turns anticlockwise, which a driver undoes by drawing with the same rotation;
    `image()` and `on_update` speak of the picture as the person in front of the case sees it.
    """

    spi_modes = frozenset({(0, 0), (1, 1)})

    def __init__(
        self,
        clock: Clock,
        controller: str,
        width: int,
        height: int,
        dc: Line,
        reset: Line | None,
        backlight: Line | None,
        rotation: int = 0,
    ) -> None:
        if (width, height) != (COLUMNS, ROWS):
            raise ValueError(
                f"panel: {width} x {height}: only {COLUMNS} x {ROWS} glass is modelled"
            )
        self._module = MODULES[controller]
        self._clock = clock
        self._dc = dc
        self._reset = reset
        self._backlight = backlight
        self._turns = rotation % 4
        self.absent = False  # told to be: its plug is off
        self.bytes_received = 0
        self.on_update: Callable[[int, int, int, int], None] | None = None
        self._selected = False
        self._reset_fell_ns: int | None = None
        if reset is not None:
            reset.pull(self, 1)
            reset.listen(self._reset_changed)
        self.power_on()

    @property
    def max_baudrate(self) -> int:
        """Of the next byte: what is read comes slower."""
        reading = self._now_receiving == _RDDPM and self._dc.level
        return _FASTEST_READ if reading else self._module.max_baudrate

    # -- what a person sees and does

    @property
    def width(self) -> int:
        """Of the picture as it is seen."""
        return ROWS if self._turns % 2 else COLUMNS

    @property
    def height(self) -> int:
        """Of the picture as it is seen."""
        return COLUMNS if self._turns % 2 else ROWS

    @property
    def lit(self) -> bool:
        """Whether anything can be seen at all: awake, display on, backlight on."""
        glows = self._backlight is None or self._backlight.level == 1
        return glows and not self._asleep and self._display_on

    def image(self) -> Image.Image:
        """What a person sees (RGB): black while asleep, off or without backlight."""
        if not self.lit:
            return Image.new("RGB", (self.width, self.height))
        pixels = self._memory
        if self._inverted != self._module.inverted_glass:
            pixels = ~pixels
        red, green, blue = pixels >> 11, (pixels >> 5) & 0x3F, pixels & 0x1F
        if bool(self._madctl & _BGR) != self._module.bgr_glass:
            red, blue = blue, red
        rgb = np.empty((ROWS, COLUMNS, 3), np.uint8)
        rgb[..., 0] = red << 3 | red >> 2
        rgb[..., 1] = green << 2 | green >> 4
        rgb[..., 2] = blue << 3 | blue >> 2
        if self._module.mirrored_glass:
            rgb = rgb[:, ::-1]
        return Image.fromarray(np.ascontiguousarray(np.rot90(rgb, self._turns)))

    def power_on(self) -> None:
        """Power comes (back): registers at their defaults, noise in the frame memory, both timers
        start.
        """
        self._memory = np.random.default_rng(0).integers(0, 0x10000, (ROWS, COLUMNS), np.uint16)
        self._busy_until_ns = 0
        self._asleep = True
        self._sleep_change_ns = self._clock.now_ns - _SLEEP_NS
        self._to_defaults()

    # -- the bus

    def select(self) -> None:
        self._selected = True

    def deselect(self) -> None:
        self._selected = False
        self._tell_update()

    def transfer(self, mosi: bytes) -> bytes:
        """D/C is sampled with the last bit of each byte; it cannot change within one transfer."""
        if self.absent:
            return bytes(len(mosi))
        if self._selected:
            self.bytes_received += len(mosi)
            if self._reset_fell_ns is not None:
                self._violation("clocked while RESX is low")
            if self._dc.level and self._now_receiving == _RDDPM:
                self._now_receiving = None
                return bytes([self._power_mode]).ljust(len(mosi), b"\0")
            if self._dc.level:
                self._data(mosi)
            else:
                for command in mosi:
                    self._command(command)
        return bytes(len(mosi))

    @property
    def _power_mode(self) -> int:
        """RDDPM: booster on and awake (80, 10), normal mode (08), display on (04)."""
        return (0 if self._asleep else 0x90) | 0x08 | (0x04 if self._display_on else 0)

    # -- reset

    def _reset_changed(self, level: int) -> None:
        now = self._clock.now_ns
        if level == 0:
            self._reset_fell_ns = now
            return
        if self._reset_fell_ns is not None and now - self._reset_fell_ns < _SHORTEST_RESET_NS:
            self._violation("RESX must be low for 10 us at least")
        self._reset_fell_ns = None
        self._to_defaults()

    def _to_defaults(self) -> None:
        """Power-on, hardware or software reset: 5 ms until the next command, 120 ms until sleep
        out.
        """
        now = self._clock.now_ns
        self._busy_until_ns = now + _AFTER_COMMAND_NS
        self._reset_ns = now
        self._asleep = True
        self._display_on = False
        self._inverted = False
        self._madctl = 0
        self._pixel_format = 6
        self._window = (0, 0, COLUMNS - 1, ROWS - 1)
        self._now_receiving: int | None = None
        self._parameters = bytearray()
        self._leftover = b""
        self._position = 0
        self._touched: tuple[int, int] | None = None

    # -- commands

    def _violation(self, rule: str) -> None:
        raise DataSheetViolation(f"{self._module.title}: {rule}")

    def _command(self, command: int) -> None:
        self._end_of_previous()
        now = self._clock.now_ns
        if now < self._busy_until_ns:
            self._violation(f"command {command:02X} within 5 ms of a reset, sleep in or sleep out")
        if command in (_RAMWR, _RAMWRC):
            if command == _RAMWR:
                self._position = 0
            self._now_receiving = command
            return
        expected = _PARAMETERS.get(command, self._module.settings.get(command))
        if expected is None:
            self._violation(f"command {command:02X} is not in the data sheet, or not modelled")
        self._now_receiving = command if expected else None
        simple = _SIMPLE.get(command)
        if simple is not None:
            simple(self, now)

    def _end_of_previous(self) -> None:
        command = self._now_receiving
        if command in (_RAMWR, _RAMWRC):
            self._leftover = b""  # an unfinished pixel is dropped
            self._tell_update()
        elif command is not None:
            self._violation(
                f"command {command:02X} broken off after {len(self._parameters)} parameters"
            )
        self._parameters.clear()
        self._now_receiving = None

    def _software_reset(self, now: int) -> None:
        if not self._asleep and now - self._sleep_change_ns < _SLEEP_NS:
            self._violation("software reset during the 120 ms of a sleep-out sequence")
        self._to_defaults()

    def _sleep_in(self, now: int) -> None:
        if not self._asleep:
            if now - self._sleep_change_ns < _SLEEP_NS:
                self._violation("sleep in within 120 ms of sleep out")
            self._change_sleep(True, now)

    def _sleep_out(self, now: int) -> None:
        if now - self._reset_ns < _SLEEP_NS:
            self._violation("sleep out within 120 ms of a reset")
        if self._asleep:
            if now - self._sleep_change_ns < _SLEEP_NS:
                self._violation("sleep out within 120 ms of sleep in")
            self._change_sleep(False, now)

    def _change_sleep(self, asleep: bool, now: int) -> None:
        self._asleep = asleep
        self._sleep_change_ns = now
        self._busy_until_ns = now + _AFTER_COMMAND_NS

    def _set_inverted(self, on: bool) -> None:
        self._inverted = on

    def _set_display(self, on: bool) -> None:
        self._display_on = on

    # -- parameters and pixels

    def _data(self, data: bytes) -> None:
        if self._now_receiving in (_RAMWR, _RAMWRC):
            self._pixels(data)
            return
        for byte in data:
            if self._now_receiving is None:
                self._violation(f"parameter {byte:02X} without a command that takes one")
            self._parameters.append(byte)
            command = self._now_receiving
            needed = _PARAMETERS.get(command, self._module.settings.get(command))
            if len(self._parameters) == needed:
                self._set(command, bytes(self._parameters))
                self._parameters.clear()
                self._now_receiving = None

    def _set(self, command: int, parameters: bytes) -> None:
        if command == _MADCTL:
            self._madctl = parameters[0]
        elif command == _COLMOD:
            if parameters[0] & 7 not in (5, 6):
                self._violation(
                    f"pixel format {parameters[0]:02X} is not 16 or 18 bits, or not modelled"
                )
            self._pixel_format = parameters[0] & 7
        elif command in (_CASET, _RASET):
            self._set_window(command, parameters)

    def _set_window(self, command: int, parameters: bytes) -> None:
        start = int.from_bytes(parameters[:2], "big")
        end = int.from_bytes(parameters[2:], "big")
        columns, rows = (ROWS, COLUMNS) if self._madctl & _MV else (COLUMNS, ROWS)
        limit, name = (columns, "CASET") if command == _CASET else (rows, "RASET")
        if not start <= end < limit:
            self._violation(f"{name} {start}..{end} is not a window within 0..{limit - 1}")
        x0, y0, x1, y1 = self._window
        self._window = (start, y0, end, y1) if command == _CASET else (x0, start, x1, end)

    def _addressed(self) -> np.ndarray:
        """The frame memory as the address counter walks it: a view of rows and columns after MV,
        MX, MY.
        """
        view = self._memory
        if self._madctl & _MY:
            view = view[::-1]
        if self._madctl & _MX:
            view = view[:, ::-1]
        return view.T if self._madctl & _MV else view

    def _pixels(self, data: bytes) -> None:
        if self._leftover:
            data = self._leftover + data
        size = 2 if self._pixel_format == 5 else 3
        count = len(data) // size
        self._leftover = bytes(data[count * size :])
        if not count:
            return
        if size == 2:
            pixels = np.frombuffer(data, ">u2", count)
        else:
            parts = np.frombuffer(data, np.uint8, count * 3).reshape(-1, 3).astype(np.uint16)
            pixels = parts[:, 0] >> 3 << 11 | parts[:, 1] >> 2 << 5 | parts[:, 2] >> 3
        x0, y0, x1, y1 = self._window
        view = self._addressed()
        if x1 >= view.shape[1] or y1 >= view.shape[0]:
            self._violation(
                "MADCTL exchanged rows and columns and left the window outside the memory"
            )
        self._fill(view[y0 : y1 + 1, x0 : x1 + 1], pixels)
        if self._position == 0:  # the window is full: a panel that is always selected sees no end
            self._tell_update()

    def _fill(self, window: np.ndarray, pixels: np.ndarray) -> None:
        """Write row by row from the address counter on; after the last pixel it returns to the
        first.
        """
        height, width = window.shape
        first = self._position
        done = 0
        while done < len(pixels):
            row, column = divmod(self._position, width)
            whole_rows = min(height - row, (len(pixels) - done) // width) if column == 0 else 0
            if whole_rows:
                count = whole_rows * width
                window[row : row + whole_rows] = pixels[done : done + count].reshape(-1, width)
            else:
                count = min(width - column, len(pixels) - done)
                window[row, column : column + count] = pixels[done : done + count]
            done += count
            self._position = (self._position + count) % (width * height)
        last = min(first + len(pixels), width * height)
        if first + len(pixels) > width * height:
            first = 0
        before = self._touched
        self._touched = (min(before[0], first), max(before[1], last)) if before else (first, last)

    # -- telling the world

    def _tell_update(self) -> None:
        touched, self._touched = self._touched, None
        if touched is None or self.on_update is None:
            return
        x0, y0, x1, _ = self._window
        width = x1 - x0 + 1
        rows = np.zeros((ROWS, COLUMNS), np.bool_)
        view = rows
        if self._madctl & _MY:
            view = view[::-1]
        if self._madctl & _MX:
            view = view[:, ::-1]
        if self._madctl & _MV:
            view = view.T
        first_row, last_row = touched[0] // width, (touched[1] - 1) // width
        view[y0 + first_row : y0 + last_row + 1, x0 : x1 + 1] = True
        seen = np.rot90(rows[:, ::-1] if self._module.mirrored_glass else rows, self._turns)
        ys, xs = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
        self.on_update(int(xs[0]), int(ys[0]), int(xs[-1]), int(ys[-1]))


_SIMPLE: dict[int, Callable[[Panel, int], None]] = {
    _SWRESET: Panel._software_reset,
    _SLPIN: Panel._sleep_in,
    _SLPOUT: Panel._sleep_out,
    _INVOFF: lambda panel, now: panel._set_inverted(False),
    _INVON: lambda panel, now: panel._set_inverted(True),
    _DISPOFF: lambda panel, now: panel._set_display(False),
    _DISPON: lambda panel, now: panel._set_display(True),
}
