"""One measured figure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Against:
    """What a figure is measured against, in the same run."""

    name: str
    value: float


@dataclass(frozen=True)
class Result:
    """A figure with its unit; `runtime` is cpython, micropython or host."""

    name: str
    value: float
    unit: str
    runtime: str
    against: Against | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
