"""What a card signs, and the certificates that go with it; spoilt where its profile says so.

Three kinds (`Application.authentication`): "static" is a signature of the issuer's over the card's
data, "combined" one of the card's over cryptogram and transaction (CDA), "fast" one of the card's
over amount and currency (fDDA version 01).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from kassa.emv import tags, tlv

from simulator.cards import certificates
from simulator.cards.personalisation import Application

ISSUER_REMAINDER, STATIC_SIGNATURE, ICC_REMAINDER = 0x92, 0x93, 0x9F48

Objects = list[tuple[int, bytes]]
_OTHER_NUMBER = bytes(4)


def certificate_records(app: Application, static_data: bytes) -> list[Objects]:
    """The objects of three records: keys and their exponents; 90; 9F46, or 93 for SDA.

    `static_data` is what certificate or signature vouch for; [] for a card without any.
    """
    kind, fault = app.authentication, app.fault
    if kind == "none":
        return []
    issuer = certificates.issuer_certificate(app.applet, app.issuer.bin, fault)
    keys: Objects = [
        (tags.CA_KEY_INDEX, certificates.ca_index(fault)),
        (tags.ISSUER_EXPONENT, issuer.exponent),
        (ISSUER_REMAINDER, issuer.remainder),
    ]
    if kind == "static":
        signed = certificates.sign_static(app.issuer.bin, static_data, fault)
        own: Objects = [(STATIC_SIGNATURE, b"" if fault == "static_missing" else signed)]
    else:
        icc = certificates.icc_certificate(
            app.issuer.bin, app.pan, static_data, fault, app.icc_bits
        )
        keys.append((tags.ICC_EXPONENT, icc.exponent))
        certificate = b"" if fault == "icc_missing" else icc.signed
        own = [(tags.ICC_CERTIFICATE, certificate), (ICC_REMAINDER, icc.remainder)]
    middle = b"" if fault == "issuer_missing" else issuer.signed
    return [present(keys), present([(tags.ISSUER_CERTIFICATE, middle)]), present(own)]


def signed_objects(app: Application, aip: bytes, objects: Objects) -> tuple[Objects, bytes]:
    """A static record's objects as the card shows them, and the data that were signed (Book 3,
    10.3): the record with 9F4A, then the AIP."""
    listed = bytes([tags.AIP]) if app.fault != "sda_tags" else bytes.fromhex("825F24")
    complete: Objects = [*objects, (tags.SDA_TAGS, listed)]
    complete = [(tag, value) for tag, value in complete if tag not in app.omit]
    signed = tlv.encode_all(list(complete)) + aip
    if app.fault == "static_data":
        complete = [
            (tag, certificates.flipped(value) if tag == tags.USAGE_CONTROL else value)
            for tag, value in complete
        ]
    return complete, signed


def combined(
    app: Application, kind: int, cryptogram: bytes, hashed: bytes, number: bytes
) -> bytes:
    """9F4B for CDA (EMV 4.3 Book 2, 6.6): `kind` as in 9F27, `hashed` the transaction's data,
    `number` the terminal's; b"" where there is none."""
    fault = app.fault
    if fault == "signature_missing":
        return b""
    if fault == "combined_kind":
        kind ^= 0xC0
    if fault == "combined_data":
        hashed = certificates.flipped(hashed)
    own_number = hashlib.sha256(cryptogram).digest()[:8]
    digest = hashlib.sha1(hashed).digest()
    dynamic = bytes([len(own_number)]) + own_number + bytes([kind]) + cryptogram + digest
    return _sign(app, 0x05, dynamic, number, b"")


def fast(
    app: Application, atc: bytes, number: bytes, amount: bytes, currency: bytes, ctq: bytes
) -> Objects:
    """9F4B and 9F69 for fDDA version 01 (Book C-3, Annex C)."""
    fault = app.fault
    own_number = hashlib.sha256(app.pan.encode() + atc).digest()[:4]
    version = b"\x00" if fault == "fast_version" else b"\x01"
    related = version + own_number + ctq
    if fault == "fast_amount":
        amount = bytes(5) + b"\x01"
    if fault == "fast_currency":
        currency = b"\x08\x40" if currency != b"\x08\x40" else b"\x09\x78"
    signed = _sign(app, 0x95, bytes([len(atc)]) + atc, number, amount + currency + related)
    return present(
        [
            (tags.SIGNED_DYNAMIC, b"" if fault == "signature_missing" else signed),
            (tags.FDDA, b"" if fault == "fast_related_missing" else related),
        ]
    )


def _sign(app: Application, format_byte: int, dynamic: bytes, number: bytes, rest: bytes) -> bytes:
    fault = app.fault
    key = certificates.icc_key(app.pan, app.icc_bits)
    if fault == "icc_exponent_one":
        key = certificates.RsaKey(key.modulus, 1, 1)
    if fault == "signature_format":
        format_byte = 0x15
    if fault == "signature_replayed":
        number = _OTHER_NUMBER
    signed = certificates.sign_dynamic(key, format_byte, dynamic, number + rest)
    return certificates.flipped(signed) if fault == "signature_bit" else signed


def present(objects: Sequence[tuple[int, bytes]]) -> Objects:
    """Those that have a value."""
    return [(tag, value) for tag, value in objects if value]
