"""One connection to the host: whole messages out, whole messages in."""

import asyncio
from typing import TYPE_CHECKING

from kassa.host.errors import ConnectionLost, NotConnected
from kassa.host.wire import LARGEST_MESSAGE, LENGTH_SIZE

if TYPE_CHECKING:
    import ssl

    from kassa.host.routes import Route

# What a broken TCP or TLS connection raises on MicroPython; a certificate that does not verify
# comes as ValueError.
BROKEN = (OSError, ValueError, EOFError)


class OversizedMessage(ValueError):
    """A length prefix that no message of ours has; the stream is not to be trusted any more."""


class Connection:
    """Messages over a stream.  One task reads, any number write."""

    def __init__(
        self, reader: "asyncio.StreamReader", writer: "asyncio.StreamWriter", buffer: bytearray
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._buffer = memoryview(buffer)
        self._sending = asyncio.Lock()
        self.usable = True
        self.mid_message = False  # a message has begun to arrive and is not whole yet

    async def send(self, frame: bytes) -> None:
        """Send a whole frame.

        NotConnected when nothing was sent; ConnectionLost when the connection broke on the way.  A
        frame that was cut off by cancellation makes the connection unusable, since what the host
        reads next would be taken for its rest.
        """
        async with self._sending:
            if not self.usable:
                raise NotConnected("the connection has ended")
            whole = False
            try:
                self._writer.write(frame)
                await self._writer.drain()
                whole = True
            except BROKEN as error:
                raise ConnectionLost("sending failed: %s %s" % (type(error).__name__, error))
            finally:
                if not whole:
                    self.usable = False

    async def receive(self) -> memoryview:
        """The next message, in a buffer that the call after this one uses again.

        Raises one of BROKEN when the connection ends; OversizedMessage is one of them.
        """
        prefix = self._buffer[:LENGTH_SIZE]
        self.mid_message = False
        await self._fill(prefix)
        size = int.from_bytes(prefix, "big")
        if not 0 < size <= LARGEST_MESSAGE:
            raise OversizedMessage("a message of %d bytes" % size)
        message = self._buffer[:size]
        await self._fill(message)
        return message

    async def _fill(self, view: memoryview) -> None:
        filled = 0
        while filled < len(view):
            count = await self._reader.readinto(view[filled:])
            if count is None:
                continue  # TLS had data for itself only
            if count == 0:
                raise EOFError("the host closed the connection")
            self.mid_message = True
            filled += count

    async def close(self) -> None:
        """Close the socket."""
        self.usable = False
        try:
            self._writer.close()
            await self._writer.wait_closed()
        except BROKEN:
            pass  # it was broken already


async def connect(route: "Route", context: "ssl.SSLContext", buffer: bytearray) -> Connection:
    """Open a connection to `route`.  `buffer` (LARGEST_MESSAGE bytes) is for what is received.

    The TLS handshake goes on with the first message; who is not the route's server never sees it.
    """
    reader, writer = await asyncio.open_connection(
        route.host, route.port, ssl=context, server_hostname=route.server_name
    )
    return Connection(reader, writer, buffer)
