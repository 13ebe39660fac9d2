"""A matrix keypad of bare contacts: no diodes, so keys bounce, join rows to columns and make
ghosts.

Every closed contact connects its row wire with its column wire.  Wires that hang together carry
one level: low if any of them is driven low from outside.  Three keys on the corners of a rectangle
therefore look like four, and a column is pulled low through a row that nobody drives.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from simulator.chips.buses import DataSheetViolation, Line
from simulator.clock import NS_PER_US, Clock, Timer

_LONGEST_BOUNCE_US = 8_000
_MOST_BOUNCES = 8


class KeypadMatrix:
    """`layout[r][c]` names the key between `rows[r]` and `columns[c]`.

    Contacts bounce for up to 8 ms after each press and release (seeded); `longest_bounce_us`
    changes that, 0 makes ideal contacts.
    """

    def __init__(
        self,
        clock: Clock,
        rows: Sequence[Line],
        columns: Sequence[Line],
        layout: Sequence[Sequence[str]],
        seed: int = 0,
    ) -> None:
        if len(layout) != len(rows) or any(len(row) != len(columns) for row in layout):
            raise ValueError(
                "keypad: the layout must have a row for each row wire, a key for each column"
            )
        self.longest_bounce_us = _LONGEST_BOUNCE_US
        self._clock = clock
        self._rows = list(rows)
        self._columns = list(columns)
        self._wires = self._rows + self._columns
        self._keys = {
            name: (r, c) for r, names in enumerate(layout) for c, name in enumerate(names) if name
        }
        self._random = random.Random(seed)
        self._closed: set[str] = set()
        self._held: set[str] = set()
        self._stuck: set[str] = set()
        self._bounces: dict[str, list[Timer]] = {}
        self._settling = False
        self._unsettled = False
        self._falls = [0] * len(self._rows)
        for index, row in enumerate(self._rows):
            row.listen(lambda level, index=index: self._row_changed(index, level))
            row.pull(self, 1)  # a row that is let go floats up, through leakage and its neighbours
        for wire in self._wires:
            wire.listen(self._wire_changed)

    @property
    def held(self) -> set[str]:
        """Keys a finger is on."""
        return set(self._held)

    def scans(self, name: str) -> int:
        """How often the key's row was pulled low so far, by the scanning mostly: a person who
        holds a key while this grows by a few knows that it was noticed, however slow the terminal
        is.
        """
        self._check(name)
        return self._falls[self._keys[name][0]]

    @property
    def at_rest(self) -> bool:
        """Whether all rows are held low, waiting for an edge: the terminal has seen every key that
        was down come up."""
        return not any(row.level for row in self._rows)

    def press(self, name: str) -> None:
        """A finger goes down on a key; the contact closes at once and bounces."""
        if name not in self._held:
            self._held.add(name)
            self._move(name, True)

    def release(self, name: str) -> None:
        """The finger leaves; the contact opens at once and bounces."""
        if name in self._held:
            self._held.remove(name)
            self._move(name, False)

    def stick(self, name: str) -> None:
        """A fault: the contact stays closed whatever the finger does, until `unstick`."""
        self._check(name)
        self._stuck.add(name)
        self._stop_bouncing(name)
        self._contact(name, True)

    def unstick(self, name: str) -> None:
        self._stuck.discard(name)
        self._contact(name, name in self._held)

    # -- contacts

    def _check(self, name: str) -> None:
        if name not in self._keys:
            raise ValueError(f"keypad: there is no key {name!r}; keys are {', '.join(self._keys)}")

    def _stop_bouncing(self, name: str) -> None:
        for timer in self._bounces.pop(name, ()):
            timer.cancel()

    def _move(self, name: str, closed: bool) -> None:
        self._check(name)
        if name in self._stuck:
            return
        self._stop_bouncing(name)
        bounces = self._random.randrange(_MOST_BOUNCES)
        times = sorted(
            self._random.randrange(self.longest_bounce_us + 1) for _ in range(2 * bounces)
        )
        level = closed
        timers = []
        for after_us in times:
            level = not level
            timers.append(
                self._clock.call_later(
                    after_us * NS_PER_US, lambda level=level: self._contact(name, level)
                )
            )
        self._bounces[name] = timers
        self._contact(name, closed)

    def _contact(self, name: str, closed: bool) -> None:
        if closed:
            self._closed.add(name)
        else:
            self._closed.discard(name)
        self._settle()

    # -- wires

    def _row_changed(self, index: int, level: int) -> None:
        self._falls[index] += not level

    def _wire_changed(self, level: int) -> None:
        self._settle()

    def _settle(self) -> None:
        """Let all wires that hang together carry what is driven from outside."""
        self._unsettled = True
        if self._settling:
            return  # our own drive changed a wire, or a listener reacted to it: go round again
        self._settling = True
        try:
            while self._unsettled:
                self._unsettled = False
                self._settle_once()
        finally:
            self._settling = False

    def _settle_once(self) -> None:
        low = self._wires_pulled_low()
        # In the order of the wires, so that one seed gives one order of interrupts.
        for wire in self._wires:
            level = 0 if wire in low else None
            if wire.driven_by(self) != level:
                wire.drive(self, level)

    def _wires_pulled_low(self) -> set[Line]:
        low = set()
        for group in self._groups():
            driven = set().union(*(wire.driven_by_others(self) for wire in group))
            if driven == {0, 1}:
                names = ", ".join(sorted(wire.name for wire in group))
                raise DataSheetViolation(
                    f"keypad: {names}: joined by keys, driven high and low at once"
                )
            if driven == {0}:
                low |= {wire for wire in group if not wire.driven_by_others(self)}
        return low

    def _groups(self) -> list[set[Line]]:
        """The wires joined by closed contacts, as connected groups of two or more."""
        groups: list[set[Line]] = []
        for name in self._closed:
            r, c = self._keys[name]
            joined = {self._rows[r], self._columns[c]}
            apart = []
            for group in groups:
                if group & joined:
                    joined |= group
                else:
                    apart.append(group)
            groups = [*apart, joined]
        return groups
