"""AES modes that the chip does not offer, built from the two that it does (ECB and CBC).

Everything works on whole messages at once: the key stream of counter mode comes from one ECB call
and is laid over the data as one big integer, because on the chip the call costs more than the
blocks.  Keys have 16 or 32 bytes.
"""

from cryptolib import aes
from micropython import const

_ECB = const(1)
_CBC = const(2)
_BLOCK = const(16)


def encrypt_block(key: "bytes | bytearray", block: bytes) -> bytes:
    """One block (or several, each on its own) under `key`: the raw cipher, FIPS 197."""
    return aes(key, _ECB).encrypt(block)


def cbc_mac(key: "bytes | bytearray", padded: "bytes | bytearray") -> bytes:
    """The last block of `padded` (one whole block or more) in CBC from a zero vector."""
    return bytes(aes(key, _CBC, bytes(_BLOCK)).encrypt(padded)[-_BLOCK:])


def xor(a: bytes, b: bytes) -> bytes:
    """Exclusive or of two byte strings of the same length."""
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).to_bytes(len(a), "big")


def key_stream(key: "bytes | bytearray", prefix: bytes, first: int, blocks: int) -> bytearray:
    """`blocks` encrypted counter blocks: `prefix` then a big-endian counter that fills the 16
    bytes, from `first`.
    """
    width = _BLOCK - len(prefix)
    stream = bytearray(blocks * _BLOCK)
    at = 0
    for counter in range(first, first + blocks):
        stream[at : at + _BLOCK] = prefix + counter.to_bytes(width, "big")
        at += _BLOCK
    aes(key, _ECB).encrypt(stream, stream)
    return stream
