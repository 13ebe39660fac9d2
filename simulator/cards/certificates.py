"""EMV public key certificates and signatures (EMV 4.3 Book 2, 5 and 6; Book C-3, Annex C).

Every block is `6A`, a format byte, its fields, SHA-1 over those and what goes with them, `BC`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

from simulator.cards.emv_keys import RsaKey, rsa_key

CA_BITS = 1408
ISSUER_BITS = 1408
ICC_BITS = 1152
CA_INDEX = 0x92  # of our own; the schemes' real keys are others
CERTIFICATE_EXPIRY = bytes.fromhex("1249")  # MMYY
_RIDS = {"visa": bytes.fromhex("A000000003"), "mastercard": bytes.fromhex("A000000004")}


@dataclass(frozen=True)
class CaKey:
    """A scheme's public key as a terminal holds it; `checksum` is SHA-1 as in Book 2, table 30."""

    rid: bytes
    index: int
    modulus: bytes
    exponent: bytes

    @property
    def checksum(self) -> bytes:
        data = self.rid + bytes([self.index]) + self.modulus + self.exponent
        return hashlib.sha1(data).digest()


@dataclass(frozen=True)
class Certificate:
    """A signed key: the certificate, and what of the modulus did not fit (tags 92, 9F48), or
    b""."""

    signed: bytes
    remainder: bytes
    exponent: bytes


def ca_key(scheme: str) -> CaKey:
    """The sandbox CA key of `scheme`, for a terminal's configuration."""
    key = _ca(scheme)
    return CaKey(_RIDS[scheme], CA_INDEX, key.modulus_bytes, key.exponent_bytes)


@cache
def issuer_certificate(scheme: str, issuer: str) -> Certificate:
    """Tags 90, 92 and 9F32 for `issuer` (its identification digits), format 02."""
    key, ca = issuer_key(issuer), _ca(scheme)
    identifier = bytes.fromhex(issuer.ljust(8, "F"))
    head = b"\x02" + identifier + CERTIFICATE_EXPIRY + b"\x00\x00\x01" + b"\x01\x01"
    return _certify(ca, key, head, b"")


def icc_certificate(issuer: str, pan: str, static_data: bytes) -> Certificate:
    """Tags 9F46, 9F48 and 9F47 for the card of `pan`, format 04; signs `static_data` too."""
    number = bytes.fromhex(pan.ljust(20, "F"))
    head = b"\x04" + number + CERTIFICATE_EXPIRY + b"\x00\x00\x02" + b"\x01\x01"
    return _certify(issuer_key(issuer), icc_key(pan), head, static_data)


def issuer_key(issuer: str) -> RsaKey:
    return rsa_key(f"issuer {issuer}", ISSUER_BITS)


def icc_key(pan: str) -> RsaKey:
    return rsa_key(f"icc {pan}", ICC_BITS)


def sign_dynamic(
    key: RsaKey, format_byte: int, dynamic_data: bytes, terminal_data: bytes
) -> bytes:
    """Tag 9F4B: `dynamic_data` signed together with what the terminal gave (Book 2, table 17)."""
    fields = bytes([format_byte, 0x01, len(dynamic_data)]) + dynamic_data
    fields = fields.ljust(key.length - 22, b"\xbb")
    digest = hashlib.sha1(fields + terminal_data).digest()
    return key.sign(b"\x6a" + fields + digest + b"\xbc")


def _ca(scheme: str) -> RsaKey:
    return rsa_key(f"ca {scheme}", CA_BITS)


def _certify(signer: RsaKey, key: RsaKey, head: bytes, more: bytes) -> Certificate:
    modulus = key.modulus_bytes
    fields = head + bytes([len(modulus), len(key.exponent_bytes)])
    room = signer.length - 22 - len(fields)
    fields += modulus[:room].ljust(room, b"\xbb")
    remainder = modulus[room:]
    digest = hashlib.sha1(fields + remainder + key.exponent_bytes + more).digest()
    signed = signer.sign(b"\x6a" + fields + digest + b"\xbc")
    return Certificate(signed, remainder, key.exponent_bytes)
