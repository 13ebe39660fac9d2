"""What is signed for one card or one transaction: 93 and 9F4B (EMV 4.3 Book 2, 5.4, 6.5 and 6.6;
Book C-2, 8.4; Book C-3, Annex C)."""

from typing import TYPE_CHECKING

from kassa.emv import tags
from kassa.emv.oda.certificates import needed, static_data
from kassa.emv.oda.recovery import (
    HASH_SHA1,
    TRAILER_LENGTH,
    PublicKey,
    Refused,
    check_hash,
    sha1,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kassa.emv.tap import Tap

SIGNED_STATIC = 0x93
AUTHENTICATION_CODE = 0x9F45
DYNAMIC_NUMBER = 0x9F4C
# Relay resistance (Book C-2, Annex A): terminal's and device's entropy, least and most time, the
# device's estimate of the transmission.
RELAY_DATA = (0xDF8301, 0xDF8302, 0xDF8303, 0xDF8304, 0xDF8305)

_STATIC_FORMAT = b"\x03"
_DYNAMIC_FORMAT = b"\x05"
# Book C-3, Annex C: 95 on live cards, 05 on older ones.
_FAST_FORMATS = b"\x95\x05"
_FAST_VERSION = 0x01
_CRYPTOGRAM_LENGTH = 8
_HASH_LENGTH = 20


def static_signature(issuer: PublicKey, tap: "Tap") -> None:
    """SDA: the issuer signed this card's static data; keeps the data authentication code
    (9F45)."""
    what = "signed static data"
    signed = needed(tap, SIGNED_STATIC, "ODA-5", what)
    static = static_data(tap)
    # ODA-5: format 03; hash over recovered[1:-21] + static data.
    block = issuer.recover(signed, _STATIC_FORMAT, "ODA-5", what)
    if block[2] != HASH_SHA1:
        raise Refused("ODA-5", what + " names an unknown algorithm")
    check_hash(block, static, "ODA-5", what)
    tap.data[AUTHENTICATION_CODE] = block[3:5]


def dynamic_signature(icc: PublicKey, signed: bytes, terminal_values: bytes, tap: "Tap") -> None:
    """DDA: the card signed what INTERNAL AUTHENTICATE gave it; keeps the ICC dynamic number
    (9F4C)."""
    dynamic = signed_dynamic_data(icc, signed, _DYNAMIC_FORMAT, (terminal_values,), "ODA-6")
    tap.data[DYNAMIC_NUMBER] = _number(dynamic, "ODA-6")


def combined_signature(icc: PublicKey, values: bytes, tap: "Tap") -> None:
    """CDA: the card signed its cryptogram and all that was said; keeps cryptogram and number.

    `values` is what was sent for the CDOL.
    """
    signed = needed(tap, tags.SIGNED_DYNAMIC, "ODA-6", "signed dynamic data")
    # ODA-6: format 05; hash over recovered[1:-21] + unpredictable number.
    unpredictable = tap.terminal_data[tags.UNPREDICTABLE]
    dynamic = signed_dynamic_data(icc, signed, _DYNAMIC_FORMAT, (unpredictable,), "ODA-6")
    # ODA-6: inside: ICC dynamic number, CID, cryptogram, transaction data hash.
    number = _number(dynamic, "ODA-6")
    at = 1 + len(number)
    end = at + 1 + _CRYPTOGRAM_LENGTH + _HASH_LENGTH
    if len(dynamic) < end:
        raise Refused("ODA-6", "signed dynamic data are too short for CDA")
    # ODA-6: the CID equals the returned one.
    if dynamic[at : at + 1] != tap.data.get(tags.CID):
        raise Refused("ODA-6", "signed cryptogram is of another type than the answer says")
    # ODA-6: the cryptogram is the signed one; a right answer holds no other.
    cryptogram = dynamic[at + 1 : at + 1 + _CRYPTOGRAM_LENGTH]
    if tap.data.get(tags.CRYPTOGRAM, cryptogram) != cryptogram:
        raise Refused("ODA-6", "another cryptogram lies beside the signed one")
    # ODA-6: transaction data hash = SHA-1(PDOL values + CDOL1 values + the answer's objects except
    # 9F4B, in the card's order).
    said = [whole for tag, whole in tap.ac_objects if tag != tags.SIGNED_DYNAMIC]
    if sha1(tap.pdol_values, values, *said) != dynamic[end - _HASH_LENGTH : end]:
        raise Refused("ODA-6", "card signed another transaction")
    # Book C-2, 8.4: where relay resistance was performed, what was measured with is signed, too.
    if RELAY_DATA[0] in tap.terminal_data:
        measured = b"".join([tap.terminal_data[tag] for tag in RELAY_DATA])
        if dynamic[end : end + len(measured)] != measured:
            raise Refused("ODA-6", "card signed other relay resistance data")
    tap.data[DYNAMIC_NUMBER] = number
    tap.data[tags.CRYPTOGRAM] = cryptogram


def fast_signature(icc: PublicKey, tap: "Tap") -> None:
    """fDDA: the card signed unpredictable numbers, amount and currency in GET PROCESSING
    OPTIONS."""
    related = needed(tap, tags.FDDA, "ODA-7", "card authentication related data")
    # ODA-7: 9F69 byte 1 = 01; version 00 -> refuse offline.
    if related[0] != _FAST_VERSION:
        raise Refused("ODA-7", "fDDA version {:02X} is not taken".format(related[0]))
    # ODA-7: 7 bytes with the CTQ copy and 5 without it; its copy of the CTQ equals 9F6C.  Book
    # C-3 has room for more behind the copy.
    if len(related) == 6 or not 5 <= len(related) <= 16:
        raise Refused("ODA-7", "card authentication related data have another length")
    if len(related) > 6 and related[5:7] != tap.data.get(tags.CTQ):
        raise Refused("ODA-7", "CTQ and its signed copy differ")
    signed = needed(tap, tags.SIGNED_DYNAMIC, "ODA-7", "signed dynamic data")
    # ODA-7: hash over recovered[1:-21] + unpredictable number + 9F02 + 5F2A + 9F69.
    known = tap.terminal_data
    said = (known[tags.UNPREDICTABLE], known[tags.AMOUNT], known[tags.CURRENCY], related)
    dynamic = signed_dynamic_data(icc, signed, _FAST_FORMATS, said, "ODA-7")
    tap.data[DYNAMIC_NUMBER] = _number(dynamic, "ODA-7")


def signed_dynamic_data(
    icc: PublicKey, signed: bytes, formats: bytes, said: "Iterable[bytes]", rule: str
) -> bytes:
    """The ICC dynamic data in `signed` (9F4B), which the card signed together with `said`."""
    what = "signed dynamic data"
    block = icc.recover(signed, formats, rule, what)
    if block[2] != HASH_SHA1:
        raise Refused(rule, what + " name an unknown algorithm")
    # ODA-8
    if block[3] > len(block) - 4 - TRAILER_LENGTH:
        raise Refused("ODA-8", what + " do not fit")
    check_hash(block, said, rule, what)
    return block[4 : 4 + block[3]]


def _number(dynamic: bytes, rule: str) -> bytes:
    """The ICC dynamic number, 2 to 8 bytes, with which ICC dynamic data begin (Book 2, table
    15)."""
    length = dynamic[0] if dynamic else 0
    if not 2 <= length <= 8 or len(dynamic) < 1 + length:
        raise Refused(rule, "signed dynamic data have no dynamic number")
    return dynamic[1 : 1 + length]
