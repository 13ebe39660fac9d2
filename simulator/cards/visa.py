"""A Visa card for qVSDC: one command makes the cryptogram (Visa VCPS 2.2; Book C-3)."""

from __future__ import annotations

from kassa.emv import tags

from simulator.cards import signatures
from simulator.cards.applet import TC, build_dol
from simulator.cards.chip import vis_iad
from simulator.cards.personalisation import Application
from simulator.cards.qualified import DEVICE, NO_METHOD, ONLINE_PIN, SIGNATURE, QualifiedApplet

FULL_PDOL = build_dol(
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
_IF_ODA_FAILS_OR_EXPIRED = 0x28  # then online
_QUALIFIERS = {
    NO_METHOD: b"\x00\x00",
    ONLINE_PIN: b"\x80\x00",
    SIGNATURE: b"\x40\x00",
    DEVICE: b"\x00\x80",
}
_CTQ2_DEVICE, _CTQ2_UPDATE = 0x80, 0x40


class VisaApplet(QualifiedApplet):
    """CVN 10, 17 or 18; TC with fDDA."""

    def __init__(self, app: Application) -> None:
        super().__init__(app)
        self.pdol = _SHORT_PDOL if app.cvn == 17 else FULL_PDOL
        self.aip = b"\x20\x40" if app.cdcvm or app.locked else b"\x20\x00"
        if app.authentication == "none":
            self.aip = b"\x00" + self.aip[1:]

    def _approval(
        self, given: dict[int, bytes], kind: int, iad: bytes, cryptogram: bytes, method: str
    ) -> bytes:
        app = self.app
        first, second = _QUALIFIERS[method]
        second |= _CTQ2_UPDATE if app.issuer_update else 0
        ctq = bytes([first | _IF_ODA_FAILS_OR_EXPIRED, second])
        if kind == TC and app.authentication == "fast":
            afl = self._read(
                signatures.fast(
                    app,
                    self.counter,
                    given[tags.UNPREDICTABLE],
                    given[tags.AMOUNT],
                    given[tags.CURRENCY],
                    ctq,
                )
            )
        else:
            afl = self._read_little()
        if app.fault == "fast_ctq":
            ctq = bytes([ctq[0], ctq[1] | _CTQ2_DEVICE])
        return self._answer(
            (tags.AIP, self.aip),
            (tags.AFL, afl),
            (tags.TRACK2, app.track2),
            (tags.PSN, bytes.fromhex(app.psn)),
            (tags.IAD, iad),
            (tags.CRYPTOGRAM, cryptogram),
            (tags.CID, bytes([kind])),
            (tags.ATC, self.counter),
            (tags.CTQ, ctq),
            (tags.FORM_FACTOR, app.form_factor),
        )

    def _iad(self, kind: int) -> bytes:
        return vis_iad(self.app.cvn, kind)
