"""How often each card was approved offline today: the book tells it, risk management asks."""

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kassa.payment.transaction import Transaction
    from kassa.system.clock import Moment

MOST_A_DAY = 1000
"""Offline approvals of a day that are remembered, 4 bytes each; from then on cards go online."""

# A number that MicroPython keeps without a heap object of its own.
_SMALL = (1 << 30) - 1


class DayCounts:
    """How often each card was approved offline today: fed by the book, live and at boot.

    The journal is the memory behind it.  A day's records that were trimmed after two settlements
    on that same day are not counted any more once the terminal has been switched off and on.
    """

    def __init__(self) -> None:
        self.day = 0
        # Small numbers: MicroPython keeps them in the list itself.
        self._cards: "list[int]" = []

    def note(self, transaction: "Transaction") -> None:
        """`transaction` was approved offline."""
        day = day_of(transaction.started)
        if day > self.day:
            self.day = day
            self._cards = []
        if day == self.day:
            self._cards.append(_card(transaction.masked_pan, transaction.card_token))

    def count(self, masked_pan: str, token: bytes) -> int:
        """Offline approvals of this card on `day`, the last one that had any."""
        return self._cards.count(_card(masked_pan, token))

    @property
    def full(self) -> bool:
        """Whether no more can be remembered today."""
        return len(self._cards) >= MOST_A_DAY


def day_of(moment: "Moment") -> int:
    """The day of a moment, as a number that grows."""
    return moment[0] * 10000 + moment[1] * 100 + moment[2]


def _card(masked_pan: str, token: bytes) -> int:
    digest = hashlib.sha256(masked_pan.encode() + b"/" + token).digest()
    return int.from_bytes(digest[:4], "big") & _SMALL
