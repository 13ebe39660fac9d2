"""`struct` without `Struct`, `iter_unpack` and the format `?`; whatever is wrong is a ValueError.

What MicroPython packs silently wrong (numbers out of range, arguments missing) is an error here.
"""

from __future__ import annotations

import struct as _struct
from collections.abc import Callable
from typing import Any


def _call(function: Callable[..., Any], fmt: str | bytes, *arguments: Any) -> Any:
    if "?" in (fmt if isinstance(fmt, str) else fmt.decode()):
        raise ValueError("bad typecode")
    try:
        return function(fmt, *arguments)
    except _struct.error as error:
        raise ValueError(str(error)) from None


def calcsize(fmt: str | bytes, /) -> int:
    return _call(_struct.calcsize, fmt)


def pack(fmt: str | bytes, /, *v: Any) -> bytes:
    return _call(_struct.pack, fmt, *v)


def pack_into(fmt: str | bytes, buffer: Any, offset: int, /, *v: Any) -> None:
    _call(_struct.pack_into, fmt, buffer, offset, *v)


def unpack(fmt: str | bytes, data: Any, /) -> tuple[Any, ...]:
    """The fields at the start of `data`, which may be longer."""
    return _call(_struct.unpack_from, fmt, data, 0)


def unpack_from(fmt: str | bytes, data: Any, offset: int = 0, /) -> tuple[Any, ...]:
    return _call(_struct.unpack_from, fmt, data, offset)


__all__ = ["calcsize", "pack", "pack_into", "unpack", "unpack_from"]
