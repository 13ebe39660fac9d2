"""`micropython` as the ESP32 has it: Ctrl-C comes over the chip's console."""

# MicroPython, like the firmware:
# ruff: noqa: F403

import _mcu
from micropython import *

kbd_intr = _mcu.kbd_intr
