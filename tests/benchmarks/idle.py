"""What an idle terminal has imported: asked of one that was switched on and welcomes customers."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from host_tools import mpy
from simulator.bench import Bench

_SETTLES_S = 30
_LITTLE = 100_000


@cache
def modules(board: str) -> tuple[str, ...]:
    """The firmware's modules that an idle terminal on `board` has, the imported before the
    importing, each with its packages; online, half a minute after it came up."""

    async def ask() -> list[str]:
        async with Bench(board=board, seed=7) as bench:
            await restart_with_little_heap(bench)
            await bench.until_screen("welcome", within_s=60)
            await bench.wait(_SETTLES_S)
            assert bench.world is not None
            loaded = list(bench.world.modules)
        return [name for name in loaded if name == "board" or _is_firmware(name)]

    return tuple(in_order(asyncio.run(ask())))


async def restart_with_little_heap(bench: Bench) -> None:
    """Switch off and on with a heap that is nearly full: a terminal with plenty of it gets ready
    for the first sale before anybody comes."""
    await bench.cut_power()
    bench.wiring.mcu.heap_taken = bench.wiring.mcu.heap_bytes - _LITTLE
    await bench.power_on()


def in_order(names: Iterable[str]) -> list[str]:
    """`names` so that each comes after those that it imports at its top."""
    wanted, done, ordered = set(names), set[str](), list[str]()

    def add(name: str) -> None:
        if name in done or name not in wanted:
            return
        done.add(name)
        for needed in _imports(name):
            add(needed)
        ordered.append(name)

    for name in sorted(wanted):
        add(name)
    return ordered


def _is_firmware(name: str) -> bool:
    return name != "main" and _file_of(name) is not None


def _file_of(name: str) -> Path | None:
    stem = name.replace(".", "/")
    for path in (f"{stem}/__init__.py", f"{stem}.py", f"lib/{stem}.py"):
        if (mpy.FIRMWARE / path).is_file():
            return mpy.FIRMWARE / path
    return None


def _imports(name: str) -> list[str]:
    """What a module imports at its top, and the packages that it stands in."""
    found = [name.rpartition(".")[0]]
    file = _file_of(name)
    for line in ast.parse(file.read_bytes()).body if file else ():
        if isinstance(line, ast.Import):
            found += [each.name for each in line.names]
        elif isinstance(line, ast.ImportFrom) and line.module:
            found += [line.module, *(f"{line.module}.{each.name}" for each in line.names)]
    return found
