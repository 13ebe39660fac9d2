"""The drivers as a package for other people's projects: `mpremote mip install PATH/package.json`.

    python -m host_tools.mip

writes `package.json` at the root of the repository, where mip looks for it.  The drivers import
only each other and a few modules of `kassa.system`; nothing of payments comes along.  What a
driver names for type checkers alone is what it wants handed in, so that is in the package too.
"""

from __future__ import annotations

import ast
import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from host_tools.mpy import FIRMWARE, ROOT

PACKAGE = ROOT / "package.json"
DRIVERS = "kassa/drivers"
_LIBRARY = "lib"


def modules(firmware: Path = FIRMWARE) -> list[str]:
    """What the package holds, by path below the firmware: the drivers, and all that they import
    and that a stock MicroPython lacks.
    """
    wanted = [
        path.relative_to(firmware).as_posix() for path in sorted((firmware / DRIVERS).glob("*.py"))
    ]
    known: set[str] = set()
    while wanted:
        path = wanted.pop()
        if path not in known:
            known.add(path)
            wanted += _imported(firmware, path)
    return sorted(known)


def package(firmware: Path = FIRMWARE, root: Path = ROOT) -> str:
    """The content of `package.json`: each file by its place below the board's library folder and
    by its place relative to the file itself.
    """
    folder = firmware.relative_to(root).as_posix()
    urls = [[path.removeprefix(f"{_LIBRARY}/"), f"{folder}/{path}"] for path in modules(firmware)]
    with (root / "pyproject.toml").open("rb") as project:
        version = tomllib.load(project)["project"]["version"]
    lines = ",\n".join(f"    {json.dumps(url)}" for url in urls)
    return f'{{\n  "version": {json.dumps(version)},\n  "urls": [\n{lines}\n  ]\n}}\n'


def _imported(firmware: Path, path: str) -> Iterator[str]:
    """The firmware's own files that a file imports, the packages on the way included."""
    tree = ast.parse((firmware / path).read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            yield from _files(firmware, name)


def _files(firmware: Path, module: str) -> Iterator[str]:
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        place = "/".join(parts[:count])
        for candidate in (f"{place}.py", f"{place}/__init__.py", f"{_LIBRARY}/{place}.py"):
            if (firmware / candidate).is_file():
                yield candidate


def main() -> int:
    """Write `package.json` and say how much it brings."""
    PACKAGE.write_text(package(), "utf-8")
    size = sum((FIRMWARE / path).stat().st_size for path in modules())
    print(f"{PACKAGE.name}: {len(modules())} files, {size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
