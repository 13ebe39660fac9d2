"""What the panel controllers share: the MIPI command set over 4-wire SPI, and the steps through
sleep.

A command byte goes out with D/C low, its parameters and pixels with D/C high.  Pixels are RGB565,
most significant byte first, row by row, left to right.
"""

import asyncio
import time
from typing import TYPE_CHECKING

from micropython import const

from kassa.system.ensure import ensure

if TYPE_CHECKING:
    from machine import PWM, SPI, Pin

# Command list of both data sheets (ST7789VW chapter 9, ILI9341 chapter 8).
_SWRESET = const(0x01)
_SLPIN = const(0x10)
_SLPOUT = const(0x11)
_INVOFF = const(0x20)
_INVON = const(0x21)
_DISPOFF = const(0x28)
_DISPON = const(0x29)
_RDDPM = const(0x0A)
_CASET = const(0x2A)
_RASET = const(0x2B)
_RAMWR = const(0x2C)
_MADCTL = const(0x36)
_COLMOD = const(0x3A)

_PIXELS_16_BIT = b"\x55"
# Display power mode after `start`: booster on, awake, normal mode, display on.
_POWER_MODE_MASK = const(0x9C)
# Reading is slower than writing: a cycle of 150 ns at least (ST7789VW 7.4.3, ILI9341 19.3.4).
_READ_BAUDRATE = const(5_000_000)
# asyncio counts whole ticks, so that a sleep may be up to one millisecond short: one is added.
_RESET_PULSE_MS = const(2)  # 10 us at least
_SLEEP_MS = const(121)  # 120 ms between a reset, sleep in and sleep out
_CLEARED_ROWS = const(8)


class PanelDriver:
    """A 240 x 320 panel.  `width` and `height` are those of the picture at the given rotation.

    `cs` is None where the panel is alone on its bus and its select wire tied low; `reset` and
    `backlight` (a PWM) are None where they are not wired.  `rotation` counts quarter turns of the
    picture, clockwise on the glass.  `sdo_baudrate` is the bus's baudrate where the controller's
    data output is wired to it, else 0: most modules do not bring it out.

    A controller says by MADCTL the memory access control of the four rotations, by INVERTED that
    its glass needs inversion, and by SETTINGS (command, parameters) pairs of its own.

    All methods but `start` and `wake` return when their bytes are on the wire.
    """

    MADCTL = b"\x00\x00\x00\x00"
    INVERTED = False
    SETTINGS = ()  # type: tuple[tuple[int, bytes], ...]

    def __init__(
        self,
        spi: "SPI",
        cs: "Pin | None",
        dc: "Pin",
        reset: "Pin | None" = None,
        backlight: "PWM | None" = None,
        width: int = 240,
        height: int = 320,
        rotation: int = 0,
        sdo_baudrate: int = 0,
    ) -> None:
        ensure((width, height) == (240, 320), "panel must be 240 x 320")
        ensure(0 <= rotation <= 3, "rotation is 0 to 3 quarter turns")
        self.width, self.height = (height, width) if rotation & 1 else (width, height)
        self._spi = spi
        self._cs = cs
        self._dc = dc
        self._reset = reset
        self._backlight = backlight
        self._sdo_baudrate = sdo_baudrate
        self._rotation = rotation
        self._byte = bytearray(1)
        self._edges = bytearray(4)
        self._percent = 100
        self._slept_at = 0
        self._light(0)

    async def start(self) -> None:
        """Reset, configure, clear to black and switch on; some 0.3 s, during which others run."""
        await self._restart()
        self._command(_COLMOD, _PIXELS_16_BIT)
        self._command(_MADCTL, self.MADCTL[self._rotation : self._rotation + 1])
        self._command(_INVON if self.INVERTED else _INVOFF)
        for command, parameters in self.SETTINGS:
            self._command(command, parameters)
        await self._clear()
        self._command(_SLPOUT)
        await asyncio.sleep_ms(_SLEEP_MS)
        self._command(_DISPON)
        self._light(self._percent)

    def write(
        self, x: int, y: int, width: int, height: int, pixels: "bytes | bytearray | memoryview"
    ) -> None:
        """Draw a rectangle: `pixels` holds width * height * 2 bytes, which go out without being
        copied.
        """
        ensure(x >= 0 and y >= 0 and width > 0 and height > 0, "rectangle")
        ensure(
            x + width <= self.width and y + height <= self.height, "rectangle outside the panel"
        )
        ensure(len(pixels) == width * height * 2, "pixels do not fill the rectangle")
        self._select(0)
        self._window(_CASET, x, x + width - 1)
        self._window(_RASET, y, y + height - 1)
        self._send(_RAMWR, pixels)
        self._select(1)

    def sleep(self) -> None:
        """Dark, and the panel's supply off; the frame memory keeps its content."""
        self._light(0)
        self._command(_DISPOFF)
        self._command(_SLPIN)
        self._slept_at = time.ticks_ms()

    async def wake(self) -> None:
        """Show the frame memory again."""
        asleep_ms = time.ticks_diff(time.ticks_ms(), self._slept_at)
        if 0 <= asleep_ms < _SLEEP_MS:
            await asyncio.sleep_ms(_SLEEP_MS - asleep_ms)
        self._command(_SLPOUT)
        await asyncio.sleep_ms(_SLEEP_MS)
        self._command(_DISPON)
        self._light(self._percent)

    def set_backlight(self, percent: int) -> None:
        """0 is dark, 100 full; `wake` restores it."""
        ensure(0 <= percent <= 100, "backlight is 0 to 100 percent")
        self._percent = percent
        self._light(percent)

    def answers(self) -> "bool | None":
        """Whether the controller is there and shows its memory; None where it cannot be asked.
        After `start` or `wake`."""
        if not self._sdo_baudrate:
            return None
        self._spi.init(baudrate=_READ_BAUDRATE)
        self._select(0)
        self._byte[0] = _RDDPM
        self._dc.value(0)
        self._spi.write(self._byte)
        self._dc.value(1)
        mode = self._spi.read(1)[0]
        self._select(1)
        self._spi.init(baudrate=self._sdo_baudrate)
        return mode & _POWER_MODE_MASK == _POWER_MODE_MASK and mode != 0xFF

    # -- steps

    async def _restart(self) -> None:
        """Ends 120 ms after a reset, when sleep out is allowed."""
        if self._reset is not None:
            self._reset.value(0)
            await asyncio.sleep_ms(_RESET_PULSE_MS)
            self._reset.value(1)
        else:
            # A restart of the ESP32 may have come in the middle of a sleep-out sequence, in which
            # a software reset is forbidden: let it end.
            await asyncio.sleep_ms(_SLEEP_MS)
            self._command(_SWRESET)
        await asyncio.sleep_ms(_SLEEP_MS)

    async def _clear(self) -> None:
        """The frame memory holds noise after power-on: nobody shall see it."""
        black = bytes(self.width * _CLEARED_ROWS * 2)
        for y in range(0, self.height, _CLEARED_ROWS):
            self.write(0, y, self.width, _CLEARED_ROWS, black)
            await asyncio.sleep_ms(0)

    def _light(self, percent: int) -> None:
        if self._backlight is not None:
            self._backlight.duty_u16(percent * 0xFFFF // 100)

    # -- bytes

    def _select(self, level: int) -> None:
        if self._cs is not None:
            self._cs.value(level)

    def _command(self, command: int, parameters: bytes = b"") -> None:
        self._select(0)
        self._send(command, parameters)
        self._select(1)

    def _send(self, command: int, data: "bytes | bytearray | memoryview") -> None:
        self._byte[0] = command
        self._dc.value(0)
        self._spi.write(self._byte)
        if data:
            self._dc.value(1)
            self._spi.write(data)

    def _window(self, command: int, first: int, last: int) -> None:
        edges = self._edges
        edges[0], edges[1] = first >> 8, first & 0xFF
        edges[2], edges[3] = last >> 8, last & 0xFF
        self._send(command, edges)
