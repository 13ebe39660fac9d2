"""One payment and its life.

A `Transaction` travels the whole way of a sale: amount, card, host, receipt.  Its state only moves
along the arrows of `TRANSITIONS`.  A move is reported to `on_move` *before* it counts: there the
journal makes it durable (records.py says which record each state leaves), and if that fails the
state stays as it was.  Amounts are whole minor units with an ISO 4217 code.
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
STORED = "stored"  # accepted without the bank: an advice is owed
SENDING = "sending"  # that advice may have left
FORWARDED = "forwarded"  # the bank took the advice
REFUSED = "refused"  # the bank declined it after the fact
VOIDING = "voiding"  # taken back by the merchant: a reversal is owed
VOIDED = "voided"  # the host knows, or never knew of it

TRANSITIONS = {
    NEW: (CARD_READ, REQUESTED, CANCELLED, DECLINED),
    CARD_READ: (REQUESTED, STORED, DECLINED, CANCELLED),
    REQUESTED: (APPROVED, DECLINED, UNKNOWN, STORED),
    UNKNOWN: (REVERSED,),
    APPROVED: (VOIDING,),
    DECLINED: (),
    REVERSED: (UNKNOWN,),
    CANCELLED: (),
    STORED: (SENDING, VOIDED),
    SENDING: (FORWARDED, REFUSED, VOIDING),
    FORWARDED: (VOIDING,),
    REFUSED: (),
    VOIDING: (VOIDED,),
    VOIDED: (),
}
"""From each state, the states that may follow.

REQUESTED -> STORED: the request never left (NotSent), so nothing is in doubt.  REVERSED ->
UNKNOWN: a
late approval came after the reversal, which is then sent once more.
"""

MONEY = (APPROVED, STORED, SENDING, FORWARDED)
"""States in which the merchant has been promised the money."""

SALE = "sale"
REFUND = "refund"

BY_CARD = "by_card"
"""As `offline_reason`: the card approved it, with a cryptogram (TC) that says so.  All other
reasons are the merchant's risk, a deferred authorisation."""


class Transaction:
    """A sale or a refund.

    kind            "sale" or "refund"
    amount_minor    whole minor units, e.g. 1250 for 12.50 EUR
    currency        ISO 4217 alphabetic code
    stan            system trace audit number, 1..999999, the same on every resend (ISO 8583 DE 11)
    batch           settlement batch number
    started         local (year, month, day, hour, minute, second) when the amount was confirmed
    outcome         what the card said (kassa.emv.outcome.Outcome), while the card's data
    are needed
    masked_pan      first six and last four digits, the rest stars
    label, scheme, aid, cvm   of the card, for receipts and totals
    emv_data        DE 55, proof (TVR, cryptogram), sealed_card: of a stored sale, for its advice
    mti             message type of the first request, "0200" or "0220"
    original        STAN and batch of the sale that a linked refund gives back, or None
    issuer_data     DE 55 of the answer, for the card's second tap; kept nowhere else
    response_code   ISO 8583 DE 39 of the host's answer, "" before
    approval_code   DE 38, rrn  DE 37
    decline_reason  catalogue key suffix, e.g. "insufficient_funds"; "" unless declined
    offline_reason  why it was accepted without the bank: "by_card", or of a deferred
    authorisation "no_connection", "no_answer", "merchant_choice"; else ""
    decision, card_token   of one that the card approved: the reasons (kassa.payment.decision,
    encoded) and what it is counted by (kassa.payment.risk)
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
        self.label = ""
        self.scheme = ""
        self.aid = b""
        self.cvm = ""
        self.emv_data = b""
        self.sealed_card = b""
        self.decision = b""
        self.card_token = b""
        self.mti = "0200"
        self.original = None  # type: tuple[int, int] | None
        self.issuer_data = b""
        self.response_code = ""
        self.approval_code = ""
        self.rrn = ""
        self.decline_reason = ""
        self.offline_reason = ""
        self.on_move = on_move

    @property
    def name(self) -> "tuple[int, int]":
        """(batch, STAN): with terminal and date the idempotency key, minted once."""
        return self.batch, self.stan

    @property
    def by_card(self) -> bool:
        """Whether it was approved offline by the card, and not by anybody else yet."""
        return self.offline_reason == BY_CARD

    def attach_card(self, outcome: "Outcome") -> None:
        """Keep what the card said, and the only form of its number that may be shown or
        printed."""
        self.outcome = outcome
        self.masked_pan = mask(outcome.pan)
        self.label = outcome.label
        self.scheme = outcome.scheme
        self.aid = outcome.aid
        self.cvm = outcome.cvm or ""

    def move(self, state: str) -> None:
        """Go on to `state`; InvariantError when no arrow leads there, JournalError when it cannot
        be made durable (then nothing has changed)."""
        ensure(state in TRANSITIONS[self.state], self.state + " -> " + state)
        if self.on_move is not None:
            self.on_move(self, state)
        self.state = state

    def decline(self, reason: str) -> None:
        """End as declined; `reason` is the catalogue's key after `declined.`"""
        self.decline_reason = reason
        self.move(DECLINED)
