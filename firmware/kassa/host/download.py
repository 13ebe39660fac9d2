"""Files from an HTTPS server, in pieces, and on from where one broke off (RFC 9110, RFC 9112).

One connection carries many requests.  Whatever the server says, no more than one piece is in
memory, and what is taken is never more than what was promised.
"""

import asyncio
from typing import TYPE_CHECKING

from micropython import const

from kassa.host import connection
from kassa.host.errors import HostError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

_PIECE = const(1024)
_MOST_HEADERS = const(40)
_LONGEST_LINE = const(512)
_TIMEOUT_MS = const(20_000)

_OK = const(200)
_PARTIAL = const(206)
_NOT_FOUND = const(404)


class DownloadError(HostError):
    """The file did not come, or not whole; the message says why."""


class Source:
    """A server and a folder on it: `https://HOST:PORT/FOLDER/`.  Raises ValueError."""

    def __init__(self, url: str, server_name: str = "") -> None:
        if not url.startswith("https://") or not url.endswith("/"):
            raise ValueError(url)
        place, _, folder = url[8:].partition("/")
        self.host, _, port = place.partition(":")
        self.port = int(port) if port else 443
        self.folder = "/" + folder
        self.server_name = server_name or self.host
        if not self.host or not 0 < self.port < 65536:
            raise ValueError(url)


class Downloads:
    """A connection to `source`, opened when it is needed and closed by `close()`."""

    def __init__(self, source: Source, context: "ssl.SSLContext") -> None:
        self._source = source
        self._context = context
        self._buffer = memoryview(bytearray(_PIECE))
        self._reader: "asyncio.StreamReader | None" = None
        self._writer: "asyncio.StreamWriter | None" = None

    async def get(
        self,
        path: str,
        take: "Callable[[memoryview], Awaitable[None]]",
        least: int,
        most: int,
        start: int = 0,
    ) -> None:
        """Hand the bytes of a file from `start` on to `take`, piece by piece.  The whole file must
        have `least` to `most` bytes.  Raises DownloadError.
        """
        try:
            await self._get(path, take, least, most, start)
        except asyncio.TimeoutError:
            await self.close()
            raise DownloadError(path + ": no answer within the time-out")
        except connection.BROKEN as error:
            await self.close()
            raise DownloadError(path + ": the connection broke (" + type(error).__name__ + ")")
        except DownloadError:
            await self.close()
            raise

    async def close(self) -> None:
        """End the connection, if there is one."""
        writer, self._writer, self._reader = self._writer, None, None
        if writer is not None:
            try:
                writer.close()
                await writer.wait_closed()
            except connection.BROKEN:
                pass  # it was broken already

    async def _get(
        self,
        path: str,
        take: "Callable[[memoryview], Awaitable[None]]",
        least: int,
        most: int,
        start: int,
    ) -> None:
        writer = await self._open()
        lines = ["GET " + self._source.folder + path + " HTTP/1.1", "Host: " + self._source.host]
        if start:
            lines.append("Range: bytes=" + str(start) + "-")
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        await asyncio.wait_for_ms(writer.drain(), _TIMEOUT_MS)
        status, length = await self._head(path)
        if status == _NOT_FOUND:
            raise DownloadError(path + ": the server has no such file")
        if status != (_PARTIAL if start else _OK):
            raise DownloadError(path + ": the server answers " + str(status))
        if not least <= length + start <= most:
            raise DownloadError(
                "{}: the server has {} bytes, not {}".format(path, length + start, most)
            )
        await self._body(length, take)

    async def _open(self) -> "asyncio.StreamWriter":
        if self._writer is None:
            self._reader, self._writer = await asyncio.wait_for_ms(
                asyncio.open_connection(
                    self._source.host,
                    self._source.port,
                    ssl=self._context,
                    server_hostname=self._source.server_name,
                ),
                _TIMEOUT_MS,
            )
        return self._writer  # type: ignore[return-value]

    async def _head(self, path: str) -> "tuple[int, int]":
        """Status and length of the answer; -1 for a length that it does not tell."""
        words = (await self._line()).split()
        if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
            raise DownloadError(path + ": the server does not speak HTTP")
        length = -1
        for _ in range(_MOST_HEADERS):
            line = await self._line()
            if not line:
                return int(words[1]), length
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-length" and value.strip().isdigit():
                length = int(value.strip())
        raise DownloadError(path + ": too many headers")

    async def _line(self) -> bytes:
        line = await asyncio.wait_for_ms(self._reader.readline(), _TIMEOUT_MS)  # type: ignore[union-attr]
        if not line.endswith(b"\n") or len(line) > _LONGEST_LINE:
            raise EOFError
        return line.strip()

    async def _body(self, length: int, take: "Callable[[memoryview], Awaitable[None]]") -> None:
        while length:
            view = self._buffer[: min(length, _PIECE)]
            count = await asyncio.wait_for_ms(self._reader.readinto(view), _TIMEOUT_MS)  # type: ignore[union-attr]
            if count is None:
                continue  # TLS had data for itself only
            if count == 0:
                raise EOFError
            length -= count
            await take(view[:count])
