"""Undoing what may have happened: every request without a believable answer is reversed.

One task works the queue, oldest first, so that nothing is ever reversed twice side by side.  The
first attempt is a 0400, repeats are 0401 under the same name (terminal, batch, STAN, date), until
the host has answered that it did; nothing else ends the debt.
"""

import asyncio
from typing import TYPE_CHECKING

from micropython import const

from kassa.host.errors import HostError
from kassa.payment import transaction as life
from kassa.system import currency as iso4217

if TYPE_CHECKING:
    from kassa.host.link import HostLink
    from kassa.host.messages import Builder
    from kassa.payment.transaction import Transaction
    from kassa.system.log import Log

_FIRST_WAIT_MS = const(500)
_LONGEST_WAIT_MS = const(60_000)
_REVERSED = "00"  # DE 39


class Reversals:
    """Transactions whose outcome at the host is unknown, and the task that takes them back."""

    def __init__(
        self, link: "HostLink", builder: "Builder", answer_timeout_ms: int, log: "Log"
    ) -> None:
        self._link = link
        self._builder = builder
        self._answer_timeout_ms = answer_timeout_ms
        self._log = log
        self._owed = []  # type: list[Transaction]
        self._changed = asyncio.Event()

    @property
    def owed(self) -> int:
        """How many reversals the host has not confirmed yet."""
        return len(self._owed)

    def owe(self, transaction: "Transaction") -> None:
        """Take `transaction` back as soon as the host can be reached."""
        self._owed.append(transaction)
        self._log.event("payment", "reversal owed", stan=transaction.stan)
        self._changed.set()

    async def run(self) -> None:
        """Critical task: work the queue for ever."""
        wait_ms = _FIRST_WAIT_MS
        while True:
            if not self._owed:
                self._changed.clear()
                await self._changed.wait()
                wait_ms = _FIRST_WAIT_MS
            transaction = self._owed[0]
            if self._link.online and await self._take_back(transaction):
                self._owed.pop(0)
                wait_ms = _FIRST_WAIT_MS
                continue
            # One that the host refuses must not keep the others waiting behind it.
            self._owed.append(self._owed.pop(0))
            await asyncio.sleep_ms(wait_ms)
            wait_ms = min(2 * wait_ms, _LONGEST_WAIT_MS)

    async def _take_back(self, transaction: "Transaction") -> bool:
        """One attempt; whether the host has reversed.  Any other answer leaves the debt."""
        request = self._builder.reversal(
            transaction.stan,
            transaction.amount_minor,
            iso4217.numeric(transaction.currency),
            transaction.batch,
            transaction.started,
            repeat=transaction.reversal_attempts > 0,
        )
        transaction.reversal_attempts += 1
        try:
            answer = await self._link.exchange(request, self._answer_timeout_ms)
        except HostError as error:
            self._log.trouble("payment", "reversal unanswered", error, stan=transaction.stan)
            return False
        if answer[39] != _REVERSED:
            self._log.event("payment", "reversal refused", stan=transaction.stan, code=answer[39])
            return False
        transaction.move(life.REVERSED)
        return True
