"""The acquirer's books: accounts, transactions, reversals, batches.  SQLite by default.

A transaction is named by terminal, batch, STAN and date; whatever comes twice under one name is
booked once.  Cards are kept under a token (HMAC of the PAN), never under their number.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint, create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import StaticPool

from simulator.acquirer.messages import mask

_TOKEN_KEY = b"kassa sandbox card tokens"
OPENING_BALANCE_MINOR = 100_000_00


@dataclass(frozen=True)
class Name:
    """What identifies a transaction, on first sending and on every repetition."""

    terminal: str
    batch: str
    stan: str
    date: str


class Base(DeclarativeBase):
    pass


class Account(Base):
    """A card's account.  Amounts in minor units of its currency (ISO 4217 number)."""

    __tablename__ = "accounts"
    token: Mapped[str] = mapped_column(String(64), primary_key=True)
    masked: Mapped[str] = mapped_column(String(19))
    currency: Mapped[str] = mapped_column(String(3))
    balance_minor: Mapped[int]
    blocked: Mapped[bool] = mapped_column(default=False)


class Transaction(Base):
    """A request that was decided, and what was answered."""

    __tablename__ = "transactions"
    __table_args__ = (UniqueConstraint("terminal", "batch", "stan", "date"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    terminal: Mapped[str] = mapped_column(String(8))
    batch: Mapped[str] = mapped_column(String(6))
    stan: Mapped[str] = mapped_column(String(6))
    date: Mapped[str] = mapped_column(String(4))
    mti: Mapped[str] = mapped_column(String(4))
    token: Mapped[str | None] = mapped_column(ForeignKey("accounts.token"))
    amount_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3))
    code: Mapped[str] = mapped_column(String(2))
    approval_code: Mapped[str] = mapped_column(String(6))
    rrn: Mapped[str] = mapped_column(String(12))
    reversed: Mapped[bool] = mapped_column(default=False)

    @property
    def approved(self) -> bool:
        return self.code == "00"

    @property
    def captured(self) -> bool:
        """Whether money moved (an authorisation only asks)."""
        return self.approved and self.mti != "0100"


class Reversal(Base):
    """A reversal, also of a transaction that never came, so that it is refused if it comes yet."""

    __tablename__ = "reversals"
    __table_args__ = (UniqueConstraint("terminal", "batch", "stan", "date"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    terminal: Mapped[str] = mapped_column(String(8))
    batch: Mapped[str] = mapped_column(String(6))
    stan: Mapped[str] = mapped_column(String(6))
    date: Mapped[str] = mapped_column(String(4))
    original_known: Mapped[bool]


class Batch(Base):
    """A settled batch and what both sides counted."""

    __tablename__ = "batches"
    terminal: Mapped[str] = mapped_column(String(8), primary_key=True)
    batch: Mapped[str] = mapped_column(String(6), primary_key=True)
    debits: Mapped[int]
    debits_minor: Mapped[int]
    balanced: Mapped[bool]


@dataclass(frozen=True)
class Totals:
    """Captured sales of a batch; reversed ones counted apart."""

    debits: int
    debits_minor: int
    reversed: int
    reversed_minor: int


class Ledger:
    """The books in the database `url`; in memory by default."""

    def __init__(self, url: str = "sqlite://") -> None:
        options: dict[str, Any] = {}
        if url == "sqlite://":
            # One connection for all of an in-memory database, else each would see its own.
            options = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
        self._engine = create_engine(url, **options)
        Base.metadata.create_all(self._engine)

    def close(self) -> None:
        self._engine.dispose()

    def open_account(
        self, pan: str, currency: str, balance_minor: int = OPENING_BALANCE_MINOR
    ) -> Account:
        """The card's account, opened with that balance if it has none yet."""
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            account = session.get(Account, _token(pan))
            if account is None:
                account = Account(
                    token=_token(pan),
                    masked=mask(pan),
                    currency=currency,
                    balance_minor=balance_minor,
                    blocked=False,
                )
                session.add(account)
            return account

    def set_account(
        self, pan: str, *, balance_minor: int | None = None, blocked: bool | None = None
    ) -> None:
        """Change an account that is open."""
        with Session(self._engine) as session, session.begin():
            account = session.get_one(Account, _token(pan))
            if balance_minor is not None:
                account.balance_minor = balance_minor
            if blocked is not None:
                account.blocked = blocked

    def balance_minor(self, pan: str) -> int:
        with Session(self._engine) as session:
            return session.get_one(Account, _token(pan)).balance_minor

    def find(self, name: Name) -> Transaction | None:
        """The transaction of that name, however it was decided."""
        with Session(self._engine, expire_on_commit=False) as session:
            return session.scalar(_named(Transaction, name))

    def was_reversed(self, name: Name) -> bool:
        """Whether a reversal came, before or after the transaction."""
        with Session(self._engine) as session:
            return session.scalar(_named(Reversal, name)) is not None

    def book(
        self,
        name: Name,
        mti: str,
        pan: str | None,
        amount_minor: int,
        currency: str,
        code: str,
        approval_code: str,
        rrn: str,
    ) -> Transaction:
        """Record a decision; an approved sale or advice takes the money."""
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            transaction = Transaction(
                terminal=name.terminal,
                batch=name.batch,
                stan=name.stan,
                date=name.date,
                mti=mti,
                token=_token(pan) if pan else None,
                amount_minor=amount_minor,
                currency=currency,
                code=code,
                approval_code=approval_code,
                rrn=rrn,
                reversed=False,
            )
            session.add(transaction)
            if transaction.captured and transaction.token:
                session.get_one(Account, transaction.token).balance_minor -= amount_minor
            return transaction

    def reverse(self, name: Name) -> bool:
        """Take a transaction back, once; whether it was known."""
        with Session(self._engine) as session, session.begin():
            original = session.scalar(_named(Transaction, name))
            if session.scalar(_named(Reversal, name)) is None:
                session.add(
                    Reversal(
                        terminal=name.terminal,
                        batch=name.batch,
                        stan=name.stan,
                        date=name.date,
                        original_known=original is not None,
                    )
                )
                if original is not None:
                    if original.captured and original.token:
                        account = session.get_one(Account, original.token)
                        account.balance_minor += original.amount_minor
                    original.reversed = True
            return original is not None

    def totals(self, terminal: str, batch: str) -> Totals:
        """What the books say of a batch."""
        with Session(self._engine) as session:
            counted = {}
            for was_reversed in (False, True):
                counted[was_reversed] = session.execute(
                    select(
                        func.count(), func.coalesce(func.sum(Transaction.amount_minor), 0)
                    ).where(
                        Transaction.terminal == terminal,
                        Transaction.batch == batch,
                        Transaction.code == "00",
                        Transaction.mti != "0100",
                        Transaction.reversed == was_reversed,
                    )
                ).one()
        return Totals(*counted[False], *counted[True])

    def settle(self, terminal: str, batch: str, debits: int, debits_minor: int) -> bool:
        """Close a batch with the terminal's totals; whether they are ours.  Once, if repeated."""
        ours = self.totals(terminal, batch)
        with Session(self._engine) as session, session.begin():
            closed = session.get(Batch, (terminal, batch))
            if closed is not None:
                return closed.balanced
            balanced = (debits, debits_minor) == (ours.debits, ours.debits_minor)
            session.add(
                Batch(
                    terminal=terminal,
                    batch=batch,
                    debits=ours.debits,
                    debits_minor=ours.debits_minor,
                    balanced=balanced,
                )
            )
            return balanced

    def summary(self) -> dict[str, int]:
        """Counts of everything, for scenarios and the web page.

        approved (and captured, not reversed), declined, reversed, advices, settled;
        total_minor is what the merchant gets.
        """
        with Session(self._engine) as session:
            transactions = session.scalars(select(Transaction)).all()
            kept = [t for t in transactions if t.approved and not t.reversed]
            return {
                "approved": len(kept),
                "declined": sum(not t.approved for t in transactions),
                "reversed": session.scalar(select(func.count()).select_from(Reversal)) or 0,
                "advices": sum(t.mti.startswith("022") for t in kept),
                "settled": session.scalar(select(func.count()).select_from(Batch)) or 0,
                "total_minor": sum(t.amount_minor for t in kept if t.captured),
            }


def _named(table: type[Transaction] | type[Reversal], name: Name):  # type: ignore[no-untyped-def]
    return select(table).where(
        table.terminal == name.terminal,
        table.batch == name.batch,
        table.stan == name.stan,
        table.date == name.date,
    )


def _token(pan: str) -> str:
    return hmac.new(_TOKEN_KEY, pan.encode(), hashlib.sha256).hexdigest()
