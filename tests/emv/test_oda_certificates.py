"""The chain from the scheme's key to the card's (EMV 4.3 Book 2, 5.3 and 6.4).

Every card here is right but for what its test names: wrong fields are signed over.
"""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import kassa.emv
import pytest
from kassa.emv import tags
from kassa.emv.oda.recovery import PublicKey, Refused

from tests.emv.oda_issuer import (
    AIP,
    INDEX,
    RID,
    STATIC,
    authentication,
    ca_record,
    certified,
    fast_card,
    key,
    tap_of,
    why,
)

ODA = authentication()
ISSUER, ICC = "issuer certificate", "ICC certificate"


def refused(made: Any, rule: str, words: str, oda: Any = ODA, **tap: Any) -> None:
    """`made` is not proven, and the trail says so in one line."""
    at = tap_of(made, **tap)
    assert not oda.fdda(at)
    assert len(at.trail) == 1
    assert why(at)[0] == rule
    assert words in why(at)[1]


def test_a_right_card_is_proven() -> None:
    tap = tap_of(fast_card())
    assert ODA.fdda(tap)
    assert tap.trail == [("ODA-7", "fDDA verified")]


@pytest.mark.parametrize("ca_bits", [1152, 1408, 1984])
@pytest.mark.parametrize("exponent", [3, 65537])
def test_ODA_4_keys_of_all_sizes_and_both_exponents_are_taken(ca_bits: int, exponent: int) -> None:
    icc_bits = {1152: 768, 1408: 1024, 1984: 1984}[ca_bits]
    ca, issuer = key("ca", ca_bits, exponent), key("issuer", ca_bits, exponent)
    made = fast_card(keys=(ca, issuer, key("icc", icc_bits, exponent)))
    tap = tap_of(made)
    assert authentication(ca_record(ca)).fdda(tap), why(tap)


# ODA-1


def test_ODA_1_a_card_of_an_unknown_key_is_refused() -> None:
    made = fast_card()
    made.data[tags.CA_KEY_INDEX] = b"\x99"
    refused(made, "ODA-1", "CA key A000000003 99: not here")


@pytest.mark.parametrize("index", [None, b"", b"\xf1\xf1"])
def test_ODA_1_an_index_of_another_length_is_refused(index: bytes | None) -> None:
    made = fast_card()
    made.data[tags.CA_KEY_INDEX] = index or b""
    refused(made, "ODA-1", "missing" if not index else "not here")


def test_ODA_1_another_schemes_key_of_that_index_does_not_count() -> None:
    refused(fast_card(), "ODA-1", "not here", aid=bytes.fromhex("A0000000041010"))


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (ca_record(expires="261121"), "expired"),
        (ca_record(sha1=bytes(20)), "wrong check sum"),
    ],
)
def test_ODA_1_an_expired_or_damaged_key_proves_nothing(record: Any, words: str) -> None:
    refused(fast_card(), "ODA-1", words, authentication(record))


def test_ODA_1_without_a_date_nothing_is_proven() -> None:
    refused(fast_card(), "ODA-1", "no date", date=None)


# ODA-2


@pytest.mark.parametrize(
    ("spoil", "rule", "words"),
    [
        ({"header": b"\x6b"}, "ODA-2", "was not signed with the CA key"),
        ({"trailer": b"\xbd"}, "ODA-2", "was not signed with the CA key"),
        ({"format": b"\x04"}, "ODA-2", "another format"),
        ({"format": b"\x12"}, "ODA-2", "another format"),
        ({"digest": bytes(20)}, "ODA-2", "does not match its hash"),
        ({"algorithms": b"\x02\x01"}, "ODA-2", "unknown algorithm"),
        ({"algorithms": b"\x01\x02"}, "ODA-2", "unknown algorithm"),
        ({"expiry": b"\x10\x26"}, "ODA-2", "expired"),
        ({"expiry": b"\x12\x50"}, "ODA-2", "expired"),  # 1950
        ({"expiry": b"\x13\x26"}, "ODA-2", "no date"),
        ({"expiry": b"\x00\x49"}, "ODA-2", "no date"),
        ({"expiry": b"\x1a\x49"}, "ODA-2", "no date"),
        ({"expiry": b"\x0a\x49"}, "ODA-2", "no date"),
        ({"expiry": b"\x12\x4a"}, "ODA-2", "no date"),
        ({"length": 177}, "ODA-8", "do not fit"),
        ({"length": 175}, "ODA-8", "do not fit"),
        ({"length": 0}, "ODA-8", "do not fit"),
        ({"exponent_length": 3}, "ODA-8", "exponent"),
        ({"exponent": b"\x01"}, "ODA-8", "exponent"),
        ({"exponent": b"\x02"}, "ODA-8", "exponent"),
        ({"exponent": b"\0\0\x03"}, "ODA-8", "exponent"),
        ({"modulus": key("issuer", 1408).modulus[:-1] + b"\x10"}, "ODA-8", "even modulus"),
        ({"modulus": b"\x7f" + key("issuer", 1408).modulus[1:]}, "ODA-8", "shorter"),
        ({"modulus": b"\xff" * 62 + b"\x01", "remainder": b""}, "ODA-8", "length"),
    ],
)
def test_ODA_2_a_wrong_field_of_the_issuers_certificate_is_refused(
    spoil: dict[str, Any], rule: str, words: str
) -> None:
    refused(fast_card(issuer=spoil), rule, words)


@pytest.mark.parametrize("tag", [tags.ISSUER_CERTIFICATE, tags.ISSUER_EXPONENT])
def test_ODA_2_a_missing_certificate_or_exponent_is_refused(tag: int) -> None:
    made = fast_card()
    del made.data[tag]
    refused(made, "ODA-2", "is missing")


@pytest.mark.parametrize(
    ("digits", "good"),
    [
        ("476FFFFF", True),
        ("476173FF", True),
        ("4761739F", True),
        ("47617390", True),
        ("47FFFFFF", False),  # fewer than three digits say nothing
        ("FFFFFFFF", False),
        ("476174FF", False),
        ("47F173FF", False),
        ("476173F0", False),
        ("4761A3FF", False),
    ],
)
def test_ODA_2_the_issuer_identifier_is_the_beginning_of_the_pan(digits: str, good: bool) -> None:
    made = fast_card(issuer={"identifier": bytes.fromhex(digits)})
    if good:
        assert ODA.fdda(tap_of(made))
    else:
        refused(made, "ODA-2", "another issuer's")


def test_ODA_2_a_certificate_is_good_to_the_last_day_of_its_month() -> None:
    made = fast_card(issuer={"expiry": b"\x11\x26"})
    assert ODA.fdda(tap_of(made, date="261130"))
    refused(made, "ODA-2", "expired", date="261201")


def test_ODA_2_a_revoked_certificate_is_refused() -> None:
    listed = SimpleNamespace(rid=RID, index=INDEX, serial=b"\x00\x12\x34")
    oda = authentication(revoked=[listed])
    refused(fast_card(), "ODA-2", "revoked", oda)
    assert oda.fdda(tap_of(fast_card(issuer={"serial": b"\x00\x12\x35"})))


@pytest.mark.parametrize("change", [-1, 1])
def test_ODA_2_a_certificate_is_as_long_as_the_ca_key(change: int) -> None:
    made = fast_card()
    whole = made.data[tags.ISSUER_CERTIFICATE]
    made.data[tags.ISSUER_CERTIFICATE] = whole[:change] if change < 0 else whole + b"\0"
    refused(made, "ODA-8", "not as long")


def test_ODA_2_a_certificate_made_with_another_key_is_refused() -> None:
    made = fast_card(keys=(key("other ca", 1408), key("issuer", 1408), key("icc", 1152)))
    tap = tap_of(made)
    assert not ODA.fdda(tap)
    # Half of all signatures of another key are greater than this one's modulus.
    assert why(tap)[0] in ("ODA-2", "ODA-8")


# ODA-3


def test_ODA_3_static_data_are_the_records_and_then_the_aip_where_it_is_named() -> None:
    made, _ = certified()
    assert made.data[tags.SDA_TAGS] == b"\x82"
    proven = tap_of(fast_card())
    assert ODA.fdda(proven)
    changed = fast_card()
    changed.data[tags.AIP] = bytes([AIP[0] ^ 0x20, AIP[1]])
    refused(changed, "ODA-4", "hash")


def test_ODA_3_without_a_tag_list_the_aip_is_not_signed() -> None:
    made = fast_card(tag_list=None)
    made.data[tags.AIP] = b"\xff\xff"
    assert ODA.fdda(tap_of(made))


def test_ODA_3_no_record_at_all_is_legal() -> None:
    assert ODA.fdda(tap_of(fast_card(static=b"")))


@pytest.mark.parametrize("listed", ["825F24", "8282", "5F24", "00", "80"])
def test_ODA_3_a_tag_list_with_anything_else_fails(listed: str) -> None:
    made = fast_card()
    made.data[tags.SDA_TAGS] = bytes.fromhex(listed)
    refused(made, "ODA-3", "other tags")


def test_ODA_3_a_tag_list_without_an_aip_fails() -> None:
    made = fast_card()
    del made.data[tags.AIP]
    refused(made, "ODA-3", "AIP is missing")


@pytest.mark.parametrize("static", [b"", STATIC[:-1], STATIC + b"\0", STATIC[1:] + STATIC[:1]])
def test_ODA_3_other_records_than_were_signed_fail(static: bytes) -> None:
    made = fast_card()
    made.static = static
    refused(made, "ODA-4", "hash")


def test_ODA_3_a_record_that_cannot_be_authenticated_fails() -> None:
    # Book 3, 10.3: what is no template 70 must not be signed over.
    tap = tap_of(fast_card())
    tap.static_data_sound = False
    assert not ODA.fdda(tap)
    assert why(tap)[0] == "ODA-3"


# ODA-4


@pytest.mark.parametrize(
    ("spoil", "rule", "words"),
    [
        ({"header": b"\x6b"}, "ODA-4", "was not signed with the issuer key"),
        ({"trailer": b"\xbd"}, "ODA-4", "was not signed with the issuer key"),
        ({"format": b"\x02"}, "ODA-4", "another format"),
        ({"digest": bytes(20)}, "ODA-4", "does not match its hash"),
        ({"algorithms": b"\x02\x01"}, "ODA-4", "unknown algorithm"),
        ({"algorithms": b"\x01\x02"}, "ODA-4", "unknown algorithm"),
        ({"expiry": b"\x10\x26"}, "ODA-4", "expired"),
        ({"expiry": b"\x00\x00"}, "ODA-4", "no date"),
        ({"pan": "4761739001010127"}, "ODA-4", "another card's"),
        ({"pan": "476173900101011"}, "ODA-4", "another card's"),
        ({"pan": "47617390010101190"}, "ODA-4", "another card's"),
        ({"pan": ""}, "ODA-4", "another card's"),
        ({"length": 143}, "ODA-8", "do not fit"),
        ({"length": 255}, "ODA-8", "do not fit"),
        ({"exponent_length": 3}, "ODA-8", "exponent"),
        ({"exponent": b"\x01"}, "ODA-8", "exponent"),
        ({"exponent": b"\x05"}, "ODA-8", "exponent"),
        ({"modulus": key("icc", 1152).modulus[:-1] + b"\x42"}, "ODA-8", "even modulus"),
        ({"modulus": b"\xff" * 32, "remainder": b""}, "ODA-8", "length"),
    ],
)
def test_ODA_4_a_wrong_field_of_the_cards_certificate_is_refused(
    spoil: dict[str, Any], rule: str, words: str
) -> None:
    refused(fast_card(icc=spoil), rule, words)


def test_ODA_4_a_certificate_is_good_to_the_last_day_of_its_month() -> None:
    made = fast_card(icc={"expiry": b"\x11\x26"})
    assert ODA.fdda(tap_of(made, date="261130"))
    refused(made, "ODA-4", "expired", date="261201")


@pytest.mark.parametrize("tag", [tags.ICC_CERTIFICATE, tags.ICC_EXPONENT])
def test_ODA_4_a_missing_certificate_or_exponent_is_refused(tag: int) -> None:
    made = fast_card()
    del made.data[tag]
    refused(made, "ODA-4", "is missing")


def test_ODA_4_a_remainder_is_not_needed_when_the_key_fits() -> None:
    # 1152 bits in a certificate of 1984, and 896 in one of 1152.
    keys = (key("ca", 1984), key("issuer", 1152), key("icc", 768))
    made = fast_card(keys=keys)
    assert 0x92 not in made.data
    assert 0x9F48 not in made.data
    assert ODA.has_key(RID, INDEX)
    assert authentication(ca_record(keys[0])).fdda(tap_of(made))


@pytest.mark.parametrize("tag", [0x92, 0x9F48])
@pytest.mark.parametrize("change", ["gone", "shorter", "longer"])
def test_ODA_4_a_remainder_of_another_length_is_refused(tag: int, change: str) -> None:
    made = fast_card()
    rest = made.data[tag]
    made.data[tag] = {"gone": b"", "shorter": rest[:-1], "longer": rest + b"\0"}[change]
    refused(made, "ODA-8", "remainder do not fit")


def test_ODA_4_a_remainder_beside_a_key_that_fits_is_refused() -> None:
    keys = (key("ca", 1984), key("issuer", 1152), key("icc", 768))
    made = fast_card(keys=keys)
    made.data[0x92] = b"\x11"
    refused(made, "ODA-8", "remainder", authentication(ca_record(keys[0])))


def test_ODA_4_an_icc_key_longer_than_its_issuers_is_refused() -> None:
    keys = (key("ca", 1408), key("issuer", 1152), key("icc", 1408))
    refused(fast_card(keys=keys), "ODA-8", "do not fit")


def test_ODA_4_an_odd_number_of_pan_digits_is_padded() -> None:
    made = fast_card(icc={"pan": "476173900101010"}, static=b"")
    made.pan = "476173900101010"
    assert ODA.fdda(tap_of(made))


def test_ODA_4_a_card_without_a_pan_is_refused() -> None:
    made = fast_card(icc={"pan": ""})
    made.pan = ""
    refused(made, "ODA-2", "another issuer's")


# ODA-8


@pytest.mark.parametrize("exponent", [b"\x01", b"\0", b"\x02", b"\x04", b"\x01\x00\x00", b""])
def test_ODA_8_only_the_exponents_3_and_65537_make_a_key(exponent: bytes) -> None:
    with pytest.raises(Refused):
        PublicKey(key("ca", 1408).modulus, exponent, "CA")


def test_ODA_8_exponent_1_would_verify_anything_and_does_not() -> None:
    # The block itself is its own signature; certificate and hash over it are right.
    own = key("icc", 1152)
    forger = type(own)(own.modulus, b"\x01", own.numbers)
    made = fast_card(keys=(key("ca", 1408), key("issuer", 1408), forger))
    refused(made, "ODA-8", "exponent")


def test_ODA_8_a_signature_not_smaller_than_the_modulus_is_refused() -> None:
    # s + n opens to the same block as s: a second signature for the same data.
    modulus = key("icc", 1152).modulus
    made = fast_card()
    value = int.from_bytes(made.data[tags.SIGNED_DYNAMIC], "big")
    while True:
        other = value + int.from_bytes(modulus, "big")
        if other < 1 << 1152:
            break
        made = fast_card(dynamic=b"\x02" + other.to_bytes(145, "big")[-2:])
        value = int.from_bytes(made.data[tags.SIGNED_DYNAMIC], "big")
    assert ODA.fdda(tap_of(made))
    made.data[tags.SIGNED_DYNAMIC] = other.to_bytes(144, "big")
    refused(made, "ODA-8", "does not fit")


@pytest.mark.parametrize("length", [0, 1, 63, 143, 145, 248, 1000])
def test_ODA_8_a_signature_of_another_length_is_refused(length: int) -> None:
    made = fast_card()
    made.data[tags.SIGNED_DYNAMIC] = (made.data[tags.SIGNED_DYNAMIC] * 8)[:length]
    refused(made, "ODA-8" if length else "ODA-7", "not as long" if length else "missing")


def test_ODA_8_rsa_and_sha_1_are_nowhere_else_on_this_floor() -> None:
    floor = Path(kassa.emv.__file__ or "").parent
    places = {
        path.relative_to(floor).as_posix()
        for path in floor.rglob("*.py")
        if re.search(r"\bpow\(|hashlib\.sha1|\bsha1\(", path.read_text())
    }
    assert places == {"oda/recovery.py", "oda/signatures.py", "ca_keys.py"}
    assert "hashlib" not in (floor / "ca_keys.py").read_text()
    assert "hashlib" not in (floor / "oda" / "signatures.py").read_text()


def test_nothing_of_the_account_is_in_what_is_told() -> None:
    for spoil in ({"identifier": bytes.fromhex("476174FF")}, {"expiry": b"\x01\x24"}):
        tap = tap_of(fast_card(issuer=spoil))
        assert not ODA.fdda(tap)
        assert not any(piece in str(tap.trail) for piece in ("4761", "0119", "1224"))
