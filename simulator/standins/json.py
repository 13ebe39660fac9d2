"""`json`: no indent, no sorted keys; text beyond ASCII is written as it is."""

from __future__ import annotations

import json as _json
from typing import Any


def dumps(obj: Any, separators: tuple[str, str] | None = None) -> str:
    return _json.dumps(obj, separators=separators, ensure_ascii=False)


def dump(obj: Any, stream: Any, separators: tuple[str, str] | None = None) -> None:
    stream.write(dumps(obj, separators))


def loads(str: Any) -> Any:
    """ValueError when it is not JSON."""
    text = str if hasattr(str, "encode") else bytes(memoryview(str)).decode()
    try:
        return _json.loads(text)
    except ValueError:
        raise ValueError("syntax error in JSON") from None


def load(stream: Any) -> Any:
    return loads(stream.read())


__all__ = ["dump", "dumps", "load", "loads"]
