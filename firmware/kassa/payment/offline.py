"""Sales that are taken without the host: deferred at the merchant's risk, or approved by the card.

The two are told apart for ever by `Transaction.offline_reason`.  A deferred authorisation is a
promise that the merchant makes in the dark; the bank is asked later and may say no.  An offline
approval is the card's: it made a TC, its signature was verified, and terminal risk management had
nothing against it (kassa.payment.risk).  Both pass the merchant's limits (kassa.payment.limits),
are durable before anybody is told, and wait in the journal for the one task that sends them.
"""

from typing import TYPE_CHECKING

from kassa.host import card_block
from kassa.host.card_block import Card
from kassa.journal.errors import JournalError
from kassa.payment import limits
from kassa.payment import transaction as life
from kassa.payment.responses import APPROVED_OFFLINE
from kassa.security.errors import SecurityError
from kassa.system.ensure import InvariantError

if TYPE_CHECKING:
    from kassa.payment.book import Book
    from kassa.payment.decision import Decision
    from kassa.payment.forward import Forwarder
    from kassa.payment.risk import Risk
    from kassa.payment.transaction import Transaction
    from kassa.security.key_store import KeyStore
    from kassa.system.clock import Clock
    from kassa.system.config import TerminalConfig
    from kassa.system.log import Log


class OfflineSales:
    """Takes sales without the host.

    mode   the merchant's choice of the moment, from the configuration at first
    risk   the terminal's risk management; while it is None no card approves anything
    """

    def __init__(
        self,
        config: "TerminalConfig",
        keys: "KeyStore",
        book: "Book",
        forwarder: "Forwarder",
        clock: "Clock",
        log: "Log",
    ) -> None:
        self.mode = config.offline.mode
        self.risk: "Risk | None" = None
        self._terminal_id = config.terminal_id
        self._limits = config.offline
        self._keys = keys
        self._book = book
        self._forwarder = forwarder
        self._clock = clock
        self._log = log

    def refusal(self, amount_minor: int) -> str:
        """Why the merchant's limits forbid this amount without the host, as the catalogue's key
        after `declined.`; "" when they do not."""
        return limits.refusal(self._limits, self._book, self._clock, amount_minor, self.mode)

    def online_only(self, transaction: "Transaction") -> bool:
        """Whether a card must not even be asked to approve: what would be refused afterwards is
        sent online from the start."""
        return (
            self.risk is None
            or transaction.kind != life.SALE
            or bool(self.refusal(transaction.amount_minor))
        )

    async def defer(self, transaction: "Transaction", reason: str) -> None:
        """Take `transaction` at the merchant's risk: to STORED, or DECLINED in plain words.  The
        merchant's risk is not the card that somebody has warned of."""
        refused = self.refusal(transaction.amount_minor) or self._warned_of(transaction)
        if refused:
            transaction.decline(refused)
            return
        await self._store(transaction, reason)

    def _warned_of(self, transaction: "Transaction") -> str:
        """R-1: "card_blocked" for a card on the exception list, else ""."""
        outcome, risk = transaction.outcome, self.risk
        if outcome is None or risk is None:
            return ""
        return "card_blocked" if risk.listed(outcome.pan, outcome.psn) else ""

    async def approve(self, transaction: "Transaction") -> None:
        """Take a sale that its card has approved: to STORED, or DECLINED in plain words."""
        outcome, risk = transaction.outcome, self.risk
        if outcome is None:
            raise InvariantError("no card was read")
        if risk is None or transaction.kind != life.SALE:
            transaction.decline("bank_needed")
            return
        refused = self.refusal(transaction.amount_minor) or risk.refusal(
            outcome, transaction.amount_minor
        )
        if refused:
            self._log.event("payment", "offline refused", stan=transaction.stan, why=refused)
            transaction.decline(refused)
            return
        # the reasons go into the same record as the promise.
        decision = self._with_limits(risk.decision(outcome), transaction.amount_minor)
        transaction.decision = decision.encode()
        transaction.card_token = risk.token(outcome.pan)
        transaction.response_code = APPROVED_OFFLINE
        await self._store(transaction, life.BY_CARD)

    def _with_limits(self, decision: "Decision", amount_minor: int) -> "Decision":
        decision.stored = len(self._book.stored) + 1
        decision.stored_most = self._limits.count
        decision.stored_minor = self._book.stored_minor + amount_minor
        decision.stored_most_minor = self._limits.total
        return decision

    async def _store(self, transaction: "Transaction", reason: str) -> None:
        """Seal the card for the host, make the promise durable, and have it sent."""
        outcome = transaction.outcome
        if outcome is None:
            raise InvariantError("no card was read")
        try:
            # Its own KSN: the key is gone when this returns, and nobody here can open the block
            # again.
            keys = await self._keys.next_keys()
            card = Card(outcome.pan, outcome.expiry, outcome.psn, outcome.track2)
            sealed = card_block.seal(card, keys, self._terminal_id, transaction.stan)
            keys.wipe()
        except (SecurityError, OSError) as error:
            self._log.trouble("payment", "card not sealed", error)
            transaction.decline("not_connected")
            return
        transaction.sealed_card = sealed
        transaction.emv_data = outcome.emv_data()
        transaction.offline_reason = reason
        transaction.mti = "0220"
        try:
            transaction.move(life.STORED)
        except JournalError:
            transaction.offline_reason = transaction.response_code = ""
            transaction.decline(self._book.trouble)
            return
        self._log.event(
            "payment",
            "approved by card" if transaction.by_card else "deferred",
            stan=transaction.stan,
            why=reason,
        )
        self._forwarder.wake()
