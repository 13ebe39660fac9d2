"""The heap that imports take on a 32-bit MicroPython: the WebAssembly build, run by node.

Its words, pointers and allocation blocks are as large as the chip's, and it reads the same .mpy
files.  `package-lock.json` beside this file pins version and content of the package, which npm
puts into build/.  Its port has neither ROMFS nor the chip's modules.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_HERE = Path(__file__).parent
_ROOT = _HERE.parent.parent / "build" / "micropython32"
_PACKAGE = _ROOT / "node_modules" / "@micropython" / "micropython-webassembly-pyscript"
_PINNED = ("package.json", "package-lock.json")
_TIMEOUT_S = 120
_NOT_MEASURED = "the 32-bit heap is not measured"


class Missing(Exception):
    """There is no 32-bit MicroPython here; the message is one line that says why."""


def interpreter() -> Path:
    """The package's module for node, fetched once.  Raises Missing."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise Missing(f"no node and npm on this machine: {_NOT_MEASURED}")
    module = _PACKAGE / "micropython.mjs"
    wanted = (_HERE / _PINNED[1]).read_bytes()
    lock = _ROOT / _PINNED[1]
    if module.is_file() and lock.is_file() and lock.read_bytes() == wanted:
        return module
    _ROOT.mkdir(parents=True, exist_ok=True)
    for name in _PINNED:
        shutil.copy(_HERE / name, _ROOT / name)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(
            command, cwd=_ROOT, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise Missing(f"npm gets no MicroPython in {_TIMEOUT_S} s: {_NOT_MEASURED}") from None
    if done.returncode or not module.is_file():
        lines = (done.stderr.strip() or "no reason given").splitlines()
        raise Missing(f"npm gets no MicroPython ({lines[0]}): {_NOT_MEASURED}")
    return module


def measure(
    files: Mapping[str, bytes], setup: str, modules: Sequence[str]
) -> list[tuple[str, int, int]]:
    """Import `modules` in that order: (name, live bytes that it added, bytes by which
    MicroPython's tables of names grew, which double now and then).

    files: what is in the file system, by path.  setup: a script that runs before, not counted.
    Raises Missing.
    """
    facts = {
        "files": {path: base64.b64encode(content).decode() for path, content in files.items()},
        "setup": setup,
        "modules": list(modules),
    }
    command = ["node", str(_HERE / "heap32.mjs"), str(interpreter())]
    done = subprocess.run(
        command, input=json.dumps(facts), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"node: {done.stderr.strip()[-2000:]}")
    return [(name, added, tables) for name, added, tables in json.loads(done.stdout)]
