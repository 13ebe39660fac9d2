"""ESC/POS as the printer understands it: bytes from the receive buffer become lines of dots.

Source: Epson's ESC/POS command reference, which the makers of 58 mm printers follow; the names of
the methods are its titles.  Vertical and horizontal motion units are one dot.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from simulator.chips.printer_font import FONT_A, FONT_B, glyph

# ESC t n: the usual pages, by Epson's numbers.
CODE_PAGES = {
    0: "cp437", 2: "cp850", 3: "cp860", 4: "cp863", 5: "cp865",
    16: "cp1252", 18: "cp852", 19: "cp858",
}  # fmt: skip

# ESC R n: what the country makes of twelve ASCII codes.
_REPLACED = b"#$@[\\]^`{|}~"
_COUNTRIES = (
    "#$@[\\]^`{|}~",  # USA
    "#$à°ç§^`éùè¨",  # France
    "#$§ÄÖÜ^`äöüß",  # Germany
    "£$@[\\]^`{|}~",  # United Kingdom
    "#$@ÆØÅ^`æøå~",  # Denmark I
    "#¤ÉÄÖÅÜéäöåü",  # Sweden
    "#$@°\\é^ùàòèì",  # Italy
    "₧$@¡Ñ¿^`¨ñ}~",  # Spain I
    "#$@[¥]^`{|}~",  # Japan
    "#¤ÉÆØÅÜéæøåü",  # Norway
    "#$ÉÆØÅÜéæøåü",  # Denmark II
    "#$á¡Ñ¿é`íñóú",  # Spain II
    "#$á¡Ñ¿éüíñóú",  # Latin America
    "#$@[₩]^`{|}~",  # Korea
)

_DEFAULT_SPACING = 30
_TAB_CHARACTERS = 8
_MOST_RASTER_ROWS = 24  # printed at a time, while the rest of the picture still arrives
_ESC, _GS, _DLE, _FS = 0x1B, 0x1D, 0x10, 0x1C


class Mechanism(Protocol):
    """What the interpreter may ask of the printer around it.  Motions queue up and take their
    time.
    """

    def print_rows(self, rows: np.ndarray, text: str | None) -> None: ...

    def cut(self) -> None: ...

    def transmit_status(self, kind: int) -> None: ...

    def automatic_status(self, mask: int) -> None: ...


class Interpreter:
    """Takes one command after the other out of the receive buffer.  `unknown` keeps what it did
    not know.
    """

    def __init__(
        self, width_dots: int, cutter: bool, to_cutter: int, mechanism: Mechanism
    ) -> None:
        self.unknown: list[bytes] = []
        self._width = width_dots
        self._cutter = cutter
        self._to_cutter = to_cutter
        self._mechanism = mechanism
        self._raster: tuple[int, int, int, int] | None = (
            None  # row bytes, rows left, x and y scale
        )
        self._initialize()

    def reset(self) -> None:
        """Power comes, or the buffers are cleared: no half command is left."""
        self._raster = None
        self._initialize()

    def clear(self) -> None:
        """Forget the line under way; settings stay (DLE DC4 fn 8)."""
        self._raster = None
        self._clear_line()

    def step(self, buffer: bytearray) -> bool:
        """Carry out the first command in `buffer` and remove it; False if it has not come whole
        yet.
        """
        if self._raster is not None:
            return self._raster_rows(buffer)
        if not buffer:
            return False
        code = buffer[0]
        if code in (_ESC, _GS):
            used = self._escape(buffer)
        elif code in (_DLE, _FS):
            used = self._other_escape(buffer)
        else:
            used = 1
            self._character(code)
        del buffer[:used]
        return used > 0

    # -- commands

    def _escape(self, buffer: bytearray) -> int:
        if len(buffer) < 2:
            return 0
        known = _COMMANDS.get(bytes(buffer[:2]))
        if known is None:
            return self._not_known(buffer, 2)
        count, command = known
        if len(buffer) < 2 + count:
            return 0
        parameters = buffer[2 : 2 + count]
        if command is Interpreter._select_cut_mode and parameters[0] in (65, 66):
            if len(buffer) < 4:
                return 0
            parameters = buffer[2:4]
        if command(self, *parameters) is False:
            self.unknown.append(bytes(buffer[: 2 + len(parameters)]))
        return 2 + len(parameters)

    def _other_escape(self, buffer: bytearray) -> int:
        if len(buffer) < 2:
            return 0
        if buffer[0] == _DLE and buffer[1] == 0x04:
            return 3 if len(buffer) >= 3 else 0  # was answered when it came in
        return self._not_known(buffer, 2)

    def _not_known(self, buffer: bytearray, count: int) -> int:
        self.unknown.append(bytes(buffer[:count]))
        return count

    def _initialize(self) -> None:
        self._font = FONT_A
        self._bold = False
        self._underline = 0
        self._scale_x = self._scale_y = 1
        self._align = 0
        self._spacing = _DEFAULT_SPACING
        self._page = CODE_PAGES[0]
        self._country = 0
        self._clear_line()

    def _clear_line(self) -> None:
        self._cells: list[np.ndarray] = []
        self._line_text = ""
        self._used = 0

    def _select_print_modes(self, n: int) -> None:
        self._font = FONT_B if n & 0x01 else FONT_A
        self._bold = bool(n & 0x08)
        self._scale_y = 2 if n & 0x10 else 1
        self._scale_x = 2 if n & 0x20 else 1
        self._underline = 1 if n & 0x80 else 0

    def _select_font(self, n: int) -> bool | None:
        if n & ~0x30 > 1:
            return False
        self._font = FONT_B if n & 1 else FONT_A
        return None

    def _emphasized(self, n: int) -> None:
        self._bold = bool(n & 1)

    def _select_justification(self, n: int) -> bool | None:
        if n & ~0x30 > 2:
            return False
        if not self._cells:  # only at the beginning of a line
            self._align = n & 3
        return None

    def _select_character_size(self, n: int) -> bool | None:
        if n & 0x88:
            return False
        self._scale_x, self._scale_y = (n >> 4) + 1, (n & 7) + 1
        return None

    def _select_code_table(self, n: int) -> bool | None:
        if n not in CODE_PAGES:
            return False
        self._page = CODE_PAGES[n]
        return None

    def _select_country(self, n: int) -> bool | None:
        if n >= len(_COUNTRIES):
            return False
        self._country = n
        return None

    def _underline_mode(self, n: int) -> bool | None:
        if n & ~0x30 > 2:
            return False
        self._underline = n & 3
        return None

    def _default_spacing(self) -> None:
        self._spacing = _DEFAULT_SPACING

    def _set_spacing(self, n: int) -> None:
        self._spacing = n

    def _print_and_feed_lines(self, n: int) -> None:
        self._print_line(n * self._spacing)

    def _print_and_feed_paper(self, n: int) -> None:
        self._print_line(n)

    def _select_cut_mode(self, m: int, n: int = 0) -> bool | None:
        if m not in (0, 1, 48, 49, 65, 66):
            return False
        if self._cells or not self._cutter:
            return None  # in the middle of a line, or without a cutter, nothing happens
        if m in (65, 66):
            self._feed(self._to_cutter + n)
        self._mechanism.cut()
        return None

    def _transmit_status(self, n: int) -> bool | None:
        if n not in (1, 49):
            return False
        self._mechanism.transmit_status(n & 0xF)
        return None

    def _automatic_status(self, n: int) -> None:
        self._mechanism.automatic_status(n)

    def _print_raster(self, zero: int, m: int, xl: int, xh: int, yl: int, yh: int) -> bool | None:
        row_bytes, rows, m = xl | xh << 8, yl | yh << 8, m & ~0x30
        if zero != 0x30 or m > 3 or not 1 <= row_bytes <= 128 or not 1 <= rows <= 2303:
            return False
        self._raster = (row_bytes, rows, 2 if m & 1 else 1, 2 if m & 2 else 1)
        return None

    def _raster_rows(self, buffer: bytearray) -> bool:
        assert self._raster is not None
        row_bytes, left, scale_x, scale_y = self._raster
        rows = min(len(buffer) // row_bytes, left, _MOST_RASTER_ROWS)
        if not rows:
            return False
        packed = np.frombuffer(bytes(buffer[: rows * row_bytes]), np.uint8).reshape(rows, -1)
        del buffer[: rows * row_bytes]
        dots = np.unpackbits(packed, axis=1).astype(np.bool_)
        dots = dots.repeat(scale_x, axis=1).repeat(scale_y, axis=0)[:, : self._width]
        self._raster = (row_bytes, left - rows, scale_x, scale_y) if left > rows else None
        self._mechanism.print_rows(self._justified(dots), None)
        return True

    # -- characters and lines

    def _character(self, code: int) -> None:
        if code == 0x0A:
            self._print_line(None)
        elif code == 0x09:
            tab = _TAB_CHARACTERS * self._font[0]
            self._put(" ", (self._used // tab + 1) * tab - self._used)
        elif code in (0x0D, 0x00):
            pass  # automatic line feed is off; NUL is nothing
        elif code < 0x20:
            self.unknown.append(bytes((code,)))
        else:
            self._put(self._letter(code))

    def _letter(self, code: int) -> str:
        if code in _REPLACED:
            return _COUNTRIES[self._country][_REPLACED.index(code)]
        return bytes((code,)).decode(self._page, "replace")

    def _put(self, letter: str, width: int | None = None) -> None:
        if width is None:
            cell = glyph(letter, self._font)
            if self._bold:
                cell = cell | np.pad(cell, ((0, 0), (1, 0)))[:, :-1]
            cell = cell.repeat(self._scale_x, axis=1).repeat(self._scale_y, axis=0)
        else:
            cell = np.zeros((self._font[1] * self._scale_y, width), np.bool_)
        if self._underline:
            cell = cell.copy()
            cell[-self._underline :] = True
        if self._used + cell.shape[1] > self._width:
            self._print_line(None)
        self._cells.append(cell[:, : self._width])
        self._used += cell.shape[1]
        self._line_text += letter

    def _print_line(self, feed: int | None) -> None:
        """Print what stands in the line and feed one line spacing (None) or `feed` dots."""
        height = max((len(cell) for cell in self._cells), default=0)
        advance = max(height, self._spacing if feed is None else feed)
        rows = np.zeros((advance, self._used), np.bool_)
        x = 0
        for cell in self._cells:
            rows[height - len(cell) : height, x : x + cell.shape[1]] = cell
            x += cell.shape[1]
        text, printed = self._line_text, self._justified(rows)
        said = text if self._cells or feed is None else None
        self._clear_line()
        self._mechanism.print_rows(printed, said)

    def _feed(self, dots: int) -> None:
        self._mechanism.print_rows(np.zeros((dots, self._width), np.bool_), None)

    def _justified(self, rows: np.ndarray) -> np.ndarray:
        spare = self._width - rows.shape[1]
        left = (0, spare // 2, spare)[self._align]
        return np.pad(rows, ((0, 0), (left, spare - left)))


_Command = Callable[..., "bool | None"]
_COMMANDS: dict[bytes, tuple[int, _Command]] = {
    b"\x1b@": (0, Interpreter._initialize),
    b"\x1b!": (1, Interpreter._select_print_modes),
    b"\x1bM": (1, Interpreter._select_font),
    b"\x1bE": (1, Interpreter._emphasized),
    b"\x1bG": (1, Interpreter._emphasized),  # double strike looks the same on a thermal head
    b"\x1ba": (1, Interpreter._select_justification),
    b"\x1bt": (1, Interpreter._select_code_table),
    b"\x1bR": (1, Interpreter._select_country),
    b"\x1b-": (1, Interpreter._underline_mode),
    b"\x1b2": (0, Interpreter._default_spacing),
    b"\x1b3": (1, Interpreter._set_spacing),
    b"\x1bd": (1, Interpreter._print_and_feed_lines),
    b"\x1bJ": (1, Interpreter._print_and_feed_paper),
    b"\x1d!": (1, Interpreter._select_character_size),
    b"\x1dV": (1, Interpreter._select_cut_mode),
    b"\x1dv": (6, Interpreter._print_raster),
    b"\x1dr": (1, Interpreter._transmit_status),
    b"\x1da": (1, Interpreter._automatic_status),
}
