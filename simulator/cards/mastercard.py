"""A Mastercard card: M/Chip in EMV mode (M/Chip Advance; Book C-2)."""

from __future__ import annotations

import hashlib

from kassa.emv import tags, tlv

from simulator.cards import certificates, issuers
from simulator.cards.applet import (
    CONDITIONS_NOT_SATISFIED,
    WRONG_P1P2,
    Applet,
    Refused,
    build_dol,
    split,
)
from simulator.cards.personalisation import Application

_AAC, _TC, _ARQC = 0x00, 0x40, 0x80

_CDOL1 = build_dol(
    (tags.AMOUNT, 6),
    (tags.AMOUNT_OTHER, 6),
    (tags.COUNTRY, 2),
    (tags.TVR, 5),
    (tags.CURRENCY, 2),
    (tags.DATE, 3),
    (tags.TYPE, 1),
    (tags.UNPREDICTABLE, 4),
    (tags.TERMINAL_TYPE, 1),
    (0x9F45, 2),  # data authentication code
    (tags.CVM_RESULTS, 3),
    (tags.TIME, 3),
    (0x9F7C, 20),  # merchant custom data
)
_PDOL = build_dol((0x9F1D, 8), (tags.COUNTRY, 2), (tags.TERMINAL_TYPE, 1))
_DRDOL = build_dol((tags.UNPREDICTABLE, 4))

_FILE, _KEY_FILE, _ICC_FILE = 2, 3, 4
_DEFAULT_CVM_LIST = bytes.fromhex("000000000000000042035E031F03")


class MastercardApplet(Applet):
    """CVN 10 or 14 (hexadecimal); ARQC, AAC and TC, signed with CDA where it is asked."""

    def __init__(self, app: Application) -> None:
        super().__init__(app)
        self.pdol = _PDOL
        # CDA, risk management, cardholder verification; on-device verification; EMV mode
        self.aip = bytes([0x1B if app.cdcvm or app.locked else 0x19, 0x80])
        self._pdol_data = b""
        self._last: tuple[bytes, bytes] | None = None
        self.records = self._personalise()

    def _get_processing_options(self, given: dict[int, bytes]) -> bytes:
        self._begin()
        self._pdol_data = b"".join(given.values())
        # Of file 2 one record and of file 4 one are signed or certificates; only file 2 is static
        # data.
        afl = bytes([_FILE << 3, 1, 1, 1, _KEY_FILE << 3, 1, 2, 0, _ICC_FILE << 3, 1, 1, 0])
        return self._answer((tags.AIP, self.aip), (tags.AFL, afl))

    def command(self, cla: int, ins: int, p1: int, p2: int, data: bytes) -> bytes:
        if (cla, ins) == (0x80, 0xAE):
            if p2 or p1 & 0x2F or p1 & 0xC0 == 0xC0:
                raise Refused(WRONG_P1P2)
            return self._generate_ac(p1, data)
        if (cla, ins) == (0x80, 0xD0):
            return self._recover_ac(data)
        return super().command(cla, ins, p1, p2, data)

    def _generate_ac(self, reference: int, data: bytes) -> bytes:
        app = self.app
        if not self._initiated:
            raise Refused(CONDITIONS_NOT_SATISFIED)
        given = split(_CDOL1, data)
        self._initiated = False
        kind = reference & 0xC0
        if kind == _TC and int(given[tags.AMOUNT].hex()) > app.offline_limit:
            kind = _ARQC
        wish = b""
        if not self.unlocked:
            # The owner has to unlock the phone: decline, and say what is wanted (DF4B).
            kind, wish, self.unlocked = _AAC, b"\x00\x01\x00", True
        iad = self._iad(kind)
        cryptogram = issuers.cryptogram(
            app.pan, app.psn, self.atc, iad, {**given, tags.AIP: self.aip}
        )
        head = [(tags.CID, bytes([kind])), (tags.ATC, self.atc.to_bytes(2, "big"))]
        tail = [(tags.IAD, iad), (tags.INTERACTION, wish)]
        if reference & 0x10 and kind != _AAC:
            hashed = self._pdol_data + data + _objects([*head, *tail])
            middle = [(tags.SIGNED_DYNAMIC, self._sign(given, kind, cryptogram, hashed))]
        else:
            middle = [(tags.CRYPTOGRAM, cryptogram)]
        answer = self._answer(*head, *middle, *tail)
        self._last = given[tags.UNPREDICTABLE], answer
        return answer

    def _recover_ac(self, data: bytes) -> bytes:
        """The last answer once more, for the unpredictable number it was made with."""
        if not self._initiated or self._last is None or self._last[0] != data:
            raise Refused(CONDITIONS_NOT_SATISFIED)
        return self._last[1]

    def _sign(self, given: dict[int, bytes], kind: int, cryptogram: bytes, hashed: bytes) -> bytes:
        """9F4B for CDA (EMV 4.3 Book 2, 6.6)."""
        number = hashlib.sha256(cryptogram).digest()[:8]
        digest = hashlib.sha1(hashed).digest()
        dynamic = bytes([len(number)]) + number + bytes([kind]) + cryptogram + digest
        key = certificates.icc_key(self.app.pan)
        return certificates.sign_dynamic(key, 0x05, dynamic, given[tags.UNPREDICTABLE])

    def _iad(self, kind: int) -> bytes:
        """9F10: key index, CVN, CVR (6), data authentication code (2), counters (8)."""
        decided = {_ARQC: 0xA0, _TC: 0x90, _AAC: 0x80}[kind]
        return bytes([0x01, self.app.cvn, decided, 0, 0x03, 0, 0, 0, 0, 0]) + b"\0" * 7 + b"\xff"

    def _personalise(self) -> dict[tuple[int, int], bytes]:
        app = self.app
        static = self._record(
            (tags.TRACK2, app.track2),
            (tags.PAN, bytes.fromhex(app.pan + "F" * (len(app.pan) % 2))),
            (tags.PSN, bytes.fromhex(app.psn)),
            (tags.EXPIRY, app.expiry),
            (tags.EFFECTIVE, app.effective),
            (tags.ISSUER_COUNTRY, app.country),
            (tags.CURRENCY_CARD, app.currency),
            (tags.USAGE_CONTROL, app.usage_control),
            (tags.VERSION_CARD, b"\x00\x02"),
            (tags.CVM_LIST, app.cvm_list or _DEFAULT_CVM_LIST),
            (tags.CDOL1, _CDOL1),
            (tags.IAC_DEFAULT, bytes.fromhex("B450840000")),
            (tags.IAC_DENIAL, bytes(5)),
            (tags.IAC_ONLINE, bytes.fromhex("B470848000")),
            (tags.DRDOL, _DRDOL),
            (tags.SDA_TAGS, bytes([tags.AIP])),
            *([(tags.FORM_FACTOR, app.form_factor)] if app.form_factor else []),
        )
        static_data = tlv.open_template(static, 0x70) + self.aip
        issuer = certificates.issuer_certificate("mastercard", app.issuer.bin)
        icc = certificates.icc_certificate(app.issuer.bin, app.pan, static_data)
        return {
            (_FILE, 1): static,
            (_KEY_FILE, 1): self._record(
                (tags.CA_KEY_INDEX, bytes([certificates.CA_INDEX])),
                (tags.ISSUER_EXPONENT, issuer.exponent),
                (0x92, issuer.remainder),
                (tags.ICC_EXPONENT, icc.exponent),
            ),
            (_KEY_FILE, 2): self._record((tags.ISSUER_CERTIFICATE, issuer.signed)),
            (_ICC_FILE, 1): self._record(
                (tags.ICC_CERTIFICATE, icc.signed), (0x9F48, icc.remainder)
            ),
        }


def _objects(objects: list[tuple[int, bytes]]) -> bytes:
    return b"".join(tlv.encode(tag, value) for tag, value in objects if value)
