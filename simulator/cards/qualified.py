"""Cards whose cryptogram comes with GET PROCESSING OPTIONS, for a terminal that qualifies itself
by 9F66 (Books C-3, C-6 and C-7).

A subclass says what it asks for, how its qualifiers are written (Visa's and UnionPay's CTQ,
Discover's CPR) and how it signs an offline approval.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from kassa.emv import tags, tlv

from simulator.cards import issuers, signatures
from simulator.cards.applet import (
    AAC,
    ARQC,
    CONDITIONS_NOT_SATISFIED,
    SWITCH_INTERFACE,
    TC,
    Applet,
    Refused,
    amount_of,
)
from simulator.cards.personalisation import Application
from simulator.cards.signatures import Objects

TTQ1_EMV, TTQ1_CONTACTS, TTQ1_OFFLINE_ONLY, TTQ1_ONLINE_PIN, TTQ1_SIGNATURE = (
    0x20,
    0x10,
    0x08,
    0x04,
    0x02,
)
_TTQ2_ONLINE, _TTQ2_CVM = 0x80, 0x40
_TTQ3_DEVICE = 0x40

NO_METHOD, ONLINE_PIN, SIGNATURE, DEVICE = "none", "online_pin", "signature", "device"

FILE, KEY_FILE = 2, 3


class QualifiedApplet(Applet):
    """ARQC, AAC, and TC with a signature for amounts the card approves itself."""

    usual_ms: ClassVar[Mapping[str, int]] = {"gpo": 70}
    aip = b"\x20\x00"

    def __init__(self, app: Application) -> None:
        super().__init__(app)
        self._last: tuple[bytes, bytes, bytes] | None = None  # ATC, IAD, ARQC

    @abstractmethod
    def _iad(self, kind: int) -> bytes:
        """Tag 9F10 for a cryptogram of `kind`."""

    @abstractmethod
    def _approval(
        self, given: dict[int, bytes], kind: int, iad: bytes, cryptogram: bytes, method: str
    ) -> bytes:
        """The answer, after `records` were set to what it points to."""

    def _get_processing_options(self, given: dict[int, bytes]) -> bytes:
        app, ttq = self.app, given[tags.TTQ]
        if not ttq[0] & TTQ1_EMV:
            raise Refused(CONDITIONS_NOT_SATISFIED)
        amount = amount_of(given)
        method = self._method(ttq)
        over = app.contactless_limit is not None and amount > app.contactless_limit
        if method is None or over:
            # No method in common, or too much: the chip's contacts, where the reader has them.
            if ttq[0] & TTQ1_CONTACTS:
                raise Refused(SWITCH_INTERFACE)
            kind = AAC
        else:
            may_approve = not ttq[1] & _TTQ2_ONLINE and amount > 0
            asked = TC if may_approve else ARQC
            kind = self._decide(asked, amount, given.get(tags.TYPE, b"\0"))
            if kind == ARQC and ttq[0] & TTQ1_OFFLINE_ONLY:
                kind = AAC
        self._begin()
        iad = self._iad(kind)
        values = {**given, tags.AIP: self.aip}
        cryptogram = issuers.cryptogram(app.pan, app.psn, self.atc, iad, values)
        self._last = (self.counter, iad, cryptogram) if kind == ARQC else None
        return self._approval(given, kind, iad, cryptogram, method or NO_METHOD)

    def _method(self, ttq: bytes) -> str | None:
        """How the cardholder is verified; None when that is required and there is no way."""
        app = self.app
        if (app.cdcvm or app.locked) and ttq[2] & _TTQ3_DEVICE:
            return DEVICE
        if not ttq[1] & _TTQ2_CVM:
            return NO_METHOD
        if app.online_pin and ttq[0] & TTQ1_ONLINE_PIN:
            return ONLINE_PIN
        if app.signature and ttq[0] & TTQ1_SIGNATURE:
            return SIGNATURE
        return None

    def command(self, cla: int, ins: int, p1: int, p2: int, data: bytes) -> bytes:
        if (cla, ins, p1, p2) == (0x00, 0x82, 0x00, 0x00):
            return self._external_authenticate(data)
        return super().command(cla, ins, p1, p2, data)

    def _external_authenticate(self, data: bytes) -> bytes:
        """The issuer's answer to the last ARQC (EMV 4.3 Book 3, 6.5.4); once for each."""
        if self._last is None or not self.app.issuer_update:
            raise Refused(CONDITIONS_NOT_SATISFIED)
        atc, iad, arqc = self._last
        self._last = None
        app = self.app
        for code in (b"00", b"05"):
            if data == issuers.arpc(app.pan, app.psn, atc, iad, arqc, code):
                return b""
        raise Refused(ISSUER_NOT_AUTHENTICATED)

    def _static_objects(self) -> Objects:
        app = self.app
        return [
            (tags.PAN, app.pan_field),
            (tags.EXPIRY, app.expiry),
            (tags.EFFECTIVE, app.effective),
            (tags.ISSUER_COUNTRY, app.country),
            (tags.USAGE_CONTROL, app.usage_control),
        ]

    def _read(self, *more: Objects) -> bytes:
        """Set the records of an offline approval (static data, certificates, `more`); their
        AFL."""
        shown, signed = signatures.signed_objects(self.app, self.aip, self._static_objects())
        self.records = {(FILE, 1): tlv.encode(0x70, list(shown))}
        keys = [objects for objects in signatures.certificate_records(self.app, signed) if objects]
        for number, objects in enumerate([*keys, *(m for m in more if m)], start=1):
            self.records[KEY_FILE, number] = self._record(*objects)
        count = len(self.records) - 1
        afl = bytes([FILE << 3, 1, 1, 1])
        return afl + bytes([KEY_FILE << 3, 1, count, 0]) if count else afl

    def _read_little(self) -> bytes:
        """Set the records of an answer that is not an approval; their AFL, b"" for none."""
        if not self.app.afl:
            self.records = {}
            return b""
        shown, _ = signatures.signed_objects(self.app, self.aip, self._static_objects())
        self.records = {(FILE, 1): tlv.encode(0x70, list(shown))}
        return bytes([FILE << 3, 1, 1, 0])


ISSUER_NOT_AUTHENTICATED = 0x6300
