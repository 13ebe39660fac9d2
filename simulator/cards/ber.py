"""BER-TLV for those who must not use the firmware's: the independent check, and the fuzzers.

It has none of the limits of size and form that a terminal has: whatever can be a tree is one.
Source: ISO/IEC 8825-1, 8.1; ISO/IEC 7816-4, 5.2.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

_DEEPEST = 200


class NotBer(ValueError):
    """Bytes that are no BER-TLV."""


@dataclass
class Node:
    """An object: `tag` as its bytes, `children` of a constructed one, else `value`.

    `raw` and `inner` are the bytes of the whole object and of its value as they were parsed.
    """

    tag: bytes
    value: bytes = b""
    children: list[Node] = field(default_factory=list)
    raw: bytes = b""
    inner: bytes = b""

    @property
    def constructed(self) -> bool:
        return bool(self.tag[0] & 0x20)

    @property
    def number(self) -> int:
        return int.from_bytes(self.tag, "big")

    @property
    def content(self) -> bytes:
        return encode(self.children) if self.constructed else self.value

    def encoded(self) -> bytes:
        content = self.content
        return self.tag + length_field(len(content)) + content


def parse(data: bytes, depth: int = 0) -> list[Node]:
    """The objects of `data`, zero bytes between them passed over; NotBer if it is anything
    else."""
    if depth > _DEEPEST:
        raise NotBer("templates in templates without end")
    found, at = [], 0
    while at < len(data):
        if not data[at]:
            at += 1
            continue
        start = at
        try:
            at += 1
            if data[start] & 0x1F == 0x1F:
                while data[at] & 0x80:
                    at += 1
                at += 1
            tag = data[start:at]
            length, at = _length(data, at)
        except IndexError:
            raise NotBer("an object is cut off") from None
        if at + length > len(data):
            raise NotBer("a value is cut off")
        value = data[at : at + length]
        at += length
        node = Node(tag, raw=data[start:at], inner=value)
        if node.constructed:
            node.children = parse(value, depth + 1)
        else:
            node.value = value
        found.append(node)
    return found


def encode(nodes: list[Node]) -> bytes:
    """The bytes of `nodes`, lengths in the shortest form."""
    return b"".join(node.encoded() for node in nodes)


def length_field(length: int) -> bytes:
    """A definite length in its shortest form."""
    if length < 0x80:
        return bytes([length])
    size = (length.bit_length() + 7) // 8
    return bytes([0x80 | size]) + length.to_bytes(size, "big")


def walk(nodes: list[Node], path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Node]]:
    """Every object, outer ones first, with its place: the index on each level."""
    for index, node in enumerate(nodes):
        yield (*path, index), node
        yield from walk(node.children, (*path, index))


def flat(nodes: list[Node]) -> dict[int, bytes]:
    """The values of all primitive objects by tag; the first of equal ones."""
    found: dict[int, bytes] = {}
    for _, node in walk(nodes):
        if not node.constructed:
            found.setdefault(node.number, node.value)
    return found


def _length(data: bytes, at: int) -> tuple[int, int]:
    first = data[at]
    if first < 0x80:
        return first, at + 1
    size = first & 0x7F
    if not size or at + 1 + size > len(data):
        raise NotBer("a length that is none")
    return int.from_bytes(data[at + 1 : at + 1 + size], "big"), at + 1 + size
