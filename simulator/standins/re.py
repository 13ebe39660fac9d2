"""`re` as far as MicroPython has it: no {n}, no named groups, no look-around, no flags."""

from __future__ import annotations

import re as _re
from collections.abc import Callable
from typing import Any


def _checked(pattern: Any) -> Any:
    text = pattern if isinstance(pattern, str) else pattern.decode()
    if "{" in text or "(?" in text.replace("(?:", ""):
        raise ValueError("error in regex")
    return pattern


class _Match:
    def __init__(self, match: Any) -> None:
        self._match = match

    def group(self, index: int, /) -> Any:
        return self._match.group(index)


def _found(match: Any) -> _Match | None:
    return None if match is None else _Match(match)


class _Pattern:
    def __init__(self, pattern: Any) -> None:
        try:
            self._pattern = _re.compile(_checked(pattern))
        except _re.error:
            raise ValueError("error in regex") from None

    def match(self, string: Any, /) -> _Match | None:
        return _found(self._pattern.match(string))

    def search(self, string: Any, /) -> _Match | None:
        return _found(self._pattern.search(string))

    def sub(self, replace: Any, string: Any, count: int = 0, /) -> Any:
        if callable(replace):
            return self._pattern.sub(_wrapped(replace), string, count)
        return self._pattern.sub(replace, string, count)

    def split(self, string: Any, max_split: int = -1, /) -> list[Any]:
        return self._pattern.split(string, 0 if max_split < 0 else max_split)


def _wrapped(replace: Callable[[_Match], Any]) -> Callable[[Any], Any]:
    return lambda match: replace(_Match(match))


def compile(regex_str: Any, /) -> _Pattern:
    return _Pattern(regex_str)


def match(regex_str: Any, string: Any, /) -> _Match | None:
    return _Pattern(regex_str).match(string)


def search(regex_str: Any, string: Any, /) -> _Match | None:
    return _Pattern(regex_str).search(string)


def sub(regex_str: Any, replace: Any, string: Any, count: int = 0, /) -> Any:
    return _Pattern(regex_str).sub(replace, string, count)


__all__ = ["compile", "match", "search", "sub"]
