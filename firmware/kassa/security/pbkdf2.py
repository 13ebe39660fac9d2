"""PBKDF2 with HMAC-SHA-256 (RFC 8018, section 5.2; HMAC is RFC 2104): a short secret, made slow to
guess.

Stock MicroPython has SHA-256 and nothing on top of it.  The two thousand rounds of a service code
take a chip a good part of a second (estimated, not measured), so that between some of them the
event loop goes on.
"""

import asyncio
import hashlib

from micropython import const

from kassa.system.ensure import ensure

DIGEST_BYTES = 32
_BLOCK_BYTES = const(64)
_INNER = const(0x36)
_OUTER = const(0x5C)
_AT_ONCE = const(16)  # rounds, some milliseconds on a chip


async def derive(password: bytes, salt: bytes, rounds: int, size: int = DIGEST_BYTES) -> bytes:
    """`size` bytes from `password` and `salt`, after `rounds` (at least 1) rounds a block."""
    ensure(rounds > 0 and size > 0, "rounds and size")
    if len(password) > _BLOCK_BYTES:
        password = hashlib.sha256(password).digest()
    key = password + bytes(_BLOCK_BYTES - len(password))
    inner = bytes([byte ^ _INNER for byte in key])
    outer = bytes([byte ^ _OUTER for byte in key])
    derived = b""
    number = 1
    while len(derived) < size:
        block = _mac(inner, outer, salt + number.to_bytes(4, "big"))
        total = int.from_bytes(block, "big")
        for done in range(1, rounds):
            if done % _AT_ONCE == 0:
                await asyncio.sleep_ms(0)
            block = _mac(inner, outer, block)
            total ^= int.from_bytes(block, "big")
        derived += total.to_bytes(DIGEST_BYTES, "big")
        number += 1
    return derived[:size]


def _mac(inner: bytes, outer: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256 under a key that is padded and masked already."""
    within = hashlib.sha256(inner)
    within.update(message)
    around = hashlib.sha256(outer)
    around.update(within.digest())
    return around.digest()
