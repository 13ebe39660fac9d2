"""The acquirer behind a real TLS socket: TLS 1.2 or newer, client certificates of our CA only."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

from simulator.acquirer import pki
from simulator.acquirer.acquirer import Acquirer
from simulator.acquirer.ledger import Ledger
from simulator.acquirer.pki import Pki
from simulator.acquirer.session import Session

DEFAULT_PORT = 8583
_CHUNK = 4096


def server_context(certificates: Pki, clients_ca: str = "") -> ssl.SSLContext:
    """Server side of mutual TLS: who has no certificate of the sandbox CA, or of another one that
    is given as PEM, does not get in.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificates.server_pem)
    context.load_verify_locations(cadata=certificates.ca_pem + clients_ca)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


class Server:
    """A listening acquirer.  Made by `serve`; `await close()` when done."""

    def __init__(self, acquirer: Acquirer) -> None:
        self.acquirer = acquirer
        self._listener: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The port it listens on; of use when 0 was asked for."""
        assert self._listener is not None
        return self._listener.sockets[0].getsockname()[1]

    async def listen(self, certificates: Pki, host: str, port: int, clients_ca: str = "") -> None:
        self._listener = await asyncio.start_server(
            self._connected, host, port, ssl=server_context(certificates, clients_ca)
        )

    async def close(self) -> None:
        """Stop listening and hang up on everybody."""
        if self._listener is not None:
            self._listener.close()
        for writer in list(self._connections):
            writer.transport.abort()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def hang_up(self) -> None:
        """Close every connection; terminals may come again at once."""
        for writer in list(self._connections):
            writer.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        serving = asyncio.current_task()
        assert serving is not None
        self._serving.add(serving)
        session = Session(
            self.acquirer,
            writer.write,
            writer.close,
            asyncio.get_running_loop().call_later,
            _common_name(writer.get_extra_info("peercert")),
        )
        try:
            # A terminal that vanishes is everyday life, not an error of the server's.
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                while data := await reader.read(_CHUNK):
                    session.received(data)
        finally:
            session.closed()
            self._connections.discard(writer)
            self._serving.discard(serving)
            writer.close()


async def serve(
    acquirer: Acquirer | None = None,
    certificates: Pki | None = None,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    clients_ca: str = "",
) -> Server:
    """Start listening; port 0 chooses a free one (see `Server.port`).  clients_ca: PEM of the CA
    of a shop whose terminals may come, too.
    """
    server = Server(acquirer or Acquirer())
    await server.listen(certificates or Pki(), host, port, clients_ca)
    return server


def main(
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    folder: Path = pki.DEFAULT_FOLDER,
    database: str = "sqlite://",
    clients_ca: str = "",
    listening: Callable[[Server, Pki], None] = lambda server, certificates: None,
) -> None:
    """Run the acquirer until interrupted, printing each message it takes and gives.

    listening: is called once it does.
    """

    async def run() -> None:
        acquirer = Acquirer(Ledger(database))
        acquirer.on_message = _print_message
        certificates = Pki(folder)
        server = await serve(acquirer, certificates, host, port, clients_ca)
        listening(server, certificates)
        print(f"acquirer on {host}:{server.port}, certificates in {folder}", flush=True)
        try:
            await asyncio.Event().wait()
        finally:
            await server.close()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run())


def _print_message(entry: dict[str, Any]) -> None:
    print(json.dumps(entry), flush=True)


def _common_name(certificate: dict[str, Any] | None) -> str | None:
    for part in (certificate or {}).get("subject", ()):
        for key, value in part:
            if key == "commonName":
                return value
    return None
