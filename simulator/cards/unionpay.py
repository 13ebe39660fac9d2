"""A UnionPay card for qUICS (Book C-7; JR/T 0025 part 12): Visa's flow with qualifiers of the same
form, another cryptogram, and an IAD that names its algorithm."""

from __future__ import annotations

from simulator.cards.chip import decided
from simulator.cards.visa import VisaApplet

_TRIPLE_DES = 0x01


class UnionPayApplet(VisaApplet):
    """CVN 1; TC with fDDA."""

    def _iad(self, kind: int) -> bytes:
        """9F10: length, key index, CVN, CVR (4 with its length), algorithm."""
        return bytes([0x07, 0x01, self.app.cvn, 0x03, decided(kind), 0x00, 0x00, _TRIPLE_DES])
