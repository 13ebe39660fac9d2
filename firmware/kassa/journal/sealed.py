"""Sealing: AES-CCM (NIST SP 800-38C) with 8 bytes of tag, under the terminal's journal key.

A tag of 64 bits is what SP 800-38C B.2 calls the least for use without further care: forging a
record takes some 2^63 tries, each of them a write to this terminal's flash.
"""

from kassa.journal.slots import TAG_SIZE
from kassa.security import ccm
from kassa.system.ensure import ensure


class Sealer:
    """Seals and opens under one 16-byte key.  The caller sees to it that no nonce comes twice."""

    def __init__(self, key: "bytes | bytearray") -> None:
        ensure(len(key) == 16, "a journal key has 16 bytes")
        self._key = bytes(key)

    def seal(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        """`data` encrypted, then the tag."""
        return ccm.seal(self._key, nonce, data, associated, TAG_SIZE)

    def open(self, nonce: bytes, sealed: "bytes | bytearray", associated: bytes) -> bytes:
        """The data that was sealed.  Raises AuthenticationFailed."""
        return ccm.open_sealed(self._key, nonce, sealed, associated, TAG_SIZE)
