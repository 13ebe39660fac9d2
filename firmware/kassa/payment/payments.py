"""The rooms of the money, built together: what the flows of the terminal are handed."""

from typing import TYPE_CHECKING

from micropython import const

from kassa.payment.book import Book
from kassa.payment.forward import Forwarder
from kassa.payment.reversal import Reversals
from kassa.payment.settle import Settler

_SLACK_MS = const(180_000)

if TYPE_CHECKING:
    from kassa.host.link import HostLink
    from kassa.host.messages import Builder
    from kassa.journal.journal import Journal
    from kassa.payment.authorise import Authoriser
    from kassa.payment.offline import OfflineSales
    from kassa.payment.void import Voids
    from kassa.security.key_store import KeyStore
    from kassa.system.clock import Clock
    from kassa.system.config import TerminalConfig
    from kassa.system.log import Log
    from kassa.system.state_file import StateFile
    from kassa.system.tasks import Supervisor
    from kassa.system.wifi import Wifi


class Payments:
    """book, authoriser, offline, reversals, forwarder, settler, voids: each says what it does.

    What only a flow needs is imported and made when a flow first asks for it; what pays debts
    works in an idle terminal too.
    """

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
        self._config = config
        self._link = link
        self._builder = builder
        self._keys = keys
        self._clock = clock
        self._wifi = wifi
        self._log = log
        self._offline: "OfflineSales | None" = None
        self._authoriser: "Authoriser | None" = None
        self._voids: "Voids | None" = None

    @property
    def offline(self) -> "OfflineSales":
        if self._offline is None:
            # For a flow: see the class.
            from kassa.payment.offline import OfflineSales

            self._offline = OfflineSales(
                self._config, self._keys, self.book, self.forwarder, self._clock, self._log
            )
        return self._offline

    @property
    def authoriser(self) -> "Authoriser":
        if self._authoriser is None:
            # For a flow: see the class.
            from kassa.payment.authorise import Authoriser

            self._authoriser = Authoriser(
                self._config,
                self._link,
                self._builder,
                self.book,
                self.reversals,
                self.offline,
                self._wifi,
                self._log,
            )
        return self._authoriser

    @property
    def voids(self) -> "Voids":
        if self._voids is None:
            # For a flow: see the class.
            from kassa.payment.void import Voids

            self._voids = Voids(self.book, self.reversals, self.forwarder)
        return self._voids

    def start(self, supervisor: "Supervisor") -> None:
        """Start the tasks that pay what is owed."""
        if self.book.refused:
            self.forwarder.news.set()  # the merchant had not been told when the power went
        within_ms = self._beats_within_ms
        supervisor.start_beating("reversals", self.reversals.run, within_ms)
        supervisor.start_beating("forwarding", self.forwarder.run, within_ms)
        supervisor.start_beating("settlement", self.settler.run, within_ms)
