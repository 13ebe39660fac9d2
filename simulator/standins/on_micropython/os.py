"""MicroPython's own `os`, but for the chip's random numbers, which come from the bench's seed."""

# MicroPython, like the firmware:
# ruff: noqa: F403

from _mcu import call as _call
from uos import *


def urandom(n):
    """Random bytes of the chip."""
    return _call("random", n)
