"""The ESP32's pins: which exist, what each can do, levels, pulls, interrupts, PWM and ADC.

Sources: ESP32 data sheet v4.6 tables 5 and 6, ESP32-S3 data sheet v1.9 table 2-1; MicroPython's
ports/esp32/machine_pin.c for what raises what.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simulator.chips.buses import Line
from simulator.clock import Clock

# machine.Pin
IN = 1
OUT = 3
OPEN_DRAIN = 7
PULL_DOWN = 1
PULL_UP = 2
RISING = 1
FALLING = 2

# One call of a pin method on an ESP32 at 240 MHz.
_CALL_NS = 1_000

_FULL_SCALE_UV = {0: 950_000, 1: 1_250_000, 2: 1_750_000, 3: 3_100_000}


@dataclass(frozen=True)
class ChipPins:
    """What a chip brings out.  `flash` belongs to the flash, `psram`/`psram_octal` to the RAM
    where there is one.
    """

    existing: frozenset[int]
    input_only: frozenset[int]
    flash: frozenset[int]
    psram: frozenset[int]
    psram_octal: frozenset[int]
    adc: frozenset[int]

    def usable(self, psram_mode: str | None) -> frozenset[int]:
        """The pins left for the firmware; `psram_mode` is None, "quad" or "octal"."""
        taken = set(self.flash)
        if psram_mode is not None:
            taken |= self.psram
        if psram_mode == "octal":
            taken |= self.psram_octal
        return self.existing - taken


def _pins(*ranges: tuple[int, int]) -> frozenset[int]:
    return frozenset(pin for first, last in ranges for pin in range(first, last + 1))


CHIPS = {
    "esp32": ChipPins(
        existing=_pins((0, 19), (21, 23), (25, 27), (32, 39)),
        input_only=_pins((34, 39)),
        flash=_pins((6, 11)),
        psram=_pins((16, 17)),
        psram_octal=frozenset(),
        adc=_pins((0, 0), (2, 2), (4, 4), (12, 15), (25, 27), (32, 39)),
    ),
    "esp32s3": ChipPins(
        existing=_pins((0, 21), (26, 48)),
        input_only=frozenset(),
        flash=_pins((27, 32)),
        psram=_pins((26, 26)),
        psram_octal=_pins((33, 37)),
        adc=_pins((1, 20)),
    ),
}


class Pins:
    """All pins of the chip.  `line(gpio)` is the wire at one; the firmware's side are the other
    methods.
    """

    def __init__(self, clock: Clock, chip: ChipPins, psram_mode: str | None) -> None:
        self.on_edge: Callable[[int, int], None] | None = None
        self.voltage_uv: dict[int, int] = {}
        self._clock = clock
        self._chip = chip
        self._usable = chip.usable(psram_mode)
        self._lines: dict[int, Line] = {}
        self._pwm_users: dict[int, Callable[[int, int], None]] = {}
        self._modes: dict[int, int] = {}
        self._outputs: dict[int, int] = {}
        self._triggers: dict[int, int] = {}
        self._watched: set[int] = set()
        self._pwm: dict[int, tuple[int, int]] = {}

    # -- the board's side

    def line(self, gpio: int) -> Line:
        """The wire at a pin."""
        line = self._lines.get(gpio)
        if line is None:
            line = self._lines[gpio] = Line(f"GPIO{gpio}")
        return line

    def attach_pwm(self, gpio: int, listener: Callable[[int, int], None]) -> None:
        """`listener(freq_hz, duty_u16)` follows the PWM of a pin; (0, 0) when it is off."""
        self._pwm_users[gpio] = listener

    def release(self) -> None:
        """Reset: every pin is an input without a pull, no interrupt is on, PWM is off."""
        for gpio in list(self._pwm):
            self.pwm_off(gpio)
        for gpio in self._modes:
            self.line(gpio).drive(self, None)
            self.line(gpio).pull(self, None)
        self._modes.clear()
        self._outputs.clear()
        self._triggers.clear()

    def disable_interrupts(self) -> None:
        self._triggers.clear()

    # -- the firmware's side

    def check(self, gpio: int, output: bool = False) -> None:
        """Raise ValueError unless the firmware may use this pin (for output)."""
        if gpio not in self._usable:
            raise ValueError("invalid pin")
        if output and gpio in self._chip.input_only:
            raise ValueError("pin can only be input")

    def init(self, gpio: int, mode: int, pull: int, value: int) -> None:
        """Configure a pin.  -1 leaves a setting; pull None is no pull."""
        self.check(gpio, mode in (OUT, OPEN_DRAIN))
        if pull not in (-1, 0, None) and gpio in self._chip.input_only:
            raise ValueError("pins 34~39 do not have pull-up or pull-down circuitry")
        line = self.line(gpio)
        if value != -1:
            self._outputs[gpio] = value
        if mode != -1:
            if mode not in (IN, OUT, OPEN_DRAIN):
                raise ValueError("invalid pin mode")
            self._modes[gpio] = mode
            self._pwm.pop(gpio, None)
        self._modes.setdefault(gpio, IN)
        if pull != -1:
            line.pull(self, {PULL_UP: 1, PULL_DOWN: 0}.get(pull))
        self._drive(gpio)

    def read(self, gpio: int) -> int:
        self._clock.spend(_CALL_NS)
        return self.line(gpio).level

    def write(self, gpio: int, value: int) -> None:
        self._clock.spend(_CALL_NS)
        self._outputs[gpio] = value
        self._drive(gpio)

    def latch(self, gpio: int) -> int:
        """What the output is set to, whether or not it drives."""
        return self._outputs.get(gpio, 0)

    def _drive(self, gpio: int) -> None:
        mode = self._modes.get(gpio, IN)
        value = self._outputs.get(gpio, 0)
        if mode == OUT:
            self.line(gpio).drive(self, value)
        elif mode == OPEN_DRAIN:
            self.line(gpio).drive(self, None if value else 0)
        else:
            self.line(gpio).drive(self, None)

    def irq(self, gpio: int, trigger: int) -> None:
        """Have edges reported through `on_edge(gpio, level)`; 0 for none."""
        self.check(gpio)
        self._triggers[gpio] = trigger
        if gpio not in self._watched:
            self._watched.add(gpio)
            self.line(gpio).listen(lambda level: self._edge(gpio, level))

    def _edge(self, gpio: int, level: int) -> None:
        wanted = RISING if level else FALLING
        if self._triggers.get(gpio, 0) & wanted and self.on_edge is not None:
            self.on_edge(gpio, level)

    def pwm(self, gpio: int, freq_hz: int, duty_u16: int) -> None:
        """Let a pin swing.  Without a listener the wire is high while there is any duty."""
        self.check(gpio, output=True)
        if not 1 <= freq_hz <= 40_000_000:
            raise ValueError("frequency must be from 1Hz to 40MHz")
        self._pwm[gpio] = freq_hz, duty_u16
        self._modes[gpio] = OUT
        listener = self._pwm_users.get(gpio)
        if listener is not None:
            listener(freq_hz, duty_u16)
        else:
            self.line(gpio).drive(self, 1 if duty_u16 else 0)

    def pwm_off(self, gpio: int) -> None:
        if self._pwm.pop(gpio, None) is None:
            return
        listener = self._pwm_users.get(gpio)
        if listener is not None:
            listener(0, 0)
        self._modes[gpio] = IN
        self.line(gpio).drive(self, None)

    def adc_check(self, gpio: int) -> None:
        self.check(gpio)
        if gpio not in self._chip.adc:
            raise ValueError("invalid pin")

    def adc_read(self, gpio: int, attenuation: int) -> int:
        """Microvolts at a pin (`voltage_uv`, 0 where the board says nothing), cut at full
        scale.
        """
        self._clock.spend(40_000)
        return min(self.voltage_uv.get(gpio, 0), _FULL_SCALE_UV[attenuation])
