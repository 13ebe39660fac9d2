"""The console of a world: what the firmware prints, line by line, and tracebacks as the device has
them.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any


class Console:
    """Hands each full line to `sink`, without its end; `lines` are all of them."""

    def __init__(self, sink: Callable[[str], None] | None) -> None:
        self.lines: list[str] = []
        self._sink = sink
        self._begun = ""

    def write(self, text: str) -> None:
        """Text; each line that it completes goes out."""
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self.lines.append(line)
            if self._sink is not None:
                self._sink(line)

    def print(self, *values: object, sep: str = " ", end: str = "\n", file: Any = None) -> None:
        """The firmware's `print`."""
        text = sep.join(map(str, values)) + end
        if file is None:
            self.write(text)
        else:
            file.write(text)

    def print_exception(self, error: BaseException) -> None:
        self.write(format_exception(error))


def format_exception(error: BaseException) -> str:
    """A traceback as MicroPython prints it: no source lines, no causes, nothing of the
    stand-ins.
    """
    frames = [
        f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}\n'
        for frame in traceback.extract_tb(error.__traceback__)
        if "/simulator/standins/" not in frame.filename
    ]
    head = "Traceback (most recent call last):\n"
    return head + "".join(frames) + f"{type(error).__name__}: {error}\n"
