"""Objects as fields: what a command line prints, a page shows, a machine reads.

A field is {"tag": "9F02", "name": "Amount, authorised", "length": 6, "value": "000000001250",
"text": ["12.50 EUR"], "fields": [...]}: value is hexadecimal with account numbers masked, text
says in words what it means, fields are the objects inside a template or the entries of a DOL (of
which only the length is known).
"""

from __future__ import annotations

from typing import Any

from kassa.emv import dol
from kassa.emv.errors import DolError

from host_tools.lens import values
from host_tools.lens.context import Context
from host_tools.lens.elements import title
from host_tools.lens.reader import Node, Trouble, primitives, read

Field = dict[str, Any]

DOLS = (0x8C, 0x8D, 0x97, 0x9F38, 0x9F49, 0x9F4F, 0x9F51, 0x9F69)
_ONLY_MASTERCARD = (0x9F51, 0x9F69)  # with others these are no lists


def tree(data: bytes, context: Context | None = None) -> tuple[list[Field], list[Trouble]]:
    """`data` as fields, and what is wrong in it.  `context` learns from the data."""
    context = Context() if context is None else context
    nodes, troubles = read(data)
    context.survey(primitives(nodes))
    return [of_node(node, context) for node in nodes], troubles


def of_node(node: Node, context: Context) -> Field:
    """The field of one object, with everything inside it."""
    if node.trouble:
        name = "Not readable" if node.tag is None else title(node.tag, context.scheme)
        field = make("" if node.tag is None else f"{node.tag:X}", name, node.value, [node.trouble])
        field["value"] = context.mask_unread(field["value"])
        if node.inside:
            field["value"] = ""
            field["fields"] = [of_node(inner, context) for inner in node.inside]
        return field
    assert node.tag is not None
    if node.inside is None:
        return of_value(node.tag, node.value, context)
    field = make(f"{node.tag:X}", title(node.tag, context.scheme), node.value, [])
    field["value"] = ""
    field["fields"] = [of_node(inner, context) for inner in node.inside]
    return field


def of_value(tag: int, value: bytes, context: Context) -> Field:
    """The field of one primitive element."""
    name = title(tag, context.scheme)
    if is_dol(tag, value, context):
        field = make(f"{tag:X}", name, value, [])
        field["fields"] = _dol_entries(value, context)
        return field
    field = make(f"{tag:X}", name, value, values.explain(tag, value, context))
    field["value"] = context.mask(field["value"])
    return field


def is_dol(tag: int, value: bytes, context: Context) -> bool:
    """True if `value` is a list of tags and lengths."""
    if tag not in DOLS:
        return False
    if tag not in _ONLY_MASTERCARD:
        return True
    return context.scheme == "mastercard" or (not context.scheme and value[:1] == b"\x9f")


def make(tag: str, name: str, value: bytes, text: list[str]) -> Field:
    """A field as it stands, nothing masked."""
    return {
        "tag": tag,
        "name": name,
        "length": len(value),
        "value": value.hex().upper(),
        "text": text,
        "fields": [],
    }


def _dol_entries(value: bytes, context: Context) -> list[Field]:
    entries = []
    try:
        for tag, length in dol.entries(value):
            entry = make(f"{tag:X}", title(tag, context.scheme), b"", [])
            entry["length"] = length
            entries.append(entry)
    except DolError as error:
        entries.append(make("", "Not a DOL", b"", [str(error)]))
    return entries
