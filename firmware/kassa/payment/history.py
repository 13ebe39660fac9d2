"""What is not in memory any more: transactions looked up in the journal."""

from typing import TYPE_CHECKING

from kassa.payment import records
from kassa.payment import transaction as life

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from kassa.journal.journal import Journal
    from kassa.payment.transaction import Transaction

    Name = tuple[int, int]


class History:
    """Reads `journal` from its oldest record on; `on_move` is given to what is found."""

    def __init__(self, journal: "Journal", on_move: "Callable[[Transaction, str], None]") -> None:
        self._journal = journal
        self._on_move = on_move

    def _moves(
        self, since: int = 0
    ) -> "Generator[tuple[str, Name, dict[int, bytes]], None, None]":
        """(state, name, objects) of each record that is a transaction's move and can be
        understood, from record `since` on."""
        journal = self._journal
        for record in journal.records_from(since) if since else journal.records():
            state = records.STATE_OF.get(record.kind)
            if state is None:
                continue
            try:
                name, facts = records.decode(record.payload)
            except records.RecordError:
                continue
            yield state, name, facts

    def find(self, batch: int, stan: int, since: int = 0) -> "Transaction | None":
        """The transaction of that name in its present state; `since`: its first record, where that
        is known, to read no more than needed."""
        wanted = (batch, stan)
        found = None
        for state, name, facts in self._moves(since):
            if name != wanted:
                continue
            if records.has_all_facts(facts):
                kept = found
                found = records.transaction_of(name, facts)
                found.on_move = self._on_move
                if kept is not None:
                    # A void repeats the facts, but neither what an advice needs nor the reasons.
                    found.emv_data, found.sealed_card = kept.emv_data, kept.sealed_card
                    found.decision, found.card_token = kept.decision, kept.card_token
            if found is not None:
                records.update(found, facts)
                found.state = state
        return found

    def in_batch(self, batch: int) -> "Generator[Transaction, None, None]":
        """The transactions of `batch` that were promised the money, in the order of their results.

        Reads the journal twice: once for how each ended, once for the facts.
        """
        states = {}  # type: dict[Name, str]
        for state, name, _ in self._moves():
            if name[0] == batch:
                states[name] = state
        unfinished = {}  # type: dict[Name, Transaction]
        for state, name, facts in self._moves():
            if states.get(name) not in life.MONEY:
                continue
            if records.has_all_facts(facts):
                unfinished[name] = records.transaction_of(name, facts)
            if name not in unfinished:
                continue
            records.update(unfinished[name], facts)
            unfinished[name].state = state
            if state == states[name]:
                found = unfinished.pop(name)
                found.on_move = self._on_move
                yield found

    def last_sale(self, batch: int) -> "Transaction | None":
        """The newest sale of `batch` that was promised the money."""
        newest = 0
        for transaction in self.in_batch(batch):
            if transaction.kind == life.SALE:
                newest = max(newest, transaction.stan)
        return self.find(batch, newest) if newest else None

    def refunded_minor(self, sale: "Name") -> int:
        """How much of a sale has been given back by linked refunds that stand."""
        total = 0
        for batch in (sale[0], sale[0] + 1):
            for other in self.in_batch(batch):
                if other.original == sale:
                    total += other.amount_minor
        return total
