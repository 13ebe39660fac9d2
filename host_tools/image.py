"""Everything that goes onto a device: the firmware, its assets, the board, the configuration."""

from __future__ import annotations

import pprint
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from host_tools import mpy as _mpy

# What a person at the serial port may want to read, and what starts before anything is imported.
_STAYS_SOURCE = ("boot.py", "main.py")
# Only host tools need these.
_NOT_ON_DEVICE = ("accept", "partitions")


def device_files(
    board: Mapping[str, Any],
    mpy: bool = True,
    config: Mapping[str, bytes] | None = None,
    firmware: Path = _mpy.FIRMWARE,
) -> dict[str, bytes]:
    """All files of a device by absolute path.

    board: the content of a board file.  mpy: modules as bytecode, else as source.  config: what
    was made for this very terminal, by path (`/config/terminal.json`, `/tls/ca.der` ...).
    Raises CompileError when a file of the firmware does not compile.
    """
    files = _code(firmware, mpy)
    for path in sorted((firmware / "assets").rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            files[f"/{path.relative_to(firmware).as_posix()}"] = path.read_bytes()
    files["/board.py"] = board_module(board)
    files.update(config or {})
    return files


def board_module(board: Mapping[str, Any]) -> bytes:
    """The source of the device's `board.py`."""
    known = {key: value for key, value in board.items() if key not in _NOT_ON_DEVICE}
    described = pprint.pformat(known, width=98, sort_dicts=False)
    return f'"""Generated from a board file."""\n\nBOARD = {described}\n'.encode()


def _code(firmware: Path, compiled: bool) -> dict[str, bytes]:
    sources = _mpy.sources(firmware)
    files = {f"/{name}": sources.pop(name) for name in _STAYS_SOURCE if name in sources}
    if not compiled:
        return files | {f"/{name}": source for name, source in sources.items()}
    modules = _mpy.compile_all(sources)
    return files | {f"/{name[:-3]}.mpy": module for name, module in modules.items()}
