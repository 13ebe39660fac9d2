"""`kassa deploy`: a version onto a board, and whether it has come up there."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from host_tools import emv_signing, shop
from host_tools.board import load as load_board
from host_tools.coming_up import Heard, hear
from host_tools.image_check import ImageError
from host_tools.port import DeviceError, choose

if TYPE_CHECKING:
    from host_tools.deploy import Image, Report


def add_commands(app: typer.Typer) -> None:
    app.command("deploy")(deploy)


def deploy(
    port: Annotated[
        str | None, typer.Option("--port", metavar="PORT", help="Else the only board attached.")
    ] = None,
    board: Annotated[
        str, typer.Option("--board", metavar="NAME", help="Which board it is.")
    ] = "esp32s3_devkitc",
    image: Annotated[
        Path | None,
        typer.Option("--image", metavar="DIR", help="What `kassa build` has made; else built."),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="KEY.pem", help="Else the shop's own signing key."),
    ] = None,
    emv: Annotated[
        Path | None,
        typer.Option("--emv", metavar="DIR", help="Goes along: what `kassa emv compile` made."),
    ] = None,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Replace the signer that the board obeys.")
    ] = False,
    allow_downgrade: Annotated[
        bool, typer.Option("--allow-downgrade", help="Put an older version there.")
    ] = False,
    fresh: Annotated[
        bool,
        typer.Option("--format", help="Begin with an empty main file system; not the journal."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")] = False,
) -> None:
    """Copy a version into the idle slot, have the board verify it, start it, and see it come up.

    If it does not, the board goes back to what it had.  The same command again goes on where it
    was cut off; files that are there are not sent twice.  Payments in the journal are not touched.
    """
    from host_tools.build import BuildError
    from host_tools.mpy import CompileError

    def say(words: str) -> None:
        print(words, file=sys.stderr if as_json else sys.stdout, flush=True)

    try:
        where = choose(port)
        signing = shop.signing_key() if key is None else emv_signing.load(key)
        made = _image(image, load_board(board), signing, emv)
        report = _deploy(
            where, made, signing.signer(), say, take_over, allow_downgrade, fresh, quiet=as_json
        )
    except (BuildError, CompileError, ImageError, shop.ShopError) as error:
        raise DeviceError(str(error)) from error
    if as_json:
        print(json.dumps(asdict(report)))


def _image(
    folder: Path | None, board: dict[str, Any], key: emv_signing.SigningKey, emv: Path | None
) -> Image:
    """The image that goes there: the one in `folder`, else one built now.  Raises ImageError,
    BuildError, CompileError.
    """
    from host_tools import build as building
    from host_tools.deploy import Image

    if folder is not None:
        return Image.of(folder, key.signer(), board=board["name"], chip=board["chip"])
    built = building.build(board, building.version_of(), key=key, emv=emv)
    return Image(built.manifest, built.files)


def _deploy(
    port: str,
    image: Image,
    signer: bytes,
    say: Callable[[str], None],
    take_over: bool,
    downgrade: bool,
    fresh: bool,
    quiet: bool,
) -> Report:
    from host_tools.deploy import Deployment
    from host_tools.device import Device

    say(f"{port}: {image.manifest['version']} for {image.manifest['board']}")
    columns = (TextColumn("sending"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, transient=True, disable=quiet or not sys.stdout.isatty()) as progress:
        bar = progress.add_task("sending", total=None)
        with Device(port) as device:
            report = Deployment(
                device,
                image,
                signer,
                take_over=take_over,
                downgrade=downgrade,
                fresh=fresh,
                say=(
                    say
                    if progress.disable
                    else partial(progress.console.print, highlight=False, soft_wrap=True)
                ),
                expect=lambda count: progress.update(bar, total=count, completed=0),
                arrived=lambda count: progress.update(bar, advance=count),
            ).run()
            progress.stop()
            say("restarting; waiting for the terminal to come up")
            device.reset()
            heard = hear(device, lambda: Device(port))
    return _outcome(port, report, heard, say)


def _outcome(port: str, report: Report, heard: Heard, say: Callable[[str], None]) -> Report:
    """Say that it came up, else have the board go back.  Raises DeployError with the reason."""
    from host_tools.deploy import DeployError

    if heard.why == "" and (heard.slot, heard.version) == (report.slot, report.version):
        report.provisioned = heard.provisioned
        say(_up(report))
        return report
    if report.taken_over and heard.unsigned:
        report.provisioned = False
        say(
            f"{report.slot}: {report.version} runs; what it was provisioned with is signed by "
            "the signer before: provision it again"
        )
        return report
    failed = f"{port}: {report.version} did not come up"
    if heard.why == "":
        instead = f"the board started {heard.slot} ({heard.version}) instead"
        raise DeployError(f"{failed}: {instead}{heard.said}")
    back = "the one before was another signer's" if report.taken_over else _go_back(port)
    raise DeployError(f"{failed}: {heard.why}; {back}")


def _go_back(port: str) -> str:
    """Have the board start what it had before; what came of it, in words."""
    from host_tools.deploy import withdraw
    from host_tools.device import Device

    with Device(port) as device:
        before = withdraw(device)
        if not before:
            return "there is no other version to go back to"
        device.reset()
        heard = hear(device, lambda: Device(port))
    if heard.why:
        return f"it was told to start {before} again, but {heard.why}"
    return f"it runs {heard.version} again"


def _up(report: Report) -> str:
    if not report.provisioned:
        return f"{report.slot}: {report.version} has come up; next: kassa provision"
    return f"{report.slot}: {report.version} has come up and stays"
