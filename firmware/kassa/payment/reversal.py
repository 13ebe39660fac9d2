"""Undoing what may have happened: every request without a believable answer is reversed.

One task works the queue, oldest first, so that nothing is ever reversed twice side by side.  The
first attempt is a 0400, repeats are 0401 under the same name (terminal, batch, STAN, date), until
the host has answered; only its answer ends the debt.
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
        while True:
            await self._changed.wait()
            self._changed.clear()
            while self._owed:
                await self._take_back(self._owed[0])
                self._owed.pop(0)

    async def _take_back(self, transaction: "Transaction") -> None:
        wait_ms = _FIRST_WAIT_MS
        repeat = False
        while True:
            if self._link.online:
                request = self._builder.reversal(
                    transaction.stan,
                    transaction.amount_minor,
                    iso4217.numeric(transaction.currency),
                    transaction.batch,
                    transaction.started,
                    repeat=repeat,
                )
                repeat = True
                try:
                    answer = await self._link.exchange(request, self._answer_timeout_ms)
                except HostError as error:
                    self._log.trouble("payment", "reversal unanswered", error)
                else:
                    transaction.move(life.REVERSED)
                    self._log.event("payment", "reversed", stan=transaction.stan, code=answer[39])
                    return
            await asyncio.sleep_ms(wait_ms)
            wait_ms = min(2 * wait_ms, _LONGEST_WAIT_MS)
