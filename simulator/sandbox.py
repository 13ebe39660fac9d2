"""The far end of the terminal's network: the sandbox acquirer, its accounts, and the way there.

Two ways there, one acquirer: in virtual time the terminal reaches it through `simulator.network`,
in real time through a TLS server on the loopback interface with a proxy before it for delay and
failure.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable

from simulator import cards
from simulator.acquirer import server, virtual
from simulator.acquirer.acquirer import Acquirer
from simulator.acquirer.pki import Pki
from simulator.clock import Clock
from simulator.network import Network, NetworkProxy

HOST, PORT = "127.0.0.1", 8583
CURRENCY = "978"  # of the cards' accounts; the sandbox pays one for one in any other


def _acquirer(now: Callable[[], datetime.datetime]) -> Acquirer:
    acquirer = Acquirer(now=now)
    for account in cards.accounts():
        acquirer.ledger.open_account(account.pan, CURRENCY, account.balance_minor)
        acquirer.ledger.set_account(account.pan, blocked=account.status == "blocked")
    return acquirer


class VirtualSandbox:
    """The acquirer on the virtual network."""

    def __init__(self, clock: Clock, seed: int, now: Callable[[], datetime.datetime]) -> None:
        self.acquirer = _acquirer(now)
        self.network = Network(clock, seed)
        self.pki = Pki()
        self.address = HOST, PORT
        virtual.listen(self.network, self.acquirer, self.pki, HOST, PORT)

    async def open(self) -> None:
        return

    async def close(self) -> None:
        self.acquirer.ledger.close()


class SocketSandbox:
    """The acquirer behind real TLS."""

    def __init__(self, clock: Clock, seed: int, now: Callable[[], datetime.datetime]) -> None:
        self.acquirer = _acquirer(now)
        self.pki = Pki()
        self._seed = seed

    async def open(self) -> None:
        self._server = await server.serve(self.acquirer, self.pki, HOST, 0)
        self.network = NetworkProxy(
            HOST, self._server.port, self._seed, self.acquirer.faults.drop_next
        )
        self.address = HOST, await self.network.start()

    async def close(self) -> None:
        await self.network.close()
        await self._server.close()
        self.acquirer.ledger.close()


Sandbox = VirtualSandbox | SocketSandbox
