"""ISO 8583:1987 on the wire: 2 BCD bytes of message type, one or two binary bitmaps, fields.
Pure.

A message is (mti, fields): `mti` is a string of four digits, `fields` a dict from field number to

    str    numbers (digits, leading zeros kept; fixed fields also take an int) and text
    bytes  binary fields

`fields.py` says which field is which.  Whatever arrives that is no such message raises
`FormatError`, which names the field; nothing else can come out of `decode`.
"""

from kassa.host import fields as table
from kassa.system.errors import KassaError

_MTI_SIZE = 2
_BITMAP_SIZE = 8
_SECOND_BITMAP = 1


class FormatError(KassaError):
    """Not a message, or not one of ours.  `field` is its number, 0 for type and bitmaps."""

    def __init__(self, field: int, problem: str) -> None:
        super().__init__("field " + str(field) + ": " + problem)
        self.field = field


def encode(mti: str, fields: "dict[int, object]") -> bytes:
    """The message as new bytes.  Raises FormatError."""
    parts = bytearray()
    append(parts, mti, fields)
    return bytes(parts)


def append(buffer: bytearray, mti: str, fields: "dict[int, object]") -> None:
    """Encode behind what is in `buffer` (a length prefix, say).  On FormatError its end is
    undefined.
    """
    if len(mti) != 4 or not _is_number(mti):
        raise FormatError(0, "a message type has four digits")
    numbers = sorted(fields)
    buffer += bytes.fromhex(mti)
    bitmap_at = len(buffer)
    buffer += bytes(_BITMAP_SIZE)
    if numbers and numbers[-1] > 64:
        buffer += bytes(_BITMAP_SIZE)
        buffer[bitmap_at] |= 0x80
    for number in numbers:
        if not table.FIRST <= number <= table.LAST or number == table.THIRD_BITMAP:
            raise FormatError(number, "is not a field of a message")
        buffer[bitmap_at + (number - 1 >> 3)] |= 0x80 >> (number - 1 & 7)
        _append_field(buffer, number, fields[number])


def _append_field(buffer: bytearray, number: int, value: object) -> None:
    kind = table.kind(number)
    prefix = table.prefix_bytes(number)
    length = table.length(number)
    if kind == table.BINARY:
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise FormatError(number, "must be bytes")
    else:
        if isinstance(value, int) and kind == table.DIGITS and not prefix:
            value = str(value)
            value = "0" * (length - len(value)) + value
        if not isinstance(value, str):
            raise FormatError(number, "must be text")
        if kind == table.TEXT and not _is_printable(value.encode()):
            raise FormatError(number, "must be printable ASCII")
        if kind == table.DIGITS and value and not _is_number(value):
            raise FormatError(number, "must be digits")
        if kind == table.TRACK and value and not _is_track(value):
            raise FormatError(number, "must be digits and D")
    count = len(value)
    if prefix:
        if count > length:
            raise FormatError(number, "is longer than %d" % length)
        shown = "%04d" % count
        buffer += bytes.fromhex(shown[-2 * prefix :])
    elif count != length:
        raise FormatError(number, "must have length %d" % length)
    if kind == table.BINARY:
        buffer += value  # type: ignore[operator]
    elif kind == table.TEXT:
        buffer += value.encode()  # type: ignore[union-attr]
    else:
        buffer += bytes.fromhex("0" + value if count & 1 else value)  # type: ignore[operator]


def decode(message: "bytes | bytearray | memoryview") -> "tuple[str, dict[int, str | bytes]]":
    """(mti, fields) of a whole message.  Raises FormatError and nothing else."""
    # One copy: slices of a memoryview have no hex() and no decode() on every port.
    message = bytes(message)
    at = _MTI_SIZE + _BITMAP_SIZE
    if len(message) < at:
        raise FormatError(0, "the message is too short")
    mti = message[:_MTI_SIZE].hex()
    if not _is_number(mti):
        raise FormatError(0, "a message type has four digits")
    bitmap = message[_MTI_SIZE:at]
    if bitmap[0] & 0x80:
        bitmap += message[at : at + _BITMAP_SIZE]
        at += _BITMAP_SIZE
        if len(bitmap) != 2 * _BITMAP_SIZE:
            raise FormatError(_SECOND_BITMAP, "ends early")
    fields: "dict[int, str | bytes]" = {}
    number = 0
    for octet in bitmap:
        mask = 0x80
        while mask:
            number += 1
            if octet & mask and number != _SECOND_BITMAP:
                if number == table.THIRD_BITMAP:
                    raise FormatError(number, "a third bitmap is not used")
                fields[number], at = _decode_field(message, at, number)
            mask >>= 1
    if at != len(message):
        raise FormatError(0, "%d bytes too many" % (len(message) - at))
    return mti, fields


def _decode_field(message: bytes, at: int, number: int) -> "tuple[str | bytes, int]":
    """(value, where the next field starts)."""
    kind = table.kind(number)
    prefix = table.prefix_bytes(number)
    count = table.length(number)
    if prefix:
        shown = message[at : at + prefix].hex()
        if len(shown) != 2 * prefix:
            raise FormatError(number, "ends early")
        if not _is_number(shown):
            raise FormatError(number, "has a length that is no number")
        if int(shown) > count:
            raise FormatError(number, "is longer than %d" % count)
        count = int(shown)
        at += prefix
    packed = kind == table.DIGITS or kind == table.TRACK
    end = at + (count + 1 >> 1 if packed else count)
    data = message[at:end]
    if len(message) < end:
        raise FormatError(number, "ends early")
    if kind == table.BINARY:
        return data, end
    if kind == table.TEXT:
        if not _is_printable(data):
            raise FormatError(number, "must be printable ASCII")
        return data.decode(), end
    digits = data.hex()
    if count & 1:
        if digits[0] != "0":
            raise FormatError(number, "has an odd length and no zero before it")
        digits = digits[1:]
    if kind == table.TRACK:
        digits = digits.upper()
        if digits and not _is_track(digits):
            raise FormatError(number, "must be digits and D")
    elif digits and not _is_number(digits):
        raise FormatError(number, "must be digits")
    return digits, end


def _is_number(text: str) -> bool:
    """ASCII digits only; `str.isdigit` alone would let others through on CPython."""
    return text.isdigit() and len(text.encode()) == len(text)


def _is_track(text: str) -> bool:
    return _is_number(text.replace("D", "0"))


def _is_printable(data: bytes) -> bool:
    return not data or (min(data) >= 0x20 and max(data) <= 0x7E)
