"""`esp`: of what it offers, how much flash the chip has.

Runs on CPython and on MicroPython alike.
"""

from _mcu import call as _call

__all__ = ("flash_size",)


def flash_size():
    """Bytes of the flash chip."""
    return _call("flash_size")
