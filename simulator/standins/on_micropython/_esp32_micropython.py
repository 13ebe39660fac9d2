"""`micropython` as the ESP32 has it: Ctrl-C comes over the chip's console."""

# MicroPython, like the firmware:
# ruff: noqa: F403

import _mcu
from micropython import *


def kbd_intr(chr):
    """The character that interrupts the program, -1 for none; what has come counts still."""
    if _mcu.call("console_interrupted"):
        raise KeyboardInterrupt
    _mcu.kbd_intr(chr)
