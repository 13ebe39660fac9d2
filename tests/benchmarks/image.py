"""The firmware as it goes onto the device: bytes of .mpy, and what it takes to have it imported.

The heap is measured on MicroPython's 64-bit unix port, whose words, and so most objects, are twice
as large as the chip's 32-bit ones; the chip's own figure is not measured here.  Nor is the frozen
form, which needs a MicroPython build of one's own.
"""

from __future__ import annotations

import ast
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from host_tools import image, mpy, romfs
from host_tools.board import load as load_board
from simulator import micropython
from tests.benchmarks.result import Result

_BOARD = "esp32s3_devkitc"
# Names of the chip's modules resolve to one empty class: importing only looks them up.
_SCRIPT = """
import gc, sys, vfs
class Anything:
    pass
class Chip:
    def __getattr__(self, name):
        return Anything
for name in ("machine", "network", "esp32"):
    sys.modules[name] = Chip()
sys.path[:] = PATH
if ROM:
    with open(ROM, "rb") as file:
        rom = file.read()
    vfs.mount(vfs.VfsRom(memoryview(rom)), "/rom")
gc.collect()
before = gc.mem_alloc()
for name in MODULES:
    __import__(name)
gc.collect()
print(gc.mem_alloc() - before)
"""


def sizes() -> list[Result]:
    """All .mpy files, and everything else that is copied along."""
    files = _files()
    code = sum(len(content) for path, content in files.items() if path.endswith(".mpy"))
    rest = sum(len(content) for path, content in files.items() if not path.endswith(".mpy"))
    return [
        Result("image.mpy_bytes", code, "bytes", "host"),
        Result("image.assets_bytes", rest, "bytes", "host"),
    ]


def heap() -> list[Result]:
    """Live heap after a collection, from files and from ROMFS: with what main.py imports, which is
    the idle terminal, and with every module there is."""
    if micropython.binary() is None:
        print("no MicroPython binary on this machine: image.heap_after_import is left out")
        return []
    files = {path.lstrip("/"): content for path, content in _files().items()}
    code = {p: c for p, c in files.items() if p.endswith(".mpy") or p == "board.py"}
    wanted = {"idle": _imported_by_main(), "all": sorted(map(_module, code))}
    results = []
    with tempfile.TemporaryDirectory(prefix="kassa-") as folder:
        rom = Path(folder) / "romfs.img"
        rom.write_bytes(romfs.write(code))
        root = _written(Path(folder) / "files", code)
        for form, path, image_file in (
            ("mpy", [str(root), str(root / "lib")], ""),
            ("romfs", ["/rom", "/rom/lib"], str(rom)),
        ):
            for what, modules in wanted.items():
                facts = {"PATH": [".frozen", *path], "ROM": image_file, "MODULES": modules}
                text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in facts.items())
                used = int(micropython.run_script(text + _SCRIPT, heap=1 << 23))
                name = f"image.heap_after_import_{what}_{form}_bytes"
                results.append(Result(name, used, "bytes, 64-bit unix port", "micropython"))
    return results


def _files() -> dict[str, bytes]:
    return image.device_files(load_board(_BOARD), mpy=True, config={})


def _imported_by_main() -> list[str]:
    """Every module that main.py imports at its top, in its order."""
    found = []
    for line in ast.parse((mpy.FIRMWARE / "main.py").read_bytes()).body:
        if isinstance(line, ast.Import):
            found += [each.name for each in line.names]
        elif isinstance(line, ast.ImportFrom) and line.module:
            found.append(line.module)
            # `from kassa.emv import config` imports a module too
            inside = mpy.FIRMWARE.joinpath(*line.module.split("."))
            found += [
                f"{line.module}.{each.name}"
                for each in line.names
                if (inside / f"{each.name}.py").is_file()
            ]
    return found


def _module(path: str) -> str:
    """`kassa/emv/__init__.mpy` -> `kassa.emv`."""
    name = path.removeprefix("lib/").rsplit(".", 1)[0].replace("/", ".")
    return name.removesuffix(".__init__")


def _written(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder
