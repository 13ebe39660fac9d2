"""MicroPython's own `os`, as wide as the ESP32's, with the chip's random numbers and name."""

# MicroPython, like the firmware:
# ruff: noqa: F403, F821

import sys as _sys
from collections import namedtuple as _namedtuple

from _mcu import call as _call
from uos import *

# What only the host's build has.
del VfsPosix, errno, getenv, putenv, system, unsetenv

_Uname = _namedtuple("uname", ("sysname", "nodename", "release", "version", "machine"))


def uname():
    """(sysname, nodename, release, version, machine)"""
    number = _sys.implementation.version
    release = ".".join([str(part) for part in number[:3]])
    if number[3]:
        release += "-" + number[3]
    version = _sys.version.split("; MicroPython ")[1]
    return _Uname("esp32", "esp32", release, version, _call("about")[0])


def urandom(n):
    """Random bytes of the chip."""
    return _call("random", n)


def sync():
    """Everything closed is in flash already."""
