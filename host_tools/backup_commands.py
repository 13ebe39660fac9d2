"""`kassa backup` and `kassa restore`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from host_tools import backup_file
from host_tools.backup_file import Backup, BackupError, Lock
from host_tools.port import DeviceError, choose

Port = Annotated[
    str | None, typer.Option("--port", metavar="PORT", help="Else the only board attached.")
]
Passphrase = Annotated[
    bool,
    typer.Option("--passphrase", help="Ask for a passphrase, in place of the shop's own key."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


def add_commands(app: typer.Typer) -> None:
    app.command("backup")(backup)


def backup(
    port: Port = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Else TERMINAL-DATE-TIME.kassa here."),
    ] = None,
    passphrase: Passphrase = False,
    as_json: Json = False,
) -> None:
    """Keep all that another board needs to take a terminal's place.

    The pending money comes first. The file is encrypted: it holds the
    terminal's keys. Exit status 1 when something is missing in it.
    """
    from host_tools import backup as reading
    from host_tools.device import Device

    lock = _new_lock(passphrase)
    chosen = choose(port)
    say(f"{chosen}: the terminal is stopped while it is read.")
    saved = _Saved(lock, output)
    device = Device(chosen)
    found = None
    try:
        with device, _progress("reading the journal") as progress:
            found = reading.read(device, saved.keep, progress)
    except DeviceError:
        # Gone in the middle: what was read is worth keeping; its watchdog restarts the board.
        if found is None:
            raise
    path = saved.keep(found)
    told = reading.money(found)
    if as_json:
        facts = {"file": str(path), **found.facts, "terminal_id": reading.terminal_id(found)}
        facts |= {"members": sorted(found.members), "missing": found.missing, "money": told}
        print(json.dumps(facts, indent=2))
    else:
        for sentence in told:
            print(sentence)
        print(f"{path}: {len(found.members)} members, locked with {lock.name}.")
    if found.missing:
        for line in found.missing:
            say(f"missing: {line}")
        raise typer.Exit(1)


class _Saved:
    """The file of a backup, written more than once: what is safe is safe."""

    def __init__(self, lock: Lock, output: Path | None) -> None:
        self._lock = lock
        self._asked = output
        self._path = output

    def keep(self, found: Backup) -> Path:
        """Write it; its name.  Raises OSError."""
        from host_tools.backup import terminal_id

        first = self._path
        if self._asked is None:
            name = terminal_id(found) or found.facts.get("unique_id") or "terminal"
            made = datetime.fromisoformat(found.facts["made"])
            self._path = Path(f"{name}-{made:%Y%m%d-%H%M%S}.kassa")
        assert self._path is not None
        backup_file.write(self._path, backup_file.seal(found, self._lock))
        if first is not None and first != self._path:
            first.unlink(missing_ok=True)
        return self._path


def say(line: str) -> None:
    """For people; what a machine reads goes to standard output."""
    print(line, file=sys.stderr)


def _new_lock(passphrase: bool) -> Lock:
    if not passphrase:
        return backup_file.shop_lock()
    return backup_file.passphrase_lock(_asked("Passphrase: ", twice=True))


def _asked(prompt: str, twice: bool = False) -> str:
    """A passphrase: hidden at a terminal, else the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    return typer.prompt(prompt, hide_input=True, confirmation_prompt=twice, prompt_suffix="")


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (TextColumn(what), BarColumn(), DownloadColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


__all__ = ["BackupError", "add_commands", "backup"]


def unseal(file: Path) -> Backup:
    """What is in a file; asks for its passphrase where it has one.  Raises BackupError."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise BackupError(f"{file}: {error.strerror}") from error
    return backup_file.unseal(content, str(file), lambda: _asked(f"Passphrase of {file}: "))


def as_facts(found: Backup) -> dict[str, Any]:
    return {**found.facts, "members": sorted(found.members), "missing": found.missing}
