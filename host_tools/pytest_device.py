"""For pytest, before it looks for tests: `pytest --device /dev/ttyUSB0`.

pytest decides where the project is before it reads the project's options.  A word that exists as a
file, and follows an option that is not known yet, is a test to it, and the project is taken to be
in that file's folder: /dev.  Joined to its option (`--device=/dev/ttyUSB0`) it is not, so that is
what it is given, by starting again.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

_OPTION = "--device"


def joined(arguments: list[str]) -> list[str]:
    """The arguments with the port joined to its option."""
    result = list(arguments)
    if _OPTION in result[:-1]:
        at = result.index(_OPTION)
        result[at : at + 2] = [f"{_OPTION}={result[at + 1]}"]
    return result


def pytest_addoption(parser: Any) -> None:
    """The first of pytest's hooks; later ones run when it has taken standard output away."""
    program, given = Path(sys.argv[0]), sys.argv[1:]
    ours = program.stem in ("pytest", "py.test") or program.parts[-2:] == ("pytest", "__main__.py")
    if ours and joined(given) != given:
        os.execv(sys.executable, [sys.executable, "-m", "pytest", *joined(given)])
