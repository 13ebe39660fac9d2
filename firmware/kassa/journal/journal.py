"""Records that survive: append them, read them all again at start, say which are no longer needed.

    partition = Partition.find(Partition.TYPE_DATA, label="journal")[0]
    journal = Journal(partition, Sealer(key), Anchor(), log)
    report = journal.open()
    for record in journal.records():
        ...
    sequence = journal.append(KIND, payload)     # on flash, sealed, when it returns
    journal.trim(sequence)                       # everything before it may be overwritten
    while journal.prepare(): ...                 # when idle: erase ahead

Nothing that was not trimmed is ever overwritten: when the ring is full, `append` refuses.
"""

import os
from collections import namedtuple
from typing import TYPE_CHECKING

from kassa.journal import slots
from kassa.journal.anchor import Anchored
from kassa.journal.chain import Chain, check_headers
from kassa.journal.errors import JournalFull, JournalTampered
from kassa.journal.flash_log import FlashLog
from kassa.journal.report import Report
from kassa.journal.survey import Survey, find_tail
from kassa.system.ensure import ensure
from kassa.system.errors import KassaError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from kassa.journal.anchor import Anchor
    from kassa.journal.sealed import Sealer
    from kassa.system.log import Log

Record = namedtuple("Record", ("sequence", "kind", "payload"))

_AHEAD = 2


class Journal:
    """One log on one partition.

    partition: `readblocks`, `writeblocks` with an offset, `ioctl` 4, 5 and 6, as esp32.Partition.
    random: bytes for epochs; switch the radio on before `open`, without it the chip's are not.
    align: see FlashLog.

    head: sequence of the newest record, 0 before the first.
    oldest: sequence of the first one that is not trimmed.
    report: what `open` and the last complete `records` found.
    """

    def __init__(
        self,
        partition: "Any",
        sealer: "Sealer",
        anchor: "Anchor",
        log: "Log",
        random=os.urandom,  # type: ignore[no-untyped-def]
        align: int = 1,
    ) -> None:
        self.report = Report()
        self.head = 0
        self.oldest = 1
        self._flash = FlashLog(partition, sealer, align)
        self._sealer = sealer
        self._anchor = anchor
        self._log = log
        self._random = random
        self._epoch = b""
        self._tag = b""
        self._at = (1, 1)
        self._tail = 1
        self._ready = 0
        self._newest_place = (0, 0)
        self._anchored = Anchored(0, 1, 0, b"", 0, 0)
        self._anchor_due = False
        self._usable = False

    def open(self) -> Report:
        """Find the ends of the log and compare it with its anchor; writes to the anchor only.

        Raises OSError from the flash or from the anchor's file.
        """
        self._usable = False
        flash = self._flash
        flash.reads = 0
        self.report = report = Report()
        known = self._anchor.read()
        survey = Survey(flash, report, known)
        report.reads = flash.reads
        self.head = survey.head
        self.oldest = survey.oldest
        self._tag = survey.tag
        self._at = survey.end
        self._tail = survey.tail
        self._ready = survey.ready
        self._newest_place = survey.place
        if known is None:
            known = Anchored(0, self.oldest, 0, b"", 0, 0)
        self._anchored = Anchored(known.starts + 1, *known[1:])
        self._epoch = (self._anchored.starts & 0xFFFF).to_bytes(2, "big") + self._random(4)
        ensure(len(self._epoch) == slots.EPOCH_SIZE)
        if report.tampered:
            self._anchor.write(self._anchored)
        else:
            self._save_anchor()
        self._usable = True
        self._tell("tampered" if report.tampered else "opened")
        return report

    def records(self) -> "Iterator[Record]":
        """Every record from `oldest` on, oldest first, each proven.

        When the last one was given `report` tells of every damaged, missing or torn one.
        Records appended meanwhile are given as well; do not trim meanwhile.
        """
        self._need_open()
        report = self.report
        report.start_over()
        chain = Chain(self._flash, report, self.oldest)
        check_headers(self._flash, chain, self._tail, self._newest_place[0])
        for record in self._from_block(self._tail, chain):
            yield record
        chain.finish(self.head)
        report.records = chain.count
        if report.quarantined_count:
            self._tell("damaged")

    def records_from(self, sequence: int) -> "Iterator[Record]":
        """The records from `sequence` on, without reading all that came before: two reads for
        each halving of the log, and those of a block.  What is damaged is passed over in silence;
        `records` has told of it.
        """
        self._need_open()
        first = find_tail(self._flash, sequence, self._tail, self._newest_place[0])
        chain = Chain(self._flash, Report(), max(sequence, self.oldest), False)
        for record in self._from_block(first, chain):
            yield record

    def _from_block(self, ordinal: int, chain: Chain) -> "Iterator[Record]":
        place = (ordinal, 1)
        while place < (min(self._at[0], self._ready) + 1, 1):
            found = self._flash.at(place[0], place[1])
            place = self._flash.after(found)
            if chain.take(found) and found.head is not None:
                yield Record(found.sequence, found.head.kind, found.payload)

    @property
    def free_slots(self) -> int:
        """Slots that can be written before something must be trimmed; a record takes
        `slots.slots_for(len(payload))` of them.
        """
        ordinal, slot = self._at
        return slots.SLOTS * (self._tail + self._flash.blocks - ordinal) - slot + 1

    @property
    def erases(self) -> int:
        """How often the most worn block was erased; the ring wears all of them alike."""
        return -(-self._ready // self._flash.blocks)

    def append(self, kind: int, payload: bytes) -> int:
        """Store a record; when this returns it is durable.  The result is its sequence.

        kind: 0 to 255; payload: at most 1,500 bytes.
        Raises JournalFull or JournalTampered, and nothing was written; or JournalError or OSError
        when the flash fails, and the record may or may not be there.
        """
        ensure(0 <= kind <= 255 and len(payload) <= slots.MAX_PAYLOAD, "not a journal record")
        self._need_open()
        if self.report.tampered:
            raise JournalTampered("the journal is not the one that this terminal left")
        count = slots.slots_for(len(payload))
        start = self._room_for(count)
        sequence = self.head + 1
        head = slots.pack_head(
            sequence, self._epoch, kind, len(payload), self._tag[: slots.LINK_SIZE]
        )
        sealed = self._sealer.seal(slots.record_nonce(self._epoch, sequence), payload, head)
        # Should the flash fail from here on, this nonce is spent: open again, with a new epoch.
        self._usable = False
        place = start
        for content in slots.split(head, sealed):
            self._flash.program(place[0], place[1], content)
            place = slots.next_place(place[0], place[1])
        self._usable = True
        self.head = sequence
        self._tag = bytes(sealed[-slots.TAG_SIZE :])
        self._at = place
        self._newest_place = start
        if self._anchor_due or start[0] > self._anchored.ordinal:
            self._anchor_due = True
            self._try_anchor()
        return sequence

    def trim(self, before: int) -> None:
        """Records with a sequence less than `before` are not needed any more.  Durable on return.

        Raises OSError or StateError when the anchor cannot be written; nothing is trimmed then.
        """
        self._need_open()
        before = min(before, self.head + 1)
        if before <= self.oldest:
            return
        if self.report.tampered:
            raise JournalTampered("the journal is not the one that this terminal left")
        oldest, self.oldest = self.oldest, before
        saved = False
        try:
            self._save_anchor()
            saved = True
        finally:
            if not saved:
                self.oldest = oldest
        self._tail = find_tail(self._flash, before, self._tail, self._newest_place[0])

    def prepare(self) -> bool:
        """Erase ahead, at most one block; call it when idle.  True if there is more to do."""
        if not self._usable or self.report.tampered:
            return False
        if self._anchor_due:
            self._try_anchor()
        if self._wants_block():
            self._start_block(self._ready + 1)
        return self._wants_block()

    def anchor_head(self) -> None:
        """Anchor the newest record now: when the terminal rests, before an orderly end.  Should
        the anchor's file fail it is logged and tried again with the next record.
        """
        self._need_open()
        if not self.report.tampered and self._anchored.sequence != self.head:
            self._anchor_due = True
            self._try_anchor()

    def accept(self) -> None:
        """Go on with a log that is not the one this terminal left; somebody has looked at it.

        Numbers go on after the anchored record, so that what is missing stays visible.
        """
        self._need_open()
        report = self.report
        if not report.tampered:
            return
        everything_trimmed = self.oldest > self.head
        self._save_anchor()
        self.head = max(self.head, report.anchored)
        if everything_trimmed:
            self.oldest = self.head + 1
        # The next record is anchored at once: from then on the new numbers are on record.
        self._anchor_due = True
        report.rolled_back = report.replaced = report.unanchored = False
        self._tell("accepted")

    # -- inside

    def _need_open(self) -> None:
        if not self._usable:
            self.open()

    def _room_for(self, count: int) -> "tuple[int, int]":
        """Where `count` blank slots follow each other, in blocks that are ready."""
        ordinal, slot = self._at
        start = (ordinal, slot)
        found = 0
        while found < count:
            if ordinal - self._flash.blocks >= self._tail or self.free_slots < count:
                raise JournalFull("the journal is full of records that are still needed")
            if ordinal > self._ready:
                self._start_block(ordinal)
            blank = self._flash.is_blank(ordinal, slot)
            ordinal, slot = slots.next_place(ordinal, slot)
            if blank:
                found += 1
            else:
                # A write that was cut: such a slot is never programmed again.
                found = 0
                start = (ordinal, slot)
        return start

    def _wants_block(self) -> bool:
        following = self._ready + 1
        return following - self._at[0] <= _AHEAD and following - self._flash.blocks < self._tail

    def _start_block(self, ordinal: int) -> None:
        usable, self._usable = self._usable, False
        self._flash.start_block(ordinal, self._epoch, self.oldest)
        self._ready = ordinal
        self._usable = usable

    def _try_anchor(self) -> None:
        """The record is safe whether or not this works: try again later."""
        try:
            self._save_anchor()
        except (OSError, KassaError) as error:
            self._log.trouble("journal", "not anchored", error)

    def _save_anchor(self) -> None:
        anchored = Anchored(
            self._anchored.starts,
            self.oldest,
            self.head,
            self._tag,
            self._newest_place[0],
            self._newest_place[1],
        )
        self._anchor.write(anchored)
        self._anchored = anchored
        self._anchor_due = False

    def _tell(self, what: str) -> None:
        report = self.report
        self._log.event(
            "journal",
            what,
            head=self.head,
            oldest=self.oldest,
            free_slots=self.free_slots,
            quarantined=report.quarantined_count,
            torn=report.torn,
            rolled_back=report.rolled_back,
            replaced=report.replaced,
            unanchored=report.unanchored,
        )
