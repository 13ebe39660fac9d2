"""One payment and its life.

A `Transaction` travels the whole way of a sale: amount, card, host, receipt.  Its state only
moves along the arrows of `TRANSITIONS`; each move is reported to `on_move`, where the journal
will make it durable. Amounts are whole minor units with an ISO 4217 code.
"""

from typing import TYPE_CHECKING

from kassa.security.pan import mask
from kassa.system.ensure import ensure

if TYPE_CHECKING:
    from collections.abc import Callable

    from kassa.emv.outcome import Outcome

NEW = "new"
CARD_READ = "card_read"  # the card has done its part and may leave
REQUESTED = "requested"  # a request may have left: from here on the outcome can be unknown
APPROVED = "approved"
DECLINED = "declined"
UNKNOWN = "unknown"  # no answer that can be believed: a reversal is owed
REVERSED = "reversed"
CANCELLED = "cancelled"  # ended before anything was sent

TRANSITIONS = {
    NEW: (CARD_READ, CANCELLED, DECLINED),
    CARD_READ: (REQUESTED, DECLINED, CANCELLED),
    REQUESTED: (APPROVED, DECLINED, UNKNOWN),
    UNKNOWN: (REVERSED,),
    APPROVED: (REVERSED,),
    DECLINED: (),
    REVERSED: (),
    CANCELLED: (),
}
"""From each state, the states that may follow."""


class Transaction:
    """A sale, refund or void.

    kind            "sale"
    amount_minor    whole minor units, e.g. 1250 for 12.50 EUR
    currency        ISO 4217 alphabetic code
    stan            system trace audit number, 1..999999, the same on every resend (ISO 8583 DE 11)
    batch           settlement batch number
    started         local (year, month, day, hour, minute, second) when the amount was confirmed
    outcome         what the card said (kassa.emv.outcome.Outcome), once it was read
    masked_pan      first six and last four digits, the rest stars
    response_code   ISO 8583 DE 39 of the host's answer, "" before
    approval_code   DE 38, rrn  DE 37
    decline_reason  catalogue key suffix, e.g. "insufficient_funds"; "" unless declined
    """

    def __init__(
        self,
        kind: str,
        amount_minor: int,
        currency: str,
        stan: int,
        batch: int,
        started: "tuple[int, int, int, int, int, int]",
        on_move: "Callable[[Transaction, str], None] | None" = None,
    ) -> None:
        ensure(amount_minor > 0, "an amount is positive")
        ensure(0 < stan <= 999999, "a STAN has six digits")
        self.kind = kind
        self.amount_minor = amount_minor
        self.currency = currency
        self.stan = stan
        self.batch = batch
        self.started = started
        self.state = NEW
        self.outcome = None  # type: Outcome | None
        self.masked_pan = ""
        self.response_code = ""
        self.approval_code = ""
        self.rrn = ""
        self.decline_reason = ""
        self.reversal_attempts = 0
        self._on_move = on_move

    def attach_card(self, outcome: "Outcome") -> None:
        """Keep what the card said, and the only form of its number that may be shown or
        printed.
        """
        self.outcome = outcome
        self.masked_pan = mask(outcome.pan)

    def move(self, state: str) -> None:
        """Go on to `state`; InvariantError when no arrow leads there."""
        ensure(state in TRANSITIONS[self.state], self.state + " -> " + state)
        self.state = state
        if self._on_move is not None:
            self._on_move(self, state)

    def decline(self, reason: str) -> None:
        """End as declined; `reason` is the catalogue's key after `declined.`"""
        self.decline_reason = reason
        self.move(DECLINED)
