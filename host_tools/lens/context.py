"""What must be known of the rest to read one element: scheme, currencies, the account's number."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from host_tools.lens.applications import PPSE, scheme_of

_AIDS = (0x84, 0x9F06, 0x4F)
_CURRENCY, _CARD_CURRENCY = 0x5F2A, 0x9F42
_ACCOUNTS = (0x5A, 0x57, 0x9F6B)
_TRACK_1 = 0x56
_PAN = re.compile(r"[0-9]{8,19}")
_PAN_IN_TRACK_1 = re.compile(rb"B?([0-9]{8,19})\^")
# In bytes that could not be taken apart: a number behind its tag, or before a track's separator.
_LOOKS_LIKE_A_PAN = re.compile(
    r"(?<=5A0[4-9A])[0-9]{8,19}|[0-9]{12,19}(?=D[0-9]{4})|(?<=57[01][0-9A-F])[0-9]{12,19}"
)


@dataclass
class Context:
    """Grows while data are read.

    scheme: "visa", "mastercard" ... or "" while nobody has said.
    currency, card_currency: three digits (ISO 4217): the transaction's and the application's.
    pans: account numbers that must not be shown whole.
    """

    scheme: str = ""
    currency: str = ""
    card_currency: str = ""
    pans: set[str] = field(default_factory=set)

    def survey(self, objects: Iterable[tuple[int, bytes]]) -> None:
        """Learn what primitive objects say, before any of them is explained."""
        schemes = {}
        for tag, value in objects:
            if tag in _AIDS and value != PPSE:
                schemes.setdefault(tag, set()).add(scheme_of(value))
            elif tag == _CURRENCY:
                self.currency = _number(value) or self.currency
            elif tag == _CARD_CURRENCY:
                self.card_currency = _number(value) or self.card_currency
            elif tag in _ACCOUNTS:
                found = _PAN.match(value.hex())
                self.pans.update([found.group()] if found else [])
            elif tag == _TRACK_1:
                found = _PAN_IN_TRACK_1.search(value)
                self.pans.update([found.group(1).decode()] if found else [])
        for tag in _AIDS:
            # The applications of a directory may be of several schemes; then none is meant.
            if len(names := schemes.get(tag, set())) == 1 and (name := names.pop()):
                self.scheme = name
                break

    def mask(self, text: str) -> str:
        """`text`, hexadecimal or not, with every account number cut to first six and last four."""
        for pan in self.pans:
            text = text.replace(pan, masked(pan))
            text = text.replace(pan.encode().hex().upper(), masked(pan).encode().hex().upper())
        return text

    def mask_unread(self, text: str) -> str:
        """`mask` for bytes that could not be read: what looks like an account number goes too."""
        return _LOOKS_LIKE_A_PAN.sub(lambda found: masked(found.group()), self.mask(text))


def masked(pan: str) -> str:
    """First six and last four digits; of a short number the last four only."""
    if len(pan) < 13:
        return "*" * (len(pan) - 4) + pan[-4:]
    return pan[:6] + "*" * (len(pan) - 10) + pan[-4:]


def _number(value: bytes) -> str:
    digits = value.hex()
    return digits[1:] if len(digits) == 4 and digits.isdigit() else ""
