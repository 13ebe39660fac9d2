"""`kassa ca`: the shop's certificate authority and what it has issued."""

from __future__ import annotations

import datetime
import json
from typing import Annotated

import typer
from cryptography.hazmat.primitives import hashes

from host_tools.ca import ShopCa, common_name

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")]

ca = typer.Typer(no_args_is_help=True, help="The shop's certificates: show, list.")


def add_commands(app: typer.Typer) -> None:
    app.add_typer(ca, name="ca")


@ca.command("show")
def show(as_json: Json = False) -> None:
    """The CA's certificate, which the acquirer is given; made where there is none yet."""
    authority = ShopCa()
    facts = {
        "certificate": str(authority.path),
        "valid_until": _day(authority.certificate.not_valid_after_utc),
        "sha256": authority.certificate.fingerprint(hashes.SHA256()).hex(":").upper(),
    }
    if as_json:
        print(json.dumps(facts))
        return
    print(f"{facts['certificate']}: give this file to the acquirer; never the key beside it")
    print(f"valid until {facts['valid_until']}, SHA-256 {facts['sha256']}")


@ca.command("list")
def list_(as_json: Json = False) -> None:
    """The certificates that terminals were given, and until when they are valid."""
    rows = [
        {
            "terminal": common_name(found),
            "serial": f"{found.serial_number:x}",
            "valid_from": _day(found.not_valid_before_utc),
            "valid_until": _day(found.not_valid_after_utc),
        }
        for found in ShopCa().issued()
    ]
    if as_json:
        print(json.dumps(rows))
        return
    for row in rows:
        print(f"{row['terminal']}  {row['valid_from']} to {row['valid_until']}  {row['serial']}")
    if not rows:
        print("no terminal has a certificate yet: `kassa provision` gives it one")


def _day(moment: datetime.datetime) -> str:
    return moment.date().isoformat()
