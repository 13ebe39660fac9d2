"""The terminal's own key for what it keeps on its flash.

On stock firmware the key lies on the same flash chip as what it protects, so it does not protect
against somebody who reads the whole chip.  What it does: a journal that was copied from another
terminal, edited or made up without this file is noticed, and a partition dump alone shows neither
amounts nor times.  Card data do not depend on it: they are sealed for the host under keys that the
terminal no longer has.  With flash encryption the file becomes secret; with a secure element, hand
in something with `load()` that gets the key from there.
"""

import errno
import os

from kassa.system.errors import KassaError

_SIZE = 16


class DeviceKeyError(KassaError):
    """The key file is there and cannot be used; the message names it."""


class DeviceKey:
    """16 random bytes in `path`, made when first asked for."""

    def __init__(self, path: str = "/state/device.key") -> None:
        self.path = path

    def load(self) -> bytes:
        """The key.  The radio must be on the first time: it makes the chip's random numbers
        random."""
        try:
            with open(self.path, "rb") as file:
                key = file.read()
        except OSError as error:
            if error.errno != errno.ENOENT:
                # A key that cannot be read just now must not be replaced: it is still needed.
                raise
            return self._make()
        if len(key) != _SIZE:
            raise DeviceKeyError(self.path + " is damaged; restore it from a backup")
        return key

    def _make(self) -> bytes:
        key = os.urandom(_SIZE)
        new_path = self.path + ".new"
        try:
            os.mkdir(self.path.rsplit("/", 1)[0])
        except OSError:
            pass  # there already
        with open(new_path, "wb") as file:
            file.write(key)
        # Renaming is atomic: after a power cut there is the whole key or none.
        os.rename(new_path, self.path)
        return key
