"""The dates of X.509 certificates, against `cryptography`, and against garbage."""

from __future__ import annotations

import datetime
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from simulator.acquirer.pki import Pki
from simulator.standins.world import World
from tests.on_micropython.run import run_script

UTC = datetime.UTC
Moment = tuple[int, int, int, int, int, int]


@pytest.fixture(scope="module")
def certificate(security: World) -> Any:
    return security.load("kassa.security.certificate")


@cache
def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def made(not_before: datetime.datetime, not_after: datetime.datetime) -> bytes:
    """A self-signed certificate, DER."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "KASSA001")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(_key().public_key())
        .serial_number(0x7F00AA)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )
    return builder.sign(_key(), hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def moment(told: datetime.datetime) -> Moment:
    return told.year, told.month, told.day, told.hour, told.minute, told.second


def dates(der: bytes) -> tuple[Moment, Moment]:
    """What `cryptography` reads."""
    found = x509.load_der_x509_certificate(der)
    return moment(found.not_valid_before_utc), moment(found.not_valid_after_utc)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (datetime.datetime(2020, 1, 1, tzinfo=UTC), datetime.datetime(2049, 12, 31, 23, 59, 59)),
        (datetime.datetime(1950, 1, 1), datetime.datetime(1999, 12, 31, 23, 59, 59)),
        # From 2050 on they are GeneralizedTime.
        (datetime.datetime(2049, 12, 31, 23, 59, 59), datetime.datetime(2050, 1, 1)),
        (datetime.datetime(2026, 11, 27, 1, 2, 3), datetime.datetime(9999, 12, 31, 23, 59, 59)),
        (datetime.datetime(2024, 2, 29), datetime.datetime(2400, 2, 29, 12)),
    ],
)
def test_both_kinds_of_dates_are_read(
    certificate: Any, first: datetime.datetime, last: datetime.datetime
) -> None:
    der = made(first.replace(tzinfo=UTC), last.replace(tzinfo=UTC))
    assert certificate.validity(der) == (moment(first), moment(last)) == dates(der)


@given(
    first=st.datetimes(datetime.datetime(1950, 1, 1), datetime.datetime(2100, 1, 1)),
    days=st.integers(1, 40_000),
)
def test_any_dates_are_read_as_cryptography_reads_them(
    certificate: Any, first: datetime.datetime, days: int
) -> None:
    first = first.replace(microsecond=0, tzinfo=UTC)
    der = made(first, first + datetime.timedelta(days=days))
    assert certificate.validity(der) == dates(der)


def test_the_sandboxs_own_are_read(certificate: Any) -> None:
    files = Pki().terminal("KASSA001")
    for der in (files.ca, files.client):
        assert certificate.validity(der) == dates(der)


def told_or_none(certificate: Any, der: bytes) -> tuple[Moment, Moment] | None:
    try:
        return certificate.validity(der)
    except certificate.BadCertificate as error:
        assert str(error)
        return None


@given(garbage=st.binary(max_size=80))
def test_garbage_is_named_and_nothing_else_is_raised(certificate: Any, garbage: bytes) -> None:
    assert told_or_none(certificate, garbage) is None
    told_or_none(certificate, b"\x30\x82\x01\x00" + garbage)


@given(where=st.integers(0, 10_000), value=st.integers(0, 255), cut=st.integers(0, 400))
def test_a_damaged_certificate_is_refused_or_read_as_cryptography_reads_it(
    certificate: Any, where: int, value: int, cut: int
) -> None:
    spoilt = bytearray(Pki().terminal("KASSA001").client)
    spoilt[where % len(spoilt)] = value
    told = told_or_none(certificate, bytes(spoilt))
    try:
        expected = dates(bytes(spoilt))
    except (ValueError, x509.InvalidVersion):
        expected = None
    assert told is None or expected is None or told == expected
    assert told_or_none(certificate, bytes(spoilt[: len(spoilt) - 1 - cut])) is None


def with_dates(first: bytes, last: bytes, tags: bytes = b"\x17\x17") -> bytes:
    """The shortest thing with the shape of a certificate."""

    def element(tag: int, content: bytes) -> bytes:
        return bytes([tag, len(content)]) + content

    validity = element(0x30, element(tags[0], first) + element(tags[1], last))
    inner = element(2, b"\x01") + element(0x30, b"") + element(0x30, b"") + validity
    return element(0x30, element(0x30, inner))


GOOD = b"260101000000Z"


@pytest.mark.parametrize(
    "wrong",
    [
        b"261301000000Z", b"260001000000Z", b"260230000000Z", b"250229000000Z", b"260100000000Z",
        b"260101240000Z", b"260101006000Z", b"260101000060Z", b"2601010000Z", b"260101000000",
        b"260101000000+", b"26010100000aZ", b"-60101000000Z", b"20260101000000Z", b"",
    ],
)  # fmt: skip
def test_what_is_no_date_is_refused(certificate: Any, wrong: bytes) -> None:
    assert told_or_none(certificate, with_dates(GOOD, GOOD)) is not None
    assert told_or_none(certificate, with_dates(GOOD, wrong)) is None
    assert told_or_none(certificate, with_dates(wrong, GOOD)) is None


def test_a_date_of_another_kind_is_refused(certificate: Any) -> None:
    assert told_or_none(certificate, with_dates(GOOD, GOOD, b"\x17\x0c")) is None
    general = b"20260101000000Z"
    assert (
        told_or_none(certificate, with_dates(GOOD, general, b"\x17\x18"))
        == ((2026, 1, 1, 0, 0, 0),) * 2
    )


@pytest.mark.micropython
def test_the_dates_are_read_on_micropython_too() -> None:
    der = Pki().terminal("KASSA001").client
    script = (
        "from kassa.security import certificate\n"
        f"der = bytes.fromhex({der.hex()!r})\n"
        "print(certificate.validity(der))\n"
        "for spoilt in (b'', der[:-1], der + b'0', der[:60], b'0\\x84' + der):\n"
        "    try:\n"
        "        certificate.validity(spoilt)\n"
        "    except certificate.BadCertificate as error:\n"
        "        print('refused')\n"
    )
    assert run_script(script) == f"{dates(der)}\n" + "refused\n" * 5
