"""The ESP32 stubs as data: which names a module has, which members a class, which keywords a call.

The stubs merge two sources.  What carries a value or a body was found on a real board; a bare
`NAME: Incomplete` is only in the documentation, of some other port, and does not count.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

TYPINGS = Path(__file__).parent.parent.parent / "build" / "typings"


@dataclass
class Call:
    """The keywords of a function over all its overloads; `open` takes any."""

    keywords: set[str] = field(default_factory=set)
    open: bool = False


@dataclass
class Names:
    """What a module or a class offers."""

    constants: set[str] = field(default_factory=set)
    calls: dict[str, Call] = field(default_factory=dict)
    classes: dict[str, Names] = field(default_factory=dict)
    bases: list[str] = field(default_factory=list)

    @property
    def all(self) -> set[str]:
        return self.constants | set(self.calls) | set(self.classes)


def _public(name: str) -> bool:
    return not name.startswith("_")


def _add_call(names: Names, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    call = names.calls.setdefault(node.name, Call())
    arguments = node.args
    call.keywords |= {a.arg for a in arguments.args + arguments.kwonlyargs + arguments.posonlyargs}
    call.keywords -= {"self", "cls"}
    call.open |= arguments.kwarg is not None


def _collect(body: list[ast.stmt]) -> Names:
    names = Names()
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if _public(node.name) or node.name == "__init__":
                _add_call(names, node)
        elif isinstance(node, ast.ClassDef):
            if _public(node.name):
                inner = _collect(node.body)
                inner.bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
                names.classes[node.name] = inner
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            only_documented = (
                isinstance(node.annotation, ast.Name)
                and node.annotation.id == "Incomplete"
                and node.value is None
            )
            alias = isinstance(node.annotation, ast.Name) and node.annotation.id == "TypeAlias"
            if _public(node.target.id) and not only_documented and not alias:
                names.constants.add(node.target.id)
    for inner in names.classes.values():
        for base in inner.bases:
            if base in names.classes:
                inner.constants |= names.classes[base].constants
                for name, call in names.classes[base].calls.items():
                    inner.calls.setdefault(name, call)
    return names


@cache
def module(name: str) -> Names:
    """What the stub of a module says."""
    for path in (TYPINGS / f"{name}.pyi", TYPINGS / "stdlib" / f"{name}.pyi"):
        if path.is_file():
            return _collect(ast.parse(path.read_text(encoding="utf-8")).body)
    raise AssertionError(f"no stub of {name} below {TYPINGS}: run `make setup`")
