"""Finding the end and the beginning of the log at start, with few reads.

One read of 32 bytes a block finds the newest block; the slots of the last one to three blocks, one
read each, find the newest record; the oldest block that is still needed is found by halving, two
reads a step.  So reads are the number of blocks and some 80 more: about 90 for a partition of
64 KiB, 140 for 256 KiB, 1,110 for 4 MiB.
"""

from kassa.journal import slots
from kassa.journal.anchor import Anchored
from kassa.journal.chain import Chain, follow
from kassa.journal.flash_log import BLANK, DAMAGED, PART, RECORD, FlashLog
from kassa.journal.report import MISSING, Report
from kassa.journal.report import RECORD as RECORD_DAMAGED


class Survey:
    """newest: the last block with a header (0: there is none).
    first: the oldest block that may hold anything; tail: the oldest that is needed.
    head, tag: sequence and tag of the newest record (0: none).
    oldest: first record that is still needed.
    place, end: of the newest record ((0, 0): none), and the place after it.
    ready: the last block that is known to be erased and to have its header.
    foreign: there is something in the headers' places, and none of it is ours.
    locked: what is there are headers of a log, under another key.
    """

    def __init__(self, log: FlashLog, report: Report, anchored: "Anchored | None") -> None:
        self._log = log
        self._report = report
        self.foreign = False
        self.locked = False
        self.head = 0
        self.tag = bytes(slots.TAG_SIZE)
        self.newest = self._find_newest()
        if self.newest == 0 and anchored and self._holds(anchored):
            # The only block there is, and its header is damaged.
            self.newest = anchored.ordinal
            self.foreign = self.locked = False
        self.first = max(1, self.newest - log.blocks + 1)
        self.place = (0, 0)
        self.end = (1, 1)
        self.ready = 0
        self.oldest = anchored.oldest if anchored else self._first_needed()
        if self.newest:
            self._find_head()
        if anchored:
            self._compare(anchored)
        else:
            report.unanchored = self.newest > 0
        # A log whose key is not here may hold money: it is not written over unasked.
        report.replaced = report.replaced or self.locked
        self.oldest = max(1, min(self.oldest, self.head + 1))
        self.tail = find_tail(log, self.oldest, self.first, self.end[0])
        self.ready = self._find_ready()
        report.records = self.head - self.oldest + 1

    def _find_newest(self) -> int:
        log = self._log
        below = 1 << 32
        while True:
            best = 0
            for block in range(log.blocks):
                header = log.header(block)
                claims = slots.header_claims(header)
                if claims is None:
                    self.foreign = self.foreign or not slots.is_blank(header)
                    continue
                self.foreign = True
                if best < claims[0] < below and claims[0] % log.blocks == block:
                    best = claims[0]
            if best == 0 or log.is_block(best):
                self.foreign = self.foreign and best == 0
                self.locked = below < 1 << 32 and best == 0
                return best
            below = best

    def _first_needed(self) -> int:
        """Without an anchor: what the newest block's header says."""
        claims = slots.header_claims(self._log.header(self.newest)) if self.newest else None
        return claims[1] if claims else 1

    def _find_head(self) -> None:
        log = self._log
        last = self.newest
        while last > self.first and self._is_empty(last):
            last -= 1
        start = last
        back = 1
        while True:
            self._report.start_over()
            chain = Chain(log, self._report, self.oldest, False)
            for _ in follow(log, chain, (start, 1), (last + 1, 1)):
                pass
            if chain.sequence is not None or start == self.first:
                break
            start = max(self.first, start - back)
            back *= 2
        # The block after may be in use and only its header damaged.
        last = self.newest
        while self._continues(last + 1, chain.sequence or 0):
            last += 1
            for _ in follow(log, chain, (last, 1), (last + 1, 1)):
                pass
        self.head = chain.finish()
        self.tag = chain.tag
        self.end = chain.end or (start, 1)
        self.place = chain.place

    def _is_empty(self, ordinal: int) -> bool:
        """Whether the block was erased ahead and not used yet."""
        return all(self._log.is_blank(ordinal, slot) for slot in range(1, slots.SLOTS + 1))

    def _continues(self, ordinal: int, sequence: int) -> bool:
        for slot in range(1, slots.SLOTS + 1):
            found = self._log.at(ordinal, slot)
            if found.state == RECORD:
                return found.sequence > sequence
            if found.state == BLANK:
                return False
        return False

    def _compare(self, anchored: Anchored) -> None:
        """Is the log the one that the anchor was written for, and no older?"""
        report = self._report
        report.anchored = anchored.sequence
        if not anchored.sequence:
            return
        if self.newest == 0:
            report.replaced = True
            self.end = (anchored.ordinal + 1, 1)
            self.first = anchored.ordinal + 1
            return
        if self.newest - self._log.blocks >= anchored.ordinal:
            return
        if self._holds(anchored):
            return
        found = self._log.at(anchored.ordinal, anchored.slot)
        if self.head < anchored.sequence:
            if found.state in (DAMAGED, PART) and self._log.is_block(anchored.ordinal):
                # The newest record is there and cannot be read: damage, not a roll-back.
                self._lost(anchored)
            else:
                report.rolled_back = True
        elif found.state in (RECORD, BLANK):
            report.replaced = True

    def _holds(self, anchored: Anchored) -> bool:
        """Whether the anchored record is where it was."""
        if not anchored.sequence:
            return False
        found = self._log.at(anchored.ordinal, anchored.slot)
        return (
            found.state == RECORD
            and found.sequence == anchored.sequence
            and found.tag == anchored.tag
        )

    def _lost(self, anchored: Anchored) -> None:
        log = self._log
        if self.head + 1 < anchored.sequence:
            count = anchored.sequence - self.head - 1
            self._report.add(MISSING, self.head + 1, count, -1, -1)
        block = anchored.ordinal % log.blocks
        self._report.add(RECORD_DAMAGED, anchored.sequence, 1, block, anchored.slot)
        report = self._report
        report.torn = max(0, report.torn - 1)
        self.head = anchored.sequence
        self.tag = anchored.tag
        self.place = (anchored.ordinal, anchored.slot)
        self.end = max(self.end, slots.next_place(anchored.ordinal, anchored.slot))

    def _find_ready(self) -> int:
        ready = self.end[0] - 1 if self.end[1] == 1 else self.end[0]
        while ready < self.newest and self._log.is_block(ready + 1):
            ready += 1
        return ready


def find_tail(log: FlashLog, oldest: int, first: int, last: int) -> int:
    """The last block from `first` to `last` whose first record is not after `oldest`: everything
    before that block is trimmed.  A block whose records cannot be proven decides nothing.
    """
    tail, low, high = first, first + 1, last
    while low <= high:
        middle = (low + high) // 2
        probe = middle
        sequence = 0
        while probe <= high:
            sequence = log.first_sequence(probe)
            if sequence:
                break
            probe += 1
        if sequence and sequence <= oldest:
            tail = probe
            low = probe + 1
        else:
            high = middle - 1
    return tail
