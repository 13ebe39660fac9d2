"""The matrix keypad: bare contacts between rows and columns, without diodes.

At rest all rows are low and an edge on any column wakes the scan; while a key is down the rows are
scanned every 10 ms, and what reads the same twice counts.  Contacts bounce for less than that, so
a press counts once.  Rows are open-drain: two keys in one column join two rows, which must not
fight.

Three keys on the corners of a rectangle look like four.  Which of them is the ghost cannot be
told, so the keys that complete a rectangle count for nothing until they are released.
"""

import asyncio
import time
from typing import TYPE_CHECKING

from machine import Pin
from micropython import const

from kassa.system.ensure import ensure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SCAN_MS = const(10)
_LOOK_AGAIN_MS = const(30_000)
_STUCK_MS = const(30_000)  # nobody leans on a key for so long
_TYPED_AHEAD = const(16)  # ring of so many key indexes, one of them always free
_MOST_KEYS = const(30)  # the state is one small integer


class Keypad:
    """`layout[r][c]` names the key between `rows[r]` and `columns[c]`.

    `columns` are inputs with pull-ups, the chip's own or, on pins that have none (34 to 39 of the
    ESP32), resistors on the board.  The rows are made open-drain outputs here.
    """

    def __init__(
        self,
        rows: "list[Pin]",
        columns: "list[Pin]",
        layout: "Sequence[Sequence[str]]",
    ) -> None:
        names = []
        for row_names in layout:
            ensure(len(row_names) == len(columns), "keypad layout")
            names.extend(row_names)
        ensure(len(layout) == len(rows) and len(names) <= _MOST_KEYS, "keypad layout")
        self._names = names
        self._rows = rows
        self._columns = columns
        for row in rows:
            row.init(Pin.OPEN_DRAIN, value=1)
        self._edge = asyncio.ThreadSafeFlag()
        self._edge_handler = self._on_edge
        self._ring = bytearray(_TYPED_AHEAD)
        self._head = 0
        self._tail = 0
        self._typed = asyncio.Event()
        self._down = 0  # debounced, ghosts included; bit r * columns + c
        self._blocked = 0  # down, but counts for nothing until released
        self._stuck = 0
        self._since = [time.ticks_ms()] * len(names)  # when each key that is down went down

    async def run(self, beat: "Callable[[], None] | None" = None) -> None:
        """Follow the keys for ever; a critical task, which beats at least every 30 s.

        A key that is down at the start was not pressed for us: it counts once it was released.
        """
        self._settled(self._scan(), count=False)
        try:
            while True:
                self._arm()
                while not self._any_column_low():
                    if beat is not None:
                        beat()
                    if await self._edge_comes():
                        break
                self._disarm()
                await self._until_released(beat)
        finally:
            self._disarm()

    async def _edge_comes(self) -> bool:
        """Wait for a falling column; False when it is time to look without one."""
        try:
            await asyncio.wait_for_ms(self._edge.wait(), _LOOK_AGAIN_MS)
        except asyncio.TimeoutError:
            return False
        return True

    async def next(self, beat: "Callable[[], None] | None" = None) -> str:
        """The name of the next key pressed, in the order of pressing; up to 15 are typed ahead.

        Calls `beat` at least every 30 s while nobody presses one."""
        while self._head == self._tail:
            self._typed.clear()
            if beat is None:
                await self._typed.wait()
                continue
            beat()
            try:
                await asyncio.wait_for_ms(self._typed.wait(), _LOOK_AGAIN_MS)
            except asyncio.TimeoutError:
                pass
        index = self._ring[self._tail]
        self._tail = (self._tail + 1) % _TYPED_AHEAD
        return self._names[index]

    def clear(self) -> None:
        """Forget what was typed ahead."""
        self._tail = self._head

    def pressed(self) -> "list[str]":
        """Names of the keys that are held down now; neither stuck ones nor possible ghosts."""
        return self._named(self._down & ~self._blocked & ~self._stuck)

    def stuck(self) -> "list[str]":
        """Names of the keys that have been down for more than 30 s: somebody must look at them."""
        return self._named(self._stuck)

    def down(self) -> "list[str]":
        """Names of all keys whose contacts are closed now, whatever that means."""
        return self._named(self._down)

    def _named(self, keys: int) -> "list[str]":
        return [name for index, name in enumerate(self._names) if keys >> index & 1]

    # -- waiting for an edge

    def _on_edge(self, pin: Pin) -> None:
        """Interrupt: nothing may be allocated here."""
        self._edge.set()

    def _arm(self) -> None:
        for row in self._rows:
            row.value(0)
        for column in self._columns:
            column.irq(self._edge_handler, Pin.IRQ_FALLING)

    def _disarm(self) -> None:
        for column in self._columns:
            column.irq(None)
        for row in self._rows:
            row.value(1)

    def _any_column_low(self) -> bool:
        """Closes the gap between the last scan and the arming of the interrupts."""
        return any(not column.value() for column in self._columns)

    # -- scanning

    async def _until_released(self, beat: "Callable[[], None] | None") -> None:
        """Scan until all keys are up; a stuck one keeps this going, and the others working."""
        before = self._scan()
        while True:
            if beat is not None:
                beat()
            await asyncio.sleep_ms(_SCAN_MS)
            now = self._scan()
            if now == before:
                self._settled(now)
                if not now:
                    return
            before = now

    def _scan(self) -> int:
        """The keys that are down at this moment.

        A call takes longer than the 1.5 us in which a column rises after its row was let go.
        """
        keys = 0
        bit = 1
        for row in self._rows:
            row.value(0)
            for column in self._columns:
                if not column.value():
                    keys |= bit
                bit <<= 1
            row.value(1)
        return keys

    def _settled(self, keys: int, count: bool = True) -> None:
        """`keys` were read twice: take note of the new ones, of those that are gone, and of stuck
        ones.
        """
        now = time.ticks_ms()
        new = keys & ~self._down
        blocked = new & self._rectangles(keys) if count else new
        self._blocked = self._blocked & keys | blocked
        self._stuck &= keys
        self._down = keys
        index = 0
        while keys:
            if keys & 1:
                if new >> index & 1:
                    self._since[index] = now
                    if not blocked >> index & 1:
                        self._put(index)
                elif time.ticks_diff(now, self._since[index]) >= _STUCK_MS:
                    self._stuck |= 1 << index
            keys >>= 1
            index += 1

    def _rectangles(self, keys: int) -> int:
        """The keys that are corners of a rectangle of keys, any of which may be a ghost."""
        columns = len(self._columns)
        row_mask = (1 << columns) - 1
        corners = 0
        for upper in range(len(self._rows)):
            for lower in range(upper):
                common = keys >> upper * columns & keys >> lower * columns & row_mask
                if common & (common - 1):  # two columns at least
                    corners |= common << upper * columns | common << lower * columns
        return corners

    def _put(self, index: int) -> None:
        after = (self._head + 1) % _TYPED_AHEAD
        if after == self._tail:
            return  # full: whoever types so far ahead is not looking
        self._ring[self._head] = index
        self._head = after
        self._typed.set()
