"""Commands and answers (ISO/IEC 7816-4; EMV 4.3 Book 3, 6.5; EMV Contactless Books B and C-2)."""

from typing import TYPE_CHECKING

from kassa.system.card import ProtocolError
from kassa.system.ensure import ensure

if TYPE_CHECKING:
    from typing import Protocol

    class Card(Protocol):
        """What a kernel needs of a card: the reader's driver and the tests provide it."""

        async def transceive(self, apdu: bytes) -> bytes:
            """Exchange one command; raises a CardError when the card or the air fails."""
            ...


PPSE = b"2PAY.SYS.DDF01"

# Status words (SW1 SW2) that mean something of their own here
OK = 0x9000
SELECTED_FILE_INVALIDATED = 0x6283
NOT_ALLOWED_HERE = 0x6984
CONDITIONS_NOT_SATISFIED = 0x6985
SEE_PHONE = 0x6986
NOT_FOUND = 0x6A82

# GENERATE AC, P1 and the two upper bits of 9F27 alike (Book 3, table 12)
AAC = 0x00
TC = 0x40
ARQC = 0x80
AC_TYPE = 0xC0
CDA = 0x10


def select(name: bytes) -> bytes:
    """SELECT by name, first occurrence.  `name` is an AID (extended selection appended) or
    PPSE."""
    return _command(0x00, 0xA4, 0x04, 0x00, name)


def get_processing_options(values: bytes) -> bytes:
    """GET PROCESSING OPTIONS; `values` are the PDOL's, at most 252 bytes."""
    header = b"\x83\x81" if len(values) > 0x7F else b"\x83"
    return _command(0x80, 0xA8, 0x00, 0x00, header + bytes((len(values),)) + values)


def read_record(sfi: int, number: int) -> bytes:
    """READ RECORD `number` of the file `sfi` (1 to 30)."""
    return bytes((0x00, 0xB2, number, sfi << 3 | 4, 0x00))


def generate_ac(reference: int, values: bytes) -> bytes:
    """GENERATE AC: `reference` is AAC, TC or ARQC, with CDA added when that is asked; `values` are
    CDOL1's."""
    return _command(0x80, 0xAE, reference, 0x00, values)


def recover_ac(values: bytes) -> bytes:
    """RECOVER AC (Book C-2): ask again for the answer to a GENERATE AC that was torn; `values` are
    DRDOL's."""
    return _command(0x80, 0xD0, 0x00, 0x00, values)


def exchange_relay_resistance(entropy: bytes) -> bytes:
    """EXCHANGE RELAY RESISTANCE DATA (Book C-2): `entropy` is the unpredictable number."""
    return _command(0x80, 0xEA, 0x00, 0x00, entropy)


def external_authenticate(data: bytes) -> bytes:
    """EXTERNAL AUTHENTICATE with the issuer's data (tag 91)."""
    ensure(len(data) <= 0xFF, "command data too long")
    return bytes((0x00, 0x82, 0x00, 0x00, len(data))) + data


def _command(cla: int, ins: int, p1: int, p2: int, data: bytes) -> bytes:
    ensure(len(data) <= 0xFF, "command data too long")
    header = bytes((cla, ins, p1, p2))
    if not data:
        return header + b"\0"
    return header + bytes((len(data),)) + data + b"\0"


async def exchange(card: "Card", command: bytes) -> "tuple[int, bytes]":
    """Send `command`; returns (status word, data).

    An answer without a status word breaks the protocol: ProtocolError.  The card's own errors pass
    through.
    """
    response = await card.transceive(command)
    if len(response) < 2:
        raise ProtocolError("answer without a status word")
    return response[-2] << 8 | response[-1], bytes(response[:-2])
