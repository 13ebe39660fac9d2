"""A terminal's DUKPT keys, as `/state/keys.bin` holds them, and how to step ahead in them.

The format is `kassa.security.key_store`'s.  A backup holds the keys of a moment; the terminal may
have used many since.  A key that was used must never be used again, so whoever restores them goes
ahead first, over every key that may have been used.  What is stepped over can be computed from
the result no more than what was used (ANSI X9.24-3, Annex A): the registers that would give it
are erased.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

MAGIC = b"KDK1"
_REGISTERS, _KEY = 32, 16
_KEYS_AT, _SUM_AT, _SIZE = 20, 532, 540
_MOST_ONE_BITS = 16
_LAST_COUNTER = 0xFFFF0000
# X9.24-3 Table 4: version 1, key block 1, usage key derivation, AES-128, 128 bits.
_DERIVATION = bytes.fromhex("0101800000020080")


class KeysError(ValueError):
    """The file holds no keys that can be used; the message says why."""


@dataclass
class KeyFile:
    """initial_key_id: 8 bytes; counter: of the next transaction; registers: up to 32 keys by the
    bit of the counter that they belong to.
    """

    initial_key_id: bytes
    counter: int
    registers: dict[int, bytes]

    def step_ahead(self, by: int) -> None:
        """Never again use the next `by` keys.  Raises KeysError when there are not so many."""
        target = self.counter + by
        while self.counter < target:
            register = _lowest_bit(self.counter)
            if self.counter > _LAST_COUNTER or register not in self.registers:
                raise KeysError("the keys are used up; inject a new initial key")
            key = self.registers.pop(register)
            if self.counter + (1 << register) <= target:
                self.counter += 1 << register  # over this key and all that follow from it
            else:
                for below in range(register):
                    self.registers[below] = self._derive(key, self.counter | 1 << below)
                self.counter += 1
            while self.counter.bit_count() > _MOST_ONE_BITS:
                register = _lowest_bit(self.counter)
                self.registers.pop(register, None)
                self.counter += 1 << register

    def to_bytes(self) -> bytes:
        in_use = sum(1 << register for register in self.registers)
        keys = b"".join(self.registers.get(n, bytes(_KEY)) for n in range(_REGISTERS))
        content = MAGIC + self.initial_key_id
        content += self.counter.to_bytes(4, "big") + in_use.to_bytes(4, "big") + keys
        return content + _sum(content)

    def _derive(self, key: bytes, counter: int) -> bytes:
        data = _DERIVATION + self.initial_key_id[4:] + counter.to_bytes(4, "big")
        # One block under a key of its own: there is nothing to chain.
        encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
        return encryptor.update(data) + encryptor.finalize()


def parse(content: bytes) -> KeyFile:
    """The keys in a file.  Raises KeysError."""
    if len(content) != _SIZE or content[:4] != MAGIC or _sum(content[:_SUM_AT]) != content[-8:]:
        raise KeysError("the file of keys is damaged; inject a new initial key")
    in_use = int.from_bytes(content[16:20], "big")
    registers = {}
    for number in range(_REGISTERS):
        if in_use >> number & 1:
            start = _KEYS_AT + number * _KEY
            registers[number] = content[start : start + _KEY]
    return KeyFile(content[4:12], int.from_bytes(content[12:16], "big"), registers)


def _sum(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()[:8]


def _lowest_bit(number: int) -> int:
    return (number & -number).bit_length() - 1
