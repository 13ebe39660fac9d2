"""`kassa journal`: read and verify a journal, in a file or on a board.

    kassa journal verify journal.bin --key 000102030405060708090A0B0C0D0E0F
    kassa journal read journal.bin --json
    kassa journal verify /dev/ttyUSB0

From a port the image is read here, together with the anchor (`host_tools.journal` judges it).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from kassa.journal.anchor import Anchor, Anchored

from host_tools import anchor as anchors
from host_tools.journal import Examination, ImageError, examine, plural
from host_tools.port import DeviceError, is_port
from host_tools.progress import reading

ANCHOR = "/state/journal"

Source = Annotated[
    str,
    typer.Argument(
        metavar="IMAGE|PORT",
        help="The raw journal partition as a file, or the port of a board: a device such as "
        "/dev/ttyUSB0, COM3, socket://HOST:PORT. The terminal is stopped, read, and restarted.",
    ),
]
Key = Annotated[str, typer.Option(help="The journal key, 32 hex digits.")]
AnchorFile = Annotated[
    Path | None,
    typer.Option(
        "--anchor",
        help="The terminal's /state/journal, to compare with; read along with a board.",
    ),
]
Save = Annotated[
    Path | None, typer.Option("--save", help="Keep the image that was read off a board here.")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]

commands = typer.Typer(no_args_is_help=True, help="Read and verify a journal.")


@commands.command()
def read(
    source: Source,
    key: Key = "",
    anchor: AnchorFile = None,
    save: Save = None,
    as_json: Json = False,
) -> None:
    """Show every record; what is sealed in it only with the key."""
    found = _examine(source, key, anchor, save)
    if as_json:
        print(json.dumps(found.as_json(), indent=2))
    else:
        for record in found.records:
            state = "trimmed" if record.trimmed else "       "
            print(
                f"{record.sequence:>8}  kind {record.kind:<3} {record.length:>4} bytes  "
                f"block {record.block:>4} slot {record.slot:>2}  {state}  {record.text}"
            )
        _tell(found)
    raise typer.Exit(0 if found.good else 1)


@commands.command()
def verify(
    source: Source,
    key: Key = "",
    anchor: AnchorFile = None,
    save: Save = None,
    as_json: Json = False,
) -> None:
    """Follow the chain of records; exit status 1 if anything is missing or changed."""
    found = _examine(source, key, anchor, save)
    if as_json:
        facts = found.as_json()
        facts["records"] = len(found.records)
        print(json.dumps(facts, indent=2))
    else:
        _tell(found)
    raise typer.Exit(0 if found.good else 1)


def _examine(source: str, key: str, anchor: Path | None, save: Path | None) -> Examination:
    try:
        sealing = _key(key)
        known = None
        if anchor is not None:
            known = Anchor(str(anchor)).read()
            if known is None:
                raise ImageError(f"{anchor} is no anchor of a journal")
        if not is_port(source):
            return examine(Path(source).read_bytes(), sealing, known)
        image, on_board = _from_board(source)
        if save is not None:
            save.write_bytes(image)
        return examine(image, sealing, known or on_board)
    except DeviceError as error:
        print(f"kassa: {error}", file=sys.stderr)
    except OSError as error:
        print(f"kassa: {error.filename or source}: {error.strerror}", file=sys.stderr)
    except ImageError as error:
        print(f"kassa: {source}: {error}", file=sys.stderr)
    raise typer.Exit(2)


def _from_board(port: str) -> tuple[bytes, Anchored | None]:
    """The journal of the board on `port`, and its anchor if it has one.  Raises DeviceError."""
    from rich.console import Console

    from host_tools.device import Device

    console = Console(stderr=True)
    console.print(f"{port}: the terminal is stopped while it is read.", highlight=False)
    with Device(port) as device:
        with reading("reading the journal") as progress:
            image = device.read_partition("journal", progress)
        anchor = device.read_file(ANCHOR)
    console.print("Read back and compared; the terminal starts again.", highlight=False)
    return image, anchors.parse(anchor)


def _key(text: str) -> bytes | None:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b"?"
    if len(key) not in (0, 16):
        raise ImageError("--key wants 32 hex digits")
    return key or None


def _tell(found: Examination) -> None:
    needed = sum(not record.trimmed for record in found.records)
    trimmed = len(found.records) - needed
    print(
        f"{plural(needed, 'record')} from {found.oldest} to {found.head}, "
        f"{trimmed} trimmed that are still on flash, {found.blocks} blocks."
    )
    for sentence in found.sentences():
        print(sentence)
    if found.good:
        print("Every record follows the one before it; nothing is missing.")
    if not found.with_key:
        print("Without the key: only numbers, links and commit markers were checked.")


def add_commands(app: typer.Typer) -> None:
    """Hang `journal` into the command line."""
    app.add_typer(commands, name="journal")
