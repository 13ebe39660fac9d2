"""Following the records in order, and working out what damage has cost.

Proven records carry their number, so what lies between two of them is known: a slot that cannot be
read is a damaged record if a number is missing there, and a write that was cut if none is.
"""

from typing import TYPE_CHECKING

from kassa.journal import report as words
from kassa.journal.flash_log import BLANK, PART, RECORD, FlashLog, Found
from kassa.journal.report import Report
from kassa.journal.slots import LINK_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEPT = 16


class Chain:
    """Takes slots in the order of the log; notes damage in `report` from record `oldest` on.

    sequence, tag: of the last proven record; sequence is None before there was one.
    place, end: where the last one that counts as a record is, and the place after it.
    count: proven records from `oldest` on.
    from_oldest: the walk begins where `oldest` must be; else what came before is not missed.
    """

    def __init__(
        self, log: FlashLog, report: Report, oldest: int, from_oldest: bool = True
    ) -> None:
        self.sequence = None  # type: int | None
        self.tag = b"\0" * 8
        self.place = (0, 0)
        self.end = None  # type: tuple[int, int] | None
        self.count = 0
        self._log = log
        self._report = report
        self._oldest = oldest
        self._from_oldest = from_oldest
        self._bad: "list[Found]" = []
        self._bad_count = 0

    def take(self, found: Found) -> bool:
        """Whether `found` is the next record, and not trimmed."""
        if found.state == BLANK:
            return False
        if found.state == PART and (self._bad or self.sequence is None):
            # It belongs to the damaged record before it, or to one before the first block read.
            return False
        if found.state != RECORD or found.head is None:
            self._keep(found)
            return False
        if self.sequence is not None and found.sequence <= self.sequence:
            self._note(words.PLACE, found)
            return False
        known = self.sequence is not None or (self._from_oldest and found.sequence > self._oldest)
        last = self._oldest - 1 if self.sequence is None else self.sequence
        if known:
            gap = found.sequence - last - 1
            follows = self.sequence is None or gap or found.head.link == self.tag[:LINK_SIZE]
            self._settle(last, gap)
            if not follows:
                self._note(words.CHAIN, found)
        else:
            self._forget()
        if not found.marked:
            self._note(words.MARKER, found)
        self.sequence = found.sequence
        self.tag = found.tag
        self.place = (found.ordinal, found.slot)
        self.end = self._log.after(found)
        if found.sequence < self._oldest:
            return False
        self.count += 1
        return True

    def block(self, ordinal: int) -> None:
        """Note a block without a proven header."""
        self._report.add(words.HEADER, 0, 0, ordinal % self._log.blocks, 0)

    def finish(self, head: "int | None" = None) -> int:
        """The end of the log: settle what is open; the sequence of the last record there was.

        head: that sequence if it is known; else a damaged slot at the end counts as a record if
        its operation was finished and it looks like the one that would come next.
        """
        last = self._oldest - 1 if self.sequence is None else self.sequence
        if head is None:
            head = last
            for found in self._bad:
                if self._could_be(found, head + 1, head == last):
                    head += 1
                    self.place = (found.ordinal, found.slot)
                    self.end = self._log.after(found)
        self._settle(last, head - last)
        return head

    def _could_be(self, found: Found, sequence: int, linked: bool) -> bool:
        if found.head is None:
            return False
        if not found.committed and not self._log.only_length_flipped(found):
            return False
        signs = (
            found.head.consistent,
            found.head.sequence == sequence,
            linked and found.head.link == self.tag[:LINK_SIZE],
        )
        return sum(signs) >= 2

    def _keep(self, found: Found) -> None:
        self._bad_count += 1
        if len(self._bad) < _KEPT:
            found.payload = None
            self._bad.append(found)

    def _settle(self, last: int, gap: int) -> None:
        """`gap` records are missing after `last`: say in which damaged slots they were."""
        hit = min(gap, self._bad_count)
        places = [found for found in self._bad if found.committed]
        if len(places) < hit:
            places = self._bad
        for index in range(min(hit, len(places))):
            if last + 1 + index >= self._oldest:
                found = places[index]
                self._report.add(
                    words.RECORD,
                    last + 1 + index,
                    1,
                    found.ordinal % self._log.blocks,
                    found.slot,
                )
        first = max(last + 1 + min(hit, len(places)), self._oldest)
        if first <= last + gap:
            self._report.add(words.MISSING, first, last + gap - first + 1, -1, -1)
        self._report.torn += self._bad_count - hit
        self._forget()

    def _forget(self) -> None:
        self._bad = []
        self._bad_count = 0

    def _note(self, what: str, found: Found) -> None:
        if found.sequence >= self._oldest:
            block = found.ordinal % self._log.blocks
            self._report.add(what, found.sequence, 1, block, found.slot)


def follow(
    log: FlashLog, chain: Chain, place: "tuple[int, int]", end: "tuple[int, int]"
) -> "Iterator[Found]":
    """The records from `place` to before `end` that `chain` takes, oldest first."""
    while place < end:
        found = log.at(place[0], place[1])
        taken = chain.take(found)
        place = log.after(found)
        if taken:
            yield found


def check_headers(log: FlashLog, chain: Chain, first: int, last: int) -> None:
    """Note every block from `first` to `last` whose header does not prove itself."""
    for ordinal in range(first, last + 1):
        if not log.is_block(ordinal):
            chain.block(ordinal)
