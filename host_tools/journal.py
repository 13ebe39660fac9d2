"""Journal images: the records, the chain, and in words what is missing or changed.

The image is the raw `journal` partition, as esptool or mpremote reads it off a board.  The slots
are read by the firmware's own code.  Without the key only what lies open can be judged: numbers,
links, commit markers; a changed byte inside sealed data is noticed with the key alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from kassa.journal import report as words
from kassa.journal import slots
from kassa.journal.anchor import Anchored
from kassa.journal.chain import Chain, check_headers
from kassa.journal.flash_log import RECORD, FlashLog
from kassa.journal.report import Damage, Report
from kassa.journal.survey import Survey
from kassa.payment import records as payments
from kassa.security.errors import AuthenticationFailed

SMALLEST, LARGEST = 64 * 1024, 4 * 1024 * 1024


class ImageError(Exception):
    """The image cannot be judged at all; the message says why."""


class HostSealer:
    """The firmware's sealing, on the host's library."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESCCM(key, tag_length=slots.TAG_SIZE)

    def seal(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        return self._cipher.encrypt(nonce, bytes(data), associated)

    def open(self, nonce: bytes, sealed: bytes | bytearray, associated: bytes) -> bytes:
        try:
            return self._cipher.decrypt(nonce, bytes(sealed), associated)
        except InvalidTag:
            raise AuthenticationFailed("sealed data does not authenticate") from None


class Sealed:
    """Stands in for a sealer where there is no key: nothing can be opened, nothing disproven."""

    def open(self, nonce: bytes, sealed: bytes | bytearray, associated: bytes) -> None:
        return None


class ImagePartition:
    """An image as the firmware sees a partition; it cannot be written."""

    def __init__(self, image: bytes) -> None:
        if len(image) % slots.BLOCK_SIZE or not SMALLEST <= len(image) <= LARGEST:
            raise ImageError(
                f"{len(image)} bytes: a journal partition has 64 KiB to 4 MiB, in whole blocks"
            )
        self._image = image

    def readblocks(self, block: int, buffer: bytearray, offset: int = 0) -> None:
        start = block * slots.BLOCK_SIZE + offset
        buffer[:] = self._image[start : start + len(buffer)]

    def ioctl(self, operation: int, _argument: int) -> int:
        return {4: len(self._image) // slots.BLOCK_SIZE, 5: slots.BLOCK_SIZE}[operation]


@dataclass(frozen=True)
class ImageRecord:
    """A record on the image; `payload` is None without the key, `trimmed` if no longer needed."""

    sequence: int
    kind: int
    length: int
    block: int
    slot: int
    trimmed: bool
    payload: bytes | None

    def as_json(self) -> dict[str, Any]:
        facts = dict(vars(self))
        facts["payload"] = None if self.payload is None else self.payload.hex()
        facts["told"] = self.told
        return facts

    @property
    def told(self) -> dict[str, Any] | None:
        """What a payment's record says, by name; None for one that is sealed, or no payment's."""
        if self.payload is None or self.kind not in payments.NAMES:
            return None
        try:
            _, facts = payments.decode(self.payload)
            if self.kind in payments.ALL_FACTS and not payments.has_all_facts(facts):
                return None
            return payments.describe(self.kind, self.payload)
        except (payments.RecordError, ValueError):
            return None

    @property
    def text(self) -> str:
        """The same in one line: names and values, the bytes where nothing else can be said."""
        if self.payload is None:
            return "(sealed)"
        return self.payload.hex() if self.told is None else _line(self.told)


@dataclass(frozen=True)
class Examination:
    """All that an image tells.  erases: of the most worn block, as the ring wears them alike."""

    records: list[ImageRecord]
    report: Report
    head: int
    oldest: int
    blocks: int
    with_key: bool
    erases: int

    @property
    def good(self) -> bool:
        """Whether nothing is missing and nothing was changed."""
        return not self.report.quarantined_count and not self.report.tampered

    def sentences(self) -> list[str]:
        """The findings, one a line."""
        told = [_sentence(damage) for damage in self.report.quarantined]
        more = self.report.quarantined_count - len(told)
        if more:
            told.append(f"And {more} more findings of this sort.")
        if self.report.rolled_back:
            told.append(
                f"The log ends at record {self.head}, the anchor knows record "
                f"{self.report.anchored}: this is an older state of the log."
            )
        if self.report.replaced:
            told.append(
                f"Record {self.report.anchored} is not the one that the anchor knows: "
                "this is another log."
            )
        if self.report.torn:
            told.append(
                f"{plural(self.report.torn, 'slot')} where power failed while writing; "
                "nothing in them was ever confirmed."
            )
        return told

    def as_json(self) -> dict[str, Any]:
        return {
            "good": self.good,
            "with_key": self.with_key,
            "oldest": self.oldest,
            "head": self.head,
            "torn": self.report.torn,
            "rolled_back": self.report.rolled_back,
            "replaced": self.report.replaced,
            "damage": [damage._asdict() for damage in self.report.quarantined],
            "damage_count": self.report.quarantined_count,
            "sentences": self.sentences(),
            "records": [record.as_json() for record in self.records],
        }


def examine(
    image: bytes, key: bytes | None = None, anchored: Anchored | None = None
) -> Examination:
    """Read a whole image.  Raises ImageError when it is no journal, or not this key's."""
    log = FlashLog(ImagePartition(image), HostSealer(key) if key else Sealed())
    report = Report()
    survey = Survey(log, report, anchored)
    if survey.foreign:
        raise ImageError(
            "no block is sealed with this key" if key else "this is no image of a journal"
        )
    report.start_over()
    report.unanchored = False
    records = []
    chain = Chain(log, report, survey.oldest)
    if survey.newest:
        check_headers(log, chain, survey.tail, max(survey.place[0], survey.tail))
    place = (survey.first, 1)
    while place < (max(survey.newest, survey.place[0]) + 1, 1):
        found = log.at(*place)
        place = log.after(found)
        if (found.ordinal, found.slot) >= (survey.tail, 1):
            chain.take(found)
        head = found.head
        if found.state == RECORD and head is not None:
            records.append(
                ImageRecord(
                    head.sequence,
                    head.kind,
                    head.length,
                    found.ordinal % log.blocks,
                    found.slot,
                    head.sequence < survey.oldest,
                    found.payload,
                )
            )
    chain.finish(survey.head)
    erases = -(-survey.ready // log.blocks)
    return Examination(records, report, survey.head, survey.oldest, log.blocks, bool(key), erases)


def _line(told: dict[str, Any]) -> str:
    """`stored, batch 1, stan 7, ..., decision (signature fDDA, floor_minor 2500, ...)`."""
    parts = []
    for name, value in told.items():
        if name == "record":
            parts.append(str(value))
        elif isinstance(value, dict):
            parts.append(f"{name} ({_line(value)})")
        else:
            parts.append(f"{name} {' '.join(value) if isinstance(value, list) else value}")
    return ", ".join(parts)


def _sentence(damage: Damage) -> str:
    place = f"block {damage.block}, slot {damage.slot}"
    last = damage.sequence + damage.count - 1
    if damage.what == words.MISSING:
        if damage.count == 1:
            return f"Record {damage.sequence} is missing."
        return f"Records {damage.sequence} to {last} are missing."
    header = f"The header of block {damage.block} is damaged; its records are read anyway."
    return {
        words.RECORD: f"Record {damage.sequence} ({place}) is damaged and cannot be opened.",
        words.MARKER: f"Record {damage.sequence} ({place}) is whole, its commit marker is not.",
        words.CHAIN: f"Record {damage.sequence} ({place}) does not follow the one before it: "
        "one of the two was exchanged.",
        words.PLACE: f"Record {damage.sequence} ({place}) is out of place: it was copied there.",
        words.HEADER: header,
    }[damage.what]


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
