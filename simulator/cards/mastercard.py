"""A Mastercard card: M/Chip in EMV mode (M/Chip Advance; Book C-2)."""

from __future__ import annotations

from kassa.emv import tags

from simulator.cards.applet import AAC, CONDITIONS_NOT_SATISFIED, Refused, build_dol
from simulator.cards.chip import (
    AIP1_CARDHOLDER,
    AIP1_ON_DEVICE,
    AIP1_RISK,
    COMMON_CDOL1,
    ChipApplet,
    decided,
)
from simulator.cards.personalisation import Application
from simulator.cards.signatures import Objects

_DRDOL = build_dol((tags.UNPREDICTABLE, 4))
_SEE_PHONE = b"\x00\x01\x00"


class MastercardApplet(ChipApplet):
    """CVN 10 or 14 (hexadecimal); recovers a torn cryptogram; asks by DF4B to be unlocked."""

    pdol = build_dol((0x9F1D, 8), (tags.COUNTRY, 2), (tags.TERMINAL_TYPE, 1))
    cdol1 = COMMON_CDOL1 + build_dol((tags.TIME, 3), (0x9F7C, 20))  # merchant custom data
    version = b"\x00\x02"
    tells_owner = False

    def __init__(self, app: Application) -> None:
        super().__init__(app)
        self._last: tuple[bytes, bytes] | None = None

    def _interchange_profile(self) -> bytes:
        on_device = AIP1_ON_DEVICE if self.app.cdcvm or self.app.locked else 0
        return bytes([AIP1_CARDHOLDER | AIP1_RISK | on_device | self._authentication_bit(), 0x80])

    def command(self, cla: int, ins: int, p1: int, p2: int, data: bytes) -> bytes:
        if (cla, ins) == (0x80, 0xD0):
            return self._recover_ac(data)
        return super().command(cla, ins, p1, p2, data)

    def _verify(self, kind: int, given: dict[int, bytes]) -> tuple[int, Objects]:
        if self.unlocked:
            return kind, []
        # The owner has to unlock the phone: decline, and say what is wanted.
        self.unlocked = True
        return AAC, [(tags.INTERACTION, _SEE_PHONE)]

    def _generate_ac(self, reference: int, data: bytes) -> bytes:
        answer = super()._generate_ac(reference, data)
        at = COMMON_CDOL1_NUMBER
        self._last = data[at : at + 4], answer
        return answer

    def _recover_ac(self, data: bytes) -> bytes:
        """The last answer once more, for the unpredictable number it was made with."""
        if not self._initiated or self._last is None or self._last[0] != data:
            raise Refused(CONDITIONS_NOT_SATISFIED)
        return self._last[1]

    def _iad(self, kind: int) -> bytes:
        """9F10: key index, CVN, CVR (6), data authentication code (2), counters (8)."""
        head = bytes([0x01, self.app.cvn, decided(kind), 0, 0x03, 0, 0, 0, 0, 0])
        return head + b"\0" * 7 + b"\xff"

    def _more_static(self) -> Objects:
        more: Objects = [(tags.DRDOL, _DRDOL)]
        if self.app.form_factor:
            more.append((tags.FORM_FACTOR, self.app.form_factor))
        return more


# Where the unpredictable number stands in the values of CDOL1.
COMMON_CDOL1_NUMBER = 6 + 6 + 2 + 5 + 2 + 3 + 1
