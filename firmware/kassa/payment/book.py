"""The terminal's book: what the journal's records add up to, kept in memory and rebuilt at boot.

`apply` takes one record and is used for both: live, right after the journal has taken it, and at
boot, for all records again.  In memory is only what is still open: requests without an answer,
reversals owed, advices owed, refusals to be told, the open batch's totals.  Everything else is
looked up in the journal.

The last STAN and the batch number follow from the records: a number that may have left the
terminal stands in a record that was durable before.  The batch number is kept beside the journal
as well (`memory`), so that a journal that was lost or set back cannot make the terminal use a
batch's numbers again.
"""

from typing import TYPE_CHECKING

from kassa.journal.errors import JournalError, JournalFull, JournalTampered
from kassa.payment import records
from kassa.payment import totals as sums
from kassa.payment import transaction as life
from kassa.payment.day_counts import DayCounts
from kassa.payment.history import History
from kassa.payment.totals import Totals
from kassa.payment.transaction import Transaction
from kassa.system.ensure import InvariantError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kassa.journal.journal import Journal
    from kassa.system.log import Log
    from kassa.system.state_file import StateFile

    Name = tuple[int, int]
    Moment = tuple[int, int, int, int, int, int]

LAST_STAN = 999999

# If one of these cannot be written nothing is lost: at boot the terminal only does once more what
# the host answers with its first answer.
_MAY_FAIL = (
    records.DECLINED,
    records.UNKNOWN,
    records.REVERSED,
    records.FORWARDED,
    records.REFUSED,
    records.VOIDED,
    records.REPORTED,
    records.SETTLED,
)
_LATE_REMEMBERED = 8

# Records about one open transaction that may still come: sending, result, void (two slots) and its
# end.
_SLOTS_EACH = 5
_SPARE_ONLINE = 12
_SPARE_OFFLINE = 28
_SPARE_FOR_HISTORY = 120
_SLOT_BYTES = 200


def _trouble(error: Exception) -> str:
    """Why the journal takes nothing, as the catalogue's key after `declined.`"""
    if isinstance(error, JournalFull):
        return "journal_full"
    return "journal_tampered" if isinstance(error, JournalTampered) else "journal_failed"


class Pending:
    """A stored sale that the host has not taken yet: what must be at hand without asking the
    flash."""

    def __init__(self, transaction: Transaction, sequence: int) -> None:
        self.name = transaction.name
        self.amount_minor = transaction.amount_minor
        self.scheme = transaction.scheme
        self.started = transaction.started
        self.sequence = sequence
        self.sending = False


class Settlement:
    """A batch that was closed here: its number, the STAN of its 0500, its totals by scheme."""

    def __init__(self, batch: int, stan: int, by_scheme: "dict[str, Totals]") -> None:
        self.batch = batch
        self.stan = stan
        self.by_scheme = by_scheme


class Book:
    """All that is open, on top of `journal`.

    owed        transactions whose reversal the host has not confirmed, oldest first
    stored      Pending sales, oldest first
    refused     names of stored sales that the bank declined, until the merchant has been told
    totals      of the open batch, by scheme
    by_card     how often which card was approved offline today
    settling    the Settlement that the host has not answered, or None
    history     looks things up in the journal
    trouble     why the journal takes nothing: "", "journal_full", "journal_tampered"
    on_change   called after each record
    """

    def __init__(self, journal: "Journal", log: "Log", memory: "StateFile | None" = None) -> None:
        self.journal = journal
        self.history = History(journal, self.record)
        self.owed = []  # type: list[Transaction]
        self.stored = []  # type: list[Pending]
        self.refused = []  # type: list[Name]
        self.totals = {}  # type: dict[str, Totals]
        self.by_card = DayCounts()
        self.settling = None  # type: Settlement | None
        self.batch = 1
        self.stan = 0
        self.trouble = ""
        self.on_change: "Callable[[], None] | None" = None
        self._memory = memory
        self._log = log
        self._live = {}  # type: dict[Name, Transaction]
        self._reversed = []  # type: list[Transaction]
        self._settling_at = 0
        self._keep_from = 0

    def open(self) -> None:
        """Replay the journal, and owe a reversal for each request that power was lost over."""
        report = self.journal.open()
        if report.tampered:
            self.trouble = "journal_tampered"
        for record in self.journal.records():
            try:
                name, facts = records.decode(record.payload)
                self._apply(record.kind, name, facts, record.sequence)
            except (records.RecordError, KeyError, ValueError) as error:
                self._log.trouble("payment", "record not understood", error, kind=record.kind)
        for name in sorted(self._live):
            # Power was lost between request and answer.
            self._live[name].decline_reason = "power_lost"
            self._live[name].move(life.UNKNOWN)
        known = (self._memory.load() if self._memory is not None else None) or {}
        if self.batch < known.get("batch", 1):
            self.batch = known["batch"]
            self.stan = 0
        self._log.event(
            "payment",
            "book",
            batch=self.batch,
            stan=self.stan,
            owed=len(self.owed),
            stored=len(self.stored),
        )

    def start_over(self) -> None:
        """After somebody has accepted a journal that was set back or replaced: a new batch, so
        that no number is used twice."""
        self.trouble = ""
        self.batch += 1
        self.stan = 0
        self._remember_batch()

    def _remember_batch(self) -> None:
        if self._memory is not None:
            self._memory.save({"batch": self.batch})

    # -- numbers and sums

    def next_stan(self) -> int:
        """A new STAN, 1..999999 and round again (ISO 8583 DE 11).  It becomes durable with the
        first record of its transaction, which is before anything of it leaves the terminal."""
        self.stan = self.stan % LAST_STAN + 1
        return self.stan

    @property
    def stored_minor(self) -> int:
        """What the stored sales are worth together."""
        total = 0
        for pending in self.stored:
            total += pending.amount_minor
        return total

    # -- writing

    def begin(self, kind: str, amount_minor: int, currency: str, started: "Moment") -> Transaction:
        """A transaction in the open batch whose every move is recorded here."""
        return Transaction(
            kind, amount_minor, currency, self.next_stan(), self.batch, started, self.record
        )

    def record(self, transaction: Transaction, state: str) -> None:
        """Make the move of `transaction` to `state` durable.  JournalError when it must be and is
        not."""
        kind = records.KIND_OF.get(state)
        if kind is not None:
            payload = records.encode(kind, transaction)
            if kind in (records.REQUESTED, records.STORED):
                self._leave_room(kind, len(payload))
            # The void of a sale that was never sent must hold, or it would be sent after all.
            must = kind not in _MAY_FAIL or transaction.state == life.STORED
            self._write(kind, payload, transaction, must)
        self._log.event("payment", "state", stan=transaction.stan, state=state)

    def report_told(self, name: "Name") -> None:
        """The merchant has been told of a refusal."""
        self._write(records.REPORTED, bytes(records.name_bytes(*name)))

    def close_batch(self) -> Settlement:
        """Begin the settlement of the open batch; new transactions belong to the next from here
        on."""
        payload = records.name_bytes(self.batch, self.next_stan())
        records.append(payload, records.TOTALS, sums.encode(self.totals))
        self._write(records.SETTLING, bytes(payload))
        self._remember_batch()
        return self.settling  # type: ignore[return-value]

    def batch_settled(self, code: str) -> None:
        """The host has answered the settlement that was owed: older batches are not needed any
        more."""
        settled = self.settling
        if settled is None:
            raise InvariantError("no settlement is owed")
        payload = records.name_bytes(settled.batch, settled.stan)
        records.append(payload, records.CODE, code.encode())
        self._write(records.SETTLED, bytes(payload))
        # Linked refunds reach back one batch, unless the room is needed.
        short = self.journal.free_slots < _SPARE_FOR_HISTORY
        keep_from = self._settling_at if short else self._keep_from
        if keep_from:
            self.journal.trim(keep_from)

    def _leave_room(self, kind: int, length: int) -> None:
        """Keep slots for what must be written about everything that is open, so that a full
        journal can still be emptied.  Offline sales stop before online ones do.  Raises
        JournalFull."""
        room = _SPARE_ONLINE if kind == records.REQUESTED else _SPARE_OFFLINE
        room += _SLOTS_EACH * (len(self.stored) + len(self.owed) + 1)
        if self.journal.free_slots < room + length // _SLOT_BYTES + 1:
            self.trouble = "journal_full"
            self._log.event("payment", "journal full", free_slots=self.journal.free_slots)
            raise JournalFull("what is left of the journal is needed for what is open")

    def _write(
        self,
        kind: int,
        payload: bytes,
        transaction: "Transaction | None" = None,
        must: "bool | None" = None,
    ) -> None:
        sequence = 0
        try:
            sequence = self.journal.append(kind, payload)
            self.trouble = ""
        except (JournalError, OSError) as error:
            self.trouble = _trouble(error)
            self._log.trouble("payment", "not recorded", error, record=records.NAMES[kind])
            if must or (must is None and kind not in _MAY_FAIL):
                raise JournalError(self.trouble)
        name, facts = records.decode(payload)
        self._apply(kind, name, facts, sequence, transaction)
        if self.on_change is not None:
            self.on_change()

    # -- one record, live or at boot

    def _apply(
        self,
        kind: int,
        name: "Name",
        facts: "dict[int, bytes]",
        sequence: int,
        transaction: "Transaction | None" = None,
    ) -> None:
        """Bring the book up to date; `transaction` is the live one, at boot it is made anew."""
        if kind in (records.SETTLING, records.SETTLED):
            self._apply_settlement(kind, name, facts, sequence)
            return
        if name[0] > self.batch:
            self.batch, self.stan = name[0], 0
        if name[0] == self.batch:
            self.stan = max(self.stan, name[1])
        if transaction is None:
            transaction = self._recall(name, facts)
        self._live.pop(name, None)
        if transaction is not None:
            transaction.state = records.STATE_OF.get(kind, transaction.state)
        if kind == records.REPORTED:
            self.refused = [other for other in self.refused if other != name]
        elif kind == records.SENDING:
            for pending in self.stored:
                if pending.name == name:
                    pending.sending = True
        elif kind == records.FORWARDED:
            pending = self._drop_stored(name)
            if pending is not None:
                self._of_scheme(pending.scheme).add(Totals(1, pending.amount_minor))
        elif kind == records.REFUSED:
            self._drop_stored(name)
            self.refused.append(name)
        elif kind in (records.REVERSED, records.VOIDED):
            # At boot nobody remembers a stored sale that was struck out: its name has to do.
            self._drop_stored(name)
            self.owed = [other for other in self.owed if other.name != name]
            if transaction is not None:
                self._reversed.append(transaction)
                if len(self._reversed) > _LATE_REMEMBERED:
                    self._reversed.pop(0)
        elif transaction is not None:
            self._apply_transaction(kind, transaction, sequence)

    def _recall(self, name: "Name", facts: "dict[int, bytes]") -> "Transaction | None":
        """The transaction that a record at boot speaks of, if it is open or the record tells
        all."""
        if records.has_all_facts(facts):
            transaction = records.transaction_of(name, facts)
            transaction.on_move = self.record
            return transaction
        transaction = self._live.get(name)
        for owed in self.owed:
            if owed.name == name:
                transaction = owed
        if transaction is not None:
            records.update(transaction, facts)
        return transaction

    def _apply_transaction(self, kind: int, transaction: Transaction, sequence: int) -> None:
        name = transaction.name
        if kind == records.REQUESTED:
            self._live[name] = transaction
        elif kind == records.APPROVED:
            self._of_scheme(transaction.scheme).count(transaction)
        elif kind == records.STORED:
            self.stored.append(Pending(transaction, sequence))
            if transaction.by_card:
                # velocity is counted from what the journal holds.
                self.by_card.note(transaction)
        elif kind == records.UNKNOWN:
            self.owed.append(transaction)
        elif kind == records.VOIDING:
            # What was still stored had not been counted yet.
            if self._drop_stored(name) is None and name[0] == self.batch:
                self._of_scheme(transaction.scheme).count(transaction, -1)
            self.owed.append(transaction)

    def _apply_settlement(
        self, kind: int, name: "Name", facts: "dict[int, bytes]", sequence: int
    ) -> None:
        if kind == records.SETTLING:
            self.settling = Settlement(name[0], name[1], sums.decode(facts[records.TOTALS]))
            self.batch, self.stan = name[0] + 1, 0
            self.totals = {}
            self._keep_from, self._settling_at = self._settling_at, sequence
        else:
            self.settling = None

    def _of_scheme(self, scheme: str) -> Totals:
        if scheme not in self.totals:
            self.totals[scheme] = Totals()
        return self.totals[scheme]

    def _drop_stored(self, name: "Name") -> "Pending | None":
        for index, pending in enumerate(self.stored):
            if pending.name == name:
                return self.stored.pop(index)
        return None

    # -- looking up

    def find(self, stan: int, batch: "int | None" = None) -> "Transaction | None":
        """The transaction of that STAN in the open batch or in `batch`, as the journal knows
        it."""
        return self.history.find(self.batch if batch is None else batch, stan)

    def read(self, pending: Pending) -> Transaction:
        """The stored sale with all that its advice needs."""
        transaction = self.history.find(pending.name[0], pending.name[1], pending.sequence)
        if transaction is None:
            raise JournalError("a stored sale is not in the journal any more")
        return transaction

    def late_approval(self, stan: int) -> None:
        """An approval came after its request was given up: if its reversal is over already, it is
        owed again."""
        for transaction in self._reversed:
            if transaction.stan == stan and transaction.state == life.REVERSED:
                self._reversed = [other for other in self._reversed if other is not transaction]
                transaction.move(life.UNKNOWN)
                return
