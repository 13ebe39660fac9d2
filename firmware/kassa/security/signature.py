"""RSA signatures: RSASSA-PSS with SHA-256 and MGF1 (RFC 8017, 8.1.2 and 9.1.2), verified only.

A 3072-bit key with exponent 65537 takes 17 squarings: MicroPython's own `pow` is good enough, and
all the memory it needs is a few numbers of twice the modulus' length.  Nothing here is secret.
"""

import hashlib

from kassa.security import compare
from kassa.security.errors import BadSignature

DIGEST_BYTES = 32
SALT_BYTES = 32
_TRAILER = 0xBC
_PADDING = bytes(8)


def verify(
    message_digest: bytes,
    signature: bytes,
    modulus: bytes,
    exponent: int,
    salt_bytes: int = SALT_BYTES,
) -> None:
    """Return when `signature` was made over a message with this SHA-256, else raise BadSignature.

    `modulus` is big-endian, its first bit set (its length in bits a multiple of 8); `signature` is
    exactly as long.  The salt must have exactly `salt_bytes`, so that one message has no second
    form of signature.
    """
    size = len(modulus)
    # Before any arithmetic: a key that no RSA key is, a length that does not fit
    room = size - DIGEST_BYTES - 1  # of the masked data block
    if len(message_digest) != DIGEST_BYTES or room < salt_bytes + 1:
        raise BadSignature("a length does not fit")
    if not modulus[0] & 0x80 or not modulus[-1] & 1 or exponent < 3 or not exponent & 1:
        raise BadSignature("not a public key")
    if len(signature) != size:
        raise BadSignature("the signature has {} bytes, not {}".format(len(signature), size))
    number, limit = int.from_bytes(signature, "big"), int.from_bytes(modulus, "big")
    if number >= limit:
        raise BadSignature("the signature is no number below the modulus")
    encoded = pow(number, exponent, limit).to_bytes(size, "big")
    # RFC 8017, 9.1.2: encoded is masked data block, digest, BC; its first bit is 0
    digest = encoded[room:-1]
    if encoded[-1] != _TRAILER or encoded[0] & 0x80:
        raise BadSignature("the signature does not belong to this key")
    block = _unmasked(encoded, room, digest)
    block[0] &= 0x7F
    start = room - salt_bytes
    wrong = block[start - 1] ^ 0x01
    for at in range(start - 1):
        wrong |= block[at]
    inner = hashlib.sha256(_PADDING)
    inner.update(message_digest)
    inner.update(block[start:])
    if wrong or not compare.equal(inner.digest(), digest):
        raise BadSignature("the signature does not belong to this content")


def _unmasked(encoded: bytes, room: int, seed: bytes) -> bytearray:
    """The first `room` bytes with the mask of MGF1 taken off (RFC 8017, B.2.1)."""
    block = bytearray(room)
    for counter in range((room + DIGEST_BYTES - 1) // DIGEST_BYTES):
        mask = hashlib.sha256(seed)
        mask.update(counter.to_bytes(4, "big"))
        start = counter * DIGEST_BYTES
        for at, byte in enumerate(mask.digest()):
            if start + at < room:
                block[start + at] = encoded[start + at] ^ byte
    return block
