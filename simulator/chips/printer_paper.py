"""The paper: dot lines as the head burned them, the cuts through it, and what it looks like."""

from __future__ import annotations

import numpy as np
from PIL import Image

# 58 mm of paper at 8 dots/mm, of which the head reaches the middle 48 mm.
DOTS_PER_MM = 8
_PAPER_MM = 58
_PAPER = (252, 251, 247)
_INK = (44, 40, 42)
_CUT = (150, 148, 145)


class Paper:
    """Everything that came out since the roll was new.  Positions are dot lines from its
    beginning.

    `distance` is how far the blade sits beyond the head: a cut leaves that much of the print
    behind.
    """

    def __init__(self, width_dots: int, distance: int) -> None:
        self.width_dots = width_dots
        self.length = distance  # the roll was put in and torn off at the blade
        self.cuts: list[int] = []
        self._distance = distance
        self._blocks = [np.zeros((distance, width_dots), np.bool_)]
        self._texts: list[tuple[int, str]] = []  # (where the line ends, its text)

    def add(self, rows: np.ndarray, text: str | None) -> None:
        """`rows` (bool, height x width) left the head; `text` is what they say, when they are
        letters.
        """
        self._blocks.append(rows)
        self.length += len(rows)
        if text is not None:
            self._texts.append((self.length, text))

    def cut(self) -> None:
        """Cut where the blade is; nothing happens when there is no paper beyond it since the last
        cut.
        """
        where = self.length - self._distance
        if where > (self.cuts[-1] if self.cuts else 0):
            self.cuts.append(where)

    def text(self, start: int = 0, end: int | None = None) -> str:
        """The lines of text that end after dot line `start`, up to and including `end`."""
        last = self.length if end is None else end
        return "\n".join(text for where, text in self._texts if start < where <= last)

    def pieces(self) -> list[tuple[int, int]]:
        """(start, end) of each piece that was cut off, oldest first."""
        return list(zip([0, *self.cuts], self.cuts, strict=False))

    def image(self, start: int = 0, end: int | None = None) -> Image.Image:
        """The paper from dot line `start` to `end` (RGB, 8 dots/mm), with its margins and its
        cuts.
        """
        rows = self._rows()
        rows = rows[start : self.length if end is None else end]
        margin = max(0, _PAPER_MM * DOTS_PER_MM - self.width_dots) // 2
        picture = np.empty((len(rows), self.width_dots + 2 * margin, 3), np.uint8)
        picture[:] = _PAPER
        picture[:, margin : margin + self.width_dots][rows] = _INK
        for where in self.cuts:
            if start < where < start + len(rows):
                picture[where - start, ::2] = _CUT
        return Image.fromarray(picture)

    def _rows(self) -> np.ndarray:
        if len(self._blocks) > 1:
            self._blocks = [np.vstack(self._blocks)]
        return self._blocks[0]
