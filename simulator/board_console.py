"""The virtual board's serial console: bytes from whoever is connected, and what the board prints.

As on the ESP32 the receiver looks for the interrupt character (Ctrl-C, until the program asks for
another or for none) when a byte arrives; the rest waits until the program reads it, a soft reset
included.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

CTRL_C = 3
_NONE = -1
_CONGESTED = 1 << 16
_KEPT = 1 << 16


class Port(Protocol):
    """What carries the console to a computer."""

    pending: int
    """Bytes that the computer has not taken yet."""

    def send(self, data: bytes) -> None:
        """To the computer; lost if nobody listens."""
        ...


class Console:
    """`ports` all show the same console.

    on_interrupt: the interrupt character has come.
    said: what the board printed, the last 64 KiB.
    on_output: hear all that it prints.
    stdin: the descriptor that the program reads from.
    """

    def __init__(self, on_interrupt: Callable[[], None]) -> None:
        self.ports: list[Port] = []
        self.on_output: list[Callable[[bytes], None]] = []
        self.interrupted = False
        self._on_interrupt = on_interrupt
        self._character = CTRL_C
        self._said: deque[bytes] = deque()
        self._said_bytes = 0
        self._last = b""
        self._waiting = bytearray()
        self.stdin, self._pipe = os.pipe()
        os.set_blocking(self._pipe, False)

    def close(self) -> None:
        asyncio.get_running_loop().remove_writer(self._pipe)
        os.close(self._pipe)
        os.close(self.stdin)

    @property
    def said(self) -> bytes:
        return b"".join(self._said)

    # -- from the computer

    def received(self, data: bytes) -> None:
        """Bytes from a port."""
        if self._character == _NONE or self._character not in data:
            self._waiting += data
        else:
            for byte in data:
                if byte == self._character:
                    self.interrupted = True
                    self._on_interrupt()
                else:
                    self._waiting.append(byte)
        self._feed()

    def forget_input(self) -> None:
        """A hard reset: what was received and not read is gone."""
        self._waiting.clear()
        self._feed()
        os.set_blocking(self.stdin, False)
        try:
            while os.read(self.stdin, 1 << 16):
                pass
        except BlockingIOError:
            pass
        os.set_blocking(self.stdin, True)

    def _feed(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                del self._waiting[: os.write(self._pipe, self._waiting)]
        except BlockingIOError:
            loop.add_writer(self._pipe, self._feed)
            return
        loop.remove_writer(self._pipe)

    # -- from the board

    @property
    def congested(self) -> bool:
        """Whether whoever listens is far behind."""
        return any(port.pending > _CONGESTED for port in self.ports)

    def print(self, data: bytes) -> None:
        """What the program prints: every line's end becomes a carriage return and a line feed."""
        carried, self._last = self._last, data[-1:]
        cooked = data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        if carried == b"\r" and data[:1] == b"\n":
            cooked = cooked[1:]
        self.write(cooked, keep_last=True)

    def write(self, data: bytes, keep_last: bool = False) -> None:
        """Bytes as they are."""
        if not keep_last:
            self._last = data[-1:]
        self._said.append(data)
        self._said_bytes += len(data)
        while self._said_bytes - len(self._said[0]) > _KEPT:
            self._said_bytes -= len(self._said.popleft())
        for port in self.ports:
            port.send(data)
        for listener in self.on_output:
            listener(data)

    # -- what the program asks

    def operations(self, drain: Callable[[], None]) -> dict[str, Callable[..., Any]]:
        """For the bridge.  drain: take what was printed before."""

        def write(data: bytes) -> None:
            drain()
            self.write(data)

        return {
            "console_write": write,
            "console_interrupt_by": self._interrupt_by,
            "console_interrupted": self._was_interrupted,
        }

    def program_starts(self) -> None:
        """Ctrl-C interrupts from the first moment on."""
        self._character = CTRL_C
        self.interrupted = False

    def _interrupt_by(self, character: int) -> None:
        self._character = character
        if character == _NONE:
            self.interrupted = False

    def _was_interrupted(self) -> bool:
        """Whether a Ctrl-C is due that the program has not had yet; it has now."""
        due, self.interrupted = self.interrupted, False
        return due
