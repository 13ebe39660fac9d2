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
RIDS = {
    "visa": bytes.fromhex("A000000003"),
    "mastercard": bytes.fromhex("A000000004"),
    "amex": bytes.fromhex("A000000025"),
    "jcb": bytes.fromhex("A000000065"),
    "discover": bytes.fromhex("A000000152"),
    "unionpay": bytes.fromhex("A000000333"),
}
DATA_AUTHENTICATION_CODE = b"\xda\xc0"
_UNKNOWN_INDEX = 0x99
_EXPIRED = bytes.fromhex("0124")
_REVOKED_SERIAL = bytes.fromhex("999999")


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
    """The sandbox CA key of `scheme`, for a terminal's configuration; KeyError if there is
    none."""
    rid, key = RIDS[scheme], _ca(scheme)
    return CaKey(rid, CA_INDEX, key.modulus_bytes, key.exponent_bytes)


def revoked_serials(scheme: str) -> list[bytes]:
    """Serial numbers (3 bytes each) of issuer certificates that `scheme` has withdrawn; they are
    for the key with index CA_INDEX."""
    return [_REVOKED_SERIAL] if scheme in RIDS else []


def ca_index(fault: str = "") -> bytes:
    """Tag 8F."""
    return bytes([_UNKNOWN_INDEX if fault == "ca_index" else CA_INDEX])


@cache
def issuer_certificate(scheme: str, issuer: str, fault: str = "") -> Certificate:
    """Tags 90, 92 and 9F32 for `issuer` (its identification digits), format 02.

    Its serial number is the issuer's digits.  `fault` is a name of `simulator.cards.faults`.
    """
    key, ca = issuer_key(issuer), _ca(scheme)
    digits = "999999" if fault == "issuer_identifier" else issuer
    fields = [
        b"\x12" if fault == "issuer_format" else b"\x02",
        bytes.fromhex(digits.ljust(8, "F")),
        _EXPIRED if fault == "issuer_expired" else CERTIFICATE_EXPIRY,
        _REVOKED_SERIAL if fault == "issuer_revoked" else bytes.fromhex(issuer),
        b"\x01\x02" if fault == "issuer_algorithm" else b"\x01\x01",
    ]
    return _certify(ca, key, b"".join(fields), b"", fault.removeprefix("issuer_"))


@cache
def icc_certificate(
    issuer: str, pan: str, static_data: bytes, fault: str = "", bits: int = ICC_BITS
) -> Certificate:
    """Tags 9F46, 9F48 and 9F47 for the card of `pan`, format 04; signs `static_data` too."""
    number = "9" * len(pan) if fault == "icc_pan" else pan
    key = icc_key(pan, bits)
    if fault == "icc_exponent_one":
        key = RsaKey(key.modulus, 1, 1)
    elif fault == "icc_modulus_even":
        key = RsaKey(key.modulus - 1, key.private_exponent)
    fields = [
        b"\x14" if fault == "icc_format" else b"\x04",
        bytes.fromhex(number.ljust(20, "F")),
        _EXPIRED if fault == "icc_expired" else CERTIFICATE_EXPIRY,
        b"\x00\x00\x02",
        b"\x01\x02" if fault == "icc_algorithm" else b"\x01\x01",
    ]
    head = b"".join(fields)
    return _certify(issuer_key(issuer), key, head, static_data, fault.removeprefix("icc_"))


def issuer_key(issuer: str) -> RsaKey:
    return rsa_key(f"issuer {issuer}", ISSUER_BITS)


def icc_key(pan: str, bits: int = ICC_BITS) -> RsaKey:
    return rsa_key(f"icc {pan}", bits)


def sign_dynamic(
    key: RsaKey, format_byte: int, dynamic_data: bytes, terminal_data: bytes
) -> bytes:
    """Tag 9F4B: `dynamic_data` signed together with what the terminal gave (Book 2, table 17)."""
    fields = bytes([format_byte, 0x01, len(dynamic_data)]) + dynamic_data
    return _sign(key, fields, terminal_data)


def sign_static(issuer: str, static_data: bytes, fault: str = "") -> bytes:
    """Tag 93: `static_data` signed by the issuer, with a data authentication code (Book 2, table
    3)."""
    head = b"\x13" if fault == "static_format" else b"\x03"
    signed = _sign(issuer_key(issuer), head + b"\x01" + DATA_AUTHENTICATION_CODE, static_data)
    return flipped(signed) if fault == "static_bit" else signed


def flipped(data: bytes) -> bytes:
    """`data` with one bit in its middle changed."""
    at = len(data) // 2
    return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]


def _sign(key: RsaKey, fields: bytes, more: bytes) -> bytes:
    fields = fields.ljust(key.length - 22, b"\xbb")
    return key.sign(b"\x6a" + fields + hashlib.sha1(fields + more).digest() + b"\xbc")


def _ca(scheme: str) -> RsaKey:
    return rsa_key(f"ca {scheme}", CA_BITS)


def _certify(signer: RsaKey, key: RsaKey, head: bytes, more: bytes, fault: str) -> Certificate:
    modulus = key.modulus_bytes
    fields = head + bytes([len(modulus), len(key.exponent_bytes)])
    room = signer.length - 22 - len(fields)
    fields += modulus[:room].ljust(room, b"\xbb")
    remainder = modulus[room:]
    digest = hashlib.sha1(fields + remainder + key.exponent_bytes + more).digest()
    if fault == "hash":
        digest = hashlib.sha1(digest).digest()
    signed = signer.sign(b"\x6a" + fields + digest + b"\xbc")
    if fault == "bit":
        signed = flipped(signed)
    return Certificate(signed, remainder, key.exponent_bytes)
