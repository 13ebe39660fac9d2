"""The rooms of the money, built together: what the flows of the terminal are handed."""

from typing import TYPE_CHECKING

from micropython import const

from kassa.payment.authorise import Authoriser
from kassa.payment.book import Book
from kassa.payment.forward import Forwarder
from kassa.payment.offline import OfflineSales
from kassa.payment.reversal import Reversals
from kassa.payment.settle import Settler
from kassa.payment.void import Voids

_SLACK_MS = const(180_000)

if TYPE_CHECKING:
    from kassa.host.link import HostLink
    from kassa.host.messages import Builder
    from kassa.journal.journal import Journal
    from kassa.security.key_store import KeyStore
    from kassa.system.clock import Clock
    from kassa.system.config import TerminalConfig
    from kassa.system.log import Log
    from kassa.system.state_file import StateFile
    from kassa.system.tasks import Supervisor
    from kassa.system.wifi import Wifi


class Payments:
    """book, authoriser, offline, reversals, forwarder, settler, voids: each says what it does."""

    def __init__(
        self,
        config: "TerminalConfig",
        link: "HostLink",
        builder: "Builder",
        keys: "KeyStore",
        journal: "Journal",
        batch_memory: "StateFile | None",
        clock: "Clock",
        wifi: "Wifi",
        log: "Log",
    ) -> None:
        timeout_ms = config.host["answer_timeout_ms"]
        # An exchange, and the rest after one that failed: at most 75 s.
        self._beats_within_ms = timeout_ms + _SLACK_MS
        self.book = Book(journal, log, batch_memory)
        self.reversals = Reversals(link, builder, self.book, timeout_ms, log)
        self.forwarder = Forwarder(link, builder, self.book, timeout_ms, wifi, log)
        self.offline = OfflineSales(config, keys, self.book, self.forwarder, clock, log)
        self.authoriser = Authoriser(
            config,
            link,
            builder,
            self.book,
            self.reversals,
            self.offline,
            wifi,
            log,
        )
        self.settler = Settler(
            link,
            builder,
            self.book,
            self.reversals,
            self.forwarder,
            config.currency,
            timeout_ms,
            log,
        )
        self.voids = Voids(self.book, self.reversals, self.forwarder)

    def start(self, supervisor: "Supervisor") -> None:
        """Start the tasks that pay what is owed."""
        within_ms = self._beats_within_ms
        supervisor.start_beating("reversals", self.reversals.run, within_ms)
        supervisor.start_beating("forwarding", self.forwarder.run, within_ms)
        supervisor.start_beating("settlement", self.settler.run, within_ms)
