"""Data object lists: what a card asks the terminal for (EMV 4.3 Book 3, 5.4)."""

from typing import TYPE_CHECKING

from kassa.emv import tags, tlv
from kassa.emv.errors import DolError, TlvError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# D-3: what one command can carry: 255 bytes less the header of template 83.
MAX_TOTAL = 252


def entries(dol: "bytes | bytearray | memoryview") -> "Iterator[tuple[int, int]]":
    """Yield (tag, length) for each entry.  A length is one plain byte.  DolError at the entry that
    is cut off."""
    at, end = 0, len(dol)
    while at < end:
        try:
            tag, at = tlv.read_tag(dol, at, end)
        except TlvError as error:
            raise DolError(str(error))
        if at >= end:
            raise DolError("length cut off")
        yield tag, dol[at]
        at += 1


def asks_for(dol: "bytes | bytearray | memoryview", wanted: int) -> bool:
    """True if `dol` is a proper list and names the tag `wanted`."""
    named = False
    try:
        for tag, _ in entries(dol):
            named = named or tag == wanted
    except DolError:
        return False
    return named


def fit(tag: int, value: bytes, length: int) -> bytes:
    """`value` cut or padded to `length` bytes, by the format of `tag` (D-3)."""
    missing = length - len(value)
    if tag in tags.NUMERIC:
        # D-3: right-aligned, cut or padded on the left.
        return value[-missing:] if missing <= 0 else bytes(missing) + value
    if missing <= 0:
        return value[:length]
    # D-3: left-aligned, padded on the right with 00.  Compressed numeric with FF: Book 3, 5.4.
    return value + (b"\xff" if tag in tags.COMPRESSED else b"\0") * missing


def fill(
    dol: "bytes | bytearray | memoryview", value_of: "Callable[[int], bytes | None]"
) -> bytes:
    """The values `dol` asks for, one after the other.

    `value_of(tag)` is the value known for a tag, or None; None and templates give zeros.
    DolError if the list cannot be read or its values would be more than 252 bytes (D-3).
    """
    filled = bytearray()
    for tag, length in entries(dol):
        if len(filled) + length > MAX_TOTAL:
            raise DolError("more than a command can carry")
        value = None if tlv.is_constructed(tag) else value_of(tag)
        filled.extend(bytes(length) if value is None else fit(tag, value, length))
    return bytes(filled)
