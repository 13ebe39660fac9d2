"""What firmware modules import, read from their source: the modules that one needs to run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping


def closure(sources: Mapping[str, bytes], roots: Iterable[str]) -> set[str]:
    """The paths in `sources` (`kassa/drivers/pn532.py`) that the files `roots` need, themselves
    included: packages on the way, and whatever those import, however late.  Imports for types only
    do not count; what is not in `sources` is MicroPython's own.
    """
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += [file for name in imported(sources[path]) for file in _files(sources, name)]
    return found


def imported(source: bytes) -> Iterator[str]:
    """The dotted names that a module may import: for `from a import b` both `a` and `a.b`."""
    waiting: list[ast.AST] = [ast.parse(source)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)


def _files(sources: Mapping[str, bytes], name: str) -> Iterator[str]:
    """The files of a module and of the packages it stands in."""
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        stem = "/".join(parts[:depth])
        for path in (f"{stem}.py", f"{stem}/__init__.py", f"lib/{stem}.py"):
            if path in sources:
                yield path
