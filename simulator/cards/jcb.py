"""A JCB card: J/Speedy in EMV mode (Book C-5), CDA.

The PDOL asks for 9F52, the terminal's compatibility (02: EMV mode), and 9F53, its interchange
profile (byte 1: 80 CVM required, 40 signature, 20 online PIN, 10 consumer device, 02 contacts).
The answer to GENERATE AC says by 9F50 which method the card chose: 00 none, 10 signature, 20
online PIN, 30 its owner's device; by 9F60 that it wants the issuer's answer.
"""

from __future__ import annotations

from simulator.cards.applet import (
    AAC,
    CONDITIONS_NOT_SATISFIED,
    SEE_PHONE,
    SWITCH_INTERFACE,
    Refused,
    build_dol,
)
from simulator.cards.chip import AIP1_CARDHOLDER, AIP1_RISK, ChipApplet, vis_iad
from simulator.cards.signatures import Objects

COMPATIBILITY, INTERCHANGE = 0x9F52, 0x9F53
VERIFICATION, ISSUER_UPDATE = 0x9F50, 0x9F60
_EMV_MODE = 0x02
_CVM_REQUIRED, _SIGNATURE, _ONLINE_PIN, _DEVICE = 0x80, 0x40, 0x20, 0x10


class JcbApplet(ChipApplet):
    """CVN 1 or 4; says at GENERATE AC that it is to be unlocked (6986) or inserted (6984)."""

    tells_owner = sends_away = False
    pdol = build_dol((COMPATIBILITY, 1), (INTERCHANGE, 3))

    def _interchange_profile(self) -> bytes:
        return bytes([AIP1_CARDHOLDER | AIP1_RISK | self._authentication_bit(), 0x80])

    def _get_processing_options(self, given: dict[int, bytes]) -> bytes:
        if not given[COMPATIBILITY][0] & _EMV_MODE:
            raise Refused(CONDITIONS_NOT_SATISFIED)
        return super()._get_processing_options(given)

    def _iad(self, kind: int) -> bytes:
        return vis_iad(self.app.cvn, kind)

    def _verify(self, kind: int, given: dict[int, bytes]) -> tuple[int, Objects]:
        if self.app.switch_interface:
            raise Refused(SWITCH_INTERFACE)
        if not self.unlocked:
            self.unlocked = True
            raise Refused(SEE_PHONE)
        status = self._method(self._pdol_given[INTERCHANGE][0])
        wish = b"\x01" if self.app.issuer_update else b""
        if status is None:
            return AAC, [(VERIFICATION, b"\x00")]
        return kind, [(VERIFICATION, status), (ISSUER_UPDATE, wish)]

    def _method(self, reader: int) -> bytes | None:
        """9F50, or None where a method is required and none is there."""
        app = self.app
        if (app.cdcvm or app.locked) and reader & _DEVICE:
            return b"\x30"
        if not reader & _CVM_REQUIRED:
            return b"\x00"
        if app.online_pin and reader & _ONLINE_PIN:
            return b"\x20"
        if app.signature and reader & _SIGNATURE:
            return b"\x10"
        return None
