"""The `.kf` type file: anti-aliased letters a terminal draws straight from flash.

All numbers are big-endian.

    offset  size  what
    0       4     "KF01"
    4       1     size in pixels (the em)
    5       1     ascent: pixels from the top of a line to the base line
    6       1     height of a line
    7       1     0
    8       2     number of glyphs n
    10      2     number of kerning pairs k
    12      4     CRC-32 of the code points: fonts with the same letters share the table in memory
    16      2n    code points in rising order (Basic Multilingual Plane)
            2k    kerning pairs: two Latin-1 letters each, in rising order
            k     by how many pixels the second letter moves (signed)
            8n    glyphs in the order of the code points: advance (1), left (1, signed), top (1,
                  signed, from the top of the line), width (1), height (1), place of the bitmap
                  from the start of the file (3)
            ...   bitmaps: rows of 4-bit coverage, left pixel in the high half, each row on
                  bytes of its own (framebuf's GS4_HMSB)
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

MAGIC = b"KF01"
HEADER = struct.Struct(">4s4B2HI")
GLYPH = struct.Struct(">BbbBB3s")


@dataclass(frozen=True)
class Glyph:
    """One letter or picture: `rows` of values 0..15, `top` from the top of the line."""

    advance: int
    left: int = 0
    top: int = 0
    rows: tuple[tuple[int, ...], ...] = ()

    @property
    def width(self) -> int:
        return len(self.rows[0]) if self.rows else 0

    def bitmap(self) -> bytes:
        packed = bytearray()
        for row in self.rows:
            even = (*row, 0) if len(row) % 2 else row
            packed += bytes(
                high << 4 | low for high, low in zip(even[::2], even[1::2], strict=True)
            )
        return bytes(packed)


@dataclass
class FontFile:
    """What a `.kf` file holds."""

    size: int
    ascent: int
    line: int
    glyphs: dict[int, Glyph] = field(default_factory=dict)
    kerning: dict[tuple[int, int], int] = field(default_factory=dict)

    def encode(self) -> bytes:
        """The file's bytes; the same content gives the same bytes."""
        codes = sorted(self.glyphs)
        if codes and codes[-1] > 0xFFFF:
            raise ValueError(f"U+{codes[-1]:X} lies outside the Basic Multilingual Plane")
        pairs = sorted(pair for pair, move in self.kerning.items() if move)
        table = b"".join(code.to_bytes(2, "big") for code in codes)
        head = HEADER.pack(
            MAGIC, self.size, self.ascent, self.line, 0, len(codes), len(pairs), zlib.crc32(table)
        )
        lead = head + table + b"".join(map(bytes, pairs))
        lead += struct.pack(f"{len(pairs)}b", *(self.kerning[pair] for pair in pairs))
        place = len(lead) + GLYPH.size * len(codes)
        index, bitmaps = bytearray(), bytearray()
        seen: dict[bytes, int] = {}
        for code in codes:
            glyph = self.glyphs[code]
            bitmap = glyph.bitmap()
            if bitmap not in seen:
                seen[bitmap] = place + len(bitmaps)
                bitmaps += bitmap
            index += GLYPH.pack(
                glyph.advance,
                glyph.left,
                glyph.top,
                glyph.width,
                len(glyph.rows),
                seen[bitmap].to_bytes(3, "big"),
            )
        return lead + bytes(index) + bytes(bitmaps)

    @classmethod
    def decode(cls, data: bytes) -> FontFile:
        """Read a file back.  Raises ValueError when it is no `.kf` file."""
        magic, size, ascent, line, _, count, pairs, crc = HEADER.unpack_from(data)
        if magic != MAGIC:
            raise ValueError("not a .kf file")
        at = HEADER.size
        table = data[at : at + 2 * count]
        if zlib.crc32(table) != crc:
            raise ValueError("the code points do not match their check sum")
        at += 2 * count
        font = cls(size, ascent, line)
        moves = struct.unpack_from(f"{pairs}b", data, at + 2 * pairs)
        for number, move in enumerate(moves):
            pair = data[at + 2 * number : at + 2 * number + 2]
            font.kerning[pair[0], pair[1]] = move
        at += 3 * pairs
        for number in range(count):
            code = int.from_bytes(table[2 * number : 2 * number + 2], "big")
            advance, left, top, width, height, place = GLYPH.unpack_from(data, at + 8 * number)
            start, step = int.from_bytes(place, "big"), (width + 1) // 2
            rows = tuple(
                tuple(
                    data[start + y * step + x // 2] >> (0 if x % 2 else 4) & 15
                    for x in range(width)
                )
                for y in range(height)
            )
            font.glyphs[code] = Glyph(advance, left, top, rows)
        return font
