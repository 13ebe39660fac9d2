"""An APDU exchange in words, for people: names, TLV trees, what the bits say.

    lens = Lens()                       # one a tap: it remembers the card's DOLs
    lens.decode(command, response)

gives

    {"command":  {"name": "GET PROCESSING OPTIONS", "hex": "80A8...", "text": "...", "fields":
    [...]},
     "response": {"sw": "9000", "meaning": "done", "hex": "77...9000", "fields": [...]} or None}

with fields as `host_tools.lens.fields` has them.  PANs are masked to first six and last four, in
the bytes too: a lens is looked at by many.
"""

from __future__ import annotations

from typing import Any

from kassa.emv import dol, tags, tlv
from kassa.emv.errors import DolError, TlvError

from host_tools.lens import commands, fields, values
from host_tools.lens.applications import PPSE, application, scheme_of
from host_tools.lens.context import Context
from host_tools.lens.fields import Field
from host_tools.lens.reader import Node, primitives, read

_CRYPTOGRAMS = {0x00: "AAC", 0x40: "TC", 0x80: "ARQC", 0xC0: "?"}
_CDOL2 = 0x8D


def decode(command: bytes, response: bytes | None) -> dict[str, Any]:
    """One exchange by itself; the values a card asked for by DOL stay undivided."""
    return Lens().decode(command, response)


class Lens:
    """Reads the exchanges of one tap in order; a new SELECT of the directory begins another."""

    def __init__(self) -> None:
        self.context = Context()
        self._dols: dict[int, bytes] = {}
        self._cryptograms = 0

    def decode(self, command: bytes, response: bytes | None) -> dict[str, Any]:
        """Explain one exchange; `response` is None when the card was lost."""
        command = bytes(command)
        said = self._command(command)
        answered = None if response is None else self._response(command, bytes(response))
        said["hex"] = self.context.mask(said["hex"])
        return {"command": said, "response": answered}

    def _command(self, command: bytes) -> dict[str, Any]:
        name = commands.command_name(command)
        data = command[5 : 5 + command[4]] if len(command) > 5 else b""
        text, listed = "", []
        if name == "SELECT":
            text = self._selected(data)
        elif name == "READ RECORD":
            text = f"file {command[3] >> 3}, record {command[2]}"
        elif name == "GET PROCESSING OPTIONS":
            listed = self._values(tags.PDOL, _inner(data, 0x83))
        elif name == "GENERATE AC":
            self._cryptograms += 1
            text = _CRYPTOGRAMS[command[2] & 0xC0] + (", CDA" if command[2] & 0x10 else "")
            second = self._cryptograms > 1 and _CDOL2 in self._dols
            listed = self._values(_CDOL2 if second else tags.CDOL1, data)
        elif name == "RECOVER AC":
            listed = self._values(tags.DRDOL, data)
        elif name == "GET DATA":
            text = fields.title(command[2] << 8 | command[3], self.context.scheme)
        return {"name": name, "hex": command.hex().upper(), "text": text, "fields": listed}

    def _selected(self, name: bytes) -> str:
        """Begin with an application, or with a directory and so with another tap."""
        self._dols = {}
        self._cryptograms = 0
        if name == PPSE:
            self.context = Context(pans=self.context.pans)
            return name.decode("ascii")
        self.context.scheme = scheme_of(name)
        known = application(name)
        return name.hex().upper() + (f" ({known})" if known else "")

    def _response(self, command: bytes, response: bytes) -> dict[str, Any]:
        if len(response) < 2:
            meaning, sw, found = "no status word", "", []
        else:
            body = response[:-2]
            sw, meaning = (
                response[-2:].hex().upper(),
                commands.meaning(int.from_bytes(response[-2:], "big")),
            )
            nodes, troubles = read(body)
            if troubles and not _begins_like_tlv(nodes):
                nodes = [Node(None, body, None, 0, troubles[0].what)]
            nodes = [self._opened(command, node) for node in nodes]
            self.context.survey(primitives(nodes))
            self._learn(nodes)
            found = [fields.of_node(node, self.context) for node in nodes]
        return {
            "sw": sw,
            "meaning": meaning,
            "hex": self.context.mask_unread(response.hex().upper()),
            "fields": found,
        }

    def _learn(self, nodes: list[Node]) -> None:
        for tag, value in primitives(nodes):
            if tag in fields.DOLS:
                self._dols[tag] = value

    def _opened(self, command: bytes, node: Node) -> Node:
        """Format 1: a template of values without tags (EMV 4.4 Book 3, 6.5.8.4 and 6.5.5.4)."""
        value = node.value
        if node.tag != 0x80 or node.trouble or len(command) < 2:
            return node
        parts: list[tuple[int, bytes]] = []
        if command[1] == 0xA8 and len(value) >= 6:
            parts = [(tags.AIP, value[:2]), (tags.AFL, value[2:])]
        elif command[1] in (0xAE, 0xD0) and len(value) >= 11:
            parts = [(tags.CID, value[:1]), (tags.ATC, value[1:3])]
            parts += [(tags.CRYPTOGRAM, value[3:11]), (tags.IAD, value[11:])]
        inside = [Node(tag, part, None, node.offset) for tag, part in parts if part]
        return node._replace(inside=inside) if inside else node

    def _values(self, listed: int, data: bytes) -> list[Field]:
        """The values of a DOL, by the DOL the card gave; undivided when they do not fit it."""
        found, at = [], 0
        try:
            for tag, length in dol.entries(self._dols.get(listed, b"")):
                found.append((tag, data[at : at + length]))
                at += length
        except DolError:
            at = -1
        if at != len(data):
            raw = fields.make("", "Values", data, [])
            raw["value"] = self.context.mask_unread(raw["value"])
            return [raw] if data else []
        scheme = self.context.scheme
        self.context.survey(found)
        self.context.scheme = scheme or self.context.scheme
        return [fields.of_value(tag, value, self.context) for tag, value in found]


def _begins_like_tlv(nodes: list[Node]) -> bool:
    """True if something could be read before the mistake, so that it is worth showing."""
    return any(not node.trouble for node in nodes)


def _inner(data: bytes, tag: int) -> bytes:
    try:
        return tlv.open_template(data, tag)
    except TlvError:
        return data


def explain(tag: int, value: bytes, scheme: str = "") -> list[str]:
    """What one element says, by itself."""
    return values.explain(tag, value, Context(scheme=scheme))
