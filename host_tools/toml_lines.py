"""In which line of a TOML document something stands, for messages about what it says.

`tomllib` gives values without places.  This reads the document once more, only for the places of
tables and keys; it is meant for text that `tomllib` has taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

Path = tuple[str | int, ...]

_SEGMENT = re.compile(r"""\s*(?:([A-Za-z0-9_-]+)|"((?:[^"\\]|\\.)*)"|'([^']*)')\s*(\.?)""")
_OPENING, _CLOSING = "[{", "]}"


def line_of(lines: dict[Path, int], path: Path) -> int | None:
    """The line of `path`, or of the nearest thing around it that has one."""
    for end in range(len(path), 0, -1):
        if path[:end] in lines:
            return lines[path[:end]]
    return None


def find(text: str) -> dict[Path, int]:
    """Line (from 1) of every table, of every entry of an array of tables, and of every key that is
    not inside an inline table."""
    return _Finder(text).run()


@dataclass
class _Finder:
    text: str
    lines: dict[Path, int] = field(default_factory=dict)
    entries: dict[Path, int] = field(default_factory=dict)

    def run(self) -> dict[Path, int]:
        at, number, table = 0, 1, ()
        while at < len(self.text):
            end = self.text.find("\n", at)
            end = len(self.text) if end < 0 else end
            line = self.text[at:end].strip()
            if line.startswith("["):
                table = self._header(line, number)
            elif line and not line.startswith("#"):
                key, start = self._key(at)
                place = (*table, *key)
                self.lines.setdefault(place, number)
                end = self._value_end(start)
            number += self.text.count("\n", at, end) + 1
            at = end + 1
        return self.lines

    def _header(self, line: str, number: int) -> Path:
        many = line.startswith("[[")
        name, _ = _segments(line, 2 if many else 1)
        path: Path = ()
        for segment in name[:-1]:
            path = self._into((*path, segment))
        path = (*path, name[-1])
        if many:
            self.lines.setdefault(path, number)
            self.entries[path] = self.entries.get(path, -1) + 1
            path = self._into(path)
        self.lines.setdefault(path, number)
        return path

    def _into(self, path: Path) -> Path:
        """The last entry, where `path` is an array of tables."""
        return (*path, self.entries[path]) if path in self.entries else path

    def _key(self, at: int) -> tuple[list[str], int]:
        return _segments(self.text, at)

    def _value_end(self, at: int) -> int:
        """Where the line ends in which the value that begins at `at` does."""
        depth = 0
        while at < len(self.text):
            three, one = self.text[at : at + 3], self.text[at]
            if three in ('"""', "'''"):
                at = self._past(at + 3, three)
                continue
            if one in "\"'":
                at = self._past(at + 1, one)
                continue
            if one == "#":
                at = self._past(at, "\n") - 1
                continue
            if one == "\n" and depth <= 0:
                return at
            depth += (one in _OPENING) - (one in _CLOSING)
            at += 1
        return at

    def _past(self, at: int, mark: str) -> int:
        """Behind the next `mark` from `at` on that no backslash escapes."""
        while at < len(self.text) and not self.text.startswith(mark, at):
            escapes = self.text[at] == "\\" and mark[0] == '"'
            at += 2 if escapes else 1
        return at + len(mark)


def _segments(text: str, at: int) -> tuple[list[str], int]:
    """The parts of a dotted key from `at` on, and where it ends."""
    found = []
    while (match := _SEGMENT.match(text, at)) is not None:
        found.append(next(part for part in match.groups()[:3] if part is not None))
        at = match.end()
        if not match.group(4):
            break
    return found or [""], at
