"""What a tap came to: the outcome, its parameters and its messages (EMV Contactless Book A, 6 and
9).

Kernels and Entry Point speak only through these; screens, languages and the host are other rooms'
business.
"""

from typing import TYPE_CHECKING

from kassa.emv import tags, tlv

if TYPE_CHECKING:
    from collections.abc import Iterable

# Outcomes (Book A, table 6-1)
APPROVED = "approved"
DECLINED = "declined"
ONLINE_REQUEST = "online_request"
TRY_ANOTHER_INTERFACE = "try_another_interface"
END_APPLICATION = "end_application"
SELECT_NEXT = "select_next"
TRY_AGAIN = "try_again"

# Where Entry Point starts again (Book B, 2.1); None is "not applicable"
START_A = "A"
START_B = "B"
START_C = "C"
START_D = "D"

# Cardholder verification the outcome asks for or reports (Book A, table 6-2)
CVM_NONE = "none"
CVM_SIGNATURE = "signature"
CVM_ONLINE_PIN = "online_pin"
CVM_CONSUMER_DEVICE = "cdcvm"  # the book: "confirmation code verified"

# EP-14: message identifiers (Book A, table 9-3)
MESSAGE_APPROVED = 0x03
MESSAGE_NOT_AUTHORISED = 0x07
MESSAGE_ENTER_PIN = 0x09
MESSAGE_PROCESSING_ERROR = 0x0F
MESSAGE_REMOVE_CARD = 0x10
MESSAGE_WELCOME = 0x14
MESSAGE_PRESENT_CARD = 0x15
MESSAGE_PROCESSING = 0x16
MESSAGE_CARD_READ_OK = 0x17
MESSAGE_INSERT_OR_SWIPE = 0x18
MESSAGE_ONE_CARD_ONLY = 0x19
MESSAGE_APPROVED_SIGN = 0x1A
MESSAGE_AUTHORISING = 0x1B
MESSAGE_TRY_ANOTHER_CARD = 0x1C
MESSAGE_INSERT_CARD = 0x1D
MESSAGE_SEE_PHONE = 0x20
MESSAGE_PRESENT_AGAIN = 0x21

# Status of a user interface request (Book A, table 9-2)
NOT_READY = "not_ready"
IDLE = "idle"
READY_TO_READ = "ready_to_read"
PROCESSING = "processing"
CARD_READ_OK = "card_read_ok"
PROCESSING_ERROR = "processing_error"

# DE 55 in the order it is sent; 57, 5A, 5F20 and 5F24 travel in the encrypted block and never
# here.
EMV_DATA = (
    tags.CRYPTOGRAM,
    tags.CID,
    tags.IAD,
    tags.UNPREDICTABLE,
    tags.ATC,
    tags.TVR,
    tags.DATE,
    tags.TYPE,
    tags.AMOUNT,
    tags.CURRENCY,
    tags.AIP,
    tags.COUNTRY,
    tags.AMOUNT_OTHER,
    tags.CAPABILITIES,
    tags.CVM_RESULTS,
    tags.TERMINAL_TYPE,
    tags.DEVICE_SERIAL,
    tags.DF_NAME,
    tags.VERSION_TERMINAL,
    tags.COUNTER,
    tags.PSN,
    tags.TTQ,
    tags.CTQ,
    tags.FORM_FACTOR,
    tags.CUSTOMER_EXCLUSIVE,
)


class UiRequest:
    """Show message `message` (EP-14) with `status`; keep it at least `hold_ms` milliseconds.

    `languages` is what the card prefers (tag 5F2D: two letters each, best first) or empty.
    """

    def __init__(self, message: int, status: str, hold_ms: int = 0, languages: str = "") -> None:
        self.message = message
        self.status = status
        self.hold_ms = hold_ms
        self.languages = languages


class Outcome:
    """EP-12: one outcome with its parameters, and what host, receipt and journal need of the card.

    kind                  one of the outcomes above
    start                 "A".."D" or None: where Entry Point goes on
    online_response       "emv_data" when the host's answer goes back to a card on a second tap,
    else None
    cvm                   one of CVM_..., or None where the kernel came to no decision
    ui, ui_restart        UiRequest for now, and for when the field is on again, or None
    alternate_interface   "contact_chip" or None: which one Try Another Interface means
    receipt               True where the kernel asks for a receipt
    field_off             switch the field off for so many 100 ms, or None
    removal_timeout       wait so many 100 ms for the card to leave (0: do not wait)
    data                  data record: tag -> value, without PAN, track 2, expiry and name
    discretionary         what went wrong, for technicians: {"level": "l1" or "l2", "error": str,
    "sw": hex}

    Of the card (None or empty before it said so): aid (DF name, bytes), label, scheme, pan
    (digits), psn (int), expiry ("YYMM"), track2 (bytearray, tag 57), languages. phases is (name,
    ticks in ms) for the start of "ppse", "select", "gpo", "records", "ac" and for "end".  trail is
    what was decided, as (rule, words), in order.  authenticated is the signature that was verified
    ("sda", "dda", "cda", "fdda") or "", floor_minor the floor limit that applied or None.
    """

    def __init__(
        self,
        kind: str,
        start: "str | None" = None,
        ui: "UiRequest | None" = None,
        ui_restart: "UiRequest | None" = None,
        cvm: "str | None" = None,
        field_off: "int | None" = None,
        alternate_interface: "str | None" = None,
        discretionary: "dict[str, object] | None" = None,
    ) -> None:
        self.kind = kind
        self.start = start
        self.online_response: "str | None" = None
        self.cvm = cvm
        self.ui = ui
        self.ui_restart = ui_restart
        self.alternate_interface = alternate_interface
        self.receipt = False
        self.field_off = field_off
        self.removal_timeout = 0
        self.data: "dict[int, bytes]" = {}
        self.discretionary: "dict[str, object]" = {} if discretionary is None else discretionary
        self.aid = b""
        self.label = ""
        self.scheme = ""
        self.pan = ""
        self.psn: "int | None" = None
        self.expiry = ""
        self.track2 = bytearray()
        self.languages = ""
        self.phases: "list[tuple[str, int]]" = []
        self.trail: "list[tuple[str, str]]" = []
        self.authenticated = ""
        self.floor_minor: "int | None" = None

    @property
    def cryptogram(self) -> "bytes | None":
        """The application cryptogram (9F26), 8 bytes."""
        return self.data.get(tags.CRYPTOGRAM)

    @property
    def cid(self) -> "int | None":
        """Cryptogram information data (9F27): its two upper bits say TC (40), ARQC (80) or AAC
        (00)."""
        value = self.data.get(tags.CID)
        return value[0] if value else None

    @property
    def atc(self) -> "int | None":
        """The card's transaction counter (9F36)."""
        value = self.data.get(tags.ATC)
        return int.from_bytes(value, "big") if value else None

    @property
    def tvr(self) -> "bytes | None":
        """Terminal verification results (95), 5 bytes."""
        return self.data.get(tags.TVR)

    @property
    def cvm_results(self) -> "bytes | None":
        """CVM results (9F34), 3 bytes; kernel 3 has none."""
        return self.data.get(tags.CVM_RESULTS)

    @property
    def unpredictable_number(self) -> "bytes | None":
        """The terminal's random number for this tap (9F37), 4 bytes."""
        return self.data.get(tags.UNPREDICTABLE)

    @property
    def form_factor(self) -> "bytes | None":
        """Form factor indicator (Visa) or third party data (Mastercard), 9F6E."""
        return self.data.get(tags.FORM_FACTOR)

    def emv_data(self, wanted: "Iterable[int]" = EMV_DATA) -> bytes:
        """The content of DE 55: the data record's objects named by `wanted`, in that order, those
        that are there."""
        content = bytearray()
        for tag in wanted:
            value = self.data.get(tag)
            if value is not None:
                content.extend(tlv.encode(tag, value))
        return bytes(content)

    def forget(self) -> None:
        """Wipe track 2 and let go of the PAN; call it as soon as the encrypted block is made."""
        for i in range(len(self.track2)):
            self.track2[i] = 0
        self.track2 = bytearray()
        self.pan = ""


def refund_request() -> Outcome:
    """What every kernel ends a refund (transaction type 20) with, whatever cryptogram came.

    The card gives its account and no approval: an AAC is what is expected of it, so that its
    offline counters stay as they are (PayPass M/Chip Requirements, refunds; Visa TADG, "Refunds
    and Credits").  Book C-2 (S910.74) calls that End Application with an empty display and leaves
    the rest to the terminal; here the rest is said.  Whether money goes back is the host's to say:
    an online request without cardholder verification and without a second tap, whose data record
    says the truth about the cryptogram (9F27).  Anything that kept the account from being read is
    no such outcome.
    """
    result = Outcome(ONLINE_REQUEST, ui=UiRequest(MESSAGE_AUTHORISING, PROCESSING), cvm=CVM_NONE)
    result.receipt = True
    return result


def try_again(
    message: int = MESSAGE_PRESENT_AGAIN, error: str = "", field_off: "int | None" = None
) -> Outcome:
    """Try Again: Entry Point starts at B, the same transaction (EP-13)."""
    return Outcome(
        TRY_AGAIN,
        start=START_B,
        ui=UiRequest(message, PROCESSING_ERROR),
        ui_restart=UiRequest(message, READY_TO_READ),
        field_off=field_off,
        discretionary=_indication("l1", error),
    )


def end_application(
    message: int = MESSAGE_TRY_ANOTHER_CARD,
    error: str = "",
    sw: "int | None" = None,
    level: str = "l2",
) -> Outcome:
    """End Application without a restart."""
    return Outcome(
        END_APPLICATION,
        ui=UiRequest(message, NOT_READY),
        discretionary=_indication(level, error, sw),
    )


def end_and_restart(message: int, error: str = "", level: str = "l1") -> Outcome:
    """End Application that starts again at B: the card, or the phone, is asked for once more
    (EP-13)."""
    return Outcome(
        END_APPLICATION,
        start=START_B,
        ui=UiRequest(message, NOT_READY),
        ui_restart=UiRequest(message, READY_TO_READ),
        discretionary=_indication(level, error),
    )


def select_next(error: str, sw: "int | None" = None) -> Outcome:
    """Select Next: Entry Point goes on at C with the rest of the candidates; it never leaves Entry
    Point."""
    return Outcome(SELECT_NEXT, start=START_C, discretionary=_indication("l2", error, sw))


def try_another_interface(
    message: int = MESSAGE_INSERT_OR_SWIPE, error: str = "", sw: "int | None" = None
) -> Outcome:
    """Try Another Interface; with "insert card" it is the chip's contacts that are meant."""
    return Outcome(
        TRY_ANOTHER_INTERFACE,
        ui=UiRequest(message, PROCESSING_ERROR),
        alternate_interface="contact_chip" if message == MESSAGE_INSERT_CARD else None,
        discretionary=_indication("l2", error, sw),
    )


def one_card_only() -> Outcome:
    """EP-6: more than one card in the field; nothing goes on until they are gone."""
    return Outcome(
        TRY_AGAIN,
        start=START_B,
        ui=UiRequest(MESSAGE_ONE_CARD_ONLY, PROCESSING_ERROR),
        ui_restart=UiRequest(MESSAGE_PRESENT_CARD, READY_TO_READ),
        discretionary=_indication("l1", "collision"),
    )


def _indication(level: str, error: str, sw: "int | None" = None) -> "dict[str, object]":
    if not error:
        return {}
    indication: "dict[str, object]" = {"level": level, "error": error}
    if sw is not None:
        indication["sw"] = "{:04X}".format(sw)
    return indication
