"""The card's data on its way to the host: sealed before it enters a message, or the journal.

In the clear (it never is, outside this module) it is BER-TLV:

    5A    PAN, digits, a trailing F when their count is odd
    57    track 2 equivalent data, as the card gave it
    5F34  PAN sequence number, one BCD byte
    DF14  expiry as YYMM (the form of DE 14)

Sealed it is one object that stands in DE 110, by itself or with the message's KSN beside it:

    E2    card block
      C1    key serial number, 12 bytes
      C3    algorithm: 01 = AES-CCM under the data encryption key of that KSN, nonce = KSN 01,
            associated data = terminal identifier and STAN as text ("KASSA001000007"), tag 16 bytes
      C4    the data above, encrypted, and the tag

A KSN gives one data key and a data key seals one block, so the nonce cannot repeat.  Binding
terminal and STAN keeps a block from being replayed under another transaction.
"""

from typing import TYPE_CHECKING

from kassa.security import ccm
from kassa.system.ensure import ensure

if TYPE_CHECKING:
    from kassa.security.dukpt import TransactionKeys

_ALGORITHM_CCM = b"\x01"
_NONCE_END = b"\x01"


class Card:
    """What the issuer needs to know the card by.  `wipe()` when it is sealed.

    pan digits; track2 the value of tag 57 or empty; expiry "YYMM" or ""; psn 0..99 or None.
    """

    def __init__(
        self,
        pan: str,
        expiry: str = "",
        psn: "int | None" = None,
        track2: "bytes | bytearray" = b"",
    ) -> None:
        ensure(8 <= len(pan) <= 19 and pan.isdigit(), "a PAN has 8 to 19 digits")
        ensure(len(expiry) in (0, 4), "an expiry is YYMM")
        self.pan = pan
        self.expiry = expiry
        self.psn = psn
        self.track2 = track2

    def wipe(self) -> None:
        """Let go of the card's data; what can be overwritten is."""
        if isinstance(self.track2, bytearray):
            for index in range(len(self.track2)):
                self.track2[index] = 0
        self.track2 = b""
        self.pan = ""
        self.expiry = ""
        self.psn = None


def seal(card: Card, keys: "TransactionKeys", terminal_id: str, stan: int) -> bytes:
    """The card block (object E2).  Uses up the data key of `keys`."""
    plain = bytearray()
    pan = card.pan
    append(plain, 0x5A, bytes.fromhex(pan + "F" if len(pan) & 1 else pan))
    if card.track2:
        append(plain, 0x57, card.track2)
    if card.psn is not None:
        append(plain, 0x5F34, bytes.fromhex("%02d" % card.psn))
    if card.expiry:
        append(plain, 0xDF14, bytes.fromhex(card.expiry))
    associated = (terminal_id + "%06d" % stan).encode()
    sealed = ccm.seal(keys.data_key, keys.ksn + _NONCE_END, plain, associated)
    for index in range(len(plain)):
        plain[index] = 0
    content = bytearray()
    append(content, 0xC1, keys.ksn)
    append(content, 0xC3, _ALGORITHM_CCM)
    append(content, 0xC4, sealed)
    block = bytearray()
    append(block, 0xE2, content)
    return bytes(block)


def append(buffer: bytearray, tag: int, value: "bytes | bytearray") -> None:
    """Append a BER-TLV object with a tag of one or two bytes and at most 255 bytes of value."""
    count = len(value)
    ensure(count <= 255, "a TLV value here has at most 255 bytes")
    buffer += tag.to_bytes(1 if tag <= 0xFF else 2, "big")
    if count > 127:
        buffer.append(0x81)
    buffer.append(count)
    buffer += value
