"""What can be wrong with a card's signatures, by the name a profile gives as its `fault`.

Each card with a fault is right in everything else, so that a terminal that takes it has missed
this one thing.  Whatever can be signed again is: a wrong field sits under a right hash.

Rules: EMV 4.3 Book 2, 5.3 (issuer), 6.4 (ICC), 5.4 (SDA), 6.6 (CDA); Book C-3, Annex C (fDDA).
"""

from __future__ import annotations

_KEYS = {
    "ca_index": "8F names a key that the scheme never published",
    "issuer_bit": "one bit of 90 is flipped",
    "issuer_format": "the issuer's certificate is of format 12",
    "issuer_hash": "the hash in the issuer's certificate is another's",
    "issuer_identifier": "the issuer's certificate was made for other cards",
    "issuer_expired": "the issuer's certificate has expired",
    "issuer_revoked": "the issuer's certificate is on the revocation list",
    "issuer_algorithm": "the issuer's certificate is for an unknown algorithm",
    "issuer_missing": "90 is not there",
}
_ICC = {
    "icc_bit": "one bit of 9F46 is flipped",
    "icc_format": "the card's certificate is of format 14",
    "icc_hash": "the hash in the card's certificate is another's",
    "icc_pan": "the card's certificate was made for another card",
    "icc_expired": "the card's certificate has expired",
    "icc_algorithm": "the card's certificate is for an unknown algorithm",
    "icc_exponent_one": "the card's key has exponent 1, with which everything verifies",
    "icc_modulus_even": "the card's modulus is even",
    "icc_missing": "9F46 is not there",
    "signature_bit": "one bit of 9F4B is flipped",
    "signature_format": "the dynamic signature is of format 15",
    "signature_missing": "9F4B is not there",
    "signature_replayed": "the dynamic signature was made for another unpredictable number",
}
_STATIC = {
    "static_data": "a record was changed after it was signed",
    "sda_tags": "9F4A names more than the AIP",
}

KINDS: dict[str, dict[str, str]] = {
    "static": {
        **_KEYS,
        **_STATIC,
        "static_bit": "one bit of 93 is flipped",
        "static_format": "93 is of format 13",
        "static_missing": "93 is not there",
    },
    "combined": {
        **_KEYS,
        **_ICC,
        **_STATIC,
        "combined_kind": "the signature was made for another kind of cryptogram",
        "combined_data": "the signature was made for other transaction data",
        "unasked_tc": "the card answers TC where it was asked for an ARQC",
    },
    "fast": {
        **_KEYS,
        **_ICC,
        **_STATIC,
        "fast_version": "9F69 says version 00",
        "fast_amount": "the dynamic signature was made for another amount",
        "fast_currency": "the dynamic signature was made for another currency",
        "fast_related_missing": "9F69 is not there",
        "fast_ctq": "9F6C claims that the owner was verified, its signed copy does not",
        "unasked_tc": "the card answers TC where the terminal must go online",
    },
    "none": {"unasked_tc": "the card answers TC where the terminal must go online"},
}
"""Faults by the offline data authentication that a card has, with what they are."""
