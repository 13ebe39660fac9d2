"""Ports: what is one, which has a board, what goes wrong; known without mpremote's library."""

from __future__ import annotations

import re
from pathlib import Path

import serial
from serial.tools import list_ports

_URL = re.compile(r"(socket|rfc2217|spy|alt|hwgrep|loop|cp2110)://")
_WINDOWS_PORT = re.compile(r"(\\\\\.\\)?COM\d+", re.IGNORECASE)


class DeviceError(Exception):
    """What is wrong with the board or the way to it, in one line that names the port."""


class DeviceCodeError(DeviceError):
    """Code that ran on the board ended with an exception; `traceback` is the board's text."""

    def __init__(self, port: str, traceback: str) -> None:
        last = traceback.strip().splitlines()[-1:] or ["?"]
        super().__init__(f"{port}: the board says {last[0]}")
        self.traceback = traceback


def is_port(name: str) -> bool:
    """Whether `name` means a port: a device file, COM3, socket://HOST:PORT.  An existing ordinary
    file never does.
    """
    path = Path(name)
    if path.is_file():
        return False
    named = _URL.match(name) or _WINDOWS_PORT.fullmatch(name) or name.startswith("/dev/")
    return bool(named) or path.is_char_device()


def attached() -> dict[str, str]:
    """The ports that have a board, with what the USB side calls itself, in alphabetical order.

    A board is whatever mpremote would take by itself: a serial port with a USB identity.  One
    that sits in a computer's own socket, or behind a network, cannot be told from no board.
    """
    return {
        found.device: found.product or found.description or "?"
        for found in sorted(list_ports.comports())
        if found.vid is not None and found.pid is not None
    }


def choose(port: str | None) -> str:
    """The port to work on: the one that was named, else that of the only board attached.

    Raises DeviceError when none is attached or more than one.
    """
    if port is not None:
        return port
    boards = attached()
    if not boards:
        raise DeviceError(
            "no board is attached; plug one in, or name its port: --port /dev/ttyUSB0"
        )
    if len(boards) > 1:
        listed = ", ".join(f"{name} ({what})" for name, what in boards.items())
        raise DeviceError(f"{len(boards)} boards are attached: {listed}; say which with --port")
    return next(iter(boards))


def why_closed(port: str, error: object) -> str:
    """Why a port cannot be opened, which the libraries that use it do not tell.

    `error`: what to say where the port itself can be opened.
    """
    try:
        with serial.serial_for_url(port, exclusive=True):
            pass
    except ValueError:
        return "is no port"
    except OSError as reason:
        number, text = reason.errno, str(reason).lower()
        if number == 2 or "could not find" in text or "filenotfound" in text:
            return "there is no such port; `mpremote connect list` shows what is attached"
        if "lock" in text or number in (11, 16):
            return "the port is in use by another program"
        if number == 13 or "permission" in text or "access is denied" in text:
            return "this user may not open the port, or another program has it"
        if "refused" in text:
            return "nothing listens there"
        return f"cannot be opened ({reason})"
    return f"cannot be opened ({error})"
