"""`machine` of the ESP32, as wide as stock MicroPython's.

Everything goes to the chip through `_mcu.call`; this file runs on CPython and on MicroPython
alike.
"""

from time import sleep_us as _sleep_us

from _machine_buses import I2C, SPI
from _machine_pins import ADC, PWM, Pin, Signal
from _machine_timers import RTC, WDT, Timer
from _machine_uart import UART
from _mcu import call as _call

__all__ = (
    "ADC",
    "DEEPSLEEP_RESET",
    "HARD_RESET",
    "I2C",
    "PWM",
    "PWRON_RESET",
    "RTC",
    "SOFT_RESET",
    "SPI",
    "UART",
    "WDT",
    "WDT_RESET",
    "Pin",
    "Signal",
    "Timer",
    "disable_irq",
    "enable_irq",
    "freq",
    "idle",
    "reset",
    "reset_cause",
    "soft_reset",
    "unique_id",
)

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5


def reset():
    """Restart the chip; does not return."""
    _call("reset")


def soft_reset():
    """Restart the interpreter; does not return."""
    _call("soft_reset")


def reset_cause():
    return _call("reset_cause")


def unique_id():
    return _call("unique_id")


def freq(hz=None):
    if hz is None:
        return _call("freq")
    return _call("set_freq", hz)


def idle():
    _sleep_us(1)


def disable_irq():
    return 0


def enable_irq(state):
    pass
