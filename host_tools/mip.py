"""The drivers as a package for other people's projects: `mpremote mip install PATH/package.json`.

    python -m host_tools.mip

writes `package.json` at the root of the repository, where mip looks for it.  The drivers import
only each other and a few modules of `kassa.system`; nothing of payments comes along.
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

from host_tools import imports
from host_tools.mpy import FIRMWARE, ROOT, sources

PACKAGE = ROOT / "package.json"
DRIVERS = "kassa/drivers/"
# A driver does not import what it is handed: of that only the log is Kassa's own.
HANDED_IN = ("kassa/system/log.py",)
_LIBRARY = "lib/"


def modules(firmware: Path = FIRMWARE) -> list[str]:
    """What the package holds, by path below the firmware: the drivers, and all that they import
    and that a stock MicroPython lacks.
    """
    known = sources(firmware)
    drivers = [path for path in known if path.startswith(DRIVERS)]
    return sorted(imports.closure(known, [*drivers, *HANDED_IN]))


def package(firmware: Path = FIRMWARE, root: Path = ROOT) -> str:
    """The content of `package.json`: each file by its place below the board's library folder and
    by its place relative to the file itself.
    """
    folder = firmware.relative_to(root).as_posix()
    urls = [[path.removeprefix(_LIBRARY), f"{folder}/{path}"] for path in modules(firmware)]
    with (root / "pyproject.toml").open("rb") as project:
        version = tomllib.load(project)["project"]["version"]
    lines = ",\n".join(f"    {json.dumps(url)}" for url in urls)
    return f'{{\n  "version": {json.dumps(version)},\n  "urls": [\n{lines}\n  ]\n}}\n'


def main() -> int:
    """Write `package.json` and say how much it brings."""
    PACKAGE.write_text(package(), "utf-8")
    size = sum((FIRMWARE / path).stat().st_size for path in modules())
    print(f"{PACKAGE.name}: {len(modules())} files, {size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
