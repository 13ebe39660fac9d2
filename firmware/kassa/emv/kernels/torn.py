"""C2-11: transactions torn in GENERATE AC, and what it takes to recover them (Book C-2, 3.7 and
7.6)."""

import hashlib
from typing import TYPE_CHECKING

from kassa.emv import apdu, dol, tags
from kassa.emv.errors import DolError

if TYPE_CHECKING:
    from kassa.emv.tap import Tap

# What the terminal said in the torn GENERATE AC, and must say again of it to the host; the last
# five are what relay resistance was measured with, which CDA signs.
_SAID = (
    tags.UNPREDICTABLE,
    tags.CAPABILITIES,
    tags.CVM_RESULTS,
    0xDF8301,
    0xDF8302,
    0xDF8303,
    0xDF8304,
    0xDF8305,
)
_TICKS_MASK = (1 << 30) - 1


class Asked:
    """What a card is asked for, and why.

    reference   P1 of GENERATE AC: AAC, TC or ARQC, with CDA added when that is asked
    method      the cardholder verification that goes with it, one of `outcome.CVM_...`
    receipt     whether the outcome asks for a receipt
    values      those of CDOL1, as they were sent
    """

    def __init__(self, reference: int, method: str, receipt: bool) -> None:
        self.reference = reference
        self.method = method
        self.receipt = receipt
        self.values = b""

    @property
    def type(self) -> int:
        """AAC, TC or ARQC."""
        return self.reference & apdu.AC_TYPE


class TornRecord:
    """One torn transaction: the card, the transaction, what was asked, and `related`, the values
    of DRDOL."""

    def __init__(self, tap: "Tap", related: bytes, asked: Asked) -> None:
        self.card = _card(tap)
        self.transaction = _transaction(tap)
        self.since = tap.ticks()
        self.related = related
        self._asked = asked
        self._tvr = bytes(tap.tvr)
        self._pdol_values = tap.pdol_values
        self._said = {tag: tap.terminal_data[tag] for tag in _SAID if tag in tap.terminal_data}

    @property
    def approves(self) -> bool:
        """Whether a TC was asked for."""
        return self._asked.type == apdu.TC

    def restore(self, tap: "Tap") -> Asked:
        """Make `tap` say what the torn one said; returns what was asked then."""
        tap.terminal_data.update(self._said)
        tap.tvr[:] = self._tvr
        # ODA-6: the card signed what it was sent in the tap that was torn.
        tap.pdol_values = self._pdol_values
        return self._asked


class TornLog:
    """The torn transactions, oldest first.  In memory only: a power cut forgets them and the card
    is read afresh."""

    def __init__(self) -> None:
        self._records: "list[TornRecord]" = []

    def keep(self, tap: "Tap", most: int, asked: Asked) -> bool:
        """Remember a torn GENERATE AC; False if the card has no DRDOL or the configuration no room
        for it."""
        drdol = tap.data.get(tags.DRDOL)
        if not most or drdol is None:
            return False
        try:
            related = dol.fill(drdol, tap.value)
        except DolError:
            return False
        self._records.append(TornRecord(tap, related, asked))
        while len(self._records) > most:
            self._records.pop(0)
        return True

    def find(self, tap: "Tap", lifetime_s: int) -> "TornRecord | None":
        """The record of this card, sequence number and application (limits go by it), torn in this
        very transaction and not too long ago.

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
    psn = tap.data.get(tags.PSN, b"")
    return hashlib.sha256(tap.aid + b"/" + tap.pan.encode() + b"/" + psn).digest()


def _transaction(tap: "Tap") -> "tuple[int, int, str | None, str]":
    transaction = tap.transaction
    return transaction.counter, transaction.amount_minor, transaction.date, transaction.time
