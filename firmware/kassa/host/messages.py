"""What the terminal says to its host: one builder method a message, and what answers mean.

Field by field the messages are described in simulator/acquirer/README.md.  Amounts are whole minor
units, currencies ISO 4217 numbers, moments (year, month, day, hour, minute, second).

A transaction is named by (terminal DE 41, batch DE 60, STAN DE 11, date DE 13).  The name is given
once and repeated in every message about it, whatever becomes of them, so that the host can tell a
repetition from a new transaction.
"""

from typing import TYPE_CHECKING

from kassa.host.card_block import Card
from kassa.system.clock import hhmmss, yymmdd

if TYPE_CHECKING:
    from kassa.system.clock import Clock, Moment
    from kassa.system.config import TerminalConfig

SIGN_ON = "001"
ECHO = "301"
# System control, for private use.
HEALTH = "381"
LONGEST_HEALTH = 255

# DE 3.
PURCHASE = "000000"
REFUND = "200000"
BATCH_DETAILS = "960000"

# DE 22: contactless chip, no PIN pad.
CONTACTLESS_CHIP = "072"
# DE 25: normal presentment.
_NORMAL = "00"
# DE 39 of a reversal: why.
NO_ANSWER = "68"
CANCELLED = "17"


class Request:
    """A message to the host, before it is sealed.

    fields       DE number -> value, without DE 110 and MAC, which sealing adds
    card         what goes into the encrypted card block, or None
    sealed_card  a card block sealed earlier (a stored offline sale), or b""
    signed       whether it carries a MAC (and so uses up a key); only the echo does not
    """

    def __init__(
        self,
        mti: str,
        fields: "dict[int, object]",
        card: "Card | None" = None,
        sealed_card: bytes = b"",
        signed: bool = True,
    ) -> None:
        self.mti = mti
        self.fields = fields
        self.card = card
        self.sealed_card = sealed_card
        self.signed = signed

    @property
    def stan(self) -> str:
        return self.fields[11]  # type: ignore[return-value]

    @property
    def answer_mti(self) -> str:
        """The message type of the answer: 0200 and 0201 -> 0210, 0400 -> 0410."""
        return self.mti[:2] + chr(ord(self.mti[2]) + 1) + "0"


class Original:
    """The sale that a refund gives back."""

    def __init__(self, stan: int, batch: int, started: "Moment", rrn: str) -> None:
        self.stan = stan
        self.batch = batch
        self.started = started
        self.rrn = rrn


class Totals:
    """One side of a settlement: how many, how much; reversed ones are counted apart."""

    def __init__(
        self, count: int = 0, minor: int = 0, reversed_count: int = 0, reversed_minor: int = 0
    ) -> None:
        self.count = count
        self.minor = minor
        self.reversed_count = reversed_count
        self.reversed_minor = reversed_minor


class Builder:
    """Builds the messages of one terminal."""

    def __init__(self, config: "TerminalConfig", clock: "Clock") -> None:
        self._config = config
        self._clock = clock

    def sign_on(self, stan: int) -> Request:
        """0800: the terminal is here; the answer tells the host's time."""
        return Request("0800", self._network_management(stan, SIGN_ON))

    def echo(self, stan: int) -> Request:
        """0800: are you there?  It changes nothing, so it costs no key."""
        return Request("0800", self._network_management(stan, ECHO), signed=False)

    def health(self, stan: int, text: str) -> Request:
        """0800: how the terminal is (DE 63, JSON of at most 255 characters)."""
        fields = self._network_management(stan, HEALTH)
        fields[63] = text
        return Request("0800", fields)

    def authorisation(
        self,
        stan: int,
        amount_minor: int,
        currency: int,
        batch: int,
        started: "Moment",
        emv_data: bytes,
        card: Card,
    ) -> Request:
        """0100: may this card pay so much?  Nothing is captured."""
        fields = self._payment(stan, amount_minor, currency, batch, started)
        fields[55] = emv_data
        return Request("0100", fields, card)

    def sale(
        self,
        stan: int,
        amount_minor: int,
        currency: int,
        batch: int,
        started: "Moment",
        emv_data: bytes,
        card: Card,
    ) -> Request:
        """0200: authorise and capture.  `emv_data` is DE 55, BER-TLV without PAN and track 2."""
        fields = self._payment(stan, amount_minor, currency, batch, started)
        fields[55] = emv_data
        return Request("0200", fields, card)

    def advice(
        self,
        stan: int,
        amount_minor: int,
        currency: int,
        batch: int,
        started: "Moment",
        emv_data: bytes,
        sealed_card: bytes,
        approval_code: str = "",
        response_code: str = "Y1",
        repeat: bool = False,
    ) -> Request:
        """0220, repeats 0221: a sale that was approved offline (Y1) or where the host was not
        reached (Y3)."""
        fields = self._payment(stan, amount_minor, currency, batch, started)
        fields[55] = emv_data
        fields[39] = response_code
        if approval_code:
            fields[38] = approval_code
        return Request("0221" if repeat else "0220", fields, sealed_card=sealed_card)

    def refund(
        self,
        stan: int,
        amount_minor: int,
        currency: int,
        batch: int,
        started: "Moment",
        original: "Original | None" = None,
        emv_data: bytes = b"",
        card: "Card | None" = None,
    ) -> Request:
        """0200 with processing code 20: money back, of a sale (`original`, without a card) or to a
        card."""
        fields = self._payment(stan, amount_minor, currency, batch, started)
        fields[3] = REFUND
        if emv_data:
            fields[55] = emv_data
        if original is not None:
            fields[37] = original.rrn
            fields[90] = _original("0200", original.stan, original.started)
            fields[61] = "%06d" % original.batch
        return Request("0200", fields, card)

    def reversal(
        self,
        stan: int,
        amount_minor: int,
        currency: int,
        batch: int,
        started: "Moment",
        original_mti: str = "0200",
        reason: str = NO_ANSWER,
        rrn: str = "",
        repeat: bool = False,
        processing_code: str = PURCHASE,
    ) -> Request:
        """0400, repeats 0401: the transaction of that STAN, batch and date shall not have been."""
        fields = self._payment(stan, amount_minor, currency, batch, started)
        fields[3] = processing_code
        fields[39] = reason
        if rrn:
            fields[37] = rrn
        fields[90] = _original(original_mti, stan, started)
        return Request("0401" if repeat else "0400", fields)

    def settlement(
        self,
        stan: int,
        batch: int,
        currency: int,
        debits: Totals,
        credits: Totals,
        repeat: bool = False,
    ) -> Request:
        """0500, repeats 0501: close `batch`.  Sales are debits (of the cardholder), refunds
        credits."""
        local = self._clock.local()
        fields = self._common(stan, local)
        fields[49] = "%03d" % currency
        fields[60] = "%06d" % batch
        fields[74] = credits.count
        fields[75] = credits.reversed_count
        fields[76] = debits.count
        fields[77] = debits.reversed_count
        fields[86] = credits.minor
        fields[87] = credits.reversed_minor
        fields[88] = debits.minor
        fields[89] = debits.reversed_minor
        net = debits.minor - credits.minor
        fields[97] = ("D" if net >= 0 else "C") + "%016d" % abs(net)
        return Request("0501" if repeat else "0500", fields)

    def batch_detail(
        self,
        stan: int,
        amount_minor: int,
        currency: int,
        batch: int,
        started: "Moment",
        refund: bool,
        rrn: str,
    ) -> Request:
        """0320: one transaction of a batch whose totals differ, for the host to look up."""
        fields = self._payment(stan, amount_minor, currency, batch, started)
        if refund:
            fields[3] = REFUND
        if rrn:
            fields[37] = rrn
        return Request("0320", fields)

    def batch_details_end(
        self, stan: int, batch: int, currency: int, debits: Totals, credits: Totals
    ) -> Request:
        """0500 with processing code 96: all details of `batch` have been sent, compare again."""
        request = self.settlement(stan, batch, currency, debits, credits)
        request.fields[3] = BATCH_DETAILS
        return request

    def _network_management(self, stan: int, code: str) -> "dict[int, object]":
        fields = self._common(stan, self._clock.local())
        fields[70] = code
        return fields

    def _payment(
        self, stan: int, amount_minor: int, currency: int, batch: int, started: "Moment"
    ) -> "dict[int, object]":
        fields = self._common(stan, started)
        fields[3] = PURCHASE
        fields[4] = amount_minor
        fields[18] = self._config.merchant.category
        fields[22] = CONTACTLESS_CHIP
        fields[25] = _NORMAL
        fields[49] = "%03d" % currency
        fields[60] = "%06d" % batch
        return fields

    def _common(self, stan: int, local: "Moment") -> "dict[int, object]":
        utc = self._clock.utc()
        return {
            7: _mmdd(utc) + hhmmss(utc),
            11: "%06d" % stan,
            12: hhmmss(local),
            13: _mmdd(local),
            41: self._config.terminal_id,
            42: self._config.merchant.id,
        }


def _original(mti: str, stan: int, started: "Moment") -> str:
    """DE 90: what a reversal or a linked refund is about."""
    return mti + "%06d" % stan + _mmdd(started) + hhmmss(started) + "0" * 22


def _mmdd(moment: "Moment") -> str:
    return yymmdd(moment)[2:]


def host_time(answer: "dict[int, str | bytes]") -> "Moment | None":
    """The host's UTC clock as a sign-on answer tells it (DE 62, CCYYMMDDhhmmss), if it does."""
    told = answer.get(62)
    if not isinstance(told, str) or len(told) != 14 or not told.isdigit():
        return None
    year, month, day = int(told[:4]), int(told[4:6]), int(told[6:8])
    hour, minute, second = int(told[8:10]), int(told[10:12]), int(told[12:])
    if not (2020 <= year <= 2099 and 1 <= month <= 12 and 1 <= day <= 31):
        return None
    if hour > 23 or minute > 59 or second > 59:
        return None
    return year, month, day, hour, minute, second
