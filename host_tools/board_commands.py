"""`kassa board`: list, check and wire the boards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from host_tools import board as boards
from host_tools import board_check, wiring_table

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

board = typer.Typer(no_args_is_help=True, help="Boards: list, check, wiring.")


def add_commands(app: typer.Typer) -> None:
    app.add_typer(board, name="board")


@board.command("list")
def list_boards(as_json: Json = False) -> None:
    """The boards that Kassa knows."""
    facts = [_facts(boards.load(name)) for name in boards.names()]
    if as_json:
        _print_json(facts)
        return
    table = Table()
    table.add_column("Board", no_wrap=True)
    for heading in ("What it is", "Panel", "Reader"):
        table.add_column(heading)
    for fact in facts:
        table.add_row(fact["name"], fact["title"], fact["panel"], fact["transport"].upper())
    _out().print(table)


def _facts(description: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": description["name"],
        "title": description["title"],
        "chip": description["chip"],
        "flash_mib": description["flash"]["size_mib"],
        "psram_mib": description["psram"]["size_mib"],
        "panel": description["panel"]["driver"],
        "reader": description["nfc"]["driver"],
        "transport": description["nfc"]["transport"],
    }


@board.command("check")
def check(
    name_or_file: Annotated[
        str | None, typer.Argument(metavar="[NAME|FILE]", help="Without it: every board.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Does a board suit its chip?  One line a mistake; exit status 1 if there is any."""
    paths = [boards.find(name) for name in ([name_or_file] if name_or_file else boards.names())]
    found = {path: board_check.check_file(path) for path in paths}
    if as_json:
        _print_json([_report(path, mistakes) for path, mistakes in found.items()])
    else:
        for path, mistakes in found.items():
            for mistake in mistakes:
                print(mistake.line(_shown(path)))
            if not mistakes:
                print(f"{_shown(path)}: all is well")
    if any(found.values()):
        raise typer.Exit(1)


def _report(path: Path, mistakes: list[boards.Mistake]) -> dict[str, Any]:
    return {
        "file": _shown(path),
        "ok": not mistakes,
        "mistakes": [
            {"key": each.key, "problem": each.problem, "remedy": each.remedy} for each in mistakes
        ],
    }


@board.command("wiring")
def wiring(
    name_or_file: Annotated[str | None, typer.Argument(metavar="[NAME|FILE]")] = None,
    as_json: Json = False,
    write: Annotated[
        bool, typer.Option("--write", help="Write the tables into board_configs/README.md.")
    ] = False,
) -> None:
    """What to connect to which pin."""
    if write:
        changed = wiring_table.write()
        print(f"{_shown(wiring_table.README)}: {'written' if changed else 'up to date'}")
        return
    if name_or_file is None:
        raise boards.BoardFileError(f"name a board: {', '.join(boards.names())}")
    description = boards.load(name_or_file)
    if as_json:
        _print_json(wiring_table.rows(description))
        return
    table = Table("Part", "Signal", "GPIO", "Note", title=description["title"])
    for row in wiring_table.rows(description):
        table.add_row(*(str(row[column]) for column in ("part", "signal", "gpio", "note")))
    _out().print(table)
    if elsewhere := wiring_table.tied(description):
        print(f"Without a pin: {', '.join(elsewhere)}.")


def _out() -> Console:
    """Made for each table, so that it writes where standard output is now."""
    return Console()


def _print_json(value: object) -> None:
    print(json.dumps(value, indent=2))


def _shown(path: Path) -> str:
    """A path as the reader would type it: relative to where they stand, if it is below."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
