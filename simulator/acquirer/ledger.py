"""The acquirer's books: accounts, transactions, reversals, batches.  SQLite by default.

A transaction is named by terminal, batch, STAN and date; whatever comes twice under one name is
booked once.  Cards are kept under a token (HMAC of the PAN), never under their number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint, create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import StaticPool

from simulator.acquirer.messages import mask
from simulator.acquirer.tokens import card_token

OPENING_BALANCE_MINOR = 100_000_00


@dataclass(frozen=True)
class Name:
    """What identifies a transaction, on first sending and on every repetition."""

    terminal: str
    batch: str
    stan: str
    date: str


COUNTS = (
    "approved",
    "declined",
    "reversed",
    "advices",
    "settled",
    "refunds",
    "out_of_balance",
    "total_minor",
)
"""What `Ledger.summary` counts."""


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
    credit: Mapped[bool] = mapped_column(default=False)
    original_id: Mapped[int | None] = mapped_column(ForeignKey("transactions.id"), default=None)

    @property
    def signed_minor(self) -> int:
        """What the merchant gets: less than nothing for a refund."""
        return -self.amount_minor if self.credit else self.amount_minor

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
    credits: Mapped[int] = mapped_column(default=0)
    credits_minor: Mapped[int] = mapped_column(default=0)
    balanced: Mapped[bool]


class Detail(Base):
    """What a terminal says was in a batch whose totals differ."""

    __tablename__ = "details"
    __table_args__ = (UniqueConstraint("terminal", "batch", "stan", "date"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    terminal: Mapped[str] = mapped_column(String(8))
    batch: Mapped[str] = mapped_column(String(6))
    stan: Mapped[str] = mapped_column(String(6))
    date: Mapped[str] = mapped_column(String(4))
    amount_minor: Mapped[int]
    credit: Mapped[bool]


@dataclass(frozen=True)
class Totals:
    """Captured sales and refunds of a batch; reversed ones counted apart."""

    debits: int
    debits_minor: int
    reversed: int
    reversed_minor: int
    credits: int = 0
    credits_minor: int = 0


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
            account = session.get(Account, card_token(pan))
            if account is None:
                account = Account(
                    token=card_token(pan),
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
            account = session.get_one(Account, card_token(pan))
            if balance_minor is not None:
                account.balance_minor = balance_minor
            if blocked is not None:
                account.blocked = blocked

    def balance_minor(self, pan: str) -> int:
        with Session(self._engine) as session:
            return session.get_one(Account, card_token(pan)).balance_minor

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
        credit: bool = False,
        original: Transaction | None = None,
    ) -> Transaction:
        """Record a decision.  An approved sale or advice takes money, a refund (`credit`) gives
        it back: to the card, or without one to the card of its `original`.
        """
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            transaction = Transaction(
                terminal=name.terminal,
                batch=name.batch,
                stan=name.stan,
                date=name.date,
                mti=mti,
                token=card_token(pan) if pan else (original.token if original else None),
                amount_minor=amount_minor,
                currency=currency,
                code=code,
                approval_code=approval_code,
                rrn=rrn,
                reversed=False,
                credit=credit,
                original_id=original.id if original else None,
            )
            session.add(transaction)
            if transaction.captured and transaction.token:
                account = session.get_one(Account, transaction.token)
                account.balance_minor -= transaction.signed_minor
            return transaction

    def find_sale(self, terminal: str, batch: str, stan: str, rrn: str) -> Transaction | None:
        """The sale that a linked refund names."""
        with Session(self._engine, expire_on_commit=False) as session:
            return session.scalar(
                select(Transaction).where(
                    Transaction.terminal == terminal,
                    Transaction.batch == batch,
                    Transaction.stan == stan,
                    Transaction.rrn == rrn,
                    Transaction.credit.is_(False),
                )
            )

    def refunded_minor(self, sale: Transaction) -> int:
        """How much of a sale has been given back."""
        with Session(self._engine) as session:
            refunds = session.scalars(
                select(Transaction).where(Transaction.original_id == sale.id)
            ).all()
            return sum(r.amount_minor for r in refunds if r.approved and not r.reversed)

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
                        account.balance_minor += original.signed_minor
                    original.reversed = True
            return original is not None

    def totals(self, terminal: str, batch: str) -> Totals:
        """What the books say of a batch."""
        counted = {key: [0, 0] for key in ("debits", "credits", "reversed")}
        for one in self._captured(terminal, batch):
            key = "reversed" if one.reversed else "credits" if one.credit else "debits"
            counted[key][0] += 1
            counted[key][1] += one.amount_minor
        return Totals(*counted["debits"], *counted["reversed"], *counted["credits"])

    def _captured(self, terminal: str, batch: str) -> list[Transaction]:
        with Session(self._engine, expire_on_commit=False) as session:
            found = session.scalars(
                select(Transaction).where(
                    Transaction.terminal == terminal, Transaction.batch == batch
                )
            ).all()
            return [one for one in found if one.captured]

    def kept(self, terminal: str) -> dict[Name, int]:
        """What a terminal has at the end, for comparing books: name -> what the merchant gets."""
        with Session(self._engine) as session:
            found = session.scalars(
                select(Transaction).where(Transaction.terminal == terminal)
            ).all()
            return {
                Name(one.terminal, one.batch, one.stan, one.date): one.signed_minor
                for one in found
                if one.captured and not one.reversed
            }

    def settle(
        self,
        terminal: str,
        batch: str,
        debits: int,
        debits_minor: int,
        credits: int = 0,
        credits_minor: int = 0,
        again: bool = False,
    ) -> bool:
        """Close a batch with the terminal's totals; whether they are ours.

        Repeated it says the same once more; `again`, after details were sent, compares anew.
        """
        ours = self.totals(terminal, batch)
        theirs = (debits, debits_minor, credits, credits_minor)
        balanced = theirs == (ours.debits, ours.debits_minor, ours.credits, ours.credits_minor)
        with Session(self._engine) as session, session.begin():
            closed = session.get(Batch, (terminal, batch))
            if closed is None:
                closed = Batch(terminal=terminal, batch=batch, balanced=balanced)
                session.add(closed)
            elif not again:
                return closed.balanced
            closed.debits, closed.debits_minor = ours.debits, ours.debits_minor
            closed.credits, closed.credits_minor = ours.credits, ours.credits_minor
            closed.balanced = balanced
            return balanced

    def note_detail(self, name: Name, amount_minor: int, credit: bool) -> None:
        """Keep what a terminal says of a batch that is out of balance, once."""
        with Session(self._engine) as session, session.begin():
            if session.scalar(_named(Detail, name)) is None:
                session.add(
                    Detail(
                        terminal=name.terminal,
                        batch=name.batch,
                        stan=name.stan,
                        date=name.date,
                        amount_minor=amount_minor,
                        credit=credit,
                    )
                )

    def differences(self, terminal: str, batch: str) -> list[str]:
        """STANs that only one side has, or with another amount, once details were sent."""
        with Session(self._engine) as session:
            details = session.scalars(
                select(Detail).where(Detail.terminal == terminal, Detail.batch == batch)
            ).all()
            theirs = {(one.stan, one.amount_minor, one.credit) for one in details}
        captured = [one for one in self._captured(terminal, batch) if not one.reversed]
        ours = {(one.stan, one.amount_minor, one.credit) for one in captured}
        return sorted({stan for stan, _, _ in theirs ^ ours})

    def summary(self) -> dict[str, int]:
        """Counts of everything, for scenarios and the web page.

        approved (and captured, not reversed), declined, reversed, advices, refunds, settled, and
        out_of_balance of those; total_minor is what the merchant gets.
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
                "refunds": sum(t.credit for t in kept),
                "out_of_balance": session.scalar(
                    select(func.count()).select_from(Batch).where(Batch.balanced.is_(False))
                )
                or 0,
                "total_minor": sum(t.signed_minor for t in kept if t.captured),
            }


def _named(table: type[Transaction | Reversal | Detail], name: Name):  # type: ignore[no-untyped-def]
    return select(table).where(
        table.terminal == name.terminal,
        table.batch == name.batch,
        table.stan == name.stan,
        table.date == name.date,
    )
