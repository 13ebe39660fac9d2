"""The command line `kassa`: what technicians and merchants run."""

from __future__ import annotations

import sys

import typer

from host_tools import (
    backup_commands,
    board_commands,
    build_commands,
    ca_commands,
    deploy_commands,
    doctor_commands,
    emv_commands,
    flash_commands,
    font,
    journal_commands,
    logs,
    provision_commands,
    slots,
    tlv,
)
from host_tools.backup_file import BackupError
from host_tools.board import BoardFileError
from host_tools.emv import DocumentError
from host_tools.emv_signing import KeyFileError
from host_tools.partitions import FlashError
from host_tools.port import DeviceError
from host_tools.profile import ProfileError
from host_tools.shop import ShopError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def kassa() -> None:
    """Kassa's host tools."""


backup_commands.add_commands(app)
board_commands.add_commands(app)
build_commands.add_commands(app)
ca_commands.add_commands(app)
deploy_commands.add_commands(app)
doctor_commands.add_commands(app)
emv_commands.add_commands(app)
flash_commands.add_commands(app)
font.add_commands(app)
journal_commands.add_commands(app)
logs.add_commands(app)
provision_commands.add_commands(app)
slots.add_commands(app)
tlv.add_commands(app)


def main() -> None:
    """Run the command; an error that a person can act on is one line and exit status 1."""
    try:
        app()
    except (
        BackupError,
        BoardFileError,
        DeviceError,
        DocumentError,
        FlashError,
        KeyFileError,
        ProfileError,
        ShopError,
        OSError,
    ) as error:
        print(f"kassa: {error}", file=sys.stderr)
        sys.exit(1)
