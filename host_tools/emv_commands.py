"""`kassa emv`: make a signing key, check, compile and show EMV configurations."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Annotated

import typer
from kassa.emv import config
from kassa.emv.errors import ConfigError
from rich.console import Console

from host_tools import emv as documents
from host_tools import emv_show, emv_signing

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")]
Doc = Annotated[Path, typer.Argument(metavar="DOC.toml", help="The configuration as written.")]
Date = Annotated[
    str | None, typer.Option("--date", metavar="YYMMDD", help="Judge expiry as of this day.")
]

emv = typer.Typer(no_args_is_help=True, help="EMV configuration: check, compile and sign, show.")


def add_commands(app: typer.Typer) -> None:
    app.add_typer(emv, name="emv")


@emv.command("key")
def make_key(path: Annotated[Path, typer.Argument(metavar="NEW.pem")]) -> None:
    """Make a key that signs configurations; whoever has it decides what terminals take."""
    try:
        key = emv_signing.create(path)
    except FileExistsError:
        raise emv_signing.KeyFileError(f"{path}: is there already and stays as it is") from None
    print(f"{path}: key {key.key_id}, readable for you only; keep a copy in a safe")


@emv.command("check")
def check(document: Doc, as_json: Json = False, date: Date = None) -> None:
    """Is a configuration right?  One line a mistake; exit status 1 if there is any."""
    found = documents.check(documents.read(document), _day(date))
    if as_json:
        _print_json(
            [
                {"line": each.line, "warning": each.warning, "path": each.path, "text": each.text}
                for each in found
            ]
        )
    else:
        for each in found:
            print(each.shown(str(document)))
        if not found:
            print(f"{document}: all is well")
    if any(not each.warning for each in found):
        raise typer.Exit(1)


@emv.command("compile")
def compile_(
    document: Doc,
    key: Annotated[Path, typer.Option("--key", help="The signing key, see `kassa emv key`.")],
    output: Annotated[Path, typer.Option("--output", help="Folder for the terminal's files.")],
    date: Date = None,
) -> None:
    """Compile and sign a configuration: emv.json, emv.sig and signer.json for /config."""
    read = documents.read(document)
    signing, today = emv_signing.load(key), _day(date)
    made = documents.compile_document(read, signing, today)
    for each in documents.check(read, today):
        print(each.shown(str(document)))
    output.mkdir(parents=True, exist_ok=True)
    for name, content in made.files().items():
        (output / name).write_bytes(content)
        print(f"{output / name}: {len(content)} bytes")
    print(f"signed by {signing.key_id}")


@emv.command("show")
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A document, or emv.json.")],
    signer: Annotated[
        Path | None, typer.Option("--signer", help="Whose signature; else signer.json beside it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """What a configuration says, and whether its signature is right."""
    document = documents.read(file)
    try:
        read = config.from_dict(documents.readable(document))
    except ConfigError as error:
        raise documents.DocumentError(f"{file}: {error}") from error
    signature = emv_show.signature_state(file, signer)
    shown = emv_show.facts(document, read, signature)
    if as_json:
        _print_json(shown)
    else:
        console = Console()
        for table in emv_show.tables(shown):
            console.print(table)
        print(f"Signature: {signature['words']}")
    if signature["state"] == "wrong":
        raise typer.Exit(1)


def _day(date: str | None) -> datetime.date:
    if date is None:
        return datetime.datetime.now(datetime.UTC).date()
    try:
        return datetime.datetime.strptime(date, "%y%m%d").replace(tzinfo=datetime.UTC).date()
    except ValueError:
        raise typer.BadParameter("must be YYMMDD", param_hint="--date") from None


def _print_json(value: object) -> None:
    print(json.dumps(value, indent=2))
