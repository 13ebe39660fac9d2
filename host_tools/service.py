"""The service code: what a technician types to open a terminal's service menu, and what a terminal
keeps of it.

In /config/terminal.json there is only

    "service": {"salt": "<16 bytes>", "hash": "<32 bytes>", "rounds": 2000}

in hexadecimal: PBKDF2-HMAC-SHA256 of the digits.  That keeps the code out of sight and slows down
who guesses; it does not stop who can read the flash, since there are few codes to try.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Any

CODE = "6 to 10 digits"
MADE_DIGITS = 8
ROUNDS = 2000
"""A good part of a second on a chip, by estimate."""

_SALT_BYTES = 16


def is_code(text: str) -> bool:
    """Whether `text` can be a service code."""
    return re.fullmatch("[0-9]{6,10}", text) is not None


def table(code: str, present: Any = None) -> dict[str, Any]:
    """The table `service` for `code`, with a new salt; the terminal's `present` one if it is for
    this code already, so that nothing needs to be written.
    """
    if isinstance(present, dict):
        try:
            salt = bytes.fromhex(present["salt"])
        except (KeyError, TypeError, ValueError):
            salt = b""
        if len(salt) == _SALT_BYTES:
            same = _table(code, salt)
            # All of it: rounds that are no longer the usual ones are renewed.
            if hmac.compare_digest(repr(same), repr({key: present.get(key) for key in same})):
                return same
    return _table(code, secrets.token_bytes(_SALT_BYTES))


def _table(code: str, salt: bytes) -> dict[str, Any]:
    derived = hashlib.pbkdf2_hmac("sha256", code.encode(), salt, ROUNDS)
    return {"salt": salt.hex(), "hash": derived.hex(), "rounds": ROUNDS}
