"""How a computer reaches the virtual board: a pseudo-terminal, or a TCP port."""

from __future__ import annotations

import asyncio
import os
import select
import tty
from collections.abc import Callable
from contextlib import suppress

_READ = 1 << 16
_LOOK_S = 0.02


class PtyPort:
    """A pseudo-terminal, in place of the serial device: `name` is what to connect to.
    closed: whoever had it open has closed it.

    While nobody has it open, what the board prints is lost, as it is on a USB bridge.
    """

    def __init__(
        self, received: Callable[[bytes], None], closed: Callable[[], None] = lambda: None
    ) -> None:
        self._received = received
        self._closed = closed
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.name = os.ttyname(slave)
        os.close(slave)
        os.set_blocking(self._master, False)
        self._out = bytearray()
        self._connected = False
        self._watch: asyncio.TimerHandle | None = None
        self._look()

    @property
    def pending(self) -> int:
        return len(self._out)

    def send(self, data: bytes) -> None:
        if not self._connected:
            self._look()  # perhaps somebody has come this moment
        if self._connected:
            self._out += data
            self._write()

    def close(self) -> None:
        """Pull the cable: whoever has it open gets an error."""
        self._disconnected()
        if self._watch is not None:
            self._watch.cancel()
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    # -- inside

    def _look(self) -> None:
        """Has anybody opened it?  Nothing tells, so look now and then."""
        if self._master < 0 or self._connected:
            return
        if self._watch is not None:
            self._watch.cancel()
        loop = asyncio.get_running_loop()
        poll = select.poll()
        poll.register(self._master, 0)
        if any(event & select.POLLHUP for _, event in poll.poll(0)):
            self._watch = loop.call_later(_LOOK_S, self._look)
            return
        self._connected = True
        loop.add_reader(self._master, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._master, _READ)
        except BlockingIOError:
            return
        except OSError:  # EIO: the last one has closed it
            data = b""
        if data:
            self._received(data)
        else:
            self._disconnected()
            self._closed()
            self._look()

    def _write(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._out:
                del self._out[: os.write(self._master, self._out)]
        except BlockingIOError:
            loop.add_writer(self._master, self._write)
            return
        except OSError:
            self._out.clear()
        loop.remove_writer(self._master)

    def _disconnected(self) -> None:
        self._out.clear()
        if self._connected and self._master >= 0:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._master)
            loop.remove_writer(self._master)
        self._connected = False


class TcpPort:
    """A TCP port, for `socket://HOST:PORT`.  One connection at a time, as on a serial port; the
    next one is closed at once.
    """

    def __init__(
        self, received: Callable[[bytes], None], closed: Callable[[], None] = lambda: None
    ) -> None:
        self._received = received
        self._closed = closed
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.name = ""

    async def open(self, host: str, port: int) -> None:
        """Listen; port 0 takes any.  Raises OSError."""
        self._server = await asyncio.start_server(self._serve, host, port)
        self.name = f"socket://{host}:{self._server.sockets[0].getsockname()[1]}"

    @property
    def pending(self) -> int:
        return 0 if self._writer is None else self._writer.transport.get_write_buffer_size()

    def send(self, data: bytes) -> None:
        if self._writer is not None:
            self._writer.write(data)

    def close(self) -> None:
        """Stop listening, and break the connection there is."""
        if self._server is not None:
            self._server.close()
        if self._writer is not None:
            self._writer.transport.abort()
            self._writer = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._writer is not None:
            writer.close()
            return
        self._writer = writer
        try:
            with suppress(ConnectionError):
                while data := await reader.read(_READ):
                    self._received(data)
        finally:
            if self._writer is writer:
                self._writer = None
                self._closed()
            writer.close()
