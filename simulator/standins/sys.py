"""`sys` as an ESP32 with MicroPython answers."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from simulator.standins.console import format_exception
from simulator.standins.seam import here


class _Implementation(tuple):
    """A tuple with names, which on MicroPython may begin with an underscore."""

    name = property(itemgetter(0))
    version = property(itemgetter(1))
    _machine = property(itemgetter(2))
    _mpy = property(itemgetter(3))
    _build = property(itemgetter(4))


class _Console:
    """The serial console; only writing makes sense on a bench."""

    def write(self, text: str | bytes) -> int:
        here.write(text if isinstance(text, str) else text.decode())
        return len(text)

    def read(self, size: int = -1) -> str:
        return ""

    def readline(self) -> str:
        return ""


implementation = _Implementation(
    ("micropython", (1, 28, 0, ""), here.board_title, 0x2A06, here.build_name)
)
version = "3.4.0; MicroPython v1.28.0"
version_info = (3, 4, 0)
platform = "esp32"
byteorder = "little"
maxsize = 2**31 - 1
argv: list[str] = []
path = ["", ".frozen", "/lib"]
modules = here.modules
stdin = _Console()
stdout = _Console()
stderr = _Console()


def exit(retval: Any = 0) -> None:
    raise SystemExit(retval)


def print_exception(exc: BaseException, file: Any = None, /) -> None:
    """The traceback as MicroPython prints it, to the console or to `file`."""
    if file is None or isinstance(file, _Console):
        here.print_exception(exc)
    else:
        file.write(format_exception(exc))


__all__ = [
    "argv",
    "byteorder",
    "exit",
    "implementation",
    "maxsize",
    "modules",
    "path",
    "platform",
    "print_exception",
    "stderr",
    "stdin",
    "stdout",
    "version",
    "version_info",
]
