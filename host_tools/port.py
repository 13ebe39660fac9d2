"""What is a port, and what can be wrong with it: known without mpremote's library."""

from __future__ import annotations

import re
from pathlib import Path

_URL = re.compile(r"(socket|rfc2217|spy|alt|hwgrep|loop|cp2110)://")
_WINDOWS_PORT = re.compile(r"(\\\\\.\\)?COM\d+", re.IGNORECASE)


class DeviceError(Exception):
    """What is wrong with the board or the way to it, in one line that names the port."""


def is_port(name: str) -> bool:
    """Whether `name` means a port: a device file, COM3, socket://HOST:PORT.  An existing ordinary
    file never does.
    """
    path = Path(name)
    if path.is_file():
        return False
    named = _URL.match(name) or _WINDOWS_PORT.fullmatch(name) or name.startswith("/dev/")
    return bool(named) or path.is_char_device()
