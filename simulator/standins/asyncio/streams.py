"""Streams over anything with MicroPython's stream protocol, and connections through the world's
network.
"""

from __future__ import annotations

from typing import Any

from simulator.standins.asyncio.core import scheduler, sleep_ms, suspension


class Stream:
    """Reads and writes of `s` that give way while it is not ready.

    `s` has `ioctl(3, flags)` to be polled and read/readinto/readline/write that return None when
    they
    would block: a UART, a socket, or any `io.IOBase` of the firmware's own.
    """

    def __init__(self, s: Any, e: Any = None) -> None:
        self.s = s
        self.e = e
        self.out_buf = b""

    def get_extra_info(self, v: str) -> Any:
        return self.e[v]

    def close(self) -> None:
        """Nothing; `wait_closed` closes."""

    async def wait_closed(self) -> None:
        self.s.close()

    async def _readable(self) -> None:
        scheduler.await_stream(self.s, False)
        await suspension

    async def read(self, n: int = -1) -> bytes:
        """At most `n` bytes as they come; without `n` everything to the end.  Empty at the end."""
        collected = b""
        while True:
            await self._readable()
            part = self.s.read(n)
            if part is None:
                continue
            if n >= 0:
                return part
            if not part:
                return collected
            collected += part

    async def readinto(self, buf: Any) -> int:
        await self._readable()
        return self.s.readinto(buf)

    async def readexactly(self, n: int) -> bytes:
        """`n` bytes; EOFError when the stream ends before."""
        collected = b""
        while n:
            await self._readable()
            part = self.s.read(n)
            if part is None:
                continue
            if not part:
                raise EOFError
            collected += part
            n -= len(part)
        return collected

    async def readline(self) -> bytes:
        """Up to and with the next newline, or to the end."""
        collected = b""
        while True:
            await self._readable()
            part = self.s.readline()
            if part is None:
                continue
            collected += part
            if not part or collected.endswith(b"\n"):
                return collected

    def write(self, buf: Any) -> None:
        """Send what the stream takes at once (which may block it, as a UART's does); `drain` sends
        the rest.
        """
        if not self.out_buf:
            count = self.s.write(buf)
            if count == len(buf):
                return
            if count is not None:
                buf = buf[count:]
        self.out_buf += buf

    async def drain(self) -> None:
        """Wait until everything written has gone to the stream."""
        if not self.out_buf:
            return await sleep_ms(0)
        rest = memoryview(self.out_buf)
        sent = 0
        while sent < len(rest):
            scheduler.await_stream(self.s, True)
            await suspension
            sent += self.s.write(rest[sent:]) or 0
        self.out_buf = b""

    # Names of an earlier asyncio that MicroPython still has.

    async def aclose(self) -> None:
        await self.wait_closed()

    async def awrite(self, buf: Any, off: int = 0, sz: int = -1) -> None:
        if off or sz != -1:
            buf = memoryview(buf)[off : len(buf) if sz == -1 else off + sz]
        self.write(buf)
        await self.drain()

    async def awritestr(self, s: str) -> None:
        await self.awrite(s)


StreamReader = StreamWriter = Stream


async def open_connection(
    host: str, port: int, ssl: Any = None, server_hostname: str | None = None
) -> tuple[Stream, Stream]:
    """Connect by TCP, with `ssl` (an SSLContext, or True) by TLS.  OSError when nobody answers
    there.
    """
    from simulator.standins.connection import Connection

    if ssl is True:
        from simulator.standins.ssl import PROTOCOL_TLS_CLIENT, SSLContext

        ssl = SSLContext(PROTOCOL_TLS_CLIENT)
    tls = ssl.client_tls(server_hostname or host) if ssl else None
    connection = Connection(host, port, tls)
    scheduler.await_stream(connection, True)
    await suspension
    connection.check()
    stream = Stream(connection)
    return stream, stream


async def start_server(cb: Any, host: str, port: int, backlog: int = 5, ssl: Any = None) -> Any:
    """The world's network carries no connection to the terminal."""
    raise OSError(95)
