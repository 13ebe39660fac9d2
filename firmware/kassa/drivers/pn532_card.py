"""A card that the PN532 has activated, and what the reader told about it."""

from typing import TYPE_CHECKING

from micropython import const

if TYPE_CHECKING:
    from kassa.drivers.pn532 import PN532

_ISO_DEP_SAK = const(0x20)


class ContactlessCard:
    """An activated card.

    uid   4, 7 or 10 bytes (the PUPI for type B)
    atqa  number (0 for type B)         sak  number (0 for type B)
    ats   with its length byte; empty for type B and for cards that do not speak ISO/IEC 14443-4
    """

    def __init__(
        self,
        reader: "PN532",
        number: int,
        uid: bytes,
        atqa: int,
        sak: int,
        ats: bytes,
        waiting_ms: int,
        iso_dep: bool,
    ) -> None:
        self._reader = reader
        self.number = number
        self.uid = uid
        self.atqa = atqa
        self.sak = sak
        self.ats = ats
        self.waiting_ms = waiting_ms
        self.iso_dep = iso_dep

    async def transceive(self, apdu: bytes) -> bytes:
        """Send an APDU and give the card's whole answer, at most 263 bytes.

        Raises CardLost when the card does not answer any more, TransmissionError when what passed
        was damaged or the reader failed, ProtocolError when the card is not one for APDUs or
        breaks the rules.  After any of them the card has to be discovered again.
        """
        return await self._reader.exchange(self, apdu)

    async def present(self) -> bool:
        """Whether the card still answers, without disturbing it."""
        return await self._reader.is_present(self)


def type_a(reader: "PN532", targets: memoryview) -> ContactlessCard:
    """From the answer of InListPassiveTarget (UM0701-02, 7.3.5); IndexError if it breaks off.

    NbTg Tg SENS_RES(2) SEL_RES NFCIDLength NFCID ATS
    """
    sak = targets[4]
    end = 6 + targets[5]
    uid = bytes(targets[6:end])
    iso_dep = bool(sak & _ISO_DEP_SAK)
    ats = bytes(targets[end : end + targets[end]]) if iso_dep else b""
    atqa = targets[2] << 8 | targets[3]
    return ContactlessCard(
        reader, targets[1], uid, atqa, sak, ats, _waiting_ms(_fwi(ats)), iso_dep
    )


def type_b(reader: "PN532", targets: memoryview) -> ContactlessCard:
    """The same for type B: NbTg Tg ATQB ATTRIB_RES.

    The ATQB is 50, PUPI(4), application data(4), protocol(3).
    """
    uid = bytes(targets[3:7])
    iso_dep = bool(targets[12] & 0x01)
    waiting_ms = _waiting_ms(targets[13] >> 4)
    return ContactlessCard(reader, targets[1], uid, 0, 0, b"", waiting_ms, iso_dep)


def _fwi(ats: bytes) -> int:
    """Frame waiting time integer in TB(1) of an ATS, 4 when absent (ISO/IEC 14443-4, 5.2)."""
    if len(ats) < 2 or not ats[1] & 0x20:
        return 4
    at = 3 if ats[1] & 0x10 else 2
    return ats[at] >> 4 if len(ats) > at else 4


def _waiting_ms(fwi: int) -> int:
    """Frame waiting time: 302 us times 2 ** FWI, rounded up to milliseconds; 15 is not allowed."""
    return (302 << min(fwi, 14)) // 1000 + 1
