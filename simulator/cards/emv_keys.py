"""RSA keys of the sandbox schemes: made from a seed, so that every clone has the same ones.

Nothing here is secret and nothing is worth stealing: whoever reads this file can make the keys.
They are generated once and kept in `build/sandbox_keys.json`; without a writable `build` they are
made anew each time, in about a second a key.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CACHE = Path(__file__).resolve().parents[2] / "build" / "sandbox_keys.json"
_SEED = b"kassa sandbox keys, version 1"
_EXPONENT = 3
_SMALL_PRIMES = [
    n for n in range(3, 2000, 2) if all(n % d for d in range(3, math.isqrt(n) + 1, 2))
]


@dataclass(frozen=True)
class RsaKey:
    """An RSA key pair of EMV's kind: `length` bytes of modulus, exponent 3 or 65537."""

    modulus: int
    private_exponent: int
    exponent: int = _EXPONENT

    @property
    def length(self) -> int:
        return (self.modulus.bit_length() + 7) // 8

    @property
    def modulus_bytes(self) -> bytes:
        return self.modulus.to_bytes(self.length, "big")

    @property
    def exponent_bytes(self) -> bytes:
        return self.exponent.to_bytes((self.exponent.bit_length() + 7) // 8, "big")

    def sign(self, block: bytes) -> bytes:
        """The signature of `block`, which is as long as the modulus (EMV Book 2, Annex A2.1)."""
        if len(block) != self.length or int.from_bytes(block, "big") >= self.modulus:
            raise ValueError("a block to be signed is as long as the modulus and smaller than it")
        signed = pow(int.from_bytes(block, "big"), self.private_exponent, self.modulus)
        return signed.to_bytes(self.length, "big")

    def recover(self, signature: bytes) -> bytes:
        """What `signature` was made of."""
        opened = pow(int.from_bytes(signature, "big"), self.exponent, self.modulus)
        return opened.to_bytes(self.length, "big")


@cache
def rsa_key(name: str, bits: int, exponent: int = _EXPONENT) -> RsaKey:
    """The key called `name`; the same on every machine.  `bits` is a multiple of 16, `exponent` a
    prime."""
    entry = f"{name}/{bits}" if exponent == _EXPONENT else f"{name}/{bits}/{exponent}"
    kept = _read_cache().get(entry)
    if kept is not None:
        modulus, private = (int(part, 16) for part in kept)
    else:
        modulus, private = generate(entry, bits, exponent)
        _write_cache(entry, modulus, private)
    return RsaKey(modulus, private, exponent)


def _read_cache() -> dict[str, list[str]]:
    try:
        kept = json.loads(CACHE.read_text())
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _write_cache(entry: str, modulus: int, private: int) -> None:
    # Several test processes may do this at once: the last one wins, no reader sees half a file.
    kept = _read_cache() | {entry: [f"{modulus:x}", f"{private:x}"]}
    fresh = CACHE.with_name(f".{CACHE.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        CACHE.parent.mkdir(exist_ok=True)
        fresh.write_text(json.dumps(kept, indent=1))
        fresh.replace(CACHE)


def generate(name: str, bits: int, exponent: int = _EXPONENT) -> tuple[int, int]:
    """Modulus and private exponent of the key called `name`, from the seed alone."""
    stream = _Stream(_SEED + b"/" + name.encode())
    while True:
        p, q = _prime(stream, bits // 2, exponent), _prime(stream, bits // 2, exponent)
        modulus = p * q
        if p != q and modulus.bit_length() == bits:
            break
    return modulus, pow(exponent, -1, math.lcm(p - 1, q - 1))


class _Stream:
    """Bytes from SHA-256 in counter mode."""

    def __init__(self, seed: bytes) -> None:
        self._seed = hashlib.sha256(seed).digest()
        self._counter = 0

    def integer(self, bits: int) -> int:
        data = b""
        while len(data) * 8 < bits:
            self._counter += 1
            data += hashlib.sha256(self._seed + self._counter.to_bytes(8, "big")).digest()
        return int.from_bytes(data[: bits // 8], "big")


def _prime(stream: _Stream, bits: int, exponent: int) -> int:
    # The two upper bits set make a product of exactly twice the length.
    candidate = stream.integer(bits) | 3 << (bits - 2) | 1
    while True:
        # The exponent must have an inverse.
        fits = candidate % exponent != 1 and all(candidate % p for p in _SMALL_PRIMES)
        if fits and _is_prime(candidate):
            return candidate
        candidate += 2


def _is_prime(candidate: int) -> bool:
    """Miller-Rabin with the first twelve primes as bases: our candidates were not chosen to fool
    it."""
    odd, twos = candidate - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37):
        power = pow(base, odd, candidate)
        if power in (1, candidate - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % candidate
            if power == candidate - 1:
                break
        else:
            return False
    return True
