"""Cards in EMV mode: options, records, then GENERATE AC makes the cryptogram (Book 3; Book C-2).

A subclass says what its scheme asks for (`pdol`, `cdol1`), what its records hold and what else
its answers say; deciding, signing and certificates are done here.
"""

from __future__ import annotations

from abc import abstractmethod

from kassa.emv import tags, tlv

from simulator.cards import issuers, signatures
from simulator.cards.applet import (
    AAC,
    ARQC,
    CONDITIONS_NOT_SATISFIED,
    TC,
    WRONG_P1P2,
    Applet,
    Refused,
    amount_of,
    build_dol,
    split,
)
from simulator.cards.personalisation import Application
from simulator.cards.signatures import Objects

_CDA_ASKED = 0x10
_FILE, _KEY_FILE, _OWN_FILE = 2, 3, 4

AIP1_SDA, AIP1_CARDHOLDER, AIP1_RISK, AIP1_ON_DEVICE, AIP1_CDA = 0x40, 0x10, 0x08, 0x02, 0x01

COMMON_CDOL1 = build_dol(
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
)
DEFAULT_CVM_LIST = bytes.fromhex("000000000000000042035E031F03")


class ChipApplet(Applet):
    """ARQC, AAC and TC; CDA where it is asked, or SDA in the records."""

    pdol = b""
    cdol1 = COMMON_CDOL1
    version = b"\x00\x01"  # 9F08
    format_1 = False  # answers without a signature are a template 80

    def __init__(self, app: Application) -> None:
        super().__init__(app)
        self.aip = self._interchange_profile()
        self._pdol_given: dict[int, bytes] = {}
        self._personalised: tuple[bytes, dict[tuple[int, int], bytes]] | None = None

    # -- what a scheme adds

    @abstractmethod
    def _interchange_profile(self) -> bytes:
        """Tag 82."""

    @abstractmethod
    def _iad(self, kind: int) -> bytes:
        """Tag 9F10 for a cryptogram of `kind`."""

    def _more_static(self) -> Objects:
        """Objects of the signed record beside the common ones."""
        return []

    def _more_dynamic(self) -> Objects:
        """Objects of this session in a record of their own; [] where there is none."""
        return []

    def _verify(self, kind: int, given: dict[int, bytes]) -> tuple[int, Objects]:
        """The cardholder: what becomes of `kind`, and objects that go into the answer."""
        return kind, []

    # -- commands

    def _get_processing_options(self, given: dict[int, bytes]) -> bytes:
        self._begin()
        self._pdol_given = given
        afl, records = self._personalise()
        self.records = dict(records)
        session = signatures.present(self._more_dynamic())
        if session:
            afl += bytes([_OWN_FILE << 3, 2, 2, 0])
            self.records[_OWN_FILE, 2] = self._record(*session)
        if self.format_1:
            return tlv.encode(0x80, self.aip + afl)
        return self._answer((tags.AIP, self.aip), (tags.AFL, afl))

    def command(self, cla: int, ins: int, p1: int, p2: int, data: bytes) -> bytes:
        if (cla, ins) == (0x80, 0xAE):
            if p2 or p1 & 0x2F or p1 & 0xC0 == 0xC0:
                raise Refused(WRONG_P1P2)
            return self._generate_ac(p1, data)
        return super().command(cla, ins, p1, p2, data)

    def _generate_ac(self, reference: int, data: bytes) -> bytes:
        if not self._initiated:
            raise Refused(CONDITIONS_NOT_SATISFIED)
        given = split(self.cdol1, data)
        self.inspector.cryptogram(given)
        asked = reference & 0xC0
        signed = bool(reference & _CDA_ASKED)
        if signed and (asked == AAC or not self.aip[0] & AIP1_CDA):
            self.inspector.note("a signature was asked for that this card does not make")
        amount = amount_of(given)
        self._initiated = False
        kind, more = self._verify(self._decide(asked, amount, given[tags.TYPE]), given)
        iad = self._iad(kind)
        values = {**self._pdol_given, **given, tags.AIP: self.aip}
        cryptogram = issuers.cryptogram(self.app.pan, self.app.psn, self.atc, iad, values)
        if signed and kind != AAC and self.aip[0] & AIP1_CDA:
            number = given[tags.UNPREDICTABLE]
            return self._signed(kind, cryptogram, iad, more, data, number)
        return self._plain(kind, cryptogram, iad, more)

    def _plain(self, kind: int, cryptogram: bytes, iad: bytes, more: Objects) -> bytes:
        if self.format_1 and not more:
            return tlv.encode(0x80, bytes([kind]) + self.counter + cryptogram + iad)
        return self._answer(
            (tags.CID, bytes([kind])),
            (tags.ATC, self.counter),
            (tags.CRYPTOGRAM, cryptogram),
            (tags.IAD, iad),
            *more,
        )

    def _signed(
        self, kind: int, cryptogram: bytes, iad: bytes, more: Objects, data: bytes, number: bytes
    ) -> bytes:
        head = [(tags.CID, bytes([kind])), (tags.ATC, self.counter)]
        tail = signatures.present([(tags.IAD, iad), *more])
        head = [(tag, value) for tag, value in head if tag not in self.app.omit]
        tail = [(tag, value) for tag, value in tail if tag not in self.app.omit]
        hashed = b"".join(self._pdol_given.values()) + data
        hashed += b"".join(tlv.encode(tag, value) for tag, value in (*head, *tail))
        signature = signatures.combined(self.app, kind, cryptogram, hashed, number)
        return self._answer(*head, (tags.SIGNED_DYNAMIC, signature), *tail)

    # -- personalisation

    def _personalise(self) -> tuple[bytes, dict[tuple[int, int], bytes]]:
        """AFL and records.  Of them one is signed: the first record of file 2."""
        if self._personalised is None:
            shown, signed = signatures.signed_objects(
                self.app, self.aip, [*self._static_objects(), *self._more_static()]
            )
            records = {(_FILE, 1): tlv.encode(0x70, list(shown))}
            afl = bytes([_FILE << 3, 1, 1, 1])
            keys = signatures.certificate_records(self.app, signed)
            if keys:
                records[_KEY_FILE, 1] = self._record(*keys[0])
                records[_KEY_FILE, 2] = self._record(*keys[1])
                records[_OWN_FILE, 1] = self._record(*keys[2])
                afl += bytes([_KEY_FILE << 3, 1, 2, 0, _OWN_FILE << 3, 1, 1, 0])
            self._personalised = afl, records
        return self._personalised

    def _static_objects(self) -> Objects:
        app = self.app
        return [
            (tags.TRACK2, app.track2),
            (tags.PAN, app.pan_field),
            (tags.PSN, bytes.fromhex(app.psn)),
            (tags.EXPIRY, app.expiry),
            (tags.EFFECTIVE, app.effective),
            (tags.ISSUER_COUNTRY, app.country),
            (tags.CURRENCY_CARD, app.currency),
            (tags.USAGE_CONTROL, app.usage_control),
            (tags.VERSION_CARD, self.version),
            (tags.CVM_LIST, app.cvm_list or DEFAULT_CVM_LIST),
            (tags.CDOL1, self.cdol1),
            (tags.IAC_DEFAULT, bytes.fromhex("B450840000")),
            (tags.IAC_DENIAL, bytes(5)),
            (tags.IAC_ONLINE, bytes.fromhex("B470848000")),
        ]

    def _authentication_bit(self) -> int:
        return {"combined": AIP1_CDA, "static": AIP1_SDA}.get(self.app.authentication, 0)


def vis_iad(cvn: int, kind: int, key_index: int = 1) -> bytes:
    """9F10 as VIS forms it: length, key index, CVN, then the CVR with what was decided."""
    return bytes([0x06, key_index, cvn, 0x03, decided(kind), 0x00, 0x00])


def decided(kind: int) -> int:
    """The first byte of the CVR: the second cryptogram not asked for, and the first one's kind."""
    return {ARQC: 0xA0, TC: 0x90, AAC: 0x80}[kind]
