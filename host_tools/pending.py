"""What the records of a journal add up to: the money that is still on the terminal, in words.

    for sentence in pending.of(examine(image, key).records).sentences(): ...

The rules are those by which the terminal itself replays its journal (`kassa.payment.records`, the
table; `kassa.payment.book`).  Sealed records say nothing, so the terminal's key is needed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from kassa.payment import records as payments
from kassa.payment.transaction import Transaction
from kassa.system.currency import CURRENCIES

from host_tools.journal import ImageRecord

Name = tuple[int, int]


@dataclass
class Pending:
    """stored: sales that the host has not been told of yet; owed: transactions that must be
    reversed, or whose answer never came; refused: stored sales that the bank declined, which the
    merchant has not seen yet; by (batch, STAN), oldest first.
    batch: the open one; count, net_minor by currency: what it has settled so far to nobody.
    settling: the batch that was closed and not answered yet.
    """

    stored: dict[Name, Transaction] = field(default_factory=dict)
    owed: dict[Name, Transaction] = field(default_factory=dict)
    refused: list[Name] = field(default_factory=list)
    batch: int = 1
    count: int = 0
    net_minor: dict[str, int] = field(default_factory=dict)
    settling: int | None = None

    @property
    def anything(self) -> bool:
        """Whether money would be lost with this journal."""
        return bool(self.stored or self.owed or self.count or self.settling is not None)

    def sentences(self) -> list[str]:
        """What is pending, a line each; one line that says so when nothing is."""
        told = []
        if self.stored:
            told.append(f"{_sales(self.stored.values())} stored offline, not sent yet.")
        if self.owed:
            told.append(f"{_sales(self.owed.values(), 'reversal')} owed to the host.")
        if self.refused:
            told.append(f"{_plural(len(self.refused), 'refusal')} not shown to the merchant yet.")
        if self.settling is not None:
            told.append(f"Batch {self.settling} is closed and the host has not answered yet.")
        if self.count:
            told.append(
                f"Batch {self.batch} is open: {_plural(self.count, 'transaction')}, "
                f"{_money(self.net_minor)}."
            )
        return told or ["Nothing is pending."]

    def as_json(self) -> dict[str, Any]:
        return {
            "stored": [_json(one) for one in self.stored.values()],
            "owed": [_json(one) for one in self.owed.values()],
            "refused": [{"batch": batch, "stan": stan} for batch, stan in self.refused],
            "settling": self.settling,
            "batch": self.batch,
            "batch_count": self.count,
            "batch_net_minor": self.net_minor,
        }


def of(records: Iterable[ImageRecord]) -> Pending:
    """Replay the records that are not trimmed; what cannot be read is passed over."""
    replay = _Replay()
    for record in records:
        if record.trimmed or record.payload is None:
            continue
        try:
            name, facts = payments.decode(record.payload)
            replay.take(record.kind, name, facts)
        except (payments.RecordError, ValueError, KeyError):
            continue
    return replay.end()


class _Replay:
    def __init__(self) -> None:
        self._found = Pending()
        self._live: dict[Name, Transaction] = {}
        self._known: dict[Name, Transaction] = {}

    def take(self, kind: int, name: Name, facts: dict[int, bytes]) -> None:
        found = self._found
        if kind == payments.SETTLING:
            found.settling, found.batch = name[0], name[0] + 1
            found.count, found.net_minor = 0, {}
            return
        if kind == payments.SETTLED:
            found.settling = None
            return
        found.batch = max(found.batch, name[0])
        if payments.has_all_facts(facts):
            self._known[name] = payments.transaction_of(name, facts)
        live = self._live.pop(name, None)
        transaction = self._known.get(name)
        if kind == payments.REPORTED:
            found.refused = [other for other in found.refused if other != name]
        elif kind in (payments.REVERSED, payments.VOIDED):
            found.stored.pop(name, None)
            found.owed.pop(name, None)
        elif kind == payments.REFUSED:
            found.stored.pop(name, None)
            found.refused.append(name)
        elif kind == payments.FORWARDED:
            sent = found.stored.pop(name, None)
            if sent is not None:
                self._count(sent, 1)
        elif transaction is not None:
            self._move(kind, name, transaction, live)

    def _move(
        self, kind: int, name: Name, transaction: Transaction, live: Transaction | None
    ) -> None:
        found = self._found
        if kind == payments.REQUESTED:
            self._live[name] = transaction
        elif kind == payments.APPROVED and live is not None:
            self._count(transaction, 1)
        elif kind == payments.STORED:
            found.stored[name] = transaction
        elif kind == payments.UNKNOWN:
            found.owed[name] = transaction
        elif kind == payments.VOIDING:
            if found.stored.pop(name, None) is None and name[0] == found.batch:
                self._count(transaction, -1)
            found.owed[name] = transaction

    def _count(self, transaction: Transaction, sign: int) -> None:
        net = self._found.net_minor
        amount = transaction.amount_minor * (-1 if transaction.kind == "refund" else 1)
        net[transaction.currency] = net.get(transaction.currency, 0) + sign * amount
        self._found.count += sign

    def end(self) -> Pending:
        """Who got no answer is reversed at the next start."""
        self._found.owed.update(self._live)
        return self._found


def _json(transaction: Transaction) -> dict[str, Any]:
    return {
        "batch": transaction.batch,
        "stan": transaction.stan,
        "kind": transaction.kind,
        "amount_minor": transaction.amount_minor,
        "currency": transaction.currency,
        "started": "{:04}-{:02}-{:02} {:02}:{:02}:{:02}".format(*transaction.started),
    }


def _sales(transactions: Iterable[Transaction], noun: str = "sale") -> str:
    each = list(transactions)
    sums: dict[str, int] = {}
    for one in each:
        sums[one.currency] = sums.get(one.currency, 0) + one.amount_minor
    return f"{_plural(len(each), noun)} ({_money(sums)})"


def _money(minor: dict[str, int]) -> str:
    amounts = []
    for currency, value in minor.items():
        digits = CURRENCIES.get(currency, (0, 2))[1]
        amounts.append(f"{value / 10**digits:.{digits}f} {currency}")
    return " and ".join(amounts) or "0"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
