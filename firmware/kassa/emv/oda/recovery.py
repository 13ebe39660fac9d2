"""RSA with message recovery and SHA-1, as EMV signs (EMV 4.3 Book 2, Annex A2.1 and B2.1).

What was signed is a block as long as the key: `6A`, a format byte, fields, SHA-1 over those and
over what goes with them, `BC`.  Nothing else in the firmware opens RSA or uses SHA-1 (ODA-8).
"""

import hashlib
from typing import TYPE_CHECKING

from kassa.emv.errors import EmvError

if TYPE_CHECKING:
    from collections.abc import Iterable

# Bytes of a modulus: 512 to 1984 bits (Book 2, Annex D1)
MIN_LENGTH = 64
MAX_LENGTH = 248
HASH_SHA1 = 0x01
ALGORITHM_RSA = 0x01
TRAILER_LENGTH = 21
"""Hash and `BC` at the end of a block."""

# Book 2, Annex B2.1: there are these two.
_EXPONENTS = {b"\x03": 3, b"\x01\x00\x01": 65537}


class Refused(EmvError):
    """Something is not proven: `rule` says by which rule, `why` in a technician's words.  Neither
    holds card data."""

    def __init__(self, rule: str, why: str) -> None:
        super().__init__(rule, why)
        self.rule = rule
        self.why = why


class PublicKey:
    """An RSA public key that may be used.

    `modulus` is 64 to 248 bytes, `exponent` is 03 or 010001; `whose` ("issuer") goes into what a
    refusal says.  Refused (ODA-8) if this is no key, before anything is computed with it.
    """

    def __init__(self, modulus: bytes, exponent: bytes, whose: str) -> None:
        value = _EXPONENTS.get(bytes(exponent))
        # ODA-8: even moduli, exponent 1 and lengths that do not fit are rejected before any
        # arithmetic.
        if value is None:
            raise Refused("ODA-8", whose + " key has another exponent than 3 or 65537")
        if not MIN_LENGTH <= len(modulus) <= MAX_LENGTH:
            raise Refused("ODA-8", whose + " key has an impossible length")
        if not modulus[-1] & 1:
            raise Refused("ODA-8", whose + " key has an even modulus")
        if not modulus[0] & 0x80:
            raise Refused("ODA-8", whose + " key is shorter than it says")
        self.length = len(modulus)
        self.whose = whose
        self._exponent = value
        self._modulus = int.from_bytes(modulus, "big")

    def recover(self, signed: bytes, formats: bytes, rule: str, what: str) -> bytes:
        """The block in `signed`, as long as this key, when its format byte is one of `formats`.

        Its hash is not looked at yet (`check_hash`).  `what` ("issuer certificate") and `rule` go
        into what a refusal says.
        """
        # ODA-8
        if len(signed) != self.length:
            raise Refused("ODA-8", "{} is not as long as the {} key".format(what, self.whose))
        number = int.from_bytes(signed, "big")
        if number >= self._modulus:
            raise Refused("ODA-8", "{} does not fit the {} key".format(what, self.whose))
        block = pow(number, self._exponent, self._modulus).to_bytes(self.length, "big")
        if block[0] != 0x6A or block[-1] != 0xBC:
            raise Refused(rule, "{} was not signed with the {} key".format(what, self.whose))
        if block[1] not in formats:
            raise Refused(rule, what + " has another format")
        return block


def check_hash(block: bytes, more: "Iterable[bytes | bytearray]", rule: str, what: str) -> None:
    """Compare the hash in `block` with SHA-1 over its fields, format byte included, and `more`."""
    hashed = hashlib.sha1(block[1:-TRAILER_LENGTH])
    for part in more:
        hashed.update(part)
    if hashed.digest() != block[-TRAILER_LENGTH:-1]:
        raise Refused(rule, what + " does not match its hash")


def sha1(*parts: "bytes | bytearray") -> bytes:
    """SHA-1 of `parts`, one after the other: 20 bytes."""
    hashed = hashlib.sha1()
    for part in parts:
        hashed.update(part)
    return hashed.digest()
