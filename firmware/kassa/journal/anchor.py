"""The newest record's number and tag, kept outside the log, so that an older log is noticed.

It is written when the log is opened, with the first record of every block, when records are
trimmed and when the owner asks (`Journal.anchor_head`: after twenty quiet seconds).  Between those
moments up to a block's worth of records (15 slots) may follow: an image from within that window,
put back, is not noticed.
Nor is one put back together with the file system that this file is on; what would notice it is a
counter in a secure element.
"""

from collections import namedtuple

from kassa.system.state_file import StateError, StateFile

Anchored = namedtuple("Anchored", ("starts", "oldest", "sequence", "tag", "ordinal", "slot"))
"""starts: how often the journal was opened; oldest: first record still needed; sequence, tag (8
bytes), ordinal, slot: a record that the log must hold, with its place; sequence 0: none yet."""


class Anchor(StateFile):
    """A StateFile with a list: some 60 bytes."""

    def __init__(self, path: str = "/state/journal") -> None:
        super().__init__(path)

    def read(self) -> "Anchored | None":
        """What was written last; None when nothing was, or when it cannot be read."""
        try:
            known = self.load()
            if known is None:
                return None
            starts, oldest, sequence, tag, ordinal, slot = known
            return Anchored(starts, oldest, sequence, bytes.fromhex(tag), ordinal, slot)
        except (StateError, ValueError, TypeError):
            return None

    def write(self, anchored: Anchored) -> None:
        """Store; when this returns it is durable."""
        self.save(
            (
                anchored.starts,
                anchored.oldest,
                anchored.sequence,
                anchored.tag.hex(),
                anchored.ordinal,
                anchored.slot,
            )
        )
