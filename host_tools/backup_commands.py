"""`kassa backup` and `kassa restore`."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from host_tools import backup_file
from host_tools.backup_file import Backup, BackupError, Lock
from host_tools.port import DeviceError, choose
from host_tools.progress import reading as reading_bar

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
    app.command("restore")(restore)


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
        with device, reading_bar("reading the journal") as progress:
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


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `kassa backup` has made.")],
    port: Port = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only say what is in it; needs no board.")
    ] = False,
    replacement: Annotated[
        bool,
        typer.Option(
            "--replacement", help="Another board: the old one is out of service for good."
        ),
    ] = False,
    files_from: Annotated[
        Path | None,
        typer.Option("--files-from", metavar="OLDER", help="Takes what FILE lacks."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Put a backup onto a board, where no payment and no key is set back.

    Refused, with nothing written, when the terminal went on after the
    backup. What the board holds is kept in a file first. What was cut off
    goes on with the same command.
    """
    from host_tools import restore as restoring
    from host_tools import restore_plan
    from host_tools.device import Device

    found = unseal(file)
    if files_from is not None:
        found = restoring.merged(found, unseal(files_from))
    if check:
        _show(found, file, as_json)
        return
    chosen = choose(port)
    say(f"{chosen}: the terminal is stopped while it is restored.")
    with Device(chosen) as device:
        with reading_bar("reading what is there") as progress:
            before = restoring.look(device, progress)
        plan = restore_plan.make(found, before, replacement)
        kept = _keep_before(file, before)
        with reading_bar("writing the journal") as progress:
            restoring.carry_out(device, plan, before, progress)
    if as_json:
        facts = {"journal": plan.journal is not None, "files": sorted(plan.files)}
        print(json.dumps({**facts, "kept": str(kept) if kept else None, "told": plan.told}))
        return
    for line in plan.told:
        print(line)
    print(f"Restored: {_what(plan)}.")
    if kept is not None:
        print(f"What the board held before is in {kept}.")


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


def _keep_before(file: Path, before: Backup) -> Path | None:
    """Keep what the board holds, if it holds anything; where.  Raises OSError."""
    blank = not before.members[backup_file.JOURNAL].strip(b"\xff")
    if blank and not before.files:
        return None
    made = datetime.fromisoformat(before.facts["made"])
    path = file.with_name(f"{file.stem}-before-{made:%Y%m%d-%H%M%S}.kassa")
    backup_file.write(path, backup_file.seal(before, backup_file.shop_lock()))
    return path


def _what(plan: Any) -> str:
    files = f"{len(plan.files)} files"
    return f"the journal and {files}" if plan.journal is not None else files


def _show(found: Backup, file: Path, as_json: bool) -> None:
    from host_tools.backup import money, terminal_id

    told = money(found)
    facts = {"file": str(file), **found.facts, "terminal_id": terminal_id(found)}
    if as_json:
        facts |= {"members": sorted(found.members), "missing": found.missing, "money": told}
        print(json.dumps(facts, indent=2))
        return
    print(
        f"Terminal {facts['terminal_id'] or '?'} on board {found.facts.get('unique_id', '?')}, "
        f"{found.facts['made']}, MicroPython {found.facts.get('micropython', '?')}."
    )
    for slot, version in found.facts.get("slots", {}).items():
        print(f"Version {version} in {slot}.")
    for sentence in told:
        print(sentence)
    for name, content in sorted(found.members.items()):
        print(f"{len(content):>9}  {name}")
    for line in found.missing:
        print(f"missing: {line}")


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


def unseal(file: Path) -> Backup:
    """What is in a file; asks for its passphrase where it has one.  Raises BackupError."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise BackupError(f"{file}: {error.strerror}") from error
    return backup_file.unseal(content, str(file), lambda: _asked(f"Passphrase of {file}: "))
