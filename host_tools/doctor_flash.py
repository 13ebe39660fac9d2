"""What lies on a terminal's flash, judged on the computer: certificates, keys, journal, past."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from host_tools import anchor, journal, key_file, logs, pending, slots
from host_tools.device import Device
from host_tools.doctor_finding import FAIL, OK, WARN, Finding, remedy
from host_tools.journal import ImageError
from host_tools.key_file import KeysError

Read = Callable[[str], bytes | None]

KEYS = "/state/keys.bin"
TREND = "/state/trend"
_CERTIFICATE = "/tls/client.der"
_CERTIFICATES = (
    ("certificate", _CERTIFICATE, "remedy.certificates"),
    ("host CA", "/tls/ca.der", "remedy.host_ca"),
)
_PRIVATE_KEY = "/tls/key.der"
_SOON_DAYS = 30
_BLOCK_LIFE, _WORN_PERCENT = 100_000, 80  # as kassa.system.health and kassa.app.checks
_TREND_DAYS = 30
_LAST_ERRORS = 3
_RECENT_DAYS = 7


def certificates(read: Read, now: datetime.datetime) -> Iterator[Finding]:
    """The terminal's own, and whom it believes: readable, in their time, with their key."""
    public = None
    for name, path, advice in _CERTIFICATES:
        content = read(path)
        if content is None:
            yield Finding(name, FAIL, f"{path} is missing", remedy("remedy.configuration"))
            continue
        try:
            found = x509.load_der_x509_certificate(content)
        except ValueError:
            yield Finding(name, FAIL, f"{path} is no certificate", remedy(advice))
            continue
        if path == _CERTIFICATE:
            public = found.public_key()
        yield _dates(name, found, now, advice)
    private = read(_PRIVATE_KEY)
    if private is None:
        detail = f"{_PRIVATE_KEY} is missing"
        yield Finding("private key", FAIL, detail, remedy("remedy.certificates"))
        return
    try:
        key = serialization.load_der_private_key(private, None)
    except (ValueError, TypeError):
        detail = f"{_PRIVATE_KEY} is no private key"
        yield Finding("private key", FAIL, detail, remedy("remedy.certificates"))
        return
    if public is not None and key.public_key() != public:
        detail = "not the one of the terminal's certificate"
        yield Finding("private key", FAIL, detail, remedy("remedy.certificates"))
    elif public is not None:
        yield Finding("private key", OK, "the certificate's")


def _dates(
    name: str, certificate: x509.Certificate, now: datetime.datetime, advice: str
) -> Finding:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    subject = certificate.subject.rfc4514_string()
    if now < begins:
        return Finding(name, FAIL, f"{subject}: valid from {begins:%Y-%m-%d} only", remedy(advice))
    if now >= ends:
        return Finding(name, FAIL, f"{subject}: expired on {ends:%Y-%m-%d}", remedy(advice))
    left = (ends - now).days
    detail = f"{subject}: valid until {ends:%Y-%m-%d}"
    if left < _SOON_DAYS:
        return Finding(name, WARN, f"{detail}, {left} days", remedy(advice))
    return Finding(name, OK, detail)


def keys(read: Read) -> Finding:
    """The DUKPT keys: there, whole, not used up.  Nothing of them is told but their name."""
    content = read(KEYS)
    if content is None:
        return Finding("keys", FAIL, "none", remedy("remedy.no_keys"))
    try:
        found = key_file.parse(content)
    except KeysError as error:
        return Finding("keys", FAIL, str(error), remedy("remedy.keys"))
    if not found.registers:
        return Finding("keys", FAIL, "used up", remedy("remedy.keys"))
    detail = f"{found.initial_key_id.hex().upper()}, transaction {found.counter} is next"
    return Finding("keys", OK, detail)


def trials(device: Device) -> Iterator[Finding]:
    """A version that has not proven itself yet."""
    for slot in slots.look(device):
        if slot.version is not None and (slot.on_trial or slot.tries):
            yield Finding("trial", WARN, f"{slot.name}: {slot.words}", remedy("remedy.trial"))


def money(image: bytes, key: bytes | None, anchored: bytes | None) -> Iterator[Finding]:
    """The journal's image: is every record there as it was written, and what do they add up to?

    key: the terminal's; without it only numbers, links and markers can be proven.
    """
    try:
        found = journal.examine(image, key, anchor.parse(anchored))
    except ImageError as error:
        yield Finding("journal", FAIL, str(error), remedy("remedy.journal"))
        return
    needed = sum(not record.trimmed for record in found.records)
    detail = f"{needed} records, every one follows the one before it" if needed else "no records"
    if not found.good:
        detail = " ".join(found.sentences())
        yield Finding("journal", FAIL, detail, remedy("remedy.journal"))
    elif key is None and found.records:
        detail = f"{needed} records; without the terminal's key nothing more can be proven"
        yield Finding("journal", WARN, detail, remedy("remedy.journal"))
    else:
        yield Finding("journal", OK, detail)
    yield _wear(found.erases)
    if key is not None:
        yield _pending(found)


def _wear(erases: int) -> Finding:
    detail = f"the journal's blocks were erased {erases} times"
    if 100 * erases >= _WORN_PERCENT * _BLOCK_LIFE:
        return Finding("wear", WARN, detail, remedy("remedy.wear"))
    return Finding("wear", OK, detail)


def _pending(found: journal.Examination) -> Finding:
    told = pending.of(found.records)
    detail = " ".join(told.sentences())
    if told.stored or told.owed or told.settling is not None:
        return Finding("pending", WARN, detail, remedy("remedy.pending"))
    return Finding("pending", OK, detail)


def history(read: Read, now: datetime.datetime) -> Iterator[Finding]:
    """What the terminal has written down about itself.  What is older than a week, or of an
    earlier start that knew no time, is told and no fault any more.
    """
    trend = _trend(read(TREND))
    if trend is not None:
        yield trend
    lines = [line for path in logs.BOX for line in (read(path) or b"").split(b"\n") if line]
    events = [event for event in map(logs.parse, lines) if isinstance(event, dict)]
    troubles = [event for event in events if event.get("error") or event.get("message")]
    if not troubles:
        yield Finding("errors", OK, "none in the black box")
        return
    last = "; ".join(" ".join(logs.readable(event).split()) for event in troubles[-_LAST_ERRORS:])
    detail = f"{len(troubles)} in the black box, the last: {last}"
    newest = max((_boot(event) for event in events), default=0)
    since = f"{now - datetime.timedelta(days=_RECENT_DAYS):%Y-%m-%dT%H:%M:%S}"
    if any(_is_recent(event, since, newest) for event in troubles):
        yield Finding("errors", WARN, detail, remedy("remedy.errors"))
    else:
        yield Finding("errors", OK, f"none lately; {detail}")


def _is_recent(event: dict[str, Any], since: str, newest: int) -> bool:
    if "utc" in event:
        return str(event["utc"]) >= since
    return _boot(event) >= newest


def _boot(event: dict[str, Any]) -> int:
    """The number of the start in which it was said."""
    boot = event.get("boot")
    return boot if isinstance(boot, int) else 0


def _trend(content: bytes | None) -> Finding | None:
    """Does the free heap shrink from day to day, and when is it gone?"""
    try:
        days = json.loads(content or b"[]")
        (first, free_then, _), (last, free_now, _) = days[0], days[-1]
        slope = (free_now - free_then) / (last - first)
    except (ValueError, TypeError, LookupError, ZeroDivisionError):
        return None
    detail = f"least free heap of the last {len(days)} days: {free_now} KiB, {slope:+.0f} a day"
    if slope < 0 and free_now / -slope < _TREND_DAYS:
        return Finding("heap trend", WARN, detail, remedy("remedy.memory"))
    return Finding("heap trend", OK, detail)
