"""The firmware as it goes onto the device: bytes of .mpy, and what it takes to have it imported.

The heap is measured on two interpreters.  MicroPython for WebAssembly has 32-bit words like the
chip (`heap32`); the unix port has 64-bit ones and ROMFS beside files.  Measured is what an idle
terminal has imported (`idle`), main.py last, which stays source and is compiled on the device.

ROMFS on 32 bits and the frozen form are computed, not measured: the WebAssembly port has no ROMFS,
and frozen modules need a MicroPython build of one's own.  What ROMFS leaves in flash is bytecode
and text, as many bytes on 32 bits as on 64; frozen modules leave their names there, too, and their
constants, so that what is computed for them is too much rather than too little.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from rich.table import Column, Table

from host_tools import image, romfs
from host_tools.board import load as load_board
from simulator import micropython
from simulator.bench import Bench
from tests.benchmarks import heap32, idle
from tests.benchmarks.result import Against, Result

BOARD = "esp32s3_devkitc"
MOST_32BIT = 200_000
"""Bytes of a chip's heap that an idle terminal's imports may take."""

_START = b"\nasyncio.run(main())\n"
_PACKAGES = ("app", "payment", "ui", "emv", "host", "journal", "security", "drivers", "system")
# Names of modules that are the chip's resolve to one empty class: importing only looks them up.
_SETUP = """
import gc, os, sys
class Anything:
    def __init__(self, *arguments):
        pass
class Chip:
    def __getattr__(self, name):
        return Anything
for name in CHIP:
    sys.modules[name] = Chip()
if not hasattr(os, "urandom"):
    os.urandom = None
sys.path[:] = PATH
"""
_CHIP = ("machine", "network", "esp32")
# What the WebAssembly port lacks beside these.
_CHIP_32BIT = (*_CHIP, "cryptolib", "socket", "ssl")
_MEASURE = """
if ROM:
    import vfs
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
    """All .mpy files, in all and by package, and everything else that is copied along."""
    files = _files()
    code = {path: len(content) for path, content in files.items() if path.endswith(".mpy")}
    rest = sum(len(content) for path, content in files.items() if path not in code)
    results = [
        Result("image.mpy_bytes", sum(code.values()), "bytes", "host"),
        Result("image.assets_bytes", rest, "bytes", "host"),
    ]
    for package, size in _by_package({_module(path): size for path, size in code.items()}).items():
        results.append(Result(f"image.{package}.mpy_bytes", size, "bytes", "host"))
    return results


def heap() -> list[Result]:
    """Live heap after an idle terminal's imports: measured on 32 and on 64 bits, and computed
    from these for what cannot be measured here."""
    results = heap_32bit() + heap_64bit()
    values = {result.name.removeprefix("image."): result.value for result in results}
    try:
        files, names = (values[f"{of}heap_after_import_32bit_bytes"] for of in ("", "names."))
        saved = values["heap_after_import_64bit_bytes"]
        saved -= values["heap_after_import_romfs_64bit_bytes"]
    except KeyError:
        return results
    against = Against(".mpy files", files)
    for form, value in (("romfs", files - saved), ("frozen", files - saved - names)):
        name = f"image.heap_after_import_{form}_32bit_bytes"
        results.append(Result(name, value, "bytes", "computed from 32 and 64 bits", against))
    return results


def heap_32bit() -> list[Result]:
    """Live heap after an idle terminal's imports from .mpy, in all and by package."""
    try:
        measured = measure_32bit()
    except heap32.Missing as missing:
        print(f"{missing}: image.heap_after_import_32bit_bytes is left out")
        return []
    runtime = "micropython, 32-bit WebAssembly port"
    added = {name: size for name, size, _ in measured}
    tables = sum(size for _, _, size in measured)
    limit = Against("at most", MOST_32BIT)
    total = sum(added.values()) + tables
    results = [Result("image.heap_after_import_32bit_bytes", total, "bytes", runtime, limit)]
    packages = _by_package(added) | {"names": tables}
    for package, size in packages.items():
        name = f"image.{package}.heap_after_import_32bit_bytes"
        results.append(Result(name, size, "bytes", runtime))
    return results


def measure_32bit(board: str = BOARD) -> list[tuple[str, int, int]]:
    """As `heap32.measure`, for an idle terminal on `board`.  Raises heap32.Missing."""
    heap32.interpreter()
    setup = _facts(PATH=["/", "/lib", ".frozen"], CHIP=_CHIP_32BIT) + _SETUP
    return heap32.measure(_code(board), setup, [*idle.modules(board), "main"])


def heap_64bit() -> list[Result]:
    """The same on the 64-bit unix port, from files and from ROMFS, and with every module there is.

    From ROMFS bytecode and text stay in flash: that saves as many bytes where words are half as
    long.
    """
    if micropython.binary() is None:
        print("no MicroPython binary on this machine: image.heap_after_import_64bit is left out")
        return []
    code = _code(BOARD)
    modules = {
        "": [*idle.modules(BOARD), "main"],
        "all_": [_module(path) for path in sorted(code)],
    }
    results = []
    with tempfile.TemporaryDirectory(prefix="kassa-") as folder:
        rom = Path(folder) / "romfs.img"
        rom.write_bytes(romfs.write(code))
        root = _written(Path(folder) / "files", code)
        for form, path, image_file in (
            ("", [str(root), str(root / "lib")], ""),
            ("romfs_", ["/rom", "/rom/lib"], str(rom)),
        ):
            for what, names in modules.items():
                facts = _facts(PATH=[".frozen", *path], CHIP=_CHIP, ROM=image_file, MODULES=names)
                used = int(micropython.run_script(facts + _SETUP + _MEASURE, heap=1 << 23))
                name = f"image.heap_after_import_{what}{form}64bit_bytes"
                results.append(Result(name, used, "bytes", "micropython, 64-bit unix port"))
    return results


def running() -> list[Result]:
    """Live heap of a terminal that welcomes customers, its objects and buffers included, on the
    64-bit unix port."""

    async def measure() -> list[Result]:
        async with Bench(board=BOARD, runtime="micropython", seed=7) as bench:
            await bench.until_screen("welcome", within_s=60)
            await bench.measure_heap()
            used = (bench.heap_report or {})["used_bytes"]
            name = "image.heap_idle_running_64bit_bytes"
            return [Result(name, used, "bytes", "micropython, 64-bit unix port")]

    if micropython.binary() is None:
        print("no MicroPython binary on this machine: image.heap_idle_running_64bit is left out")
        return []
    return asyncio.run(measure())


def table(results: list[Result]) -> Table:
    """Bytes of .mpy and of heap by package."""
    values = {result.name: result.value for result in results}
    right = {"justify": "right"}
    shown = Table(
        "package",
        Column(".mpy bytes", **right),  # type: ignore[arg-type]
        Column("heap when idle, 32-bit", **right),  # type: ignore[arg-type]
        title="Size by package; names are MicroPython's tables of them, all packages'",
    )
    for package in (*_PACKAGES, "other", "names"):
        row = [
            values.get(f"image.{package}.{what}")
            for what in ("mpy_bytes", "heap_after_import_32bit_bytes")
        ]
        if any(value is not None for value in row):
            shown.add_row(package, *("" if v is None else f"{v:,.0f}" for v in row))
    return shown


def _files(board: str = BOARD) -> dict[str, bytes]:
    return image.device_files(load_board(board), mpy=True, config={})


def _code(board: str) -> dict[str, bytes]:
    """What can be imported, by path; of main.py everything but its last line, which runs it."""
    code = {
        path.lstrip("/"): content
        for path, content in _files(board).items()
        if path.endswith((".mpy", ".py"))
    }
    assert code["main.py"].endswith(_START), "main.py does not end as it did"
    code["main.py"] = code["main.py"].removesuffix(_START)
    return code


def _facts(**values: object) -> str:
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())


def _module(path: str) -> str:
    """`kassa/emv/__init__.mpy` -> `kassa.emv`."""
    name = path.lstrip("/").removeprefix("lib/").rsplit(".", 1)[0].replace("/", ".")
    return name.removesuffix(".__init__")


def _by_package(sizes: Mapping[str, int]) -> dict[str, int]:
    """Sums by room of the firmware; what stands in none is "other"."""
    sums = dict.fromkeys((*_PACKAGES, "other"), 0)
    for name, size in sizes.items():
        package = name.split(".")[1] if "." in name else "other"
        sums[package if package in sums else "other"] += size
    return sums


def _written(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder
