"""The ring of blocks on a raw partition: reading slots without believing them, programming them,
erasing blocks.
"""

from typing import TYPE_CHECKING

from kassa.journal import slots
from kassa.journal.errors import JournalError
from kassa.journal.slots import BLOCK_SIZE, MARKER, SLOT_SIZE, TAG_SIZE, Head
from kassa.security.errors import AuthenticationFailed
from kassa.system.ensure import ensure

if TYPE_CHECKING:
    from typing import Any

BLANK = 0
RECORD = 1
PART = 2
DAMAGED = 3

_UNPROGRAMMED = 0xFF
_COUNT = 4
_SIZE = 5
_ERASE = 6
_FEWEST_BLOCKS = 16
_MOST_BLOCKS = 1024


class Found:
    """What is in a slot.

    state: BLANK; RECORD, a proven record that begins here; PART, says that it continues another
        one; DAMAGED, anything else.
    payload: of a RECORD (None from a sealer without a key); tag: the 8 bytes that were stored.
    committed: every operation that programmed it reached its end, as far as can be told.
    marked: none of its commit markers is damaged; one may be missing, if power failed just there.
    """

    def __init__(self, state: int, ordinal: int, slot: int, head: "Head | None" = None) -> None:
        self.state = state
        self.ordinal = ordinal
        self.slot = slot
        self.head = head
        self.payload = None  # type: bytes | None
        self.tag = b""
        self.committed = False
        self.marked = False

    @property
    def sequence(self) -> int:
        """What the slot says; proven for a RECORD."""
        return self.head.sequence if self.head else 0


class FlashLog:
    """`partition` is an esp32.Partition or alike of 16 to 1024 blocks (64 KiB to 4 MiB).

    align: program multiples of so many bytes (16 on an encrypted partition).
    """

    def __init__(self, partition: "Any", sealer: "Any", align: int = 1) -> None:
        ensure(partition.ioctl(_SIZE, 0) == BLOCK_SIZE, "the journal wants blocks of 4096 bytes")
        self.blocks = partition.ioctl(_COUNT, 0)
        ensure(
            _FEWEST_BLOCKS <= self.blocks <= _MOST_BLOCKS, "a journal has 64 KiB to 4 MiB of flash"
        )
        self.reads = 0
        self.sealer = sealer
        self._partition = partition
        self._align = align
        self._slot = bytearray(SLOT_SIZE)
        self._header = bytearray(slots.HEADER_SIZE)

    # -- blocks

    def header(self, ordinal: int) -> bytearray:
        """The 32 bytes where a block's header is, valid until the next call."""
        self.reads += 1
        self._partition.readblocks(ordinal % self.blocks, self._header, slots.HEADER_AT)
        return self._header

    def is_block(self, ordinal: int) -> bool:
        """Whether the header there proves to be that of block `ordinal`."""
        header = self.header(ordinal)
        claims = slots.header_claims(header)
        return claims is not None and claims[0] == ordinal and self.proves(header)

    def proves(self, header: "bytes | bytearray") -> bool:
        """Whether our key made the header."""
        try:
            slots.prove_header(self.sealer, header)
        except AuthenticationFailed:
            return False
        return True

    def start_block(self, ordinal: int, epoch: bytes, oldest: int) -> None:
        """Erase the block and give it its header; what was in it is gone."""
        self._partition.ioctl(_ERASE, ordinal % self.blocks)
        header = slots.pack_header(self.sealer, ordinal, epoch, oldest)
        self._partition.writeblocks(ordinal % self.blocks, header, slots.HEADER_AT)

    # -- slots

    def program(self, ordinal: int, slot: int, content: bytes) -> None:
        """Program a blank slot in one operation.  Raises JournalError if it reads back wrong."""
        rest = len(content) % self._align
        if rest:
            content += b"\xff" * (self._align - rest)
        self._partition.writeblocks(ordinal % self.blocks, content, slot * SLOT_SIZE)
        if bytes(self._read(ordinal, slot)[: len(content)]) != content:
            raise JournalError("the flash does not hold what was programmed")

    def is_blank(self, ordinal: int, slot: int) -> bool:
        """Whether nothing was ever programmed there."""
        return slots.is_blank(self._read(ordinal, slot))

    def at(self, ordinal: int, slot: int) -> Found:
        """What is in the slot; a record is read as a whole."""
        data = self._read(ordinal, slot)
        if slots.is_blank(data):
            return Found(BLANK, ordinal, slot)
        head = Head(data)
        part = head.count & slots.PART_FLAG
        found = Found(PART if part else DAMAGED, ordinal, slot, head)
        found.committed = head.committed
        if head.consistent:
            self._open(found, head)
        return found

    def _open(self, found: Found, head: Head) -> None:
        sealed = bytearray(head.length + TAG_SIZE)
        ordinal, slot, data = found.ordinal, found.slot, self._slot
        whole = marked = True
        for part in range(head.count):
            start, size, at = slots.room(part)
            size = min(size, len(sealed) - at)
            if part:
                ordinal, slot = slots.next_place(ordinal, slot)
                data = self._read(ordinal, slot)
                numbered = data[0] == slots.PART_FLAG | part
                ours = data[1:5] == head.associated[1:5]
                whole = whole and numbered and ours
                # One flipped bit spoils one of them.
                written = numbered or (ours and slots.was_part(data, part))
                found.committed = found.committed and written and slots.ended(data, start + size)
            sealed[at : at + size] = data[start : start + size]
            marked = marked and data[start + size] in (MARKER, _UNPROGRAMMED)
        found.tag = bytes(sealed[head.length :])
        if not whole:
            return
        try:
            found.payload = self.sealer.open(
                slots.record_nonce(head.epoch, head.sequence), sealed, head.associated
            )
        except AuthenticationFailed:
            return
        if found.payload is None and not found.committed:
            # Without a key the marker is all there is to go by.
            return
        found.state = RECORD
        found.marked = marked

    def only_length_flipped(self, found: Found) -> bool:
        """Whether it would be a proven record if one bit of its length were another.

        Such a record has no marker where it claims to end, just as if its writing had been cut.
        """
        head = found.head
        if head is None or not head.consistent:
            return False
        for bit in range(11):
            length = head.length ^ 1 << bit
            if length <= slots.MAX_PAYLOAD and slots.slots_for(length) == head.count:
                self._read(found.ordinal, found.slot)
                attempt = Found(DAMAGED, found.ordinal, found.slot)
                self._open(attempt, slots.with_length(head, length))
                if attempt.state == RECORD:
                    return True
        return False

    def _read(self, ordinal: int, slot: int) -> bytearray:
        self.reads += 1
        self._partition.readblocks(ordinal % self.blocks, self._slot, slot * SLOT_SIZE)
        return self._slot

    def after(self, found: Found) -> "tuple[int, int]":
        """The place that follows: after all slots of a RECORD, else after the one slot."""
        ordinal, slot = found.ordinal, found.slot
        count = found.head.count if found.state == RECORD and found.head else 1
        for _ in range(count):
            ordinal, slot = slots.next_place(ordinal, slot)
        return ordinal, slot

    def first_sequence(self, ordinal: int) -> int:
        """The first record that begins in block `ordinal`; 0 when none can be proven."""
        if self.is_block(ordinal):
            for slot in range(1, slots.SLOTS + 1):
                found = self.at(ordinal, slot)
                if found.state == RECORD:
                    return found.sequence
        return 0
