"""One tap: everything a kernel may use while a card is in the field, and what it leaves behind."""

from typing import TYPE_CHECKING

from kassa.emv import account, tags
from kassa.emv.errors import CardDataError, TlvError
from kassa.emv.outcome import CARD_READ_OK, EMV_DATA, MESSAGE_CARD_READ_OK, Outcome, UiRequest
from kassa.emv.transaction_data import TransactionData, bcd
from kassa.emv.tvr import set_bit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from kassa.emv.apdu import Card
    from kassa.emv.config import Record
    from kassa.emv.preprocessing import Indicators
    from kassa.system.log import Log

# No sensible tap decides more than this; a hostile one fills no memory.
_MAX_TRAIL = 40


class Tap:
    """What a kernel is handed.

    card, transaction, terminal (Record), combination (Record), indicators (Indicators) say what
    there is; fci and data hold the card's objects (tag -> value), terminal_data the terminal's: a
    card never changes those. aid is the DF name selected, tvr the five bytes of tag 95,
    static_data the records to be authenticated offline. oda is the offline data authentication to
    use and risk the terminal's risk management, or None where the terminal has none; up to
    unsigned_cap minor units an approval offline needs no verified signature.

    pdol_values are the values sent with GET PROCESSING OPTIONS, ac_objects the objects of the
    answer that holds the cryptogram, as (tag, whole TLV) in the card's order: CDA hashes both
    (ODA-6).  static_data_sound is False where a record that should be authenticated cannot be
    (ODA-3), or where the card gave two values for one object: what it signed need not be what is
    used.  trail is what was decided and by which rule, as (rule, words), for a technician.
    authenticated is the signature that was verified ("sda", "dda", "cda" or "fdda"; "" for none).
    """

    def __init__(
        self,
        card: "Card",
        transaction: TransactionData,
        terminal: "Record",
        unpredictable_number: bytes,
        ticks: "Callable[[], int]",
        on_ui: "Callable[[UiRequest], Awaitable[None] | None] | None",
        log: "Log",
        oda: "Any" = None,
        risk: "Any" = None,
        unsigned_cap: int = 0,
    ) -> None:
        self.card = card
        self.transaction = transaction
        self.terminal = terminal
        self.ticks = ticks
        self.log = log
        self.oda = oda
        self.risk = risk
        self.unsigned_cap = unsigned_cap
        self.trail: "list[tuple[str, str]]" = []
        self.phases: "list[tuple[str, int]]" = []
        self._on_ui = on_ui
        self._unpredictable_number = unpredictable_number
        self.combination: "Record" = terminal
        self.indicators: "Indicators | None" = None
        self.aid = b""
        self.fci: "dict[int, bytes]" = {}
        self.data: "dict[int, bytes]" = {}
        self.terminal_data: "dict[int, bytes]" = {}
        self.tvr = bytearray(5)
        self.static_data = bytearray()
        self.pdol_values = b""
        self.ac_objects: "list[tuple[int, bytes]]" = []
        self.static_data_sound = True
        self.authenticated = ""
        self.pan = ""
        self.expiry = ""
        self._must_go_online = False

    def select(
        self, combination: "Record", indicators: "Indicators", aid: bytes, fci: "dict[int, bytes]"
    ) -> None:
        """Begin with an application: its configuration, its FCI, nothing of the one before."""
        self.combination = combination
        self.aid = aid
        self.fci = fci
        self.data = {}
        self.tvr = bytearray(5)
        self.static_data = bytearray()
        self.pdol_values = b""
        self.ac_objects = []
        self.static_data_sound = True
        self.authenticated = ""
        self.pan = ""
        self.expiry = ""
        self._must_go_online = False
        transaction, terminal = self.transaction, self.terminal
        known = {
            tags.AMOUNT: bcd(transaction.amount_minor, 6),
            tags.AMOUNT_OTHER: bcd(transaction.amount_other_minor, 6),
            tags.COUNTRY: bcd(transaction.country, 2),
            tags.CURRENCY: bcd(transaction.currency, 2),
            tags.CURRENCY_EXPONENT: bcd(terminal.currency_exponent, 1),
            tags.DATE: bytes.fromhex(transaction.date or "000000"),
            tags.TIME: bytes.fromhex(transaction.time),
            tags.TYPE: bytes((transaction.type,)),
            tags.COUNTER: bcd(transaction.counter, 4),
            tags.UNPREDICTABLE: self._unpredictable_number,
            tags.TERMINAL_TYPE: terminal.type,
            tags.DEVICE_SERIAL: terminal.device_serial,
            tags.MERCHANT_CATEGORY: terminal.merchant_category,
            tags.ADDITIONAL_CAPABILITIES: terminal.additional_capabilities,
            tags.AID_TERMINAL: combination.aid,
        }
        if transaction.amount_minor < 1 << 32:
            # The same amounts in binary, as older cards may ask for them (Book 3, Annex A).
            known[tags.AMOUNT_BINARY] = transaction.amount_minor.to_bytes(4, "big")
            known[tags.AMOUNT_OTHER_BINARY] = transaction.amount_other_minor.to_bytes(4, "big")
        known.update(terminal.tags)
        known.update(combination.tags)
        self.terminal_data = known
        self.apply(indicators)

    def apply(self, indicators: "Indicators") -> None:
        """Use these indicators, and their TTQ, from here on."""
        self.indicators = indicators
        if indicators.ttq is not None:
            self.terminal_data[tags.TTQ] = bytes(indicators.ttq)

    @property
    def ttq(self) -> bytes:
        """The terminal transaction qualifiers as the card gets them; zeros where the combination
        has none."""
        return self.terminal_data.get(tags.TTQ, b"\0\0\0\0")

    @property
    def online_only(self) -> bool:
        """True if nothing may be approved offline: by configuration, for want of a date (D-4), or
        because the merchant's limits or the terminal's risk management would refuse it."""
        return (
            self._must_go_online
            or not self.terminal.offline_approval
            or self.transaction.date is None
            or self.transaction.online_only
        )

    def go_online(self, rule: str, why: str) -> None:
        """Nothing may be approved offline from here on: `rule` says so, because `why`."""
        self._must_go_online = True
        self.decide(rule, why + ": must go online")

    def value(self, tag: int) -> "bytes | None":
        """What is known for `tag`: the terminal's, else the card's, else its FCI's."""
        if tag == tags.TVR:
            return bytes(self.tvr)
        for known in (self.terminal_data, self.data, self.fci):
            value = known.get(tag)
            if value is not None:
                return value
        return None

    def store(self, found: "dict[int, bytes]", strict: bool) -> None:
        """Keep a card's objects.  An object without a value counts as absent.

        TlvError for a length the element cannot have, or for a date that is none.  An object the
        card gave before keeps its first value (D-2), and one that is the terminal's to say keeps
        the terminal's; `strict` (kernel 2) makes either an error, except for objects that no
        kernel knows.
        """
        for tag, value in found.items():
            bounds = tags.LENGTHS.get(tag)
            if value and bounds and not bounds[0] <= len(value) <= bounds[1]:
                raise TlvError("wrong length")
            if value and tag in tags.DATES and not value.hex().isdigit():
                raise TlvError("not a date")
            terminals = tag in tags.TERMINAL or tag in self.terminal_data
            if terminals or tag in self.data:
                if strict and (terminals or bounds):
                    raise TlvError("object occurs twice")
                if not terminals and value != self.data[tag]:
                    self.static_data_sound = False
            elif value:
                self.data[tag] = value

    def needs(self, *wanted: int) -> None:
        """CardDataError unless the card gave all of these."""
        for tag in wanted:
            if tag not in self.data:
                raise CardDataError("card data missing")

    def identify(self) -> None:
        """Find PAN and expiry.  CardDataError if 57 and 5A disagree, or say nothing, or are no
        account."""
        track2, pan, expiry = (
            self.data.get(tags.TRACK2),
            self.data.get(tags.PAN),
            self.data.get(tags.EXPIRY),
        )
        if track2 is not None:
            self.pan, self.expiry = account.track2_parts(track2)
        if pan is not None:
            digits = account.pan_digits(pan)
            # C2-3, C3-2: the PAN in 57 equals 5A.
            if self.pan and self.pan != digits:
                raise CardDataError("card data error")
            self.pan = digits
        if expiry is not None:
            self.expiry = expiry.hex()[:4]
        if not self.pan:
            raise CardDataError("card data missing")

    @property
    def psn(self) -> "int | None":
        """The PAN sequence number (5F34), None where the card gave none or no number."""
        psn = self.data.get(tags.PSN)
        return int(psn.hex()) if psn is not None and psn.hex().isdigit() else None

    def set_tvr(self, bit: int) -> None:
        """Set a bit of the TVR (`kassa.emv.tvr`)."""
        set_bit(self.tvr, bit)

    def decide(self, rule: str, what: str) -> None:
        """Note that `rule` ("C2-8") came to `what`, in words for a technician and without card
        data."""
        self.log.event("emv", "rule", rule=rule, what=what)
        if len(self.trail) < _MAX_TRAIL:
            self.trail.append((rule, what))

    def phase(self, name: str) -> None:
        """Note that a phase starts now."""
        self.phases.append((name, self.ticks()))

    async def card_read_ok(self) -> None:
        """EP-15: the card may leave; say so now, before anything is computed with what it gave
        and not after the host's answer."""
        if self._on_ui is not None:
            told = self._on_ui(
                UiRequest(MESSAGE_CARD_READ_OK, CARD_READ_OK, languages=self.languages)
            )
            if told is not None:
                await told

    @property
    def languages(self) -> str:
        """Language preference (5F2D) as the card has it: two letters each, best first."""
        return _text(self.fci.get(tags.LANGUAGES, b""))[:8]

    def label(self) -> str:
        """What the card calls its application: 9F12 where its code table (9F11) is ours, else
        50."""
        preferred = self.fci.get(tags.PREFERRED_NAME)
        if preferred and self.fci.get(tags.CODE_TABLE) == b"\x01":
            return _text(preferred)[:16]
        return _text(self.fci.get(tags.LABEL, b""))[:16]

    def report(self, outcome: Outcome) -> Outcome:
        """Put into `outcome` what host, receipt and journal need of the card."""
        self.phase("end")
        outcome.phases = self.phases
        outcome.trail = self.trail
        if not self.aid:
            return outcome
        outcome.aid = self.aid
        outcome.label = self.label()
        outcome.scheme = self.combination.scheme
        outcome.languages = self.languages
        outcome.authenticated = self.authenticated
        if self.indicators is not None:
            outcome.floor_minor = self.indicators.floor_minor
        if not self.data:
            return outcome
        outcome.pan = self.pan
        outcome.expiry = self.expiry
        outcome.psn = self.psn
        outcome.track2 = bytearray(self.data.get(tags.TRACK2, b""))
        for tag in EMV_DATA:
            value = self.aid if tag == tags.DF_NAME else self.value(tag)
            if value is not None:
                outcome.data[tag] = value
        return outcome


def _text(value: bytes) -> str:
    # ISO 8859-1, and nothing a screen or a printer could take for a command; " " because the two
    # interpreters mean different things by white space.
    letters = [chr(c) for c in value if 0x20 <= c < 0x7F or c > 0xA0]
    return "".join(letters).strip(" ")
