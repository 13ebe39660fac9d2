"""AES-CCM: encryption and authentication in one (NIST SP 800-38C).

A nonce of 7 to 13 bytes must never be used twice under one key; longer nonces leave less room for
the length of the data (SP 800-38C A.1).  The tag has 4 to 16 bytes, an even number.
"""

from micropython import const

from kassa.security import aes, compare
from kassa.security.errors import AuthenticationFailed
from kassa.system.ensure import ensure

_BLOCK = const(16)
_SHORT_ASSOCIATED_LIMIT = const(0xFF00)


def seal(
    key: "bytes | bytearray",
    nonce: bytes,
    data: "bytes | bytearray",
    associated: "bytes | bytearray" = b"",
    tag_length: int = _BLOCK,
) -> bytes:
    """`data` encrypted, then the tag over it and over `associated` (which is not part of the
    result).
    """
    tag = _tag(key, nonce, data, associated, tag_length)
    return _counter_mode(key, nonce, tag, data)


def open_sealed(
    key: "bytes | bytearray",
    nonce: bytes,
    sealed: "bytes | bytearray | memoryview",
    associated: "bytes | bytearray" = b"",
    tag_length: int = _BLOCK,
) -> bytes:
    """The data that `seal` was given.  Raises AuthenticationFailed when anything differs."""
    size = len(sealed) - tag_length
    if size < 0:
        raise AuthenticationFailed("sealed data is too short")
    opened = _counter_mode(key, nonce, bytes(sealed[size:]), bytes(sealed[:size]))
    data = opened[:size]
    if not compare.equal(_tag(key, nonce, data, associated, tag_length), opened[size:]):
        raise AuthenticationFailed("sealed data does not authenticate")
    return data


def _counter_mode(
    key: "bytes | bytearray", nonce: bytes, tag: bytes, data: "bytes | bytearray"
) -> bytes:
    """SP 800-38C 6.1 steps 5-8 (A.3): the tag under counter block 0, the data under the blocks
    from 1.
    """
    blocks = (len(data) + _BLOCK - 1) // _BLOCK
    stream = aes.key_stream(key, bytes([14 - len(nonce)]) + nonce, 0, 1 + blocks)
    hidden = aes.xor(bytes(data), bytes(stream[_BLOCK : _BLOCK + len(data)])) if data else b""
    return hidden + aes.xor(tag, bytes(stream[: len(tag)]))


def _tag(
    key: "bytes | bytearray",
    nonce: bytes,
    data: "bytes | bytearray",
    associated: "bytes | bytearray",
    tag_length: int,
) -> bytes:
    """SP 800-38C 6.1 steps 1-4: format the input (A.2) and take its CBC-MAC."""
    ensure(7 <= len(nonce) <= 13, "a CCM nonce has 7 to 13 bytes")
    ensure(4 <= tag_length <= 16 and tag_length % 2 == 0, "a CCM tag has 4, 6, ... 16 bytes")
    width = 15 - len(nonce)
    ensure(len(data) < 1 << (8 * width), "data too long for this nonce")
    flags = (tag_length - 2) // 2 << 3 | (width - 1)
    if associated:
        flags |= 0x40
    prefix = b""
    if associated:
        count = len(associated)
        if count < _SHORT_ASSOCIATED_LIMIT:
            prefix = count.to_bytes(2, "big")
        else:
            prefix = b"\xff\xfe" + count.to_bytes(4, "big")
    body = _BLOCK + _padded_length(len(prefix) + len(associated))
    block = bytearray(body + _padded_length(len(data)))
    block[0] = flags
    block[1 : 1 + len(nonce)] = nonce
    block[1 + len(nonce) : _BLOCK] = len(data).to_bytes(width, "big")
    block[_BLOCK : _BLOCK + len(prefix)] = prefix
    start = _BLOCK + len(prefix)
    block[start : start + len(associated)] = associated
    block[body : body + len(data)] = data
    return aes.cbc_mac(key, block)[:tag_length]


def _padded_length(size: int) -> int:
    return (size + _BLOCK - 1) // _BLOCK * _BLOCK
