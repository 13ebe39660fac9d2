"""BER-TLV for people: everything that can be read, and for the rest where and why not.

The terminal's own reader (`kassa.emv.tlv`) stops at the first mistake, as a terminal must.  This
one goes on: what stands before a mistake is kept, and so is what stands behind a template whose
inside is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from host_tools.lens.elements import ELEMENTS, UNKNOWN

_DEEPEST = 32
_LONGEST_TAG, _LONGEST_LENGTH = 4, 4


class Trouble(NamedTuple):
    """A mistake: `offset` counts bytes from the beginning of what was read."""

    offset: int
    what: str


class Node(NamedTuple):
    """One object.  tag is None for bytes that could not be read; inside is None for a primitive.

    offset is where its tag begins.  trouble is what is wrong with this very object, or "".
    """

    tag: int | None
    value: bytes
    inside: list[Node] | None
    offset: int
    trouble: str = ""


class _Wrong(Exception):
    """Reading stops here."""


def read(data: bytes) -> tuple[list[Node], list[Trouble]]:
    """All objects of `data` in order, and everything that is wrong with them."""
    troubles: list[Trouble] = []
    return _read(data, 0, len(data), 1, troubles), troubles


def primitives(nodes: list[Node]) -> Iterator[tuple[int, bytes]]:
    """The primitive objects of a tree, in order; of one that is cut off, what is there."""
    for node in nodes:
        if node.inside is not None:
            yield from primitives(node.inside)
        elif node.tag is not None:
            yield node.tag, node.value


def constructed(tag: int) -> bool:
    """True if the value of `tag` is itself a list of objects (EMV 4.4 Book 3, Annex B1)."""
    first = tag.to_bytes((tag.bit_length() + 7) // 8 or 1, "big")[0]
    return bool(first & 0x20)


def _read(data: bytes, at: int, end: int, depth: int, troubles: list[Trouble]) -> list[Node]:
    nodes: list[Node] = []
    while at < end:
        if not data[at]:  # padding between objects
            at += 1
            continue
        begin = at
        tag = None
        try:
            tag, at = _tag(data, begin, end)
            length, at = _length(data, at, end, tag)
            if at + length > end:
                there = end - at
                says = f"{_name(tag)} says {length} byte{'s' * (length != 1)}"
                raise _Wrong(f"{says}, {there} {'is' if there == 1 else 'are'} there")
        except _Wrong as wrong:
            troubles.append(Trouble(begin, str(wrong)))
            nodes.append(_broken(data, tag, begin, at, end, depth, str(wrong)))
            break
        value, at = data[at : at + length], at + length
        if not constructed(tag):
            nodes.append(Node(tag, value, None, begin))
        elif depth >= _DEEPEST:
            troubles.append(Trouble(begin, f"nested deeper than {_DEEPEST} templates"))
            nodes.append(Node(tag, value, None, begin, troubles[-1].what))
        else:
            inside = _read(data, at - length, at, depth + 1, troubles)
            nodes.append(Node(tag, value, inside, begin))
    return nodes


def _broken(
    data: bytes, tag: int | None, begin: int, at: int, end: int, depth: int, wrong: str
) -> Node:
    """What is there of an object that is not whole; a template is looked into all the same."""
    if tag is None:
        return Node(None, data[begin:end], None, begin, wrong)
    inside = None
    if constructed(tag) and at < end and depth < _DEEPEST:
        inside = _read(data, at, end, depth + 1, [])
    return Node(tag, data[at:end], inside, begin, wrong)


def _tag(data: bytes, at: int, end: int) -> tuple[int, int]:
    begin = at
    at += 1
    if data[begin] & 0x1F == 0x1F:
        while True:
            if at >= end:
                raise _Wrong(f"the tag {data[begin:end].hex().upper()} is cut off")
            at += 1
            if not data[at - 1] & 0x80:
                break
            if at - begin >= _LONGEST_TAG:
                raise _Wrong(f"a tag longer than {_LONGEST_TAG} bytes")
    return int.from_bytes(data[begin:at], "big"), at


def _length(data: bytes, at: int, end: int, tag: int) -> tuple[int, int]:
    if at >= end:
        raise _Wrong(f"{_name(tag)} has no length")
    first = data[at]
    at += 1
    if first < 0x80:
        return first, at
    count = first & 0x7F
    if not count:
        raise _Wrong(f"{_name(tag)} has an indefinite length (80), which EMV does not know")
    if count > _LONGEST_LENGTH:
        raise _Wrong(f"{_name(tag)} has a length of {count} bytes ({first:02X})")
    if at + count > end:
        raise _Wrong(f"the length of {_name(tag)} is cut off")
    return int.from_bytes(data[at : at + count], "big"), at + count


def _name(tag: int) -> str:
    known = ELEMENTS.get(tag, UNKNOWN)
    return f"{tag:X}" + (f" ({known.title})" if known is not UNKNOWN else "")
