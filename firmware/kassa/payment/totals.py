"""What a batch adds up to, by scheme.  Pure."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kassa.payment.transaction import Transaction

_FIELDS = 4
_COUNT_SIZE, _MINOR_SIZE = 3, 6


class Totals:
    """Counts and sums in minor units: sales (debits of the cardholder) and refunds (credits)."""

    def __init__(
        self, sales: int = 0, sales_minor: int = 0, refunds: int = 0, refunds_minor: int = 0
    ) -> None:
        self.sales = sales
        self.sales_minor = sales_minor
        self.refunds = refunds
        self.refunds_minor = refunds_minor

    @property
    def net_minor(self) -> int:
        """What the merchant gets; may be negative."""
        return self.sales_minor - self.refunds_minor

    @property
    def empty(self) -> bool:
        return not (self.sales or self.refunds)

    def add(self, other: "Totals") -> None:
        self.sales += other.sales
        self.sales_minor += other.sales_minor
        self.refunds += other.refunds
        self.refunds_minor += other.refunds_minor

    def count(self, transaction: "Transaction", sign: int = 1) -> None:
        """Put `transaction` in, or with sign -1 take it out."""
        if transaction.kind == "refund":
            self.refunds += sign
            self.refunds_minor += sign * transaction.amount_minor
        else:
            self.sales += sign
            self.sales_minor += sign * transaction.amount_minor

    def as_tuple(self) -> "tuple[int, int, int, int]":
        return self.sales, self.sales_minor, self.refunds, self.refunds_minor


def overall(by_scheme: "dict[str, Totals]") -> Totals:
    """All schemes together."""
    total = Totals()
    for one in by_scheme.values():
        total.add(one)
    return total


def encode(by_scheme: "dict[str, Totals]") -> bytes:
    """For the journal: scheme's name behind its length, then counts in 3 and sums in 6 bytes."""
    buffer = bytearray()
    for scheme in sorted(by_scheme):
        one = by_scheme[scheme]
        name = scheme.encode()
        buffer.append(len(name))
        buffer.extend(name)
        buffer.extend(one.sales.to_bytes(_COUNT_SIZE, "big"))
        buffer.extend(one.sales_minor.to_bytes(_MINOR_SIZE, "big"))
        buffer.extend(one.refunds.to_bytes(_COUNT_SIZE, "big"))
        buffer.extend(one.refunds_minor.to_bytes(_MINOR_SIZE, "big"))
    return bytes(buffer)


def decode(data: bytes) -> "dict[str, Totals]":
    """The reverse of `encode`."""
    by_scheme = {}
    at = 0
    while at < len(data):
        length = data[at]
        name = data[at + 1 : at + 1 + length].decode()
        at += 1 + length
        values = []
        for size in (_COUNT_SIZE, _MINOR_SIZE) * (_FIELDS // 2):
            values.append(int.from_bytes(data[at : at + size], "big"))
            at += size
        by_scheme[name] = Totals(*values)
    return by_scheme
