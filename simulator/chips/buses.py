"""Wires and buses between the ESP32 and the chips, and what a chip must look like to hang on one.

`Line` is one wire: several parties may drive it, a pull decides when nobody does.  The three bus
protocols are what a chip model implements; `simulator.chips.mcu` implements the other side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class DataSheetViolation(AssertionError):
    """The firmware did what a chip's data sheet forbids; the message names the chip and
    the rule.
    """


class Line:
    """One wire.  Level: 0 if anyone drives it low, else 1 if anyone drives it high, else the
    pull, else 0.

    Driving one wire high and low at once is a short circuit on a board, and an error here.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._drives: dict[object, int] = {}
        self._pulls: dict[object, int] = {}
        self._listeners: list[Callable[[int], None]] = []
        self._level = 0

    @property
    def level(self) -> int:
        return self._level

    def driven_by(self, who: object) -> int | None:
        """What `who` drives: 0, 1, or None when it has let go."""
        return self._drives.get(who)

    def driven_by_others(self, who: object) -> set[int]:
        """The levels that anyone but `who` drives: empty, {0} or {1}."""
        return {level for driver, level in self._drives.items() if driver is not who}

    def drive(self, who: object, level: int | None) -> None:
        """`who` drives the wire to 0 or 1, or lets go of it (None)."""
        if level is None:
            self._drives.pop(who, None)
        else:
            self._drives[who] = level
        self._settle()

    def pull(self, who: object, level: int | None) -> None:
        """A resistor to 0 or 1 that decides while nobody drives; None takes it away."""
        if level is None:
            self._pulls.pop(who, None)
        else:
            self._pulls[who] = level
        self._settle()

    def listen(self, listener: Callable[[int], None]) -> None:
        """Call `listener(level)` after each change of level."""
        self._listeners.append(listener)

    def _settle(self) -> None:
        driven = set(self._drives.values())
        if driven == {0, 1}:
            raise DataSheetViolation(f"{self.name}: driven high and low at once")
        level = driven.pop() if driven else max(self._pulls.values(), default=0)
        if level != self._level:
            self._level = level
            for listener in tuple(self._listeners):
                listener(level)


class SpiDevice(Protocol):
    """A chip on an SPI bus.  The bus calls `select`/`deselect` when the chip-select wire
    falls/rises.

    `mode` is the set of (polarity, phase) pairs the chip accepts, `max_baudrate` its data sheet's
    limit; the bus raises DataSheetViolation when a selected chip is clocked otherwise.
    """

    spi_modes: frozenset[tuple[int, int]]
    max_baudrate: int

    def select(self) -> None: ...

    def deselect(self) -> None: ...

    def transfer(self, mosi: bytes) -> bytes:
        """Full duplex: as many bytes back (MISO) as come in (MOSI), most significant bit first on
        the wire.
        """
        ...


class I2cDevice(Protocol):
    """A chip on an I2C bus.  Each call is one addressed transfer from START to STOP (or repeated
    START).
    """

    def i2c_write(self, data: bytes) -> int | None:
        """Bytes acknowledged, or None when the chip does not acknowledge its address."""
        ...

    def i2c_read(self, count: int) -> bytes | None:
        """`count` bytes, or None when the chip does not acknowledge its address."""
        ...


class UartDevice(Protocol):
    """A device at the far end of a serial line."""

    uart: UartWire

    def uart_receive(self, data: bytes) -> None:
        """Bytes from the ESP32, handed over when their last stop bit has passed."""
        ...


class UartWire(Protocol):
    """The ESP32's side of a serial line, as the device sees it: `send` takes the wire's time."""

    baudrate: int

    def send(self, data: bytes) -> None: ...
