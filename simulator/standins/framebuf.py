"""MicroPython's `framebuf` on CPython, with numpy underneath: the same calls draw the same pixels.

Everything stock firmware can draw is here except `text()`: its 8x8 letters are data inside
MicroPython.  The firmware brings its own type and never calls it; the stand-in raises OSError.
A FrameBuffer is not itself a buffer here (`memoryview(fb)` needs an interpreter hook): keep the
bytearray it draws on.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np

MONO_VLSB = MVLSB = 0
RGB565 = 1
GS4_HMSB = 2
MONO_HLSB = 3
MONO_HMSB = 4
GS2_HMSB = 5
GS8 = 6

_BITS = {MONO_VLSB: 1, RGB565: 16, GS4_HMSB: 4, MONO_HLSB: 1, MONO_HMSB: 1, GS2_HMSB: 2, GS8: 8}

# Where pixel `x % pixels_per_byte` sits inside its byte, by format.
_SHIFTS = {
    GS4_HMSB: np.array([4, 0], np.uint8),
    GS2_HMSB: np.array([0, 2, 4, 6], np.uint8),
    MONO_HLSB: np.arange(7, -1, -1, dtype=np.uint8),
    MONO_HMSB: np.arange(8, dtype=np.uint8),
}


def _up(value: int, step: int) -> int:
    return -(-value // step) * step


class FrameBuffer:
    """Pixels in a buffer the caller keeps; colours are plain codes (16 bits in RGB565)."""

    def __init__(
        self, buffer: Any, width: int, height: int, format: int, stride: int | None = None, /
    ) -> None:
        self._attach(buffer, width, height, format, stride, writable=True)

    def _attach(
        self,
        buffer: Any,
        width: int,
        height: int,
        format: int,
        stride: int | None,
        *,
        writable: bool,
    ) -> None:
        """Take the buffer after MicroPython's checks: sizes in 16 bits, every pixel inside it."""
        view = memoryview(buffer)
        if writable and view.readonly:
            raise TypeError("object with buffer protocol required")
        width, height, format = index(width), index(height), index(format)
        stride = width if stride is None else index(stride)
        if not (0 < width <= 0xFFFF and 0 < height <= 0xFFFF and width <= stride <= 0xFFFF):
            raise ValueError
        if format not in _BITS:
            raise ValueError("invalid format")
        bits = _BITS[format]
        per_byte = max(1, 8 // bits)
        last_rows, row_width = 1, width
        if format == MONO_VLSB:
            last_rows = 8
        else:
            stride = _up(stride, per_byte)
            row_width = _up(width, per_byte)
        rows = _up(height, last_rows)
        data = np.frombuffer(view.cast("B"), np.uint8)
        if ((rows - last_rows) * stride + last_rows * row_width) * bits // 8 > data.size:
            raise ValueError
        self._width, self._height, self._format, self._stride = width, height, format, stride
        self._bytes = data
        self._words = data[: data.size & ~1].view(np.uint16) if format == RGB565 else data

    # -- pixels by region ---------------------------------------------------------------------

    def _where(self, rows: Any, columns: Any) -> tuple[Any, Any]:
        """Index into the buffer and bit position in that byte, for rows x columns of pixels."""
        if self._format in (RGB565, GS8):
            return rows * self._stride + columns, None
        if self._format == MONO_VLSB:
            return (rows >> 3) * self._stride + columns, (rows & 7).astype(np.uint8)
        per_byte = 8 // _BITS[self._format]
        return (
            (rows * self._stride + columns) // per_byte,
            _SHIFTS[self._format][columns % per_byte],
        )

    def _read(self, x: int, y: int, width: int, height: int) -> np.ndarray:
        """Codes of a region that lies inside."""
        rows = np.arange(y, y + height)[:, None]
        where, shift = self._where(rows, np.arange(x, x + width)[None, :])
        codes = self._words[where]
        if shift is not None:
            codes = (codes >> shift) & ((1 << _BITS[self._format]) - 1)
        return codes.astype(np.uint32)

    def _narrow(self, codes: Any) -> Any:
        """A colour as the format keeps it: in mono anything but 0 is set."""
        if _BITS[self._format] == 1:
            return np.not_equal(codes, 0).astype(np.uint8)
        return np.bitwise_and(codes, (1 << _BITS[self._format]) - 1)

    def _write(self, x: int, y: int, codes: np.ndarray, mask: np.ndarray | None = None) -> None:
        """Set a region that lies inside; where `mask` is False the old pixel stays."""
        height, width = codes.shape
        codes = self._narrow(codes)
        rows = np.arange(y, y + height)
        columns = np.arange(x, x + width)
        if self._format in (RGB565, GS8):
            where, _ = self._where(rows[:, None], columns[None, :])
            if mask is not None:
                where, codes = where[mask], codes[mask]
            self._words[where] = codes
            return
        # Pixels that share a byte are written in turns, so that each turn touches a byte once.
        vertical = self._format == MONO_VLSB
        turns = 8 // _BITS[self._format]
        for turn in range(min(turns, height if vertical else width)):
            part = (slice(turn, None, turns), slice(None))
            if not vertical:
                part = (part[1], part[0])
            where, shift = self._where(rows[part[0]][:, None], columns[part[1]][None, :])
            keep = self._bytes[where]
            wide = ((1 << _BITS[self._format]) - 1) << shift.astype(np.uint8)
            fresh = (keep & ~wide) | (codes[part].astype(np.uint8) << shift)
            if mask is not None:
                fresh = np.where(mask[part], fresh, keep)
            self._bytes[where] = fresh

    def _fill_inside(self, x: int, y: int, width: int, height: int, c: int) -> None:
        if self._format in (RGB565, GS8):
            code = self._narrow(c)
            for row in range(y, y + height):
                start = row * self._stride + x
                self._words[start : start + width] = code
        else:
            self._write(x, y, np.full((height, width), c & 0xFFFFFFFF, np.uint32))

    def _fill_rect(self, x: int, y: int, width: int, height: int, c: int) -> None:
        right, bottom = min(self._width, x + width), min(self._height, y + height)
        x, y = max(0, x), max(0, y)
        if right > x and bottom > y:
            self._fill_inside(x, y, right - x, bottom - y, c)

    def _plot(self, x: int, y: int, c: int) -> None:
        if 0 <= x < self._width and 0 <= y < self._height:
            self._fill_inside(x, y, 1, 1, c)

    # -- what MicroPython offers ----------------------------------------------------------------

    def fill(self, c: int, /) -> None:
        self._fill_inside(0, 0, self._width, self._height, index(c))

    def fill_rect(self, x: int, y: int, w: int, h: int, c: int, /) -> None:
        self._fill_rect(index(x), index(y), index(w), index(h), index(c))

    def pixel(self, x: int, y: int, c: int | None = None, /) -> int | None:
        x, y = index(x), index(y)
        if not (0 <= x < self._width and 0 <= y < self._height):
            return None
        if c is None:
            return int(self._read(x, y, 1, 1)[0, 0])
        self._fill_inside(x, y, 1, 1, index(c))
        return None

    def hline(self, x: int, y: int, w: int, c: int, /) -> None:
        self.fill_rect(x, y, w, 1, c)

    def vline(self, x: int, y: int, h: int, c: int, /) -> None:
        self.fill_rect(x, y, 1, h, c)

    def rect(self, x: int, y: int, w: int, h: int, c: int, f: object = False, /) -> None:
        x, y, w, h, c = index(x), index(y), index(w), index(h), index(c)
        if f:
            self._fill_rect(x, y, w, h, c)
            return
        self._fill_rect(x, y, w, 1, c)
        self._fill_rect(x, y + h - 1, w, 1, c)
        self._fill_rect(x, y, 1, h, c)
        self._fill_rect(x + w - 1, y, 1, h, c)

    def line(self, x1: int, y1: int, x2: int, y2: int, c: int, /) -> None:
        """Bresenham's line from the first point to the second, both included."""
        self._line(index(x1), index(y1), index(x2), index(y2), index(c))

    def _line(self, x1: int, y1: int, x2: int, y2: int, c: int) -> None:
        across, down = abs(x2 - x1), abs(y2 - y1)
        step_x, step_y = (1 if x2 > x1 else -1), (1 if y2 > y1 else -1)
        x, y = x1, y1
        long, short = max(across, down), min(across, down)
        error = 2 * short - long
        for _ in range(long):
            self._plot(x, y, c)
            side = error >= 0
            while error >= 0:
                error -= 2 * long
            error += 2 * short
            if down > across:
                y += step_y
                x += step_x if side else 0
            else:
                x += step_x
                y += step_y if side else 0
        self._plot(x2, y2, c)

    def ellipse(
        self, x: int, y: int, xr: int, yr: int, c: int, f: object = False, m: int = 15, /
    ) -> None:
        """Kennedy's integer ellipse; `m` picks quadrants: bit 0 top right, then anticlockwise."""
        x, y, xr, yr, c, m = index(x), index(y), index(xr), index(yr), index(c), index(m)
        a2, b2 = xr * xr, yr * yr
        if a2 == 0 and b2 == 0:
            if m & 15:
                self._plot(x, y, c)
            return

        # Steep part: y runs, x falls; then the flat part: x runs, y falls.
        dx, dy, error = xr, 0, 0
        change_x, change_y = b2 * (1 - 2 * xr), a2
        while b2 * dx >= a2 * dy:
            self._quadrants(x, y, dx, dy, c, bool(f), m)
            dy += 1
            error += change_y
            change_y += 2 * a2
            if 2 * error + change_x > 0:
                dx -= 1
                error += change_x
                change_x += 2 * b2
        dx, dy, error = 0, yr, 0
        change_x, change_y = b2, a2 * (1 - 2 * yr)
        while b2 * dx <= a2 * dy:
            self._quadrants(x, y, dx, dy, c, bool(f), m)
            dx += 1
            error += change_x
            change_x += 2 * b2
            if 2 * error + change_y > 0:
                dy -= 1
                error += change_y
                change_y += 2 * a2

    def _quadrants(self, x: int, y: int, dx: int, dy: int, c: int, fill: bool, m: int) -> None:
        for bit, sign_x, sign_y in ((1, 1, -1), (2, -1, -1), (4, -1, 1), (8, 1, 1)):
            if not m & bit:
                continue
            if fill:
                self._fill_rect(x if sign_x > 0 else x - dx, y + sign_y * dy, dx + 1, 1, c)
            else:
                self._plot(x + sign_x * dx, y + sign_y * dy, c)

    def poly(self, x: int, y: int, coords: Any, c: int, f: object = False, /) -> None:
        """A closed polygon; `coords` is an `array` of integers x0, y0, x1, y1 ..."""
        x, y, c = index(x), index(y), index(c)
        flat = [index(value) for value in memoryview(coords).tolist()]
        points = [(flat[i], flat[i + 1]) for i in range(0, len(flat) - 1, 2)]
        if not points:
            return
        # Edges in the order MicroPython walks them: from the first point backwards.
        backwards = points[::-1]
        edges = list(zip([points[0], *backwards[:-1]], backwards, strict=True))
        if not f:
            for (ax, ay), (bx, by) in edges:
                self._line(x + ax, y + ay, x + bx, y + by, c)
            return
        for row in range(min(p[1] for p in points), max(p[1] for p in points) + 1):
            crossings = []
            for (ax, ay), (bx, by) in edges:
                if (ay > row) != (by > row):
                    along = _toward_zero(32 * (bx - ax) * (row - ay), by - ay)
                    crossings.append(_toward_zero(32 * ax + along + 16, 32))
                elif row == max(ay, by):
                    # An edge leaves its lower end to the next one; a local minimum has none.
                    if ay == by:
                        self._line(x + ax, y + ay, x + bx, y + by, c)
                    else:
                        low = (bx, by) if ay < by else (ax, ay)
                        self._plot(x + low[0], y + low[1], c)
            crossings.sort()
            for left, right in zip(crossings[::2], crossings[1::2], strict=True):
                self._fill_rect(x + left, y + row, right - left + 1, 1, c)

    def blit(
        self,
        fbuf: FrameBuffer | Sequence[Any],
        x: int,
        y: int,
        key: int = -1,
        palette: FrameBuffer | Sequence[Any] | None = None,
        /,
    ) -> None:
        """Draw `fbuf` at (x, y); with a palette, a source pixel's code picks its column."""
        source = _source(fbuf)
        x, y, key = index(x), index(y), index(key)
        colours = None if palette is None else _source(palette)
        left, top = max(0, x), max(0, y)
        right = min(self._width, x + source._width)
        bottom = min(self._height, y + source._height)
        if right <= left or bottom <= top:
            return
        if np.may_share_memory(source._bytes, self._bytes):
            # MicroPython goes pixel by pixel and reads what it has already drawn.
            for row in range(top, bottom):
                for column in range(left, right):
                    code = source._read(column - x, row - y, 1, 1)
                    self._blit_codes(column, row, code, key, colours)
            return
        codes = source._read(left - x, top - y, right - left, bottom - top)
        self._blit_codes(left, top, codes, key, colours)

    def _blit_codes(
        self, x: int, y: int, codes: np.ndarray, key: int, colours: FrameBuffer | None
    ) -> None:
        if colours is not None:
            table = colours._read(0, 0, colours._width, 1)[0]
            if int(codes.max()) >= table.size:
                raise ValueError("the palette has fewer columns than the source has colours")
            codes = table[codes]
        shown = codes != (key & 0xFFFFFFFF)
        self._write(x, y, codes, None if shown.all() else shown)

    def scroll(self, xstep: int, ystep: int, /) -> None:
        """Shift the picture; what is shifted away from keeps its old pixels."""
        xstep, ystep = index(xstep), index(ystep)
        width, height = self._width - abs(xstep), self._height - abs(ystep)
        if width <= 0 or height <= 0:
            return
        codes = self._read(max(0, -xstep), max(0, -ystep), width, height)
        self._write(max(0, xstep), max(0, ystep), codes)

    def text(self, s: str, x: int, y: int, c: int = 1, /) -> None:
        """Not simulated: the 8x8 letters are part of MicroPython and not ours to copy."""
        raise OSError(errno.ENOSYS, "framebuf.text() is not simulated; use kassa.ui.type")


def FrameBuffer1(
    buffer: Any, width: int, height: int, stride: int | None = None, /
) -> FrameBuffer:
    """The legacy constructor: always MONO_VLSB."""
    return FrameBuffer(buffer, width, height, MONO_VLSB, stride)


def _source(given: FrameBuffer | Sequence[Any]) -> FrameBuffer:
    """What blit may draw: a FrameBuffer, or its arguments (the buffer may be read-only)."""
    if isinstance(given, FrameBuffer):
        return given
    if not isinstance(given, tuple | list):
        raise TypeError(f"object '{type(given).__name__}' isn't a tuple or list")
    if not 4 <= len(given) <= 5:
        raise ValueError
    source = FrameBuffer.__new__(FrameBuffer)
    stride = given[4] if len(given) == 5 else None
    source._attach(given[0], given[1], given[2], given[3], stride, writable=False)
    return source


def _toward_zero(numerator: int, denominator: int) -> int:
    """C's integer division."""
    quotient = abs(numerator) // abs(denominator)
    return quotient if (numerator < 0) == (denominator < 0) else -quotient
