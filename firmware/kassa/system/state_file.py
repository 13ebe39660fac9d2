"""Small state that must survive a power cut: a JSON value in a file rewritten as a whole.

littlefs keeps a file's old content until the new one is closed, so the rewrite is atomic; up to
128 bytes the file lives inside its directory entry and a rewrite costs almost no erase.
"""

import errno
import json
import os
from typing import TYPE_CHECKING

from kassa.system.errors import KassaError

if TYPE_CHECKING:
    from typing import Any

_INLINE_LIMIT = 128


class StateError(KassaError):
    """State cannot be written, or was written and cannot be read back; names the file."""


class StateFile:
    """One JSON value of at most 128 bytes in `path`."""

    def __init__(self, path: str) -> None:
        self.path = path

    def load(self) -> "Any":
        """The stored value, or None when nothing was stored yet.  Raises StateError when it is
        damaged.
        """
        try:
            with open(self.path, "rb") as file:
                content = file.read()
        except OSError:
            return None
        if not content:
            # littlefs makes a new file first and fills it afterwards: power was lost in between.
            return None
        try:
            return json.loads(content)
        except ValueError:
            raise StateError(
                self.path + " is damaged; restore it from a backup or provision again"
            )

    def save(self, value: "Any") -> None:
        """Store `value`; when this returns it is durable."""
        content = json.dumps(value).encode()
        if len(content) > _INLINE_LIMIT:
            raise StateError(self.path + " would be larger than " + str(_INLINE_LIMIT) + " bytes")
        try:
            try:
                self._write(content)
            except OSError as error:
                if error.errno != errno.ENOENT:
                    raise
                os.mkdir(self.path.rsplit("/", 1)[0])
                self._write(content)
        except OSError as error:
            raise StateError(self.path + " cannot be written (error " + str(error.errno) + ")")

    def _write(self, content: bytes) -> None:
        with open(self.path, "wb") as file:
            file.write(content)
