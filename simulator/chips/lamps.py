"""The row of contactless lamps: LEDs with a resistor to ground, lit while their wire is high."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from simulator.chips.buses import Line


class Lamps:
    """`lines` from left to right.  `on_change(states)` is called after each change of a lamp."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.on_change: Callable[[tuple[bool, ...]], None] | None = None
        self._lines = list(lines)
        for line in self._lines:
            line.pull(self, 0)
            line.listen(self._changed)

    def states(self) -> tuple[bool, ...]:
        """Which lamps are lit, from left to right."""
        return tuple(line.level == 1 for line in self._lines)

    def _changed(self, level: int) -> None:
        if self.on_change is not None:
            self.on_change(self.states())
