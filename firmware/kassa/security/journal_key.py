"""The key that the journal is sealed with: made on the terminal, kept in one small file.

    offset  bytes  what
    0       4      "KJK1"
    4       16     the key
    20      8      leftmost bytes of SHA-256 over all before

It never leaves the terminal and is never made anew while a file is there, however damaged: with
another key every record would be unreadable, and a file can still be mended from a backup.
"""

import errno
import hashlib
import os

from kassa.security.errors import KeysDamaged

_MAGIC = b"KJK1"
_SUM_AT = 20
_SIZE = 28


class JournalKey:
    """The key in the file `path`."""

    def __init__(self, path: str = "/state/journal_key") -> None:
        self.path = path

    def get(self) -> bytes:
        """The 16 bytes; made now if there is no file.  Have the radio on: only then are the chip's
        random numbers random.

        Raises KeysDamaged when the file is not what was written, OSError from the file system.
        """
        try:
            with open(self.path, "rb") as file:
                content = file.read()
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
            return self._make()
        if (
            len(content) != _SIZE
            or content[: len(_MAGIC)] != _MAGIC
            or hashlib.sha256(content[:_SUM_AT]).digest()[: _SIZE - _SUM_AT] != content[_SUM_AT:]
        ):
            raise KeysDamaged(self.path + " is damaged; restore it, or the journal stays sealed")
        return content[len(_MAGIC) : _SUM_AT]

    def zeroise(self) -> None:
        """Overwrite and delete the key: every record of the journal is unreadable from then on."""
        try:
            os.stat(self.path)
        except OSError:
            return  # there is none
        with open(self.path, "wb") as file:
            file.write(bytes(_SIZE))
        os.remove(self.path)

    def _make(self) -> bytes:
        content = _MAGIC + os.urandom(_SUM_AT - len(_MAGIC))
        content += hashlib.sha256(content).digest()[: _SIZE - _SUM_AT]
        try:
            self._write(content)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
            os.mkdir(self.path.rsplit("/", 1)[0])
            self._write(content)
        return content[len(_MAGIC) : _SUM_AT]

    def _write(self, content: bytes) -> None:
        with open(self.path, "wb") as file:
            file.write(content)
