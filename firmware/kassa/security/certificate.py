"""From when to when an X.509 certificate holds (RFC 5280, 4.1): two dates out of its DER, and
nothing else of it.

Whether a certificate is to be believed TLS decides; this is for telling a technician before it is
too late.

    Certificate     SEQUENCE { tbsCertificate, ... }
    tbsCertificate  SEQUENCE { [0] version OPTIONAL, serialNumber, signature, issuer, validity,
                               ... }
    validity        SEQUENCE { notBefore, notAfter }
"""

from typing import TYPE_CHECKING

from micropython import const

from kassa.security.errors import SecurityError

if TYPE_CHECKING:
    from kassa.system.clock import Moment

# X.690, 8.1.2: identifier octets.
_INTEGER = const(0x02)
_UTC_TIME = const(0x17)
_GENERALIZED_TIME = const(0x18)
_SEQUENCE = const(0x30)
_VERSION = const(0xA0)
_MOST_LENGTH_BYTES = const(3)
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class BadCertificate(SecurityError):
    """What is there is no X.509 certificate; the message says what is wrong with it."""


def validity(certificate: bytes) -> "tuple[Moment, Moment]":
    """(notBefore, notAfter) in UTC of a DER certificate.  Raises BadCertificate."""
    start, end, after = _element(certificate, 0, len(certificate), _SEQUENCE)
    if after != len(certificate):
        raise BadCertificate("something follows the certificate")
    at, end, _ = _element(certificate, start, end, _SEQUENCE)
    if at < end and certificate[at] == _VERSION:
        _, _, at = _element(certificate, at, end, _VERSION)
    for tag in (_INTEGER, _SEQUENCE, _SEQUENCE):  # serialNumber, signature, issuer
        _, _, at = _element(certificate, at, end, tag)
    at, end, _ = _element(certificate, at, end, _SEQUENCE)
    not_before, at = _time(certificate, at, end)
    not_after, at = _time(certificate, at, end)
    if at != end:
        raise BadCertificate("something follows the dates")
    return not_before, not_after


def _element(data: bytes, at: int, end: int, tag: int) -> "tuple[int, int, int]":
    """The element at `at`, which must be `tag` and lie before `end`: where its content starts and
    ends, and what comes after it (the same place).  Lengths as DER wants them (X.690, 10.1).
    """
    if at + 2 > end:
        raise BadCertificate("it breaks off")
    if data[at] != tag:
        raise BadCertificate("0x%02x where 0x%02x should be" % (data[at], tag))
    length = data[at + 1]
    at += 2
    if length & 0x80:
        count = length & 0x7F
        if not 0 < count <= _MOST_LENGTH_BYTES:
            raise BadCertificate("a length that no certificate has")
        if at + count > end:
            raise BadCertificate("it breaks off")
        length = int.from_bytes(data[at : at + count], "big")
        if length < 0x80 or not data[at]:
            raise BadCertificate("a length that is not DER")
        at += count
    if at + length > end:
        raise BadCertificate("it breaks off")
    return at, at + length, at + length


def _time(data: bytes, at: int, end: int) -> "tuple[Moment, int]":
    """A moment, and what comes after it (RFC 5280, 4.1.2.5: UTC, with seconds, ending in Z; in
    UTCTime 50 to 99 is the last century)."""
    general = at < end and data[at] == _GENERALIZED_TIME
    start, stop, after = _element(data, at, end, _GENERALIZED_TIME if general else _UTC_TIME)
    text = data[start:stop]
    digits = 14 if general else 12
    if len(text) != digits + 1 or text[digits] != 0x5A or not _all_digits(text[:digits]):
        raise BadCertificate("a date that is none")
    figures = [int(text[n : n + 2]) for n in range(0, digits, 2)]
    if general:
        year = 100 * figures.pop(0) + figures[0]
    else:
        year = figures[0] + (1900 if figures[0] >= 50 else 2000)
    month, day, hour, minute, second = figures[1:]
    if not 1 <= month <= 12 or not 1 <= day <= _days(year, month):
        raise BadCertificate("a date that is none")
    if hour > 23 or minute > 59 or second > 59:
        raise BadCertificate("a time that is none")
    return (year, month, day, hour, minute, second), after


def _all_digits(text: bytes) -> bool:
    return all(0x30 <= byte <= 0x39 for byte in text)


def _days(year: int, month: int) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if month == 2 and leap else _DAYS[month - 1]
