"""The list of cards that are not to be trusted without the host (EMV 4.3 Book 3, 10.6; R-1).

The list travels in the signed EMV configuration as salted digests, 8 bytes a card in ascending
order, at most `kassa.emv.config.MAX_EXCEPTIONS` of them: 1,000 cards are 8,000 bytes of the
device's heap, kept as one piece, and are found in ten steps.  A digest is the first 8 bytes of
SHA-256(salt, PAN's digits, "/", PAN sequence number in two digits); without the number it stands
for every card of that PAN.

A list that is configured and cannot be relied on is no list: `trouble` says why, and whoever asks
must not approve offline (fail closed).
"""

import hashlib
from typing import TYPE_CHECKING

from kassa.emv.config import DIGEST_BYTES, MAX_EXCEPTIONS
from kassa.emv.config_reader import is_date
from kassa.payment.limits import days

if TYPE_CHECKING:
    from kassa.emv.config_reader import Record
    from kassa.system.clock import Moment

MISSING = "missing"
MALFORMED = "malformed"
NO_DATE = "no date"
AHEAD = "dated ahead"
TOO_OLD = "too old"

_SALT_BYTES = 16
# A list made today may be dated tomorrow where its maker lives.
_DAYS_AHEAD = 1


class ExceptionList:
    """`settings` is the configuration's table `exceptions` (date, salt, digests, max_age_days), or
    None where the merchant has no list: then no card is on it."""

    def __init__(self, settings: "Record | None") -> None:
        self.configured = settings is not None
        self._salt = b""
        self._digests = b""
        self._made_on = 0
        self._max_age_days = 0
        self._broken = "" if settings is None else self._take(settings)

    def _take(self, settings: "Record") -> str:
        """Keep what the table holds; why it is no list, or ""."""
        digests, salt = settings.digests, settings.salt
        if digests is None or salt is None:
            return MISSING
        if (
            len(salt) != _SALT_BYTES
            or len(digests) % DIGEST_BYTES
            or len(digests) > DIGEST_BYTES * MAX_EXCEPTIONS
            or not is_date(settings.date)
            or not settings.max_age_days
        ):
            return MALFORMED
        for at in range(DIGEST_BYTES, len(digests), DIGEST_BYTES):
            # A list out of order would be searched in vain.
            if digests[at - DIGEST_BYTES : at] >= digests[at : at + DIGEST_BYTES]:
                return MALFORMED
        date = settings.date
        self._salt = salt
        self._digests = digests
        self._made_on = days((2000 + int(date[:2]), int(date[2:4]), int(date[4:6]), 0, 0, 0))
        self._max_age_days = settings.max_age_days
        return ""

    def trouble(self, now: "Moment | None") -> str:
        """Why the list cannot be relied on at `now` (None: the clock was never set); "" when it
        can, or when there is none to rely on."""
        if not self.configured or self._broken:
            return self._broken
        if now is None:
            return NO_DATE
        age = days(now) - self._made_on
        if age < -_DAYS_AHEAD:
            return AHEAD
        return TOO_OLD if age > self._max_age_days else ""

    def age_days(self, now: "Moment") -> int:
        """How old the list is, 0 on the day it was made."""
        return max(0, days(now) - self._made_on)

    def has(self, pan: str, psn: "int | None") -> bool:
        """Whether this card is on the list.  A card without a sequence number is number 00."""
        return self._find(pan + "/") or self._find(pan + "/%02d" % (psn or 0))

    def _find(self, name: str) -> bool:
        wanted = hashlib.sha256(self._salt + name.encode()).digest()[:DIGEST_BYTES]
        first, end = 0, len(self._digests) // DIGEST_BYTES
        while first < end:
            middle = (first + end) // 2
            at = middle * DIGEST_BYTES
            found = self._digests[at : at + DIGEST_BYTES]
            if found == wanted:
                return True
            if found < wanted:
                first = middle + 1
            else:
                end = middle
        return False
