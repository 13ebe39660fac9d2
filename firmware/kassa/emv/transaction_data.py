"""What the terminal knows of a transaction before a card is there (EMV Contactless Book A,
5.5)."""

from typing import TYPE_CHECKING

from kassa.system.ensure import ensure

if TYPE_CHECKING:
    from collections.abc import Callable

PURCHASE = 0x00
CASH = 0x01
PURCHASE_WITH_CASHBACK = 0x09
CASH_DISBURSEMENT = 0x17
REFUND = 0x20


class TransactionData:
    """One transaction, whatever number of taps it takes.

    Amounts are integers in minor units, `amount_minor` including `amount_other_minor` (the
    cashback); `currency` and `country` are numeric ISO codes (978, 276); `type` is ISO 8583's
    (0x00 purchase); `date` is "YYMMDD" and `time` "HHMMSS", local; `date` is None when the clock
    was never set (D-4); `counter` is the STAN. `random(n)` returns n unpredictable bytes.
    `online_only` says that the merchant would not take this one offline, whatever the card says;
    `drawn_online` that random selection has sent it online: a restart does not draw again.
    """

    def __init__(
        self,
        amount_minor: int,
        currency: int,
        country: int,
        date: "str | None",
        time: str,
        counter: int,
        random: "Callable[[int], bytes]",
        amount_other_minor: int = 0,
        type: int = PURCHASE,
        online_only: bool = False,
    ) -> None:
        ensure(
            0 <= amount_minor < 10**12 and 0 <= amount_other_minor <= amount_minor,
            "amount out of range",
        )
        ensure(0 <= currency <= 999 and 0 <= country <= 999, "ISO code out of range")
        ensure(date is None or (len(date) == 6 and date.isdigit()), "date must be YYMMDD")
        ensure(len(time) == 6 and time.isdigit(), "time must be HHMMSS")
        ensure(0 <= counter < 10**8, "counter out of range")
        self.amount_minor = amount_minor
        self.amount_other_minor = amount_other_minor
        self.currency = currency
        self.country = country
        self.type = type
        self.date = date
        self.time = time
        self.counter = counter
        self.random = random
        self.online_only = online_only
        self.drawn_online = False

    @property
    def is_refund(self) -> bool:
        """True if money goes back to the card."""
        return self.type == REFUND


def bcd(value: int, length: int) -> bytes:
    """`value` as `length` bytes of packed decimal digits, right-aligned (format n)."""
    return bytes.fromhex("{:0{}d}".format(value, 2 * length))


def comparable_date(date: "bytes | str") -> str:
    """A date as "CCYYMMDD", so that dates compare as text; D-4: years 50 to 99 are 19xx.

    `date` is "YYMMDD" or its three packed bytes.
    """
    text = date if isinstance(date, str) else date.hex()
    return ("19" if text[:2] >= "50" else "20") + text
