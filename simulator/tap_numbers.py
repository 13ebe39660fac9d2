"""What the terminal draws as unpredictable numbers, where a recording or a scenario fixes them.

The terminal draws 4 bytes from the chip's random number generator as soon as it has found a card,
before the first command (9F37, Book A).  While numbers are left here, that draw gets the next one
of them; every other draw, and any later one of the same tap, gets the generator's own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.wiring import Wiring

NUMBER_BYTES = 4


class TapNumbers:
    """Numbers in the order of taps: `listed` for all of them, `recorded` for the card that lies
    there."""

    def __init__(self, listed: Iterable[bytes] = ()) -> None:
        self.listed = deque(listed)
        self.recorded: deque[bytes] = deque()
        self.drawn: list[bytes] = []
        self._expected = False

    def watch(self, wiring: Wiring) -> None:
        """Serve the draws of this terminal."""
        reader = wiring.pn532

        def field(on: bool) -> None:
            # A card that stays is a new tap each time that the field comes back.
            if on and reader.cards:
                self.expect()

        reader.on_field = field
        wiring.mcu.on_draw = self.draw

    def expect(self) -> None:
        """A card has come, or the field over one: what is drawn next is for it."""
        self._expected = True

    def begun(self) -> None:
        """The terminal talks to the card: it has drawn already."""
        self._expected = False

    def draw(self, count: int) -> bytes | None:
        """The number for this draw of `count` bytes, or None: let the generator make one."""
        if not self._expected or count != NUMBER_BYTES:
            return None
        self._expected = False
        if self.recorded:
            number = self.recorded.popleft()
            if self.listed:
                self.listed.popleft()  # the same one, see `differs`
        elif self.listed:
            number = self.listed.popleft()
        else:
            return None
        self.drawn.append(number)
        return number

    def differs(self, recorded: list[bytes]) -> str:
        """What is wrong with playing a card that was recorded with these numbers now, or ""."""
        for mine, theirs in zip(self.listed, recorded, strict=False):
            if mine != theirs:
                return f"recorded with {theirs.hex().upper()}, listed next is {mine.hex().upper()}"
        return ""
