"""Keys, certificates and signatures that others published: schemes' test keys, test cards' data.

`oda_published.json` says where they come from.  What the cards' static data were is not published,
so an ICC certificate is opened and read here, not proven; issuer certificates and the dynamic
signature are.
"""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kassa.emv import tags
from kassa.emv.ca_keys import CaKeys
from kassa.emv.oda import certificates
from kassa.emv.oda.recovery import PublicKey, Refused
from kassa.emv.oda.signatures import signed_dynamic_data

from tests.emv.oda_issuer import Made, ca_record, tap_of

PUBLISHED = json.loads(Path(__file__).with_name("oda_published.json").read_text())
RIDS = {"visa": bytes.fromhex("A000000003"), "mastercard": bytes.fromhex("A000000004")}
SCHEMES = ["visa", "mastercard"]


def value(scheme: str, name: str) -> bytes:
    found = PUBLISHED[scheme][name]
    return bytes.fromhex("".join(found))


def ca_keys(scheme: str, revoked: list[Any] | None = None, **changes: Any) -> CaKeys:
    record = {
        "rid": RIDS[scheme],
        "index": value(scheme, "ca_index"),
        "modulus": value(scheme, "ca"),
        "exponent": b"\x03",
        "sha1": value(scheme, "ca_sha1"),
        **changes,
    }
    return CaKeys([ca_record(**record)], revoked or [])  # type: ignore[list-item]


def card(scheme: str) -> Made:
    data = {
        tags.CA_KEY_INDEX: value(scheme, "ca_index"),
        tags.ISSUER_CERTIFICATE: value(scheme, "issuer_certificate"),
        tags.ISSUER_EXPONENT: b"\x03",
        tags.ICC_CERTIFICATE: value(scheme, "icc_certificate"),
        tags.ICC_EXPONENT: b"\x03",
        0x9F48: value(scheme, "icc_remainder"),
    }
    return Made(data, b"", PUBLISHED[scheme]["pan"])


def tapped(scheme: str, made: Made | None = None, **changes: Any) -> Any:
    return tap_of(made or card(scheme), aid=RIDS[scheme] + b"\x10\x10", **changes)


def opened(scheme: str, key: str, signed: str, kind: int) -> bytes:
    """The block in `signed`, opened with the published key."""
    public = PublicKey(value(scheme, key), b"\x03", "issuer")
    return public.recover(value(scheme, signed), bytes([kind]), "ODA-4", "it")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_ODA_1_the_schemes_own_check_sums_are_right(scheme: str) -> None:
    index = value(scheme, "ca_index")
    assert ca_keys(scheme).find(RIDS[scheme], index, "261122") is not None
    assert ca_keys(scheme, exponent=b"\x01\x00\x01").unusable


@pytest.mark.parametrize("scheme", SCHEMES)
def test_ODA_2_the_issuers_published_key_comes_out(scheme: str) -> None:
    tap = tapped(scheme)
    key = certificates.issuer_key(ca_keys(scheme), tap)
    published = PublicKey(value(scheme, "issuer_key"), b"\x03", "issuer")
    assert vars(key) == vars(published)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_ODA_2_the_published_serial_can_be_revoked(scheme: str) -> None:
    listed = SimpleNamespace(
        rid=RIDS[scheme], index=value(scheme, "ca_index"), serial=value(scheme, "serial")
    )
    with pytest.raises(Refused) as refused:
        certificates.issuer_key(ca_keys(scheme, [listed]), tapped(scheme))
    assert "revoked" in refused.value.why


@pytest.mark.parametrize(("scheme", "last"), [("visa", "311231"), ("mastercard", "271231")])
def test_ODA_2_the_published_certificates_expire(scheme: str, last: str) -> None:
    certificates.issuer_key(ca_keys(scheme), tapped(scheme, date=last))
    with pytest.raises(Refused) as refused:
        certificates.issuer_key(ca_keys(scheme), tapped(scheme, date=f"{int(last[:2]) + 1}0101"))
    assert "expired" in refused.value.why


@pytest.mark.parametrize("scheme", SCHEMES)
def test_ODA_2_another_cards_pan_does_not_fit_the_published_certificate(scheme: str) -> None:
    made = card(scheme)
    made.pan = "4000009990000000"
    with pytest.raises(Refused) as refused:
        certificates.issuer_key(ca_keys(scheme), tapped(scheme, made))
    assert "another issuer's" in refused.value.why


@pytest.mark.parametrize("scheme", SCHEMES)
def test_ODA_4_the_cards_published_key_comes_out(scheme: str) -> None:
    block = opened(scheme, "issuer_key", "icc_certificate", 0x04)
    assert block[2:12].hex().rstrip("f") == PUBLISHED[scheme]["pan"]
    whole = block[21:-21] + value(scheme, "icc_remainder")
    assert whole[: block[19]] == value(scheme, "icc_key")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_ODA_4_without_its_static_data_the_published_card_is_not_proven(scheme: str) -> None:
    tap = tapped(scheme, date="221201")
    key = certificates.issuer_key(ca_keys(scheme), tap)
    with pytest.raises(Refused) as refused:
        certificates.icc_key(key, tap)
    assert (refused.value.rule, refused.value.why) == (
        "ODA-4",
        "ICC certificate does not match its hash",
    )


def test_ODA_5_the_published_static_signature_opens() -> None:
    block = opened("visa", "issuer_key", "static_signature", 0x03)
    assert block[3:5] == b"\xda\xc0"
    assert block[-21:-1] == value("visa", "static_hash")


def test_ODA_6_the_published_combined_signature_is_proven() -> None:
    key = PublicKey(value("mastercard", "icc_key"), b"\x03", "ICC")
    signed = value("mastercard", "dynamic_signature")
    number = value("mastercard", "unpredictable_number")
    dynamic = signed_dynamic_data(key, signed, b"\x05", (number,), "ODA-6")
    # ICC dynamic number, cryptogram type, cryptogram, transaction data hash.
    assert dynamic == value("mastercard", "dynamic_data")
    with pytest.raises(Refused):
        signed_dynamic_data(key, signed, b"\x05", (bytes(4),), "ODA-6")
    with pytest.raises(Refused):
        signed_dynamic_data(key, signed[:-1] + b"\x47", b"\x05", (number,), "ODA-6")
