"""`kassa provision`: make a deployed board a certain terminal of a certain shop."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from host_tools import emv_signing, profile, shop
from host_tools.ca import ShopCa
from host_tools.coming_up import hear_host
from host_tools.port import choose

PASSWORD = "KASSA_WIFI_PASSWORD"


def add_commands(app: typer.Typer) -> None:
    app.command("provision")(provision)


def provision(
    document: Annotated[
        Path, typer.Option("--profile", metavar="FILE.toml", help="What the terminal shall be.")
    ],
    port: Annotated[
        str | None, typer.Option("--port", metavar="PORT", help="Else the only board attached.")
    ] = None,
    terminal_id: Annotated[
        str | None, typer.Option("--terminal-id", help="Another than the profile's.")
    ] = None,
    wifi_ssid: Annotated[
        str | None, typer.Option("--wifi-ssid", help="Another network than the profile's.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="KEY.pem", help="Else the shop's own.")
    ] = None,
    new_keys: Annotated[
        bool, typer.Option("--new-keys", help="Give up the keys that the terminal has.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether the profile is right; no board.")
    ] = False,
) -> None:
    """Give a board its identity, network, routes, certificate, keys, EMV configuration and time.

    The password of the Wi-Fi is the profile's, else that of KASSA_WIFI_PASSWORD, else it is asked
    for.  What is right already stays; the same command again goes on where it was cut off.
    """
    changes: dict[str, Any] = {}
    if terminal_id is not None:
        changes["terminal_id"] = terminal_id
    network = {} if wifi_ssid is None else {"ssid": wifi_ssid}
    if PASSWORD in os.environ:
        network["password"] = os.environ[PASSWORD]
    elif wifi_ssid is not None and sys.stdin.isatty():
        network["password"] = typer.prompt(f"password of {wifi_ssid}", hide_input=True)
    if network:
        changes["network"] = network
    signing = shop.signing_key() if key is None else emv_signing.load(key)
    read = profile.read(document, changes)
    files = read.files(signing)
    if check:
        print(f"{document}: makes the terminal {read.terminal_id}, {len(files)} files")
        return
    _provision(choose(port), read, signing, new_keys)


def _provision(
    port: str, read: profile.Profile, signing: emv_signing.SigningKey, new_keys: bool
) -> None:
    from host_tools.device import Device
    from host_tools.provision import Provisioning

    code, place = read.service_code, str(read.path)
    if code is None:
        code, place = shop.service_code(), str(shop.home() / shop.SERVICE_CODE)
    with Device(port) as device:
        Provisioning(
            device,
            read,
            signing,
            ShopCa(),
            service_code=code,
            code_is_in=place,
            new_keys=new_keys,
            say=_say,
        ).run()
        _say("restarting; waiting for the terminal to reach its host")
        device.reset()
        route = hear_host(device, lambda: Device(port))
    _say(f"{read.terminal_id}: online through {route}")


def _say(words: str) -> None:
    print(words, flush=True)
