"""Has a version come up, has the terminal reached its host?  What a terminal that was just
restarted says on its console.

A chip with USB of its own goes off the bus while it restarts, so a port that breaks off is opened
again for a while.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from host_tools import logs
from host_tools.port import DeviceError

WITHIN_S = 90
_LISTEN_S = 0.2
_BACK_WITHIN_S = 10
_KNOCK_S = 0.3
_LINES_TOLD = 6
_PROMPT = 'Type "help()"'  # what it says when no program runs any more
_NO_NEWS = ("Traceback (", "MicroPython ")
_CAME_UP, _SERVICE = ("main", "came up"), ("boot", "service")
_TROUBLE = ("terminal cannot start", "critical task failed", "no card reader")


class Console(Protocol):
    """What can be listened to: `host_tools.device.Device`."""

    port: str

    def listen(self, piece_s: float) -> Iterator[bytes]: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Heard:
    """How a start ended.  why: "" when a version came up, which `slot`, `version` and
    `provisioned` tell; else the reason in words.  said: the last lines before it came up.
    unsigned: what was provisioned is signed by somebody whom the terminal does not trust.
    """

    slot: str = ""
    version: str = ""
    provisioned: bool = True
    why: str = ""
    unsigned: bool = False
    said: str = ""


def hear(console: Console, again: Callable[[], Console], within_s: float | None = None) -> Heard:
    """Listen until it is clear.  again: opens the port anew.  Raises DeviceError when the port
    breaks off for good.
    """
    within_s = WITHIN_S if within_s is None else within_s
    said: list[str] = []
    for event in _events(console, again, within_s):
        if isinstance(event, str):
            if event.startswith(_PROMPT):
                return Heard(why="its program has ended" + _last(said))
            said.append(event)
            continue
        what = event.get("at"), event["is"]
        if what == _CAME_UP:
            slot, version = (str(event.get(key, "?")) for key in ("slot", "version"))
            provisioned = bool(event.get("provisioned", True))
            return Heard(slot, version, provisioned, said=_last(said))
        if what == _SERVICE:
            return Heard(why=f"the board shows its service screen: {event.get('why')}")
        if event["is"] in _TROUBLE and not _awaits_provisioning(event):
            why = f"{event['is']}: {event.get('message') or event.get('error')}"
            return Heard(why=why, unsigned=event.get("error") == "BadSignature")
    return Heard(why=f"nothing was heard of it within {within_s:g} s" + _last(said))


def hear_host(
    console: Console, again: Callable[[], Console], within_s: float | None = None
) -> str:
    """Listen until the terminal has reached its host; the name of the route.

    What keeps it from selling and not from that (a card reader that is silent) is for others to
    tell.  Raises DeviceError when it does not start, does not reach its host in time, or when the
    port breaks off for good.
    """
    within_s = WITHIN_S if within_s is None else within_s
    up = False
    for event in _events(console, again, within_s):
        if isinstance(event, str):
            continue
        what = event.get("at"), event["is"]
        if event["is"] == _TROUBLE[0] or what == _SERVICE:
            why = event.get("message") or event.get("why")
            raise DeviceError(f"{console.port}: the terminal does not start: {why}")
        up = up or what == _CAME_UP
        if what == ("host", "connected"):
            return str(event.get("route", "?"))
    state = "is up, but has not reached its host" if up else "has not come up"
    raise DeviceError(
        f"{console.port}: the terminal {state} within {within_s:g} s; `kassa logs --follow` "
        "tells more"
    )


def _awaits_provisioning(event: dict[str, Any]) -> bool:
    """Then it comes up all the same, and says so next."""
    return event["is"] == _TROUBLE[0] and "terminal.json is missing" in str(event.get("message"))


def _events(
    console: Console, again: Callable[[], Console], within_s: float
) -> Iterator[dict[str, Any] | str]:
    return logs.split(_pieces(console, again, within_s))


def _pieces(console: Console, again: Callable[[], Console], within_s: float) -> Iterator[bytes]:
    end = time.monotonic() + within_s
    opened = False
    try:
        while True:
            try:
                for piece in console.listen(_LISTEN_S):
                    if time.monotonic() > end:
                        return
                    yield piece
            except DeviceError as broken:
                console.close()
                console, opened = _reopened(again, broken), True
    finally:
        if opened:
            console.close()


def _reopened(again: Callable[[], Console], broken: DeviceError) -> Console:
    end = time.monotonic() + _BACK_WITHIN_S
    while time.monotonic() < end:
        time.sleep(_KNOCK_S)
        try:
            return again()
        except DeviceError:
            continue
    raise DeviceError(f"{broken}; `kassa slots` tells what has become of the board")


def _last(said: list[str]) -> str:
    lines = [line.strip() for line in said if line.strip() and not line.startswith(_NO_NEWS)]
    lines = lines[-_LINES_TOLD:]
    return f" ({' / '.join(lines)})" if lines else ""
