"""What a card sees of a terminal's mistakes.

Whatever breaks a rule of the command itself (length, order, template) the card refuses, as cards
do.  Other mistakes no card would notice: here they are noted, so that a test or a run can ask for
`complaints` and find a terminal wrong that was lucky.

Sources: EMV 4.3 Book 3, 5.4 (formats in a DOL), 10.2 (reading records), Annex C5 (TVR); Book A,
5.7 (TTQ); Book C-2, 4.7 (one GENERATE AC a session).
"""

from __future__ import annotations

from kassa.emv import tags, tlv

# Bits that are reserved: no terminal may set them.  (Other schemes than Visa have uses of their
# own for some of the TTQ's.)
_RESERVED_TVR = bytes.fromhex("0107030700")
_RESERVED_TTQ = bytes.fromhex("401F3F7F")
_DIGITS = (tags.AMOUNT, tags.AMOUNT_OTHER, tags.COUNTRY, tags.CURRENCY, tags.DATE, tags.TYPE)
_NOT_ZERO = (tags.COUNTRY, tags.CURRENCY, tags.DATE, tags.UNPREDICTABLE, tags.TERMINAL_TYPE)
_SAME = (*_DIGITS, tags.UNPREDICTABLE, tags.TERMINAL_TYPE)


class Inspector:
    """`complaints` so far, in words and without card data."""

    def __init__(self, scheme: str) -> None:
        self._reserved = {tags.TVR: _RESERVED_TVR}
        if scheme == "visa":
            self._reserved[tags.TTQ] = _RESERVED_TTQ
        self.complaints: list[str] = []
        self._numbers: set[bytes] = set()
        self._options: dict[int, bytes] = {}
        self._listed: list[tuple[int, int]] = []

    def note(self, complaint: str) -> None:
        self.complaints.append(complaint)

    def options(self, given: dict[int, bytes]) -> None:
        """What came with GET PROCESSING OPTIONS, by tag."""
        self._options = dict(given)
        self._values(given)
        self._number(given)

    def cryptogram(self, given: dict[int, bytes]) -> None:
        """What came with GENERATE AC, by tag."""
        self._values(given)
        for tag in _SAME:
            told = self._options.get(tag)
            if tag in given and told is not None and given[tag] != told:
                self.note(f"{tag:X} changed between two commands")
        if tags.UNPREDICTABLE not in self._options:
            self._number(given)
        if self._listed:
            self.note(f"{len(self._listed)} records of the AFL were not read")

    def told(self, answer: bytes) -> None:
        """The answer to GET PROCESSING OPTIONS: which records may be read now."""
        self._listed = []
        afl = _file_locator(answer)
        for at in range(0, len(afl), 4):
            sfi, first, last = afl[at] >> 3, afl[at + 1], afl[at + 2]
            self._listed += [(sfi, number) for number in range(first, last + 1)]

    def read(self, sfi: int, number: int) -> None:
        """A READ RECORD: the AFL's records, each once, in its order."""
        if self._listed[:1] == [(sfi, number)]:
            del self._listed[0]
        else:
            self.note(f"record {number} of file {sfi} was not the next to read")

    def _values(self, given: dict[int, bytes]) -> None:
        for tag in _DIGITS:
            if tag in given and not given[tag].hex().isdigit():
                self.note(f"{tag:X} has digits that are none")
        for tag in _NOT_ZERO:
            if tag in given and not any(given[tag]):
                self.note(f"{tag:X} was not filled in")
        for tag, mask in self._reserved.items():
            if tag in given and any(a & b for a, b in zip(given[tag], mask, strict=False)):
                self.note(f"{tag:X} has reserved bits set")

    def _number(self, given: dict[int, bytes]) -> None:
        number = given.get(tags.UNPREDICTABLE)
        if number in self._numbers:
            self.note("the unpredictable number came before")
        if number is not None:
            self._numbers.add(number)


def _file_locator(answer: bytes) -> bytes:
    (tag, value), *_ = tlv.parse(answer)
    if tag == 0x80:
        return bytes(value[2:])  # type: ignore[arg-type]
    return tlv.flatten(answer).get(tags.AFL, b"")
