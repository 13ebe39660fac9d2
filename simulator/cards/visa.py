"""A Visa card for qVSDC: one command makes the cryptogram (Visa VCPS 2.2; Book C-3)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import ClassVar

from kassa.emv import tags, tlv

from simulator.cards import certificates, issuers
from simulator.cards.applet import Applet, Refused, build_dol
from simulator.cards.personalisation import Application

_AAC, _TC, _ARQC = 0x00, 0x40, 0x80
_SWITCH_INTERFACE = 0x6984
_SEE_PHONE = 0x6986

_FULL_PDOL = build_dol(
    (tags.TTQ, 4),
    (tags.AMOUNT, 6),
    (tags.AMOUNT_OTHER, 6),
    (tags.COUNTRY, 2),
    (tags.TVR, 5),
    (tags.CURRENCY, 2),
    (tags.DATE, 3),
    (tags.TYPE, 1),
    (tags.UNPREDICTABLE, 4),
)
# CVN 17 needs little; cards that have it ask for little.
_SHORT_PDOL = build_dol(
    (tags.TTQ, 4), (tags.AMOUNT, 6), (tags.UNPREDICTABLE, 4), (tags.CURRENCY, 2)
)

_FILE, _KEY_FILE = 2, 3


class VisaApplet(Applet):
    """CVN 10, 17 or 18; ARQC, AAC, and TC with fDDA for amounts the card approves itself."""

    usual_ms: ClassVar[Mapping[str, int]] = {"gpo": 70}

    def __init__(self, app: Application) -> None:
        super().__init__(app)
        self.pdol = _SHORT_PDOL if app.cvn == 17 else _FULL_PDOL
        self.aip = b"\x20\x40" if app.cdcvm or app.locked else b"\x20\x00"

    def _get_processing_options(self, given: dict[int, bytes]) -> bytes:
        app, ttq = self.app, given[tags.TTQ]
        if not ttq[0] & 0x20:
            raise Refused(0x6985)
        if not self.unlocked:
            self.unlocked = True
            raise Refused(_SEE_PHONE)
        amount = int(given[tags.AMOUNT].hex())
        ctq, verified = self._verify(ttq)
        kind = _ARQC
        if not verified:
            # No method in common: the chip's contacts, where the reader has them, else no.
            if ttq[0] & 0x10:
                raise Refused(_SWITCH_INTERFACE)
            kind = _AAC
        elif not ttq[1] & 0x80 and 0 < amount <= app.offline_limit:
            kind = _TC
        elif ttq[0] & 0x08:
            kind = _AAC
        self._begin()
        iad = self._iad(kind)
        sequence = app.psn
        cryptogram = issuers.cryptogram(
            app.pan, sequence, self.atc, iad, {**given, tags.AIP: self.aip}
        )
        self.records = self._offline_records(given, ctq) if kind == _TC else self._records()
        return self._answer(
            (tags.AIP, self.aip),
            (tags.AFL, self._afl(kind)),
            (tags.TRACK2, app.track2),
            (tags.PSN, bytes.fromhex(sequence)),
            (tags.IAD, iad),
            (tags.CRYPTOGRAM, cryptogram),
            (tags.CID, bytes([kind])),
            (tags.ATC, self.atc.to_bytes(2, "big")),
            (tags.CTQ, ctq),
            (tags.FORM_FACTOR, app.form_factor),
        )

    def _verify(self, ttq: bytes) -> tuple[bytes, bool]:
        """CTQ, and False when a method is required and none is there (VCPS, "card CVM
        processing")."""
        app, required = self.app, ttq[1] & 0x40
        first = 0x28  # online if ODA fails, online if expired
        if (app.cdcvm or app.locked) and ttq[2] & 0x40:
            return bytes([first, 0x80]), True
        if not required:
            return bytes([first, 0x00]), True
        if app.online_pin and ttq[0] & 0x04:
            return bytes([first | 0x80, 0x00]), True
        if app.signature and ttq[0] & 0x02:
            return bytes([first | 0x40, 0x00]), True
        return bytes([first, 0x00]), False

    def _iad(self, kind: int) -> bytes:
        """9F10, format 1: length, key index, CVN, then the CVR with what was decided."""
        decided = {_ARQC: 0xA0, _TC: 0x90, _AAC: 0x80}[kind]
        return bytes([0x06, 0x01, self.app.cvn, 0x03, decided, 0x00, 0x00])

    def _afl(self, kind: int) -> bytes:
        if kind == _TC:
            return bytes([_FILE << 3, 1, 1, 1, _KEY_FILE << 3, 1, 4, 0])
        return bytes([_FILE << 3, 1, 1, 0]) if self.app.afl else b""

    def _static_record(self) -> bytes:
        app = self.app
        return self._record(
            (tags.PAN, bytes.fromhex(app.pan + "F" * (len(app.pan) % 2))),
            (tags.EXPIRY, app.expiry),
            (tags.EFFECTIVE, app.effective),
            (tags.ISSUER_COUNTRY, app.country),
            (tags.USAGE_CONTROL, app.usage_control),
            (tags.SDA_TAGS, bytes([tags.AIP])),
        )

    def _records(self) -> dict[tuple[int, int], bytes]:
        return {(_FILE, 1): self._static_record()} if self.app.afl else {}

    def _offline_records(
        self, given: dict[int, bytes], ctq: bytes
    ) -> dict[tuple[int, int], bytes]:
        """Certificates and the signature of fDDA version 01 (Book C-3, Annex C)."""
        app = self.app
        static = self._static_record()
        static_data = tlv.open_template(static, 0x70) + self.aip
        issuer = certificates.issuer_certificate("visa", app.issuer.bin)
        icc = certificates.icc_certificate(app.issuer.bin, app.pan, static_data)
        number = hashlib.sha256(app.pan.encode() + self.atc.to_bytes(2, "big")).digest()[:4]
        related = b"\x01" + number + ctq
        counter = self.atc.to_bytes(2, "big")
        signed = certificates.sign_dynamic(
            certificates.icc_key(app.pan),
            0x95,
            bytes([len(counter)]) + counter,
            given[tags.UNPREDICTABLE] + given[tags.AMOUNT] + given[tags.CURRENCY] + related,
        )
        return {
            (_FILE, 1): static,
            (_KEY_FILE, 1): self._record(
                (tags.CA_KEY_INDEX, bytes([certificates.CA_INDEX])),
                (tags.ISSUER_EXPONENT, issuer.exponent),
                (0x92, issuer.remainder),
                (tags.ICC_EXPONENT, icc.exponent),
            ),
            (_KEY_FILE, 2): self._record((tags.ISSUER_CERTIFICATE, issuer.signed)),
            (_KEY_FILE, 3): self._record(
                (tags.ICC_CERTIFICATE, icc.signed), (0x9F48, icc.remainder)
            ),
            (_KEY_FILE, 4): self._record((tags.SIGNED_DYNAMIC, signed), (tags.FDDA, related)),
        }
