"""`micropython`: constants, soft interrupts, and the decorators of the native emitters (which
change nothing here).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from simulator.standins.seam import here

_T = TypeVar("_T")
_F = TypeVar("_F", bound=Callable[..., Any])


def const(expr: _T, /) -> _T:
    return expr


def schedule(func: Callable[[Any], Any], arg: Any, /) -> None:
    """Call `func(arg)` soon, between two steps of the program.  RuntimeError when eight calls
    already wait.
    """
    if not here.schedule(func, arg):
        raise RuntimeError("schedule queue full")


def native(_func: _F, /) -> _F:
    return _func


def viper(_func: _F, /) -> _F:
    return _func


def opt_level(level: int = 0, /) -> int:
    return 0


def kbd_intr(chr: int, /) -> None:
    """Which character of the console interrupts the program; nobody types on it here."""


def alloc_emergency_exception_buf(size: int, /) -> None:
    """Room for an exception raised where nothing can be allocated; CPython always can."""


def stack_use() -> int:
    return 1024


_locks = [0]


def heap_lock() -> int:
    _locks[0] += 1
    return _locks[0]


def heap_unlock() -> int:
    _locks[0] -= 1
    return _locks[0]


def mem_info(verbose: Any = None, /) -> None:
    here.write(f"GC: total: {here.heap_bytes}\n")


class RingIO:
    """A ring of bytes; one slot stays free."""

    def __init__(self, size: int | bytearray) -> None:
        self._room = size if isinstance(size, int) else len(size) - 1
        self._data = bytearray()

    def any(self) -> int:
        return len(self._data)

    def read(self, nbytes: int = -1) -> bytes | None:
        if not self._data:
            return None
        count = len(self._data) if nbytes < 0 else nbytes
        taken = bytes(self._data[:count])
        del self._data[:count]
        return taken

    def readinto(self, buf: Any, nbytes: int | None = None) -> int | None:
        taken = self.read(len(buf) if nbytes is None else min(nbytes, len(buf)))
        if taken is None:
            return None
        memoryview(buf)[: len(taken)] = taken
        return len(taken)

    def readline(self, nbytes: int = -1) -> bytes | None:
        end = self._data.find(b"\n") + 1 or len(self._data)
        return self.read(end if nbytes < 0 else min(nbytes, end))

    def write(self, buf: Any) -> int | None:
        taken = bytes(memoryview(buf))[: self._room - len(self._data)]
        if not taken:
            return None
        self._data += taken
        return len(taken)

    def close(self) -> None:
        """Nothing to close."""
