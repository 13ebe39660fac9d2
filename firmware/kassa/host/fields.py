"""The fields of our ISO 8583:1987 messages, in the standard's own notation.  Pure.

    n6      6 digits, two a byte (BCD), an odd count padded with a zero on the left
    n..19   up to 19 digits, BCD; their count goes before them
    an12 ans40   12 or 40 printable ASCII characters
    ans..99 ans...999   up to so many characters; their count goes before them
    b8      8 bytes        b...999   up to so many bytes; their count goes before them
    z..37   track 2 in BCD, `D` as separator, padded like a number

A count of two dots is one BCD byte (0 to 99), of three dots two BCD bytes (0 to 999).  The
standard leaves some fields open; for those Kassa says:

    46-48, 54-63, 104-127   ASCII text, except 55 (ICC data) and 110 (encrypted data): bytes
    28-31, 97               sign and amount ("C00000123") as ASCII text
    52, 64, 96, 128         8 bytes
    65                      no third bitmap: never sent, refused when received
"""

_NOTATION = (
    # 1-16: bitmap, PAN, processing code, amounts, dates and times, STAN
    "b8 n..19 n6 n12 n12 n12 n10 n8 n8 n8 n6 n6 n4 n4 n4 n4 "
    # 17-32
    "n4 n4 n3 n3 n3 n3 n3 n3 n2 n2 n1 an9 an9 an9 an9 n..11 "
    # 33-48: institutions, tracks, RRN, approval code, response code, terminal, merchant
    "n..11 n..28 z..37 n...104 an12 an6 an2 an3 ans8 ans15 ans40 ans..25 ans..76 "
    "ans...999 ans...999 ans...999 "
    # 49-64: currencies, PIN, ICC data, private fields, MAC
    "n3 n3 n3 b8 n16 ans...120 b...999 ans...999 ans...999 ans...999 ans...999 "
    "ans...999 ans...999 ans...999 ans...999 b8 "
    # 65-80: network management, reconciliation counts
    "b8 n1 n2 n3 n3 n3 n4 n4 n6 n10 n10 n10 n10 n10 n10 n10 "
    # 81-96: reconciliation amounts, original data elements
    "n10 n12 n12 n12 n12 n16 n16 n16 n16 n42 an1 an2 an5 an7 an42 b8 "
    # 97-112
    "an17 ans25 n..11 n..11 ans..17 ans..28 ans..28 ans...100 ans...999 ans...999 "
    "ans...999 ans...999 ans...999 b...999 ans...999 ans...999 "
    # 113-128
    "ans...999 ans...999 ans...999 ans...999 ans...999 ans...999 ans...999 ans...999 "
    "ans...999 ans...999 ans...999 ans...999 ans...999 ans...999 ans...999 b8"
)

FIRST, LAST = 2, 128
THIRD_BITMAP = 65
MAC_PRIMARY, MAC_SECONDARY = 64, 128

DIGITS, TRACK, TEXT, BINARY = 0, 1, 2, 3
_KINDS = {"n": DIGITS, "z": TRACK, "an": TEXT, "ans": TEXT, "b": BINARY}


def parse(notation: str) -> "tuple[int, int, int]":
    """(kind, bytes of length prefix: 0, 1 or 2, largest or exact length) of e.g. "n..19"."""
    letters = notation.rstrip("0123456789.")
    rest = notation[len(letters) :]
    digits = rest.lstrip(".")
    dots = len(rest) - len(digits)
    return _KINDS[letters], max(0, dots - 1), int(digits)


def _table() -> "tuple[bytes, bytes, bytes]":
    """Kinds with prefix widths, and lengths, by field number: 3 bytes a field, no tuples."""
    shapes = bytearray(LAST + 1)
    hundreds = bytearray(LAST + 1)
    ones = bytearray(LAST + 1)
    for index, notation in enumerate(_NOTATION.split()):
        kind, prefix, length = parse(notation)
        shapes[index + 1] = kind << 2 | prefix
        hundreds[index + 1] = length // 100
        ones[index + 1] = length % 100
    return bytes(shapes), bytes(hundreds), bytes(ones)


_SHAPES, _HUNDREDS, _ONES = _table()


def kind(number: int) -> int:
    """DIGITS, TRACK, TEXT or BINARY."""
    return _SHAPES[number] >> 2


def prefix_bytes(number: int) -> int:
    """0 for a field of fixed length, else the bytes of its BCD length prefix."""
    return _SHAPES[number] & 3


def length(number: int) -> int:
    """The exact length of a fixed field, the largest of a variable one: digits, characters or
    bytes.
    """
    return _HUNDREDS[number] * 100 + _ONES[number]


def notation(number: int) -> str:
    """The standard's notation of a field, for people and tools."""
    return _NOTATION.split()[number - 1]
