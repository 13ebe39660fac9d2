"""An APDU exchange in words, for people: names, TLV trees, what the bits say.

    lens = Lens()                       # one a tap: it remembers the card's DOLs
    lens.decode(command, response)

gives

    {"command":  {"name": "GET PROCESSING OPTIONS", "hex": "80A8...", "text": "...", "fields":
    [...]},
     "response": {"sw": "9000", "meaning": "done", "hex": "77...9000", "fields": [...]} or None}

with each field {"tag": "9F02", "name": "Amount, authorised", "length": 6, "value": "000000001250",
"text": ["..."], "fields": [...]}; "fields" are the objects inside a template, the entries of a
DOL. PANs are masked to first six and last four, in the bytes too: a lens is looked at by many.
"""

from __future__ import annotations

import re
from typing import Any

from kassa.emv import dol, tags, tlv
from kassa.emv.errors import DolError, TlvError

from simulator.cards import bits
from simulator.cards.dictionary import COMMANDS, ELEMENTS, STATUS_WORDS, Element

_UNKNOWN = Element("Unknown", "b", "")
_DOLS = (tags.PDOL, tags.CDOL1, 0x8D, 0x9F49, 0x97, tags.DRDOL)
_ACCOUNTS = (tags.PAN, tags.TRACK2, 0x56, 0x9F6B)
_PAN = re.compile(r"[0-9]{12,19}")
_REFERENCE = {0x00: "AAC", 0x40: "TC", 0x80: "ARQC"}

Field = dict[str, Any]


def decode(command: bytes, response: bytes | None) -> dict[str, Any]:
    """One exchange by itself; the values a card asked for by DOL stay undivided."""
    return Lens().decode(command, response)


class Lens:
    """Reads the exchanges of one tap in order."""

    def __init__(self) -> None:
        self._dols: dict[int, bytes] = {}
        self._pans: set[str] = set()

    def decode(self, command: bytes, response: bytes | None) -> dict[str, Any]:
        """Explain one exchange; `response` is None when the card was lost."""
        said = self._command(bytes(command))
        answered = None if response is None else self._response(bytes(command), bytes(response))
        for part in (said, answered):
            if part is not None:
                part["hex"] = self._mask(part["hex"])
        return {"command": said, "response": answered}

    def _command(self, command: bytes) -> dict[str, Any]:
        name = (
            COMMANDS.get((command[0], command[1]), "unknown command") if len(command) > 3 else "?"
        )
        data = command[5 : 5 + command[4]] if len(command) > 5 else b""
        text, fields = "", []
        if name == "SELECT":
            text = (
                data.decode("ascii")
                if data.isascii() and data[:1].isdigit()
                else data.hex().upper()
            )
            self._dols = {}
        elif name == "READ RECORD":
            text = f"file {command[3] >> 3}, record {command[2]}"
        elif name == "GET PROCESSING OPTIONS":
            fields = self._values(tags.PDOL, self._inner(data, 0x83))
        elif name == "GENERATE AC":
            text = _REFERENCE.get(command[2] & 0xC0, "?") + (", CDA" if command[2] & 0x10 else "")
            fields = self._values(tags.CDOL1, data)
        elif name == "RECOVER AC":
            fields = self._values(tags.DRDOL, data)
        return {"name": name, "hex": command.hex().upper(), "text": text, "fields": fields}

    def _response(self, command: bytes, response: bytes) -> dict[str, Any]:
        if len(response) < 2:
            return {"sw": "", "meaning": "no status word", "hex": response.hex(), "fields": []}
        body, sw = response[:-2], response[-2] << 8 | response[-1]
        try:
            fields = self._tree(tlv.parse(body))
        except TlvError as error:
            fields = [_field("", "Not TLV", body, [str(error)])]
        if len(command) > 1 and fields and fields[0]["tag"] == "80":
            fields = self._format_1(command, fields)
        meaning = STATUS_WORDS.get(sw, "unknown status")
        return {
            "sw": f"{sw:04X}",
            "meaning": meaning,
            "hex": response.hex().upper(),
            "fields": fields,
        }

    def _tree(self, objects: list[Any]) -> list[Field]:
        fields = []
        for tag, value in objects:
            if isinstance(value, list):
                inner = self._tree(value)
                name = ELEMENTS.get(tag, _UNKNOWN).title
                field = _field(f"{tag:X}", name, tlv.encode_all(value), [])
                field["value"], field["fields"] = "", inner
                fields.append(field)
            else:
                fields.append(self._object(tag, value))
        return fields

    def _object(self, tag: int, value: bytes) -> Field:
        element = ELEMENTS.get(tag, _UNKNOWN)
        if tag in _ACCOUNTS:
            self._pans.update(_PAN.findall(value.hex())[:1])
        if tag in _DOLS:
            self._dols[tag] = value
            field = _field(f"{tag:X}", element.title, value, [])
            field["fields"] = _dol_entries(value)
            return field
        text = bits.explain(tag, value) or _plain_text(tag, element, value)
        field = _field(f"{tag:X}", element.title, value, text)
        field["value"] = self._mask(field["value"])
        return field

    def _values(self, listed: int, data: bytes) -> list[Field]:
        """The values of a DOL, by the DOL the card gave; undivided when they do not fit it."""
        fields, at = [], 0
        try:
            for tag, length in dol.entries(self._dols.get(listed, b"")):
                fields.append(self._object(tag, data[at : at + length]))
                at += length
        except DolError:
            at = -1
        if at != len(data):
            return [_field("", "Values", data, [])] if data else []
        return fields

    def _inner(self, data: bytes, tag: int) -> bytes:
        try:
            return tlv.open_template(data, tag)
        except TlvError:
            return data

    def _format_1(self, command: bytes, fields: list[Field]) -> list[Field]:
        value = bytes.fromhex(fields[0]["value"])
        parts: list[tuple[int, bytes]] = []
        if command[1] == 0xA8 and len(value) >= 6:
            parts = [(tags.AIP, value[:2]), (tags.AFL, value[2:])]
        elif command[1] in (0xAE, 0xD0) and len(value) >= 11:
            parts = [(tags.CID, value[:1]), (tags.ATC, value[1:3])]
            parts += [(tags.CRYPTOGRAM, value[3:11]), (tags.IAD, value[11:])]
        fields[0]["fields"] = [self._object(tag, part) for tag, part in parts if part]
        return fields

    def _mask(self, text: str) -> str:
        for pan in self._pans:
            text = text.replace(pan, pan[:6] + "*" * (len(pan) - 10) + pan[-4:])
        return text


def _field(tag: str, name: str, value: bytes, text: list[str]) -> Field:
    return {
        "tag": tag,
        "name": name,
        "length": len(value),
        "value": value.hex().upper(),
        "text": text,
        "fields": [],
    }


def _dol_entries(value: bytes) -> list[Field]:
    fields = []
    try:
        for tag, length in dol.entries(value):
            field = _field(f"{tag:X}", ELEMENTS.get(tag, _UNKNOWN).title, b"", [])
            field["length"] = length
            fields.append(field)
    except DolError as error:
        fields.append(_field("", "Not a DOL", b"", [str(error)]))
    return fields


def _plain_text(tag: int, element: Element, value: bytes) -> list[str]:
    if element.format in ("an", "ans"):
        return ["".join(chr(c) if 0x20 <= c < 0x7F or c >= 0xA0 else "." for c in value)]
    if tag in (tags.AMOUNT, tags.AMOUNT_OTHER) and value.hex().isdigit():
        return [f"{int(value.hex())} minor units"]
    if tag in (tags.DATE, tags.EXPIRY, tags.EFFECTIVE) and len(value) == 3:
        digits = value.hex()
        return [f"{digits[:2]}-{digits[2:4]}-{digits[4:]} (YY-MM-DD)"]
    if tag == tags.ATC:
        return [str(int.from_bytes(value, "big"))]
    return []
