"""The switch that the closed case holds down."""

from __future__ import annotations

from simulator.chips.buses import Line


class TamperSwitch:
    """Connects its wire to `closed_level` while the case is closed and lets go of it when the case
    opens.

    A resistor (the ESP32's own pull) must take the open wire to the other level; a cut wire looks
    open.
    """

    def __init__(self, line: Line, closed_level: int) -> None:
        self._line = line
        self._closed_level = closed_level
        self.close()

    @property
    def is_open(self) -> bool:
        return self._line.driven_by(self) is None

    def open(self) -> None:
        """Somebody opens the case."""
        self._line.drive(self, None)

    def close(self) -> None:
        """The case is put back together."""
        self._line.drive(self, self._closed_level)
