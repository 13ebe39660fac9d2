"""A journal's anchor (`/state/journal`, `kassa.journal.anchor`) off the board: read, and made."""

from __future__ import annotations

import json
from typing import Any

from kassa.journal.anchor import Anchor, Anchored


class _Content(Anchor):
    """The anchor's file as bytes in memory."""

    def __init__(self, content: bytes = b"") -> None:
        super().__init__("anchor")
        self.content = content

    def load(self) -> Any:
        return json.loads(self.content)

    def save(self, value: Any) -> None:
        self.content = json.dumps(value).encode()


def parse(content: bytes | None) -> Anchored | None:
    """The anchor in a file's content; None when there is none, or when it cannot be read."""
    return None if content is None else _Content(content).read()


def to_bytes(anchored: Anchored) -> bytes:
    """The file's content, as the terminal writes it."""
    file = _Content()
    file.write(anchored)
    return file.content
