"""AES-CMAC (RFC 4493, NIST SP 800-38B)."""

from micropython import const

from kassa.security import aes, compare

_BLOCK = const(16)
_R128 = const(0x87)
_TOP = 1 << 127
_MASK = (1 << 128) - 1


def _doubled(block: bytes) -> bytes:
    """Twice `block` in GF(2^128): from one subkey to the next (RFC 4493 section 2.3)."""
    number = int.from_bytes(block, "big")
    shifted = (number << 1) & _MASK
    if number & _TOP:
        shifted ^= _R128
    return shifted.to_bytes(_BLOCK, "big")


def cmac(key: "bytes | bytearray", message: "bytes | bytearray | memoryview") -> bytes:
    """The 16-byte MAC of a message of any length under a 16- or 32-byte key."""
    subkey = _doubled(aes.encrypt_block(key, bytes(_BLOCK)))
    size = len(message)
    padded = bytearray(max(1, (size + _BLOCK - 1) // _BLOCK) * _BLOCK)
    padded[:size] = message
    if size != len(padded):
        padded[size] = 0x80
        subkey = _doubled(subkey)
    padded[-_BLOCK:] = aes.xor(bytes(padded[-_BLOCK:]), subkey)
    return aes.cbc_mac(key, padded)


def verify(
    key: "bytes | bytearray", message: "bytes | bytearray | memoryview", mac: "bytes | memoryview"
) -> bool:
    """Whether `mac`, the leftmost 8 to 16 bytes of the full one, belongs to `message`.  Constant
    time.
    """
    return 8 <= len(mac) <= _BLOCK and compare.equal(cmac(key, message)[: len(mac)], mac)
