"""Errors as the device raises them: an `OSError` that carries its number, whoever raised it."""

from __future__ import annotations

import builtins
import errno as host_errno

# errno.pyi of the ESP32 stubs (lwIP and newlib numbers, not Linux's).
NUMBERS = {
    "EPERM": 1,
    "ENOENT": 2,
    "EIO": 5,
    "EBADF": 9,
    "EAGAIN": 11,
    "ENOMEM": 12,
    "EACCES": 13,
    "EEXIST": 17,
    "ENODEV": 19,
    "EISDIR": 21,
    "EINVAL": 22,
    "EOPNOTSUPP": 95,
    "ECONNRESET": 104,
    "ENOBUFS": 105,
    "ECONNREFUSED": 111,
    "EADDRINUSE": 112,
    "ECONNABORTED": 113,
    "ETIMEDOUT": 116,
    "EHOSTUNREACH": 118,
    "EINPROGRESS": 119,
    "EALREADY": 120,
    "ENOTCONN": 128,
}
NAMES = {number: name for name, number in NUMBERS.items()}


class DeviceOSError(builtins.OSError):
    """An OSError with MicroPython's habits: `errno` is the first argument, also when it is the
    only one.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self.errno = args[0] if args else None  # type: ignore[assignment]

    def __str__(self) -> str:
        if len(self.args) == 1 and isinstance(self.args[0], int):
            name = NAMES.get(self.args[0])
            return f"[Errno {self.args[0]}] {name}" if name else str(self.args[0])
        return super().__str__()


DeviceOSError.__name__ = DeviceOSError.__qualname__ = "OSError"


def as_device(error: builtins.OSError) -> DeviceOSError:
    """`error` as the device would raise it: the host's number becomes the ESP32's of the same
    name.
    """
    if isinstance(error, DeviceOSError):
        return error
    number = error.errno if error.errno is not None else (error.args[0] if error.args else None)
    if error.errno is not None and len(error.args) > 1:  # raised by the host's own system
        number = NUMBERS.get(host_errno.errorcode.get(error.errno, ""), error.errno)
    return DeviceOSError(number, *error.args[1:2])
