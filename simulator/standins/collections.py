"""`collections`: deque (always with a length), namedtuple and OrderedDict."""

from __future__ import annotations

from collections import OrderedDict
from collections import deque as _deque
from collections import namedtuple as _namedtuple
from collections.abc import Iterable, Iterator
from typing import Any


class deque:  # the name MicroPython gives it
    """A queue of at most `maxlen` things; with `flags` 1 a full one raises IndexError instead of
    dropping.
    """

    def __init__(self, iterable: Iterable[Any], maxlen: int, flags: int = 0, /) -> None:
        self._items: _deque[Any] = _deque(maxlen=maxlen)
        self._checks = bool(flags & 1)
        self.extend(iterable)

    def _make_room(self) -> None:
        if self._checks and len(self._items) == self._items.maxlen:
            raise IndexError("full")

    def append(self, x: Any, /) -> None:
        self._make_room()
        self._items.append(x)

    def appendleft(self, x: Any, /) -> None:
        self._make_room()
        self._items.appendleft(x)

    def extend(self, iterable: Iterable[Any], /) -> None:
        for item in iterable:
            self.append(item)

    def pop(self) -> Any:
        if not self._items:
            raise IndexError("empty")
        return self._items.pop()

    def popleft(self) -> Any:
        if not self._items:
            raise IndexError("empty")
        return self._items.popleft()

    def __len__(self) -> int:
        return len(self._items)

    def __bool__(self) -> bool:
        return bool(self._items)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __getitem__(self, index: int) -> Any:
        return self._items[index]

    def __setitem__(self, index: int, value: Any) -> None:
        self._items[index] = value


def namedtuple(name: str, fields: Any, /) -> type:
    """A tuple class with names and nothing else: no defaults, no `_replace`, no `_asdict`."""
    made = _namedtuple(name, fields)
    return type(name, (made,), {"__slots__": (), "_replace": _missing, "_asdict": _missing})


class _Missing:
    def __get__(self, instance: object, owner: type) -> Any:
        raise AttributeError("not in MicroPython")


_missing = _Missing()

__all__ = ["OrderedDict", "deque", "namedtuple"]
