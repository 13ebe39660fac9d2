"""The sandbox issuers: what a bank's host holds of its cards' keys, and what it does with them.

Card and issuer derive everything from the issuer's master key with pyemv, by the cryptogram
version number (CVN) in the card's issuer application data (tag 9F10).  The keys come from a seed
that is in this file: they protect nothing.

    issuer = issuer_for("4761739001010119")
    good = verify_arqc(pan, psn, atc, iad, de55, arqc)
    data = arpc(pan, psn, atc, iad, arqc, b"00")        # content of tag 91

Sources: Visa VIS 1.6 Annex D (CVN 10, 17, 18), M/Chip (CVN 10 and 14), EMV 4.3 Book 2, 8 and A1.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.utils import CryptographyDeprecationWarning
from pyemv import ac, kd, tools

_SEED = b"kassa sandbox issuer master keys, version 1"

# Identification digits -> scheme and name.  All are ranges of published test cards.
_ISSUERS = {
    "476173": ("visa", "Sandbox Bank"),
    "476134": ("visa", "Sandbox Savings Bank"),
    "541333": ("mastercard", "Sandbox Bank"),
    "222300": ("mastercard", "Sandbox Savings Bank"),
}

VISA_CVNS = (10, 17, 18)
MASTERCARD_CVNS = (0x10, 0x14)

_DATA = (0x9F02, 0x9F03, 0x9F1A, 0x95, 0x5F2A, 0x9A, 0x9C, 0x9F37, 0x82, 0x9F36)


@dataclass(frozen=True)
class Issuer:
    """An issuer: its identification digits, scheme, name, and master key for cryptograms."""

    bin: str
    scheme: str
    name: str
    imk_ac: bytes


def issuer_for(pan: str) -> Issuer:
    """The issuer of `pan`; KeyError if none of ours."""
    bin_ = pan[:6]
    scheme, name = _ISSUERS[bin_]
    key = hashlib.sha256(_SEED + b"/" + bin_.encode()).digest()[:16]
    return Issuer(bin_, scheme, name, tools.adjust_key_parity(key))


def issuers() -> list[Issuer]:
    """All of them."""
    return [issuer_for(bin_) for bin_ in _ISSUERS]


def _quietly(function: Callable[..., bytes]) -> Callable[..., bytes]:
    """Two-key triple DES is what EMV cards have; that it is old is known."""

    @functools.wraps(function)
    def quiet(*arguments: Any, **named: Any) -> bytes:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            return function(*arguments, **named)

    return quiet


@_quietly
def cryptogram(
    pan: str, psn: int | str | None, atc: int | bytes, iad: bytes, data: Mapping[int, bytes]
) -> bytes:
    """The application cryptogram (TC, ARQC or AAC alike): 8 bytes.

    `data` holds, by tag, what the terminal gave and 82; `iad` is 9F10 as the card returns it.
    KeyError names a tag that is missing; ValueError a CVN that this scheme has not.
    """
    scheme = issuer_for(pan).scheme
    counter = _atc(atc)
    values = {**data, 0x9F36: counter}
    number = cvn(scheme, iad)
    card_key = _card_key(pan, psn, number, scheme)
    if scheme == "visa" and number == 17:
        # Amount, unpredictable number, ATC and byte 5 of the IAD; no session key.
        plain = values[0x9F02] + values[0x9F37] + counter + iad[4:5]
        return ac.generate_ac(card_key, plain, ac.PaddingType.VISA)
    plain = b"".join(values[tag] for tag in _DATA)
    if scheme == "visa" and number == 10:
        return ac.generate_ac(card_key, plain + iad[3:7], ac.PaddingType.VISA)
    session = _session_key(card_key, counter, values[0x9F37], number, scheme)
    # CVN 18 signs the whole of 9F10, Mastercard's the CVR in it.
    tail = iad if scheme == "visa" else iad[2:8]
    return ac.generate_ac(session, plain + tail, ac.PaddingType.EMV)


def verify_arqc(
    pan: str,
    psn: int | str | None,
    atc: int | bytes,
    iad: bytes,
    data: Mapping[int, bytes],
    arqc: bytes,
) -> bool:
    """True if `arqc` is the cryptogram of this card over this data.

    False for anything else: an issuer we are not, a CVN we do not know, data that is missing.
    """
    try:
        expected = cryptogram(pan, psn, atc, iad, data)
    except (KeyError, ValueError):
        return False
    return hmac.compare_digest(expected, bytes(arqc))


@_quietly
def arpc(
    pan: str,
    psn: int | str | None,
    atc: int | bytes,
    iad: bytes,
    arqc: bytes,
    response_code: bytes,
    unpredictable_number: bytes = b"\0\0\0\0",
) -> bytes:
    """Issuer authentication data (content of tag 91) for `response_code`, two letters as in 8A.

    CVN 18 uses method 2 with a card status update; the others method 1.
    """
    scheme = issuer_for(pan).scheme
    number = cvn(scheme, iad)
    card_key = _card_key(pan, psn, number, scheme)
    if scheme == "visa" and number == 18:
        session = kd.derive_common_sk(card_key, _atc(atc) + bytes(6))
        # Card status update byte 2 bit 80: the issuer approves.
        status = bytes([0x00, 0x80 if response_code == b"00" else 0x00, 0x00, 0x00])
        return ac.generate_arpc_2(session, arqc, status) + status
    if scheme == "mastercard" and number == 0x14:
        card_key = _session_key(card_key, _atc(atc), unpredictable_number, number, scheme)
    return ac.generate_arpc_1(card_key, arqc, response_code) + response_code


def cvn(scheme: str, iad: bytes) -> int:
    """The cryptogram version number in an IAD; ValueError if it is none we know."""
    if scheme == "visa" and len(iad) >= 7 and iad[0] == 0x06 and iad[2] in VISA_CVNS:
        return iad[2]
    if scheme == "mastercard" and len(iad) >= 8 and iad[1] in MASTERCARD_CVNS:
        return iad[1]
    raise ValueError("unknown cryptogram version number")


def _card_key(pan: str, psn: int | str | None, number: int, scheme: str) -> bytes:
    sequence = f"{int(psn or 0):02d}"
    master = issuer_for(pan).imk_ac
    if scheme == "visa" and number == 18:
        return kd.derive_icc_mk_b(master, pan, sequence)
    return kd.derive_icc_mk_a(master, pan, sequence)


def _session_key(card_key: bytes, atc: bytes, random: bytes, number: int, scheme: str) -> bytes:
    if scheme == "mastercard" and number == 0x10:
        # Mastercard's own derivation: ATC and unpredictable number.
        return kd.derive_common_sk(card_key, atc + b"\0\0" + random)
    return kd.derive_common_sk(card_key, atc + bytes(6))


def _atc(atc: int | bytes) -> bytes:
    return atc.to_bytes(2, "big") if isinstance(atc, int) else bytes(atc)
