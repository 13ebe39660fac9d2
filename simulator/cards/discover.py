"""A Discover or Diners Club card: D-PAS in EMV mode (Book C-6).

The cryptogram comes with GET PROCESSING OPTIONS, as Visa's, and an offline approval is signed with
CDA there: 9F4B stands in the same answer, in place of 9F26, and vouches for the PDOL's values and
the answer's other objects.  The card's wishes are 9F71, the card processing requirement: byte 1
80 online PIN, 40 signature, 10 consumer device; byte 2 80 switch interface if there is no way
online, 40 online if CDA failed, 20 switch interface or decline if it failed, 10 issuer update, 08
online if expired, 04 decline if expired, 02 signature and 01 no CVM as a fallback.

Form of the PDOL, AIP, IAD and 9F71: published personalisation tables of D-PAS issuers.
"""

from __future__ import annotations

from kassa.emv import tags, tlv

from simulator.cards import signatures
from simulator.cards.applet import TC, build_dol
from simulator.cards.chip import decided
from simulator.cards.personalisation import Application
from simulator.cards.qualified import DEVICE, NO_METHOD, ONLINE_PIN, SIGNATURE, QualifiedApplet

REQUIREMENT = 0x9F71
_METHODS = {NO_METHOD: 0x00, ONLINE_PIN: 0x80, SIGNATURE: 0x40, DEVICE: 0x10}
_SWITCH, _ONLINE_IF_CDA_FAILS, _UPDATE, _ONLINE_IF_EXPIRED = 0x80, 0x40, 0x10, 0x08


class DiscoverApplet(QualifiedApplet):
    """CVN 15 (hexadecimal); TC with CDA."""

    pdol = build_dol(
        (tags.TTQ, 4),
        (tags.AMOUNT, 6),
        (tags.AMOUNT_OTHER, 6),
        (tags.COUNTRY, 2),
        (tags.CURRENCY, 2),
        (tags.DATE, 3),
        (tags.TYPE, 1),
        (tags.UNPREDICTABLE, 4),
    )

    def __init__(self, app: Application) -> None:
        super().__init__(app)
        # Cardholder verification, risk management; CDA
        self.aip = b"\x19\x00" if app.authentication == "combined" else b"\x18\x00"

    def _approval(
        self, given: dict[int, bytes], kind: int, iad: bytes, cryptogram: bytes, method: str
    ) -> bytes:
        app = self.app
        second = _SWITCH | _ONLINE_IF_CDA_FAILS | _ONLINE_IF_EXPIRED
        second |= _UPDATE if app.issuer_update else 0
        signs = kind == TC and app.authentication == "combined"
        objects = [
            (tags.AIP, self.aip),
            (tags.AFL, self._read() if signs else self._read_little()),
            (tags.ATC, self.counter),
            (tags.CID, bytes([kind])),
            (tags.IAD, iad),
            (tags.TRACK2, app.track2),
            (tags.PSN, bytes.fromhex(app.psn)),
            (REQUIREMENT, bytes([_METHODS[method], second])),
        ]
        objects = [(tag, v) for tag, v in signatures.present(objects) if tag not in app.omit]
        if not signs:
            return self._answer(*objects, (tags.CRYPTOGRAM, cryptogram))
        hashed = b"".join(given.values())
        hashed += b"".join(tlv.encode(tag, value) for tag, value in objects)
        number = given[tags.UNPREDICTABLE]
        signature = signatures.combined(app, kind, cryptogram, hashed, number)
        return self._answer(*objects, (tags.SIGNED_DYNAMIC, signature))

    def _iad(self, kind: int) -> bytes:
        """9F10: key index, CVN, CVR (8)."""
        return bytes([0x01, self.app.cvn, decided(kind)]) + bytes(7)
