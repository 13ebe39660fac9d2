"""An American Express card: Expresspay in EMV mode (Book C-4), CDA or SDA.

The PDOL asks for 9F6E, the reader's enhanced capabilities (byte 1: 80 contacts, 40 mag-stripe,
20 and 10 EMV online, 08 mobile; byte 3: 40 CVM required), 9F6D and the terminal's type.  A phone
tells by 9F71, in a record that is not signed, how it verified its owner: method (01 the phone, 3F
nobody), condition (03 the reader required it) and result (02 success).  9F70 says what it can do:
byte 1 80 typed in, 40 mag-stripe, 20 contacts, 10 contactless EMV, 08 mobile.
"""

from __future__ import annotations

from kassa.emv import tags

from simulator.cards.applet import CONDITIONS_NOT_SATISFIED, Refused, build_dol
from simulator.cards.chip import AIP1_CARDHOLDER, AIP1_RISK, ChipApplet, vis_iad
from simulator.cards.signatures import Objects

READER, READER_BASIC, INTERFACES, MOBILE_RESULTS = 0x9F6E, 0x9F6D, 0x9F70, 0x9F71
_PLASTIC, _PHONE = b"\xf0\x00", b"\x18\x00"
_READER1_EMV, _READER3_CVM_REQUIRED = 0x30, 0x40
_AIP2_EMV, _AIP2_MOBILE = 0x80, 0x40


class AmexApplet(ChipApplet):
    """CVN 1 or 2; what is not signed is answered in format 1, as these cards do."""

    pdol = build_dol((READER, 4), (READER_BASIC, 1), (tags.TERMINAL_TYPE, 1))
    format_1 = True

    def _interchange_profile(self) -> bytes:
        first = AIP1_CARDHOLDER | AIP1_RISK | self._authentication_bit()
        mobile = _AIP2_MOBILE if self._mobile else 0
        return bytes([first, _AIP2_EMV | mobile])

    def _get_processing_options(self, given: dict[int, bytes]) -> bytes:
        if not given[READER][0] & _READER1_EMV:
            raise Refused(CONDITIONS_NOT_SATISFIED)
        return super()._get_processing_options(given)

    def _iad(self, kind: int) -> bytes:
        return vis_iad(self.app.cvn, kind)

    def _more_static(self) -> Objects:
        return [(INTERFACES, _PHONE if self._mobile else _PLASTIC)]

    @property
    def _mobile(self) -> bool:
        return self.app.cdcvm or self.app.locked

    def _more_dynamic(self) -> Objects:
        if not self._mobile:
            return []
        required = self._pdol_given[READER][2] & _READER3_CVM_REQUIRED
        return [(MOBILE_RESULTS, b"\x01\x03\x02" if required else b"\x01\x00\x02")]
