"""`kassa logs`: what went wrong on a terminal, and what it says right now.

Without `--follow` the black box is read: `/state/box.1`, then `/state/box.0`, a JSON object a line
(`kassa.system.black_box`); for that the terminal is stopped and restarted.  With `--follow` the
console of the running terminal is listened to; nothing is sent, and nothing stops.

A port is opened and closed the way mpremote does it, with DTR and RTS set and cleared in the order
that leaves the chip alone: on most boards the two together drive reset and boot mode, so that
changing one without the other restarts the terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer

from host_tools.port import choose

BOX = ("/state/box.1", "/state/box.0")
_LISTEN_S = 0.2
_LONGEST_LINE = 1 << 16
_HANDLED = ("t", "up_ms", "utc", "boot", "at", "is", "error", "message", "times", "lost")


def parse(line: bytes) -> dict[str, Any] | str:
    """An event, or the text of a line that is none: a traceback, what MicroPython says itself."""
    text = line.decode(errors="replace").rstrip("\r\n")
    if text.startswith("{"):
        try:
            event = json.loads(text)
        except ValueError:
            return text
        if isinstance(event, dict) and "is" in event:
            return event
    return text


def readable(event: dict[str, Any] | str) -> str:
    """An event in one line: when, where, what, why, and what else is known."""
    if isinstance(event, str):
        return event
    when = str(event.get("utc", ""))
    ticks = event.get("t", event.get("up_ms"))
    if not when and isinstance(ticks, int):
        when = f"{ticks // 1000}.{ticks % 1000:03}"
    parts = [f"{when:>20}  {event.get('at', '?')!s:<8} {event['is']}"]
    why = ": ".join(str(event[key]) for key in ("error", "message") if event.get(key))
    if why:
        parts.append(why)
    rest = [f"{key} {_plain(value)}" for key, value in event.items() if key not in _HANDLED]
    if rest:
        parts.append(", ".join(rest))
    if event.get("times", 1) != 1:
        parts.append(f"({event['times']} times)")
    if event.get("lost"):
        parts.append(f"({event['lost']} more were not kept)")
    return "  ".join(parts)


def _plain(value: object) -> str:
    return " / ".join(map(str, value)) if isinstance(value, list) else str(value)


def as_json(event: dict[str, Any] | str) -> str:
    """An event as a JSON object in one line; what is no event as `{"text": ...}`."""
    return json.dumps({"text": event} if isinstance(event, str) else event, ensure_ascii=False)


def split(pieces: Iterator[bytes]) -> Iterator[dict[str, Any] | str]:
    """The lines of what arrives in pieces, each as soon as it is whole."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        rest = rest[-_LONGEST_LINE:]
        yield from (parse(line) for line in lines if line.strip())


def read_box(port: str) -> list[dict[str, Any] | str]:
    """The black box of the board, oldest line first.  Raises DeviceError."""
    from host_tools.device import Device

    with Device(port) as device:
        contents = [device.read_file(path) or b"" for path in BOX]
    return [parse(line) for content in contents for line in content.split(b"\n") if line.strip()]


def follow(port: str) -> Iterator[dict[str, Any] | str]:
    """What the running terminal says from now on, for ever.  Raises DeviceError."""
    from host_tools.device import Device

    device = Device(port)
    try:
        yield from split(device.listen(_LISTEN_S))
    finally:
        device.close()


def add_commands(app: typer.Typer) -> None:
    app.command("logs")(logs)


def logs(
    port: Annotated[
        str | None, typer.Option("--port", metavar="PORT", help="Else the only board attached.")
    ] = None,
    following: Annotated[
        bool,
        typer.Option("--follow", help="Listen to the running terminal, which goes on; Ctrl-C."),
    ] = False,
    as_lines: Annotated[
        bool, typer.Option("--json", help="A JSON object a line, for a machine.")
    ] = False,
) -> None:
    """What went wrong on a terminal; with --follow what it says now, without stopping it."""
    show: Callable[[dict[str, Any] | str], str] = as_json if as_lines else readable
    chosen = choose(port)
    if following:
        print(f"{chosen}: listening; Ctrl-C ends it.", file=sys.stderr)
        try:
            for event in follow(chosen):
                print(show(event), flush=True)
        except KeyboardInterrupt:
            return
    print(f"{chosen}: the terminal is stopped while it is read.", file=sys.stderr)
    events = read_box(chosen)
    for event in events:
        print(show(event))
    if not events:
        print(f"{chosen}: nothing was logged.", file=sys.stderr)
