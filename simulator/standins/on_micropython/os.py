"""MicroPython's own `os`, but for the chip's random numbers, which come from the bench's seed."""

import sys

from _mcu import call as _call

_path = sys.path[:]
sys.path[:] = []
from os import *  # noqa: E402, F403 - the built-in module, found when no file is

sys.path[:] = _path


def urandom(n):
    """Random bytes of the chip."""
    return _call("random", n)
