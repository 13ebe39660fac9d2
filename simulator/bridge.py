"""The chip's operations over a socket, for firmware that runs in the real MicroPython binary.

The other end is `standins/on_micropython/_mcu.py`.  Numbers are little-endian.

From the firmware: length of what follows (4 bytes), length of the operation's name (1), the name,
the arguments.  A name that begins with "@" is for the bridge itself and gets no answer.
A value is a letter and what belongs to it: N None, T True, F False, i int (4 bytes), q int (8),
b bytes and s str (length 4, content), t tuple (count 1, values).

To the firmware: 8 bytes, kind (1), source (3), number (4), and what the kind says:

| kind | number | then |
|---|---|---|
| 0 None, 3 True, 4 False | | |
| 1 int | the int | |
| 2 bytes | length | the bytes |
| 5 value, 6 OSError (tuple of arguments), 7 ValueError (text) | length | a value as above |
| 8 interrupt of `source` | level | |
| 9 measure the heap | | |
| 10 Ctrl-C on the console | | |

Kinds 8 to 10 answer nothing and may come at any time.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import Any

from simulator.standins.errors import as_device

_HEAD = struct.Struct("<II")
_LENGTH = struct.Struct("<I")
_INT32 = struct.Struct("<i")
_INT64 = struct.Struct("<q")

_NONE, _INT, _BYTES, _TRUE, _FALSE, _VALUE, _OS_ERROR, _VALUE_ERROR = range(8)
_INTERRUPT = 8
_MEASURE = 9
_KEYBOARD = 10


class BridgeError(Exception):
    """What came over the socket makes no sense."""


class Bridge(asyncio.Protocol):
    """One firmware's connection.

    operations: what the firmware may ask, by name; usually those of `Mcu`.
    on_failure(error): an operation raised what the firmware must not see (a data sheet violation,
        a power cut, a mistake in the stand-ins); it gets no answer.
    on_told(what, facts): the firmware's side says something to the bridge itself.
    calls: operations so far.
    """

    def __init__(
        self,
        operations: dict[str, Callable[..., Any]],
        on_failure: Callable[[BaseException], None],
        on_told: Callable[[str, tuple[Any, ...]], None],
    ) -> None:
        self.calls = 0
        self._operations = operations
        self._on_failure = on_failure
        self._on_told = on_told
        self._pending = b""
        self._transport: asyncio.Transport | None = None

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        data = self._pending + data if self._pending else data
        at, end = 0, len(data)
        while end - at >= 4 and self._transport is not None:
            stop = at + 4 + _LENGTH.unpack_from(data, at)[0]
            if stop > end:
                break
            self._serve(data[at + 4 : stop])
            at = stop
        self._pending = data[at:]

    # -- to the firmware

    def interrupt(self, source: int, level: int) -> None:
        """Tell the firmware of an interrupt; what `Mcu.on_irq` wants."""
        self._write(_HEAD.pack(_INTERRUPT | source << 8, level & 0xFFFFFFFF))

    def measure(self) -> None:
        """Ask for the heap; `on_told("heap", (in use, free))` comes when the firmware listens."""
        self._write(_HEAD.pack(_MEASURE, 0))

    def keyboard(self) -> None:
        """Somebody pressed Ctrl-C; the firmware asks `console_interrupted` when it can stop."""
        self._write(_HEAD.pack(_KEYBOARD, 0))

    def close(self) -> None:
        """Cut the connection."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()

    # -- inside

    def _write(self, frame: bytes) -> None:
        if self._transport is not None:
            self._transport.write(frame)

    def _serve(self, frame: bytes) -> None:
        try:
            end = 1 + frame[0]
            name = frame[1:end].decode()
            arguments = []
            while end < len(frame):
                value, end = decode(frame, end)
                arguments.append(value)
            if name[:1] == "@":
                self._on_told(name[1:], tuple(arguments))
                return
            self.calls += 1
            try:
                answer = _answer(self._operations[name](*arguments))
            except OSError as error:
                answer = _with_value(_OS_ERROR, as_device(error).args)
            except ValueError as error:
                answer = _with_value(_VALUE_ERROR, str(error))
        except BaseException as error:  # noqa: BLE001 - whoever runs the firmware decides
            self._on_failure(error)
            return
        self._write(answer)


def _answer(result: Any) -> bytes:
    if result is None:
        return _HEAD.pack(_NONE, 0)
    if isinstance(result, bytes):
        return _HEAD.pack(_BYTES, len(result)) + result
    if isinstance(result, bool):
        return _HEAD.pack(_TRUE if result else _FALSE, 0)
    if isinstance(result, int) and -0x80000000 <= result <= 0x7FFFFFFF:
        return _HEAD.pack(_INT, result & 0xFFFFFFFF)
    return _with_value(_VALUE, result)


def _with_value(kind: int, value: Any) -> bytes:
    payload = encode(value)
    return _HEAD.pack(kind, len(payload)) + payload


def encode(value: Any) -> bytes:
    """One value.  Raises BridgeError for what cannot cross."""
    if value is None:
        return b"N"
    if isinstance(value, bool):
        return b"T" if value else b"F"
    if isinstance(value, int):
        if -0x80000000 <= value <= 0x7FFFFFFF:
            return b"i" + _INT32.pack(value)
        if -(1 << 63) <= value < 1 << 63:
            return b"q" + _INT64.pack(value)
        raise BridgeError(f"{value} takes more than 64 bits")
    if isinstance(value, (bytes, bytearray)):
        return b"b" + _LENGTH.pack(len(value)) + value
    if isinstance(value, str):
        text = value.encode()
        return b"s" + _LENGTH.pack(len(text)) + text
    if isinstance(value, (tuple, list)) and len(value) < 256:
        return b"t" + bytes((len(value),)) + b"".join(map(encode, value))
    raise BridgeError(f"{type(value).__name__} cannot cross to the firmware")


def decode(frame: bytes, at: int) -> tuple[Any, int]:
    """(value, where the next one begins).  Raises BridgeError for anything else than a value."""
    tag = frame[at : at + 1]
    at += 1
    try:
        if tag == b"i":
            return _INT32.unpack_from(frame, at)[0], at + 4
        if tag in (b"b", b"s"):
            end = at + 4 + _LENGTH.unpack_from(frame, at)[0]
            content = frame[at + 4 : end]
            if end > len(frame):
                raise BridgeError(f"{end - len(frame)} bytes are missing")
            return (content if tag == b"b" else content.decode()), end
        if tag in (b"N", b"T", b"F"):
            return (None if tag == b"N" else tag == b"T"), at
        if tag == b"q":
            return _INT64.unpack_from(frame, at)[0], at + 8
        if tag == b"t":
            values = []
            count, at = frame[at], at + 1
            for _ in range(count):
                value, at = decode(frame, at)
                values.append(value)
            return tuple(values), at
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise BridgeError(f"broken value: {error}") from error
    raise BridgeError(f"unknown value {tag!r}")
