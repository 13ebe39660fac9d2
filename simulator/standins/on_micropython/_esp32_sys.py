"""`sys` as the ESP32 has it: the binary's own, with the chip's name and the chip's console."""

# MicroPython, like the firmware:
# ruff: noqa: F403, F405, F821

import io as _io
import sys as _sys
from collections import namedtuple as _namedtuple
from sys import *

from _mcu import call as _call

_ours = stdout
_binary = implementation
_POLL = 3
_WRITABLE = 4


class _Raw(_io.IOBase):
    """Writes bytes to the console as they are."""

    def write(self, buf, *limits):
        """write(buf), write(buf, length) or write(buf, offset, length), as streams have it."""
        start = limits[0] if len(limits) > 1 else 0
        end = start + limits[-1] if limits else len(buf)
        data = bytes(memoryview(buf)[start:end])
        _call("console_write", data)
        return len(data)

    def ioctl(self, request, argument):
        return argument & _WRITABLE if request == _POLL else 0


class _Text(_io.IOBase):
    """Writes text to the console, with a carriage return at the end of each line."""

    buffer = _Raw()

    def write(self, text, *limits):
        return _ours.write(text, *limits)

    def ioctl(self, request, argument):
        return argument & _WRITABLE if request == _POLL else 0


_about = _call("about")
path = _sys.path
stdout = stderr = _Text()
platform = "esp32"
maxsize = 0x7FFFFFFF
implementation = _namedtuple("implementation", ("name", "version", "_machine", "_mpy", "_build"))(
    _binary.name, _binary.version, _about[0], _binary._mpy, _about[1]
)
banner = "MicroPython " + version.split("; MicroPython ")[1] + "; " + _about[0]
del atexit, executable
