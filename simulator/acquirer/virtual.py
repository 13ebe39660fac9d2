"""The acquirer on the virtual network: same core, same sessions, time that may jump."""

from __future__ import annotations

from collections.abc import Callable

from simulator.acquirer.acquirer import Acquirer
from simulator.acquirer.pki import Pki
from simulator.acquirer.session import Session
from simulator.network import Network, ServerTls


def listen(
    network: Network,
    acquirer: Acquirer,
    certificates: Pki,
    host: str = "127.0.0.1",
    port: int = 8583,
) -> None:
    """Have `acquirer` answer at that address of the network, by TLS with client certificates."""

    def session(
        send: Callable[[bytes], None],
        close: Callable[[], None],
        call_later: Callable[[float, Callable[[], None]], object],
        terminal: str | None,
    ) -> Session:
        return Session(acquirer, send, close, call_later, terminal)

    tls = ServerTls(certificates.server, certificates.ca)
    network.listen(host, port, session, tls, acquirer.faults.drop_next)
