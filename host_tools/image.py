"""Everything that goes onto a device: the firmware, its assets, the board, the configuration."""

from __future__ import annotations

import hashlib
import pprint
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from host_tools import imports
from host_tools import mpy as _mpy

# What a person at the serial port may want to read, and what starts before anything is imported.
_STAYS_SOURCE = ("boot.py", "main.py")
# Of the boot file system alone: it is no part of a version.
_BOOTS = ("boot.py", "service.py")
VERSION = "version.py"
SERVICE_FONT = "assets/fonts/20.kf"
_NO_SET = b'SET = ""'
# boot.py, which runs in the same namespace, has left its finding there.
_SERVICE = b"""import service

service.main(globals().get("reason", "") or "no firmware to start")
"""
# Only host tools need these.
_NOT_ON_DEVICE = ("accept", "partitions")


def slot_files(
    board: Mapping[str, Any],
    mpy: bool = True,
    version: str | None = None,
    firmware: Path = _mpy.FIRMWARE,
) -> dict[str, bytes]:
    """One version of the firmware: what goes into a slot, by its path there.

    board: the content of a board file.  mpy: modules as bytecode, else as source.  version: what
    the firmware says of itself, else what stands in its source.
    Raises CompileError when a file of the firmware does not compile.
    """
    sources = {p: s for p, s in _mpy.sources(firmware).items() if p not in _BOOTS}
    if version is not None:
        sources[VERSION] = version_module(version)
    files = _compiled(sources) if mpy else sources
    for path in sorted((firmware / "assets").rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            files[path.relative_to(firmware).as_posix()] = path.read_bytes()
    return files | {"board.py": board_module(board)}


def boot_files(board: Mapping[str, Any], firmware: Path = _mpy.FIRMWARE) -> dict[str, bytes]:
    """The boot file system, by path: boot.py, the service screen, and what these two import.

    boot.py names the folder of the rest, which is called after what is in it: see there.
    """
    sources = _mpy.sources(firmware)
    needed = imports.closure(sources, _BOOTS) - {"boot.py"}
    modules = _compiled({path.removeprefix("lib/"): sources[path] for path in sorted(needed)})
    modules["board.py"] = board_module(board)
    digest = hashlib.sha256()
    for path in sorted(modules):
        digest.update(f"{path} {len(modules[path])}\n".encode() + modules[path])
    folder = f"set_{digest.hexdigest()[:8]}"
    boot = sources["boot.py"].replace(_NO_SET, f'SET = "{folder}"'.encode())
    return {f"{folder}/{path}": content for path, content in modules.items()} | {
        "boot.py": boot,
        "main.py": _SERVICE,
        SERVICE_FONT: (firmware / SERVICE_FONT).read_bytes(),
    }


def device_files(
    board: Mapping[str, Any],
    mpy: bool = True,
    config: Mapping[str, bytes] | None = None,
    firmware: Path = _mpy.FIRMWARE,
) -> dict[str, bytes]:
    """All files of a terminal without slots, as on a bench, by absolute path.

    config: what was made for this very terminal, by path (`/config/terminal.json`, `/tls/ca.der`
    ...).
    """
    files = slot_files(board, mpy, firmware=firmware)
    return {f"/{path}": content for path, content in files.items()} | dict(config or {})


def board_module(board: Mapping[str, Any]) -> bytes:
    """The source of the device's `board.py`."""
    known = {key: value for key, value in board.items() if key not in _NOT_ON_DEVICE}
    described = pprint.pformat(known, width=98, sort_dicts=False)
    return f'"""Generated from a board file."""\n\nBOARD = {described}\n'.encode()


def version_module(version: str) -> bytes:
    """The source of the device's `version.py`."""
    return f'"""Made by `kassa build`."""\n\nVERSION = {version!r}\n'.encode()


def _compiled(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    files = {name: sources[name] for name in _STAYS_SOURCE if name in sources}
    modules = _mpy.compile_all({n: s for n, s in sources.items() if n not in files})
    return files | {f"{name[:-3]}.mpy": module for name, module in modules.items()}
