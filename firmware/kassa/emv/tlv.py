"""BER-TLV as EMV uses it (EMV 4.3 Book 3, Annex B).

A tag is the integer of its bytes (`0x9F26`), 1 to 3 bytes; a length is 1 to 3 bytes, definite form
only. `00` bytes before, between and after objects mean nothing.  On anything else TlvError is
raised, and only that.

Walking copies nothing: `objects` yields positions.  `flatten` and `parse` copy each value once,
because the buffer a response arrived in is used again by the next one.
"""

from typing import TYPE_CHECKING

from kassa.emv.errors import TlvError

if TYPE_CHECKING:
    from collections.abc import Iterator

# D-1: a card never needs more than this; a hostile one gets no further.
MAX_SIZE = 4096
MAX_DEPTH = 6
MAX_OBJECTS = 256


def is_constructed(tag: int) -> bool:
    """True if the value of `tag` is itself a list of objects (bit 20 of the tag's first byte)."""
    while tag > 0xFF:
        tag >>= 8
    return bool(tag & 0x20)


def tag_bytes(tag: int) -> bytes:
    """The tag as it stands on the wire: `0x9F26` is `9F 26`."""
    if tag > 0xFFFF:
        return tag.to_bytes(3, "big")
    return tag.to_bytes(2 if tag > 0xFF else 1, "big")


def read_tag(data: "bytes | bytearray | memoryview", at: int, end: int) -> "tuple[int, int]":
    """Read the tag at `at`; returns it and the position after it.  TlvError if it is cut off or
    too long."""
    # D-1: tags of 1 to 3 bytes.
    if at >= end:
        raise TlvError("tag expected")
    tag = data[at]
    at += 1
    if tag & 0x1F != 0x1F:
        return tag, at
    for _ in range(2):
        if at >= end:
            raise TlvError("tag cut off")
        byte = data[at]
        at += 1
        tag = tag << 8 | byte
        if not byte & 0x80:
            return tag, at
    raise TlvError("tag longer than 3 bytes")


def _read_length(data: "bytes | bytearray | memoryview", at: int, end: int) -> "tuple[int, int]":
    # D-1: 1 to 3 bytes, never the indefinite 80.
    if at >= end:
        raise TlvError("length expected")
    length = data[at]
    at += 1
    if length < 0x80:
        return length, at
    count = length & 0x7F
    if not 1 <= count <= 2:
        raise TlvError("indefinite or oversized length")
    if at + count > end:
        raise TlvError("length cut off")
    length = 0
    for _ in range(count):
        length = length << 8 | data[at]
        at += 1
    return length, at


def objects(
    data: "bytes | bytearray | memoryview", start: int = 0, end: "int | None" = None
) -> "Iterator[tuple[int, int, int]]":
    """Yield (tag, start of value, end of value) for each object in `data[start:end]`; copies
    nothing.

    TlvError comes at the object that is wrong, after the good ones before it.
    """
    if end is None:
        end = len(data)
    if end - start > MAX_SIZE:
        raise TlvError("too many bytes")
    while start < end:
        if not data[start]:
            # D-1: zero padding between objects.
            start += 1
            continue
        tag, at = read_tag(data, start, end)
        length, at = _read_length(data, at, end)
        start = at + length
        if start > end:
            raise TlvError("value cut off")
        yield tag, at, start


def flatten(data: "bytes | bytearray | memoryview") -> "dict[int, bytes]":
    """All primitive objects of `data`, templates opened, by tag.

    TlvError if the bytes are not TLV, or if a primitive occurs twice (D-2).
    """
    found: "dict[int, bytes]" = {}
    flatten_into(found, data)
    return found


def flatten_into(found: "dict[int, bytes]", data: "bytes | bytearray | memoryview") -> None:
    """Like `flatten`, into a dictionary of the caller's.

    An object already in `found` stays as it was, and TlvError is raised: D-2 keeps the first
    value.
    """
    _flatten(data, 0, len(data), found, 1)


def _flatten(
    data: "bytes | bytearray | memoryview",
    start: int,
    end: int,
    found: "dict[int, bytes]",
    depth: int,
) -> None:
    if depth > MAX_DEPTH:
        raise TlvError("nested too deeply")
    for tag, value_start, value_end in objects(data, start, end):
        if is_constructed(tag):
            _flatten(data, value_start, value_end, found, depth + 1)
            continue
        # D-2: a primitive that occurs twice is a parsing error; the first value is kept.
        if tag in found:
            raise TlvError("object occurs twice")
        if len(found) >= MAX_OBJECTS:
            raise TlvError("too many objects")
        found[tag] = bytes(data[value_start:value_end])


def parse(data: "bytes | bytearray | memoryview") -> "list[tuple[int, bytes | list]]":
    """The objects of `data` in order, as (tag, value); the value of a template is again such a
    list."""
    count = [0]
    return _parse(data, 0, len(data), 1, count)


def _parse(
    data: "bytes | bytearray | memoryview", start: int, end: int, depth: int, count: "list[int]"
) -> "list[tuple[int, bytes | list]]":
    if depth > MAX_DEPTH:
        raise TlvError("nested too deeply")
    tree: "list[tuple[int, bytes | list]]" = []
    for tag, value_start, value_end in objects(data, start, end):
        count[0] += 1
        if count[0] > MAX_OBJECTS:
            raise TlvError("too many objects")
        if is_constructed(tag):
            tree.append((tag, _parse(data, value_start, value_end, depth + 1, count)))
        else:
            tree.append((tag, bytes(data[value_start:value_end])))
    return tree


def open_template(data: "bytes | bytearray | memoryview", tag: int) -> bytes:
    """The value of `tag`, which must be all that `data` holds; TlvError if it is not."""
    inner = None
    for found, start, end in objects(data):
        if inner is not None or found != tag:
            raise TlvError("one template expected")
        inner = bytes(data[start:end])
    if inner is None:
        raise TlvError("one template expected")
    return inner


def find(data: "bytes | bytearray | memoryview", *path: int) -> "bytes | None":
    """The value at `path` (tags from the outside in; of equal tags the first), or None.  A
    template comes unopened."""
    start, end = 0, len(data)
    for wanted in path:
        for tag, value_start, value_end in objects(data, start, end):
            if tag == wanted:
                start, end = value_start, value_end
                break
        else:
            return None
    return bytes(data[start:end])


def encode(tag: int, value: "bytes | bytearray | list") -> bytes:
    """One object on the wire.  A list of (tag, value) makes a template.  TlvError if it is longer
    than 65535 bytes."""
    if isinstance(value, list):
        value = encode_all(value)
    length = len(value)
    if length < 0x80:
        header = bytes((length,))
    elif length <= 0xFF:
        header = bytes((0x81, length))
    elif length <= 0xFFFF:
        header = bytes((0x82, length >> 8, length & 0xFF))
    else:
        raise TlvError("too many bytes")
    return tag_bytes(tag) + header + value


def encode_all(tree: "list[tuple[int, bytes | list]]") -> bytes:
    """The objects of a list such as `parse` returns, one after the other."""
    whole = bytearray()
    for tag, value in tree:
        whole.extend(encode(tag, value))
    return bytes(whole)
