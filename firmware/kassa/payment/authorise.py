"""Ask the issuer, and make of the answer one of three things: approved, declined, or not known.

Not known is an outcome of its own: the host may have approved what we never heard of, so the sale
is declined at the terminal and a reversal is owed, and nothing is guessed.
"""

from typing import TYPE_CHECKING

from kassa.host.card_block import Card
from kassa.host.errors import HostError, NotSent
from kassa.payment import responses
from kassa.payment import transaction as life
from kassa.system import currency as iso4217
from kassa.system.ensure import InvariantError

if TYPE_CHECKING:
    from kassa.host.link import HostLink
    from kassa.host.messages import Builder, Request
    from kassa.payment.reversal import Reversals
    from kassa.payment.transaction import Transaction
    from kassa.system.log import Log


class Authoriser:
    """Authorises transactions online.

    `answer_timeout_ms` is how long a sale waits in all: for a link that is being built, and for
    the answer.
    """

    def __init__(
        self,
        link: "HostLink",
        builder: "Builder",
        reversals: "Reversals",
        answer_timeout_ms: int,
        log: "Log",
    ) -> None:
        self._link = link
        self._builder = builder
        self._reversals = reversals
        self._answer_timeout_ms = answer_timeout_ms
        self._log = log

    async def authorise(self, transaction: "Transaction") -> None:
        """Move `transaction` from CARD_READ to APPROVED, DECLINED or UNKNOWN.  Never raises
        HostError.
        """
        request = self._request(transaction)
        transaction.move(life.REQUESTED)
        self._log.event("payment", "request", stan=transaction.stan)
        answer = None
        try:
            answer = await self._link.exchange(request, self._answer_timeout_ms)
        except NotSent as error:
            self._log.trouble("payment", "not sent", error, stan=transaction.stan)
            transaction.decline("not_connected")
            return
        except HostError as error:
            self._log.trouble("payment", "no answer", error, stan=transaction.stan)
        finally:
            # Whatever ended the wait (no heap, a cancellation): what may have left is taken back.
            if transaction.state == life.REQUESTED and answer is None:
                transaction.decline_reason = "no_answer"
                transaction.move(life.UNKNOWN)
                self._reversals.owe(transaction)
        if answer is None:
            return
        transaction.response_code = str(answer[39])
        transaction.approval_code = str(answer.get(38, "")).strip()
        transaction.rrn = str(answer.get(37, "")).strip()
        self._log.event("payment", "answer", stan=transaction.stan, code=transaction.response_code)
        if responses.is_approved(transaction.response_code):
            transaction.move(life.APPROVED)
        else:
            transaction.decline(responses.decline_reason(transaction.response_code))

    def _request(self, transaction: "Transaction") -> "Request":
        outcome = transaction.outcome
        if outcome is None:
            raise InvariantError("no card was read")
        return self._builder.sale(
            transaction.stan,
            transaction.amount_minor,
            iso4217.numeric(transaction.currency),
            transaction.batch,
            transaction.started,
            outcome.emv_data(),
            Card(outcome.pan, outcome.expiry, outcome.psn, outcome.track2),
        )
