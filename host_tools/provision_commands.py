"""`kassa provision`: make a deployed board a certain terminal of a certain shop."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from host_tools import emv_signing, logs, profile, shop
from host_tools.ca import ShopCa
from host_tools.port import DeviceError, choose

PASSWORD = "KASSA_WIFI_PASSWORD"
_UP_WITHIN_S, _LISTEN_S = 90, 0.2


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
        end, up = time.monotonic() + _UP_WITHIN_S, False
        for event in logs.split(device.listen(_LISTEN_S)):
            if time.monotonic() > end:
                break
            if isinstance(event, str):
                continue
            what = event.get("at"), event["is"]
            if event["is"] == "terminal cannot start" or what == ("boot", "service"):
                why = event.get("message") or event.get("why")
                raise DeviceError(f"{port}: the terminal does not start: {why}")
            up = up or what == ("main", "came up")
            if what == ("host", "connected"):
                _say(f"{read.terminal_id}: online through {event['route']}")
                return
    state = "is up, but has not reached its host" if up else "has not come up"
    raise DeviceError(
        f"{port}: {read.terminal_id} {state} within {_UP_WITHIN_S} s; `kassa logs --follow` "
        "tells more"
    )


def _say(words: str) -> None:
    print(words, flush=True)
