"""`binascii` as far as MicroPython has it."""

from __future__ import annotations

import binascii as _binascii
from typing import Any


def hexlify(data: Any, sep: Any = None, /) -> bytes:
    return _binascii.hexlify(data) if sep is None else _binascii.hexlify(data, sep)


def unhexlify(data: Any, /) -> bytes:
    """ValueError for anything that is not pairs of hexadecimal digits."""
    try:
        return _binascii.unhexlify(data)
    except ValueError as error:
        raise ValueError(str(error)) from None


def a2b_base64(data: Any, /) -> bytes:
    try:
        return _binascii.a2b_base64(data)
    except ValueError:
        raise ValueError("incorrect padding") from None


def b2a_base64(data: Any, /, *, newline: bool = True) -> bytes:
    return _binascii.b2a_base64(data, newline=newline)


def crc32(data: Any, value: int = 0, /) -> int:
    return _binascii.crc32(data, value)


__all__ = ["a2b_base64", "b2a_base64", "crc32", "hexlify", "unhexlify"]
