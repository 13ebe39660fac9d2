"""Signing what a terminal checks before it uses it: RSASSA-PSS, SHA-256, 3072 bits.

The salt is 32 bytes, as long as the hash, which is what other signing tools make too.  Ours is not
drawn but derived from key and content (as RFC 6979 derives its nonces): the same document under
the same key gives the same files, so that a build can be compared with another byte for byte.  A
terminal takes any salt of that length, such as a hardware module's random one.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from kassa.security import signature
from kassa.security.errors import BadSignature

BITS = 3072
EXPONENT = 65537
_SIZE = BITS // 8


class KeyFileError(Exception):
    """A file that holds no key we can sign with; the message is one line and names the file."""


@dataclass(frozen=True)
class SigningKey:
    """A private key of 3072 bits with exponent 65537."""

    modulus: int
    private_exponent: int

    @property
    def modulus_bytes(self) -> bytes:
        return self.modulus.to_bytes(_SIZE, "big")

    @property
    def key_id(self) -> str:
        """What the key goes by: the first 8 bytes of its modulus' SHA-256."""
        return hashlib.sha256(self.modulus_bytes).hexdigest()[:16].upper()

    def secret(self, purpose: str, *parts: bytes) -> bytes:
        """32 bytes that only who has this key can make, for one purpose and content."""
        key = hashlib.sha256(self.private_exponent.to_bytes(_SIZE, "big")).digest()
        made = hmac.new(key, purpose.encode() + b"\x00", "sha256")
        for part in parts:
            made.update(len(part).to_bytes(4, "big") + part)
        return made.digest()

    def sign(self, content: bytes) -> bytes:
        """The signature of `content`, 384 bytes (RFC 8017, 8.1.1 and 9.1.1)."""
        digest = hashlib.sha256(content).digest()
        salt = self.secret("salt", digest)
        inner = hashlib.sha256(bytes(8) + digest + salt).digest()
        room = _SIZE - len(inner) - 1
        block = (b"\x01" + salt).rjust(room, b"\x00")
        masked = bytearray(a ^ b for a, b in zip(block, _mask(inner, room), strict=True))
        masked[0] &= 0x7F
        encoded = int.from_bytes(bytes(masked) + inner + b"\xbc", "big")
        signed = pow(encoded, self.private_exponent, self.modulus).to_bytes(_SIZE, "big")
        # A key that does not fit together, or a fault of this computer, must not leave the house.
        signature.verify(digest, signed, self.modulus_bytes, EXPONENT)
        return signed

    def signer(self) -> bytes:
        """The public half as the terminal keeps it in /config/signer.json."""
        facts = {
            "exponent": f"{EXPONENT:06X}",
            "key_id": self.key_id,
            "modulus": self.modulus_bytes.hex().upper(),
        }
        return json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()


def _mask(seed: bytes, length: int) -> bytes:
    """MGF1 with SHA-256 (RFC 8017, B.2.1)."""
    blocks = (
        hashlib.sha256(seed + counter.to_bytes(4, "big")).digest()
        for counter in range(-(-length // 32))
    )
    return b"".join(blocks)[:length]


def create(path: Path) -> SigningKey:
    """A new key in a new PEM file that only its owner can read.  Raises FileExistsError rather
    than replace one: what it signed could not be changed any more."""
    private = rsa.generate_private_key(public_exponent=EXPONENT, key_size=BITS)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    return load(path)


def load(path: Path) -> SigningKey:
    """The private key in a PEM file.  Raises KeyFileError."""
    try:
        private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be read: {error.strerror}") from error
    except TypeError as error:
        raise KeyFileError(f"{path}: is locked with a password; unlock it first") from error
    except ValueError as error:
        raise KeyFileError(f"{path}: holds no private key in PEM form") from error
    if not isinstance(private, rsa.RSAPrivateKey):
        raise KeyFileError(f"{path}: not an RSA key; make one with `kassa emv key`")
    numbers = private.private_numbers()
    public = numbers.public_numbers
    if public.n.bit_length() != BITS or public.e != EXPONENT:
        raise KeyFileError(f"{path}: must be an RSA key of {BITS} bits with exponent {EXPONENT}")
    return SigningKey(public.n, numbers.d)


def is_signed(content: bytes, signed: bytes, signer: bytes) -> bool:
    """Whether a terminal with this signer.json would take `content`; ValueError for no signer."""
    _, modulus = _signer(signer)
    try:
        signature.verify(hashlib.sha256(content).digest(), signed, modulus, EXPONENT)
    except BadSignature:
        return False
    return True


def key_id(signer: bytes) -> str:
    """What the key in a signer.json goes by; ValueError for no signer."""
    return _signer(signer)[0]


def _signer(content: bytes) -> tuple[str, bytes]:
    try:
        facts = json.loads(content)
        name, modulus = str(facts["key_id"]), bytes.fromhex(facts["modulus"])
        if facts["exponent"] != f"{EXPONENT:06X}" or len(modulus) != _SIZE:
            raise ValueError
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError("not a signer's key") from error
    return name, modulus
