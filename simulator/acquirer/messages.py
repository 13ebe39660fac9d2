"""Messages as the acquirer reads and writes them: decoded by `pyiso8583`, sealed by
`cryptography`.

Nothing of the firmware is used but its field table, so that a mistake there is found here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import iso8583
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.cmac import CMAC

from host_tools.iso8583_fields import specification
from simulator.acquirer import dukpt
from simulator.acquirer.dukpt import Usage

SPECIFICATION = specification()
MAC_SIZE = 8


class Unreadable(ValueError):
    """Bytes that are no message of ours."""


class NotAuthentic(ValueError):
    """A MAC or a card block that does not verify."""


@dataclass(frozen=True)
class Card:
    """What the card block held; never logged as it is."""

    pan: str
    expiry: str
    psn: int | None
    track2: bytes

    @property
    def masked(self) -> str:
        return mask(self.pan)


@dataclass
class Message:
    """A decoded request: `fields` by number, binary ones as upper-case hex, like pyiso8583's."""

    mti: str
    fields: dict[int, str]
    raw: bytes
    objects: dict[int, bytes] = field(default_factory=dict)

    @property
    def ksn(self) -> bytes | None:
        """The key serial number of the message's MAC (DE 110, C1)."""
        return self.objects.get(0xC1)

    @property
    def emv(self) -> dict[int, bytes]:
        """DE 55 by tag; Unreadable when it is no TLV."""
        return read_tlv(bytes.fromhex(self.fields.get(55, "")))

    def get(self, number: int) -> str:
        """A field's value, "" when it is not there."""
        return self.fields.get(number, "")


def decode(raw: bytes) -> Message:
    """Read a message.  Raises Unreadable."""
    try:
        decoded, _ = iso8583.decode(raw, SPECIFICATION)
    except iso8583.DecodeError as error:
        raise Unreadable(str(error)) from None
    fields = {int(name): value for name, value in decoded.items() if name.isdigit()}
    fields.pop(1, None)
    objects = read_tlv(bytes.fromhex(fields.get(110, "")))
    return Message(decoded["t"], fields, raw, objects)


def encode(mti: str, fields: dict[int, str], mac_key: bytes | None) -> bytes:
    """Write a message; with a key, its MAC is the last field (DE 64, or 128 beyond 64)."""
    content = {str(number): value for number, value in fields.items()}
    if mac_key is not None:
        content["128" if max(fields) > 64 else "64"] = "00" * MAC_SIZE
    raw, _ = iso8583.encode({"t": mti, **content}, SPECIFICATION)
    if mac_key is None:
        return bytes(raw)
    return bytes(raw[:-MAC_SIZE]) + mac(mac_key, bytes(raw[:-MAC_SIZE]))


def mac(key: bytes, covered: bytes) -> bytes:
    """AES-CMAC, leftmost 8 bytes."""
    cmac = CMAC(algorithms.AES(key))
    cmac.update(covered)
    return cmac.finalize()[:MAC_SIZE]


def verify_mac(message: Message, base_key: bytes) -> None:
    """Raise NotAuthentic unless the message's MAC is right under the key of its KSN."""
    if message.ksn is None or not message.get(128):
        raise NotAuthentic("no MAC")
    try:
        key = dukpt.working_key(base_key, message.ksn, Usage.MAC_GENERATION)
    except dukpt.BadKsn as error:
        raise NotAuthentic(str(error)) from None
    # `verify` wants the full MAC; ours is cut to 8 bytes.
    if mac(key, message.raw[:-MAC_SIZE]) != bytes.fromhex(message.get(128)):
        raise NotAuthentic("the MAC is wrong")


def response_key(message: Message, base_key: bytes) -> bytes | None:
    """The key of the answer's MAC: the terminal verifies under the request's KSN."""
    if message.ksn is None:
        return None
    try:
        return dukpt.working_key(base_key, message.ksn, Usage.MAC_VERIFICATION)
    except dukpt.BadKsn:
        return None


def open_card(message: Message, base_key: bytes) -> Card | None:
    """Decrypt the card block, None when there is none.  Raises NotAuthentic."""
    block = message.objects.get(0xE2)
    if block is None:
        return None
    try:
        objects = read_tlv(block)
        ksn, algorithm, sealed = objects[0xC1], objects[0xC3], objects[0xC4]
        if algorithm != b"\x01":
            raise NotAuthentic("the card block has an unknown algorithm")
        key = dukpt.working_key(base_key, ksn, Usage.DATA_ENCRYPTION)
        bound_to = (message.get(41) + message.get(11)).encode()
        plain = read_tlv(AESCCM(key).decrypt(ksn + b"\x01", sealed, bound_to))
        return Card(
            pan=plain[0x5A].hex().upper().rstrip("F"),
            expiry=plain.get(0xDF14, b"").hex(),
            psn=int(plain[0x5F34].hex()) if 0x5F34 in plain else None,
            track2=plain.get(0x57, b""),
        )
    except (KeyError, ValueError, InvalidTag, InvalidSignature) as error:
        raise NotAuthentic(f"the card block cannot be opened: {type(error).__name__}") from None


def read_tlv(data: bytes) -> dict[int, bytes]:
    """BER-TLV objects of one level, by tag; the first of equal ones.  Raises Unreadable."""
    objects: dict[int, bytes] = {}
    at = 0
    try:
        while at < len(data):
            start = at
            at += 1
            if data[start] & 0x1F == 0x1F:
                while data[at] & 0x80:
                    at += 1
                at += 1
            tag = int.from_bytes(data[start:at], "big")
            length = data[at]
            at += 1
            if length & 0x80:
                size = length & 0x7F
                length = int.from_bytes(data[at : at + size], "big")
                at += size
            if at + length > len(data):
                raise Unreadable("a TLV object ends early")
            objects.setdefault(tag, data[at : at + length])
            at += length
    except IndexError:
        raise Unreadable("a TLV object ends early") from None
    return objects


def mask(pan: str) -> str:
    """First six and last four digits."""
    return pan[:6] + "*" * (len(pan) - 10) + pan[-4:] if len(pan) >= 13 else "*" * len(pan)


def record(
    direction: str, mti: str, fields: dict[int, str], card: Card | None, emv: dict[int, bytes]
) -> dict[str, Any]:
    """A message for logs, tests and the web: JSON values only, and no PAN."""
    entry: dict[str, Any] = {
        "direction": direction,
        "mti": mti,
        "fields": {str(number): fields[number] for number in sorted(fields)},
    }
    if emv:
        entry["emv"] = {f"{tag:X}": value.hex().upper() for tag, value in emv.items()}
    if card is not None:
        entry["card"] = {"pan": card.masked, "psn": card.psn}
    return entry
