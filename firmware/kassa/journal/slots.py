"""How records lie on flash: blocks of 4096 bytes, slots of 256, a record in one slot or several.

Slot 0 of a block holds the block's header in its last 32 bytes, slots 1 to 15 hold records.

    block header, at byte 224         first slot of a record         each further slot
    0   4  "KJL1"                     0   1  number of slots, 1-7    0  1  0x80 + part, 1-6
    4   4  ordinal of the block       1   4  sequence                1  4  sequence
    8   6  epoch                      5   6  epoch                   5  .  sealed data, goes on
    14  4  oldest record then needed  11  1  kind                    .  1  marker 00
    18  8  tag over all before        12  2  length of the payload
    26  1  marker 00                  14  4  link: first 4 bytes of
    27  5  FF                                the previous record's tag
                                      18  .  sealed data: payload and
                                             8 bytes of tag
                                      .   1  marker 00

Numbers are big-endian.  The 18 bytes before the sealed data are its associated data.  A slot is
programmed by one operation that ends with the marker, and never again; what follows the marker
stays FF.  Block `ordinal` lies at `ordinal % blocks`: the log goes round the partition, so that
every block is erased as often as any other.

An epoch is the low 16 bits of the number of starts and 4 random bytes.  A nonce is 0 for a record
or 1 for a block, the epoch, and the sequence or the ordinal: within a start the number never
repeats, another start has another epoch.

The link is stored, not only authenticated, so that a record proves itself when the one before it
is damaged: what breaks is the proof that these two belong together, never the second record.  It
needs no more than 32 bits, because nobody without the key can choose a tag.
"""

BLOCK_SIZE = 4096
SLOT_SIZE = 256
SLOTS = 15
"""Slots of a block that hold records, numbered from 1."""
MAX_PAYLOAD = 1500
MAX_SLOTS = 7

HEADER_AT = 224
HEADER_SIZE = 32
_MAGIC = b"KJL1"
_HEADER_TAG_AT = 18

HEAD_SIZE = 18
PART_SIZE = 5
TAG_SIZE = 8
EPOCH_SIZE = 6
LINK_SIZE = 4
PART_FLAG = 0x80
MARKER = 0
_SMALLEST = HEAD_SIZE + TAG_SIZE + 1
_FIRST_ROOM = SLOT_SIZE - HEAD_SIZE - 1
_PART_ROOM = SLOT_SIZE - PART_SIZE - 1

_RECORD_DOMAIN = b"\x00"
_BLOCK_DOMAIN = b"\x01"


def slots_for(length: int) -> int:
    """How many slots a payload of `length` bytes takes."""
    rest = length + TAG_SIZE - _FIRST_ROOM
    return 1 if rest <= 0 else 1 + (rest + _PART_ROOM - 1) // _PART_ROOM


def next_place(ordinal: int, slot: int) -> "tuple[int, int]":
    """The slot after (ordinal of the block, slot)."""
    return (ordinal, slot + 1) if slot < SLOTS else (ordinal + 1, 1)


def record_nonce(epoch: bytes, sequence: int) -> bytes:
    """The 11 bytes that the record is sealed with."""
    return _RECORD_DOMAIN + epoch + sequence.to_bytes(4, "big")


def pack_head(sequence: int, epoch: bytes, kind: int, length: int, link: bytes) -> bytes:
    """The first 18 bytes of a record, its associated data."""
    return (
        bytes([slots_for(length)])
        + sequence.to_bytes(4, "big")
        + epoch
        + bytes([kind])
        + length.to_bytes(2, "big")
        + link
    )


def split(head: bytes, sealed: bytes) -> "list[bytes]":
    """What to program into each slot of the record."""
    marker = bytes([MARKER])
    contents = [head + sealed[:_FIRST_ROOM] + marker]
    for part in range(1, head[0]):
        start = _FIRST_ROOM + (part - 1) * _PART_ROOM
        contents.append(
            bytes([PART_FLAG | part]) + head[1:5] + sealed[start : start + _PART_ROOM] + marker
        )
    return contents


def room(part: int) -> "tuple[int, int, int]":
    """Of part 0, 1, ...: where its data begins in the slot, how much fits, where that lies in the
    sealed data.
    """
    if part == 0:
        return HEAD_SIZE, _FIRST_ROOM, 0
    return PART_SIZE, _PART_ROOM, _FIRST_ROOM + (part - 1) * _PART_ROOM


def is_blank(data: "bytes | bytearray | memoryview") -> bool:
    """Whether every byte is FF."""
    return bytes(data) == b"\xff" * len(data)


def ended(slot: "bytearray | bytes", end: int) -> bool:
    """Whether the marker is at `end`, even if one bit of it has flipped since."""
    return slot[end] & (slot[end] - 1) == 0


def was_part(slot: "bytearray | bytes", part: int) -> bool:
    """Whether it is part `part` of a record but for one bit of its number.

    After a write that was cut the same sequence is used again, so the slot behind it may be the
    first of another record.
    """
    flipped = slot[0] ^ (PART_FLAG | part)
    return flipped & (flipped - 1) == 0 and not Head(slot).consistent


def _last_programmed(slot: "bytearray | bytes") -> int:
    last = SLOT_SIZE - 1
    while last >= 0 and slot[last] == 0xFF:
        last -= 1
    return last


def with_length(head: "Head", length: int) -> "Head":
    """The same head, but for the length."""
    associated = head.associated
    changed = associated[:12] + length.to_bytes(2, "big") + associated[14:]
    return Head(changed + bytes(SLOT_SIZE - HEAD_SIZE))


class Head:
    """The first 18 bytes of a slot, read without believing them.

    consistent: the number of slots and the length say the same.
    committed: the slot's program operation reached its end, as far as the bytes can tell.
    """

    def __init__(self, slot: "bytearray | bytes") -> None:
        self.associated = bytes(slot[:HEAD_SIZE])
        self.count = slot[0]
        self.sequence = int.from_bytes(self.associated[1:5], "big")
        self.epoch = self.associated[5:11]
        self.kind = slot[11]
        self.length = slot[12] << 8 | slot[13]
        self.link = self.associated[14:18]
        self.consistent = self.length <= MAX_PAYLOAD and self.count == slots_for(self.length)
        if self.consistent:
            end = min(HEAD_SIZE + self.length + TAG_SIZE, SLOT_SIZE - 1)
            self.committed = ended(slot, end)
        else:
            last = _last_programmed(slot)
            self.committed = last >= _SMALLEST - 1 and slot[last] == MARKER


def pack_header(sealer, ordinal: int, epoch: bytes, oldest: int) -> bytes:  # type: ignore[no-untyped-def]
    """The 32 bytes of a block's header."""
    plain = _MAGIC + ordinal.to_bytes(4, "big") + epoch + oldest.to_bytes(4, "big")
    tag = sealer.seal(_header_nonce(plain), b"", plain)
    return plain + tag + bytes([MARKER]) + b"\xff" * (HEADER_SIZE - len(plain) - TAG_SIZE - 1)


def header_claims(header: "bytes | bytearray") -> "tuple[int, int] | None":
    """(ordinal, oldest) that a header claims, unproven; None when it is no header at all."""
    if bytes(header[:4]) != _MAGIC or header[_HEADER_TAG_AT + TAG_SIZE] != MARKER:
        return None
    return int.from_bytes(header[4:8], "big"), int.from_bytes(header[14:18], "big")


def prove_header(sealer, header: "bytes | bytearray") -> None:  # type: ignore[no-untyped-def]
    """Raise AuthenticationFailed unless this key made the header."""
    plain = bytes(header[:_HEADER_TAG_AT])
    tag = bytes(header[_HEADER_TAG_AT : _HEADER_TAG_AT + TAG_SIZE])
    sealer.open(_header_nonce(plain), tag, plain)


def _header_nonce(plain: bytes) -> bytes:
    return _BLOCK_DOMAIN + plain[8:14] + plain[4:8]
