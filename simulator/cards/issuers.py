"""The sandbox issuers: what a bank's host holds of its cards' keys, and what it does with them.

Card and issuer derive everything from the issuer's master key with pyemv, by the cryptogram
version number (CVN) in the card's issuer application data (tag 9F10).  The keys come from a seed
that is in this file: they protect nothing.

    issuer = issuer_for("4761739001010119")
    good = verify_arqc(pan, psn, atc, iad, de55, arqc)
    data = arpc(pan, psn, atc, iad, arqc, b"00")        # content of tag 91

Sources: Visa VIS 1.6 Annex D (CVN 10, 17, 18), M/Chip (CVN 10 and 14), EMV 4.3 Book 2, 8 and A1;
JR/T 0025 part 17 (UnionPay's session keys).  Of American Express, JCB and Discover only is public
which versions have session keys: CVN 1 of the first two signs with the card's key, the others with
EMV's common session key.  What they sign is the sandbox's choice after Book 2, 8.1.1.
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
    "374245": ("amex", "Sandbox Express"),
    "371449": ("amex", "Sandbox Express Business"),
    "353011": ("jcb", "Sandbox Bank"),
    "356600": ("jcb", "Sandbox Savings Bank"),
    "601100": ("discover", "Sandbox Bank"),
    "360066": ("discover", "Sandbox Diners"),
    "620000": ("unionpay", "Sandbox Bank"),
    "625094": ("unionpay", "Sandbox Savings Bank"),
}

_DATA = (0x9F02, 0x9F03, 0x9F1A, 0x95, 0x5F2A, 0x9A, 0x9C, 0x9F37, 0x82, 0x9F36)
_WITHOUT_TVR = tuple(tag for tag in _DATA if tag != 0x95)
_WHOLE_IAD, _CVR_OF_MCHIP = slice(None), slice(2, 8)
_CVR = slice(3, 7)  # VIS' form: length, key index, CVN, then the CVR with its own length


@dataclass(frozen=True)
class _Version:
    """What a cryptogram version signs, and with which key.

    `session` is "" for the card's own key, "common" for EMV's, "mastercard" and "unionpay" for
    theirs; `data` are the tags in order, after which comes the `tail` of 9F10.  `option_b` says
    how the card's key comes from the issuer's (EMV 4.3 Book 2, A1.4), `answer` how the issuer
    answers.
    """

    session: str
    tail: slice
    padding: ac.PaddingType = ac.PaddingType.EMV
    data: tuple[int, ...] = _DATA
    option_b: bool = False
    answer: str = "card"  # method 1 by the card's key, "session": by the session's, "status": 2


_ZEROS = ac.PaddingType.VISA
_VERSIONS: dict[str, dict[int, _Version]] = {
    "visa": {
        10: _Version("", _CVR, _ZEROS),
        # Amount, unpredictable number, ATC and byte 5 of the IAD; no session key.
        17: _Version("", slice(4, 5), _ZEROS, (0x9F02, 0x9F37, 0x9F36)),
        18: _Version("common", _WHOLE_IAD, option_b=True, answer="status"),
    },
    "mastercard": {
        0x10: _Version("mastercard", _CVR_OF_MCHIP),
        0x14: _Version("common", _CVR_OF_MCHIP, answer="session"),
    },
    "amex": {1: _Version("", _CVR, _ZEROS), 2: _Version("common", _CVR, answer="session")},
    "jcb": {1: _Version("", _CVR, _ZEROS), 4: _Version("common", _CVR, answer="session")},
    # Its contactless PDOL does not ask for the TVR, so that it cannot be signed.
    "discover": {0x15: _Version("common", _WHOLE_IAD, data=_WITHOUT_TVR, answer="session")},
    "unionpay": {1: _Version("unionpay", _CVR, answer="session")},
}

CVNS = {scheme: tuple(versions) for scheme, versions in _VERSIONS.items()}
"""The cryptogram versions of each scheme."""


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
    version = _VERSIONS[scheme][cvn(scheme, iad)]
    values = {**data, 0x9F36: counter}
    plain = b"".join(values[tag] for tag in version.data) + iad[version.tail]
    key = _session_key(_card_key(pan, psn, version), counter, values[0x9F37], version)
    return ac.generate_ac(key, plain, version.padding)


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
    version = _VERSIONS[scheme][cvn(scheme, iad)]
    key = _card_key(pan, psn, version)
    if version.answer == "card":
        return ac.generate_arpc_1(key, arqc, response_code) + response_code
    key = _session_key(key, _atc(atc), unpredictable_number, version)
    if version.answer == "session":
        return ac.generate_arpc_1(key, arqc, response_code) + response_code
    # Card status update byte 2 bit 80: the issuer approves.
    status = bytes([0x00, 0x80 if response_code == b"00" else 0x00, 0x00, 0x00])
    return ac.generate_arpc_2(key, arqc, status) + status


def cvn(scheme: str, iad: bytes) -> int:
    """The cryptogram version number in an IAD; ValueError if it is none we know."""
    if scheme in ("mastercard", "discover"):
        # Key index, CVN, then the CVR.
        least, at, fits = (8 if scheme == "mastercard" else 10), 1, True
    else:
        # VIS' form; UnionPay's has one byte more, which names the algorithm.
        length = 7 if scheme == "unionpay" else 6
        least, at, fits = length + 1, 2, iad[:1] == bytes([length])
    if fits and len(iad) >= least and iad[at] in _VERSIONS[scheme]:
        return iad[at]
    raise ValueError("unknown cryptogram version number")


def _card_key(pan: str, psn: int | str | None, version: _Version) -> bytes:
    sequence = f"{int(psn or 0):02d}"
    master = issuer_for(pan).imk_ac
    derive = kd.derive_icc_mk_b if version.option_b else kd.derive_icc_mk_a
    return derive(master, pan, sequence)


def _session_key(card_key: bytes, atc: bytes, random: bytes, version: _Version) -> bytes:
    if not version.session:
        return card_key
    if version.session == "mastercard":
        # Mastercard's own derivation: ATC and unpredictable number.
        return kd.derive_common_sk(card_key, atc + b"\0\0" + random)
    if version.session == "unionpay":
        # The ATC right-aligned, and the same inverted, each enciphered by the card's key.
        inverted = bytes(byte ^ 0xFF for byte in atc)
        halves = bytes(6) + atc + bytes(6) + inverted
        return tools.adjust_key_parity(tools.encrypt_tdes_ecb(card_key, halves))
    return kd.derive_common_sk(card_key, atc + bytes(6))


def _atc(atc: int | bytes) -> bytes:
    return atc.to_bytes(2, "big") if isinstance(atc, int) else bytes(atc)
