"""From a list of card numbers to what a terminal may know of it.

The list is a text file, one card a line: the number, and after a `/` its sequence number in two
digits when only that card of the number is meant.  `#` begins a remark.

    # reported stolen
    4111111111111111
    5555555555554444/01

It is a secret: it is read, hashed and never copied, and no message repeats a line of it.  Digests
as in `kassa.emv.config`: the first 8 bytes of SHA-256(salt, number, "/", sequence number).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from kassa.emv.config import DIGEST_BYTES, MAX_EXCEPTIONS

_CARD = re.compile(r"([0-9]{8,19})(?:/([0-9]{2}))?")


class ListError(Exception):
    """A list that cannot be used: `line` (0 for all of it) and what is wrong with it."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}" if line else problem)


@dataclass(frozen=True)
class Cards:
    """Whom a list names: "number/sequence number", sorted, each but once."""

    names: tuple[str, ...]

    def digests(self, salt: bytes) -> bytes:
        """What the terminal gets."""
        found = {
            hashlib.sha256(salt + name.encode()).digest()[:DIGEST_BYTES] for name in self.names
        }
        return b"".join(sorted(found))


def read(path: Path) -> Cards:
    """The cards in a file.  Raises ListError with the line, never with what is in it."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ListError(0, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ListError(0, "not UTF-8 text") from error
    names = set()
    for number, line in enumerate(text.splitlines(), 1):
        entry = line.partition("#")[0].replace(" ", "").strip()
        if not entry:
            continue
        card = _CARD.fullmatch(entry)
        if card is None:
            raise ListError(number, "must be a card number, or number/sequence number")
        if not _luhn(card[1]):
            raise ListError(number, "the card number's check digit is wrong")
        names.add(f"{card[1]}/{card[2] or ''}")
    if len(names) > MAX_EXCEPTIONS:
        raise ListError(0, f"{len(names)} cards; a terminal keeps {MAX_EXCEPTIONS}")
    return Cards(tuple(sorted(names)))


def _luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, Annex B."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
