"""`kassa doctor`: what is wrong with a terminal, and what to do about it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from host_tools.board import load as load_board
from host_tools.board import names
from host_tools.doctor_finding import FAIL, OK, REMEDIES, WARN, Finding
from host_tools.port import DeviceError, choose
from host_tools.progress import reading

if TYPE_CHECKING:
    from host_tools.device import Device

_DEFAULT_BOARD = "esp32s3_devkitc"
_STYLES = {OK: "green", WARN: "yellow", FAIL: "bold red"}
_NAME = 16


def add_commands(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


def doctor(
    port: Annotated[
        str | None, typer.Option("--port", metavar="PORT", help="Else the only board attached.")
    ] = None,
    board: Annotated[
        str | None,
        typer.Option("--board", metavar="NAME", help="Which board it is; else it says itself."),
    ] = None,
    attended: Annotated[
        bool,
        typer.Option("--attended", help="With you in front of it: keys, picture, tones, a card."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")] = False,
) -> None:
    """Look at every part of a terminal and say what is wrong and what helps.

    The terminal is stopped for it and restarted afterwards. Works on a board in any state that
    answers at all. Exit status 1 when something does not work.
    """
    from host_tools import doctor as examining
    from host_tools.device import Device

    named = load_board(board) if board is not None else None
    where = choose(port)
    console = Console(stderr=as_json, highlight=False)
    found: list[Finding] = []
    lost: DeviceError | None = None
    try:
        with Device(where) as device:
            described = _board(device, named)
            if not as_json:
                console.print(f"{where}: the terminal is stopped and looked at.")
            examiner = examining.Doctor(
                device, described, reading=lambda: reading("reading the journal")
            )
            person = _Technician(console) if attended else None
            for finding in examiner.findings(person):
                found.append(finding)
                if not as_json:
                    _print(console, finding)
    except DeviceError as error:
        # What was found is worth telling all the same.
        lost = error
        found.append(Finding("connection", FAIL, str(error), REMEDIES["remedy.connection"]))
    ill = [finding.name for finding in found if finding.verdict == FAIL]
    if as_json:
        checks = [asdict(finding) for finding in found]
        print(json.dumps({"port": where, "well": not ill, "checks": checks}, indent=2))
    else:
        console.print(_summary(found))
    if lost is not None:
        raise lost
    if ill:
        raise typer.Exit(1)


def _board(device: Device, named: dict[str, Any] | None) -> dict[str, Any]:
    """The board file of the board that is there; for an unknown one what it says of itself.
    Raises DeviceError when it says that it is another than was named.
    """
    from host_tools import doctor as examining

    told = examining.board_of(device)
    if told is None:
        return named or load_board(_DEFAULT_BOARD)
    if named is not None and named["name"] != told["name"]:
        raise DeviceError(
            f"{device.port}: the board says that it is {told['name']}, not {named['name']}; "
            "leave out --board"
        )
    return named or (load_board(told["name"]) if told["name"] in names() else told)


def _print(console: Console, finding: Finding) -> None:
    verdict = f"[{_STYLES[finding.verdict]}]{finding.verdict:<5}[/]"
    name = finding.name.ljust(_NAME)
    console.print(f"{verdict} {name} ", end="")
    console.print(finding.detail, markup=False, soft_wrap=True)
    if finding.remedy:
        console.print(f"{'':6}{'':{_NAME}} -> {finding.remedy}", markup=False, soft_wrap=True)


def _summary(found: list[Finding]) -> str:
    ill = [finding.name for finding in found if finding.verdict == FAIL]
    doubtful = [finding.name for finding in found if finding.verdict == WARN]
    if ill:
        told = f"{len(ill)} of {len(found)} do not work: {', '.join(ill)}"
    else:
        told = f"{len(found)} looked at, all of them work"
    return told + (f"; somebody should look at: {', '.join(doubtful)}" if doubtful else "") + "."


class _Technician:
    """The person at this computer."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def does(self, what: str) -> None:
        self._console.print(f"  >>> {what}", markup=False)

    def sees(self, question: str) -> bool:
        return typer.confirm(f"  >>> {question}", err=True)
