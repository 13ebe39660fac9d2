"""AES-DUKPT, the host's side (ANSI X9.24-3:2017, 6.3): from the base derivation key, for any KSN.

Written apart from the firmware's, on `cryptography`, so that each proves the other.
"""

from __future__ import annotations

import enum
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_AES_128 = (0x0002, 128)


class Usage(enum.IntEnum):
    """Key usage indicators (X9.24-3 Table 5)."""

    PIN_ENCRYPTION = 0x1000
    MAC_GENERATION = 0x2000
    MAC_VERIFICATION = 0x2001
    MAC_BOTH_WAYS = 0x2002
    DATA_ENCRYPTION = 0x3000
    DATA_DECRYPTION = 0x3001
    DATA_BOTH_WAYS = 0x3002
    KEY_DERIVATION = 0x8000
    INITIAL_KEY = 0x8001


class BadKsn(ValueError):
    """A key serial number that no terminal may use."""


def initial_key(base_key: bytes, initial_key_id: bytes) -> bytes:
    """The initial key of the terminal with this 8-byte identifier."""
    header = struct.pack(">BBHHH", 1, 1, Usage.INITIAL_KEY, *_AES_128)
    return _encrypt(base_key, header + initial_key_id)


def working_key(base_key: bytes, ksn: bytes, usage: Usage) -> bytes:
    """The AES-128 key for `usage` under a 12-byte KSN.  Raises BadKsn."""
    counter = int.from_bytes(ksn[8:], "big")
    if len(ksn) != 12 or counter == 0 or counter.bit_count() > 16:
        raise BadKsn(f"KSN {ksn.hex().upper()}: not one a terminal may use")
    identifier = ksn[:8]
    key = intermediate_key(base_key, identifier, counter)
    return _derive(key, usage, identifier, counter)


def intermediate_key(base_key: bytes, initial_key_id: bytes, counter: int) -> bytes:
    """The derivation key of a counter, as a terminal keeps it in a register."""
    key = initial_key(base_key, initial_key_id)
    reached = 0
    for bit in range(31, -1, -1):
        if counter & 1 << bit:
            reached |= 1 << bit
            key = _derive(key, Usage.KEY_DERIVATION, initial_key_id, reached)
    return key


def _derive(key: bytes, usage: Usage, identifier: bytes, counter: int) -> bytes:
    header = struct.pack(">BBHHH", 1, 1, usage, *_AES_128)
    return _encrypt(key, header + identifier[4:] + struct.pack(">I", counter))


def _encrypt(key: bytes, block: bytes) -> bytes:
    # One block is all there is: ECB has no pattern to show.
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return encryptor.update(block) + encryptor.finalize()
