"""What the journal found out about its log."""

from collections import namedtuple

Damage = namedtuple("Damage", ("what", "sequence", "count", "block", "slot"))
"""what: one of the words below; sequence: the first record it concerns (0: none); count: of how
many records; block, slot: where on the partition (slot 0: the block's header), block -1: nowhere,
because it is gone."""

RECORD = "record damaged"
MISSING = "records missing"
MARKER = "commit marker damaged, record intact"
CHAIN = "record does not follow the one before"
PLACE = "record out of place"
HEADER = "block header damaged"

_KEPT = 32


class Report:
    """records: how many are in the log that are not trimmed.  After `open` it is what head and
        oldest say, after `records` was gone through it is what could be read.
    quarantined: list of Damage, at most 32; quarantined_count: all of them.  `open` looks at the
        end of the log, `records` at everything.
    torn: slots whose program operation was cut; they hold nothing that was ever confirmed.
    rolled_back: the log is ours and ends before the anchored record.
    replaced: the log is not ours, empty, or another than the anchored one.
    unanchored: there are records, but no anchor to compare them with.
    anchored: sequence of the anchored record.
    reads: read operations of `open`.
    """

    def __init__(self) -> None:
        self.records = 0
        self.quarantined: "list[Damage]" = []
        self.quarantined_count = 0
        self.torn = 0
        self.rolled_back = False
        self.replaced = False
        self.unanchored = False
        self.anchored = 0
        self.reads = 0

    @property
    def tampered(self) -> bool:
        """Whether the log is not the one that this terminal left."""
        return self.rolled_back or self.replaced or self.unanchored

    def add(self, what: str, sequence: int, count: int, block: int, slot: int) -> None:
        """Note damage."""
        self.quarantined_count += 1
        if len(self.quarantined) < _KEPT:
            self.quarantined.append(Damage(what, sequence, count, block, slot))

    def start_over(self) -> None:
        """Forget the damage, because everything is about to be looked at again."""
        self.quarantined.clear()
        self.quarantined_count = 0
        self.torn = 0
