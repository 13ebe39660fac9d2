"""From the scheme's key to the card's: issuer and ICC certificates, and the static data they cover
(EMV 4.3 Book 2, 5.3, 5.4, 6.3 and 6.4; Book 3, 10.3)."""

from typing import TYPE_CHECKING

from kassa.emv import tags
from kassa.emv.oda.recovery import (
    ALGORITHM_RSA,
    HASH_SHA1,
    TRAILER_LENGTH,
    PublicKey,
    Refused,
    check_hash,
)
from kassa.emv.transaction_data import comparable_date

if TYPE_CHECKING:
    from kassa.emv.ca_keys import CaKeys
    from kassa.emv.tap import Tap

ISSUER_REMAINDER = 0x92
ICC_REMAINDER = 0x9F48

_ISSUER_FORMAT = b"\x02"
_ICC_FORMAT = b"\x04"
# Where the hash algorithm indicator is; the signature algorithm, the key's two lengths and the key
# itself follow (Book 2, tables 6 and 14).
_ISSUER_ALGORITHMS = 11
_ICC_ALGORITHMS = 17


def needed(tap: "Tap", tag: int, rule: str, what: str) -> bytes:
    """The card's object `tag`; Refused if it gave none."""
    value = tap.data.get(tag)
    if not value:
        raise Refused(rule, "{} is missing".format(what))
    return value


def issuer_key(keys: "CaKeys", tap: "Tap") -> PublicKey:
    """The issuer's key, proven by the scheme's; Refused where anything of ODA-1 or ODA-2 fails."""
    rid, index = tap.aid[:5], needed(tap, tags.CA_KEY_INDEX, "ODA-1", "CA key index")
    today = tap.transaction.date
    # ODA-1: by RID and index; absent, wrong check sum or expired -> failed.
    ca = keys.find(rid, index, today)
    if ca is None or today is None:
        raise Refused("ODA-1", keys.why_not(rid, index, today))
    what = "issuer certificate"
    signed = needed(tap, tags.ISSUER_CERTIFICATE, "ODA-2", what)
    exponent = needed(tap, tags.ISSUER_EXPONENT, "ODA-2", "issuer key exponent")
    # ODA-2: as long as the CA modulus; 6A ... BC, format 02.
    block = ca.public_key.recover(signed, _ISSUER_FORMAT, "ODA-2", what)
    # ODA-4: a missing 92 is legal when the key fits.
    remainder = tap.data.get(ISSUER_REMAINDER, b"")
    modulus = _certified(block, _ISSUER_ALGORITHMS, remainder, exponent, "ODA-2", what)
    # ODA-2: SHA-1 over recovered[1:-21] + 92 + 9F32.
    check_hash(block, (remainder, exponent), "ODA-2", what)
    # ODA-2: the issuer identifier equals the leftmost 3-8 PAN digits, F-padded.
    issuer = block[2:6].hex().rstrip("f")
    if not issuer.isdigit() or len(issuer) < 3 or not tap.pan.startswith(issuer):
        raise Refused("ODA-2", what + " is another issuer's")
    _check_expiry(block[6:8], today, "ODA-2", what)
    # ODA-2: (RID, index, serial) not on the revocation list.
    if keys.is_revoked(rid, index, block[8:11]):
        raise Refused("ODA-2", what + " is revoked")
    return PublicKey(modulus, exponent, "issuer")


def icc_key(issuer: PublicKey, tap: "Tap") -> PublicKey:
    """The card's own key, proven by its issuer's; Refused where anything of ODA-3 or ODA-4
    fails."""
    what = "ICC certificate"
    signed = needed(tap, tags.ICC_CERTIFICATE, "ODA-4", what)
    exponent = needed(tap, tags.ICC_EXPONENT, "ODA-4", "ICC key exponent")
    static = static_data(tap)
    # ODA-4: format 04.
    block = issuer.recover(signed, _ICC_FORMAT, "ODA-4", what)
    # ODA-4: a missing 9F48 is legal when the key fits.
    remainder = tap.data.get(ICC_REMAINDER, b"")
    modulus = _certified(block, _ICC_ALGORITHMS, remainder, exponent, "ODA-4", what)
    # ODA-4: SHA-1 over recovered[1:-21] + 9F48 + 9F47 + static data.
    check_hash(block, (remainder, exponent) + static, "ODA-4", what)
    # ODA-4: the PAN equals 5A.  `Tap.identify` has seen to it that 57 says the same.
    if not tap.pan or block[2:12].hex().rstrip("f") != tap.pan:
        raise Refused("ODA-4", what + " is another card's")
    _check_expiry(block[12:14], tap.transaction.date or "", "ODA-4", what)
    return PublicKey(modulus, exponent, "ICC")


def static_data(tap: "Tap") -> "tuple[bytes | bytearray, ...]":
    """What the card's signatures cover of its records, in parts (Book 3, 10.3)."""
    # ODA-3: the records, in AFL order; none is legal.  `records.read_all` has gathered them.
    if not tap.static_data_sound:
        raise Refused("ODA-3", "a record to be authenticated is no template 70, or too much")
    named = tap.data.get(tags.SDA_TAGS)
    if named is None:
        return (tap.static_data,)
    # ODA-3: then 82 if 9F4A names it; any other tag in 9F4A -> failed.
    if named != b"\x82":
        raise Refused("ODA-3", "static data tag list names other tags than 82")
    return (tap.static_data, needed(tap, tags.AIP, "ODA-3", "AIP"))


def _certified(
    block: bytes, at: int, remainder: bytes, exponent: bytes, rule: str, what: str
) -> bytes:
    """The modulus in a certificate's `block` with its `remainder`; `at` is where the algorithms
    are."""
    # Positive, since no key that signs has fewer than 64 bytes.
    room = len(block) - at - 4 - TRAILER_LENGTH
    length = block[at + 2]
    # ODA-2: algorithm 01.
    if block[at] != HASH_SHA1 or block[at + 1] != ALGORITHM_RSA:
        raise Refused(rule, what + " names an unknown algorithm")
    # ODA-8: lengths that do not fit; no key is longer than the one that signs it.
    if length > len(block) or len(remainder) != max(0, length - room):
        raise Refused("ODA-8", what + " and the key's remainder do not fit")
    if block[at + 3] != len(exponent):
        raise Refused("ODA-8", what + " names another length of the exponent")
    return block[at + 4 : at + 4 + min(length, room)] + remainder


def _check_expiry(month_year: bytes, today: str, rule: str, what: str) -> None:
    """Refused once the month (MMYY) of a certificate is over; `today` is YYMMDD."""
    text = month_year.hex()
    if not text.isdigit() or not "01" <= text[:2] <= "12":
        raise Refused(rule, what + " has no date")
    # ODA-2, ODA-4: not expired; it is good to the last day of its month.
    if comparable_date(text[2:] + text[:2] + "31") < comparable_date(today):
        raise Refused(rule, what + " has expired")
