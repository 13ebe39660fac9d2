"""Transactions torn in GENERATE AC, and what it takes to recover them (Book C-2, 3.7 and 7.6)."""

import hashlib
from typing import TYPE_CHECKING

from kassa.emv import dol, tags
from kassa.emv.errors import DolError

if TYPE_CHECKING:
    from kassa.emv.tap import Tap

# What the terminal said in the torn GENERATE AC, and must say again of it to the host.
_SAID = (tags.UNPREDICTABLE, tags.CAPABILITIES, tags.CVM_RESULTS)
_TICKS_MASK = (1 << 30) - 1


class TornRecord:
    """One torn transaction: the card, the transaction, what was asked, and `related`, the values
    of DRDOL."""

    def __init__(self, tap: "Tap", related: bytes, asked: "tuple[int, str, bool, bytes]") -> None:
        self.card = _card(tap)
        self.transaction = _transaction(tap)
        self.since = tap.ticks()
        self.related = related
        self._asked = asked
        self._tvr = bytes(tap.tvr)
        self._said = {tag: tap.terminal_data[tag] for tag in _SAID if tag in tap.terminal_data}

    def restore(self, tap: "Tap") -> "tuple[int, str, bool, bytes]":
        """Make `tap` say what the torn one said; returns what was asked then."""
        tap.terminal_data.update(self._said)
        tap.tvr[:] = self._tvr
        return self._asked


class TornLog:
    """The torn transactions, oldest first.  In memory only: a power cut forgets them and the card
    is read afresh."""

    def __init__(self) -> None:
        self._records: "list[TornRecord]" = []

    def keep(self, tap: "Tap", most: int, asked: "tuple[int, str, bool, bytes]") -> None:
        """Remember a torn GENERATE AC, if the card has DRDOL and the configuration room for it."""
        drdol = tap.data.get(tags.DRDOL)
        if not most or drdol is None:
            return
        try:
            related = dol.fill(drdol, tap.value)
        except DolError:
            return
        self._records.append(TornRecord(tap, related, asked))
        while len(self._records) > most:
            self._records.pop(0)

    def find(self, tap: "Tap", lifetime_s: int) -> "TornRecord | None":
        """The record of this card and sequence number, torn in this very transaction and not too
        long ago.

        Book C-2 takes the torn transaction's amount with it.  Here a restart keeps amount and
        counter (EP-13), so a record of another transaction is dropped instead: nobody pays
        yesterday's amount.
        """
        now = tap.ticks()
        live = []
        for record in self._records:
            if (
                now - record.since
            ) & _TICKS_MASK <= lifetime_s * 1000 and record.transaction == _transaction(tap):
                live.append(record)
        self._records = live
        for record in live:
            if record.card == _card(tap):
                return record
        return None

    def remove(self, record: TornRecord) -> None:
        """Forget `record`."""
        self._records.remove(record)


def _card(tap: "Tap") -> bytes:
    # A record outlives its tap; a PAN does not.
    return hashlib.sha256(tap.pan.encode() + b"/" + tap.data.get(tags.PSN, b"")).digest()


def _transaction(tap: "Tap") -> "tuple[int, int, str | None, str]":
    transaction = tap.transaction
    return transaction.counter, transaction.amount_minor, transaction.date, transaction.time
