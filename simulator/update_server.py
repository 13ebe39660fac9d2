"""A server with newer versions: what `kassa build` wrote, over HTTPS, with ranges; and its faults.

The folder of an image as any web server would serve it: `Files` does so on the virtual network,
and on sockets.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path

from simulator.acquirer.pki import Pki
from simulator.acquirer.server import server_context
from simulator.network import Network, ServerTls

_CHUNK = 1 << 16
_SEGMENT = 1024


class Files:
    """What is served: content by path (`files/main.py`).

    cut_after: the connection breaks after so many more bytes of bodies, once; None for never.
    requests: each path that was asked for, with the first byte asked for.  sent: bytes of bodies.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)
        self.cut_after: int | None = None
        self.requests: list[tuple[str, int]] = []
        self.sent = 0

    @classmethod
    def of(cls, folder: Path) -> Files:
        """The files of an image's folder."""
        found = (path for path in folder.rglob("*") if path.is_file())
        return cls({path.relative_to(folder).as_posix(): path.read_bytes() for path in found})

    def answer(self, request: bytes) -> tuple[bytes, bytes]:
        """Head and body for the head of a request."""
        line, *headers = request.decode("latin-1").split("\r\n")
        words = line.split()
        if len(words) != 3 or words[0] != "GET":
            return _head(405, "Method Not Allowed", 0), b""
        path, start = words[1].lstrip("/"), 0
        for header in headers:
            name, _, value = header.partition(":")
            if name.lower() == "range":
                start = int(value.strip().removeprefix("bytes=").rstrip("-"))
        self.requests.append((path, start))
        content = self.files.get(path)
        if content is None:
            return _head(404, "Not Found", 0), b""
        if start > len(content):
            return _head(416, "Range Not Satisfiable", 0), b""
        body = content[start:]
        status = (206, "Partial Content") if start else (200, "OK")
        return _head(*status, len(body)), body

    def let_through(self, body: bytes) -> tuple[bytes, bool]:
        """What of a body arrives, and whether the connection breaks then."""
        broken = self.cut_after is not None and len(body) > self.cut_after
        if broken:
            body, self.cut_after = body[: self.cut_after], None
        elif self.cut_after is not None:
            self.cut_after -= len(body)
        self.sent += len(body)
        return body, broken


class Session:
    """One connection; requests come one after the other."""

    def __init__(
        self, files: Files, send: Callable[[bytes], None], close: Callable[[], None]
    ) -> None:
        self._files = files
        self._send = send
        self._close = close
        self._buffer = b""

    def received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            request, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            head, body = self._files.answer(request)
            body, broken = self._files.let_through(body)
            self._send(head)
            for at in range(0, len(body), _SEGMENT):
                self._send(body[at : at + _SEGMENT])
            if broken:
                self._close()
                return

    def closed(self) -> None:
        return


def listen(network: Network, files: Files, certificates: Pki, host: str, port: int) -> None:
    """Serve on the virtual network."""

    def session(
        send: Callable[[bytes], None],
        close: Callable[[], None],
        call_later: Callable[[float, Callable[[], None]], object],
        terminal: str | None,
    ) -> Session:
        return Session(files, send, close)

    network.listen(host, port, session, ServerTls(certificates.server, certificates.ca))


async def serve(
    files: Files, certificates: Pki, host: str = "127.0.0.1", port: int = 0, clients_ca: str = ""
) -> asyncio.Server:
    """Serve on a socket; port 0 takes any free one."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(files, writer.write, writer.close)
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(_CHUNK):
                session.received(data)
        writer.close()

    context = server_context(certificates, clients_ca)
    return await asyncio.start_server(connected, host, port, ssl=context)


def _head(status: int, words: str, length: int) -> bytes:
    return f"HTTP/1.1 {status} {words}\r\nContent-Length: {length}\r\n\r\n".encode()
