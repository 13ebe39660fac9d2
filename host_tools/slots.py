"""`kassa slots`: which versions lie on a board, which of them runs, and what is on trial."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from host_tools.boot_program import SLOTS
from host_tools.port import DeviceError, choose

if TYPE_CHECKING:
    from host_tools.device import Device

MOST_TRIES = 3  # as in kassa.system.slots

# A manifest as a whole may be too much for what a stopped terminal has left of its heap.
_LOOK = """\
import json,os
def _kassa_r(path,lines):
 try:
  with open(path) as f:
   return [l for l in f if l.startswith(lines)]
 except OSError:
  return None
print(json.dumps([os.getcwd(),_kassa_r('/state/slots','{'),
 [_kassa_r('/'+s+'/manifest.json',' "version"') for s in ('slot_a','slot_b')]]))
del _kassa_r
"""


@dataclass(frozen=True)
class Slot:
    """One of the two.  version: None when nothing is there, "" when its manifest tells none.
    tries: starts since it was last known to come up.
    """

    name: str
    version: str | None
    runs: bool
    in_use: bool
    on_trial: bool
    tries: int

    @property
    def words(self) -> str:
        """What a technician should know of it."""
        told = ["runs"] if self.runs else []
        if self.on_trial:
            told.append(
                f"on trial, start {self.tries} of {MOST_TRIES}" if self.tries else "on trial"
            )
        elif self.in_use:
            told.append("in use")
            if self.tries:
                told.append(f"started {self.tries} times since it last came up")
        return ", ".join(told)


def look(device: Device) -> list[Slot]:
    """Both slots of a board whose boot.py has run.  Raises DeviceError."""
    try:
        folder, state, versions = json.loads(device.run(_LOOK, "looking at the slots"))
        facts = _state(state)
        found = [None if lines is None else _version(lines) for lines in versions]
    except (ValueError, TypeError):
        raise DeviceError(f"{device.port}: the board's answer makes no sense") from None
    return [
        Slot(
            name,
            version,
            runs=folder.strip("/") == name,
            in_use=facts["use"] == name,
            on_trial=facts.get("try") == name,
            tries=facts["tries"] if (facts.get("try") or facts["use"]) == name else 0,
        )
        for name, version in zip(SLOTS, found, strict=True)
    ]


def _state(lines: list[str] | None) -> dict[str, Any]:
    """As kassa.system.slots reads it: what makes no sense says no more than nothing."""
    try:
        found = json.loads("".join(lines or ()))
        if found["use"] in SLOTS and isinstance(found["tries"], int):
            return found
    except (ValueError, TypeError, KeyError):
        pass
    return {"use": SLOTS[0], "tries": 0}


def _version(lines: list[str]) -> str:
    try:
        return str(json.loads("{" + lines[0].strip().rstrip(",") + "}")["version"])
    except (ValueError, IndexError, KeyError):
        return ""


def add_commands(app: typer.Typer) -> None:
    app.command("slots")(slots)


def slots(
    port: Annotated[
        str | None, typer.Option("--port", metavar="PORT", help="Else the only board attached.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")] = False,
) -> None:
    """Which versions lie on a board, which runs, what is on trial."""
    from host_tools.device import Device

    with Device(choose(port)) as device:
        found = look(device)
    if as_json:
        print(json.dumps([asdict(each) for each in found], indent=2))
        return
    table = Table()
    for heading in ("Slot", "Version", ""):
        table.add_column(heading, no_wrap=bool(heading))
    for each in found:
        version = {None: "nothing", "": "no manifest that tells"}.get(each.version, each.version)
        table.add_row(each.name, version, each.words)
    Console(highlight=False).print(table)
