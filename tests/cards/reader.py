"""A reader that does what a card asks and decides nothing: for cards, not for kernels.

session = present(cards.load("jcb_debit"), asked=TC, amount_minor=1250)
session.kind, session.objects, session.exchange
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kassa.emv import apdu, dol, tags, tlv

from simulator import cards

AAC, TC, ARQC = apdu.AAC, apdu.TC, apdu.ARQC

OFFLINE_TTQ, ONLINE_TTQ = bytes.fromhex("36004000"), bytes.fromhex("36804000")

VALUES = {
    tags.TTQ: OFFLINE_TTQ,
    tags.AMOUNT_OTHER: bytes(6),
    tags.CURRENCY: b"\x09\x78",
    tags.COUNTRY: b"\x02\x76",
    tags.DATE: b"\x26\x11\x22",
    tags.TIME: b"\x10\x00\x00",
    tags.TYPE: b"\x00",
    tags.TVR: bytes(5),
    tags.TERMINAL_TYPE: b"\x22",
    tags.CVM_RESULTS: b"\x1f\x03\x02",
    0x9F1D: bytes.fromhex("0C00800000000000"),
    0x9F6D: b"\xc0",  # American Express: reader's capabilities
    0x9F6E: bytes.fromhex("D8E00003"),
    0x9F52: b"\x02",  # JCB: EMV mode
    0x9F53: bytes.fromhex("720000"),  # JCB: signature, online PIN, device, contacts
}


@dataclass
class Session:
    """`sw` of the last command, `exchange` as for traces, `objects` by tag, `told` what we
    sent."""

    sw: int = 0
    exchange: list[tuple[bytes, bytes]] = field(default_factory=list)
    objects: dict[int, bytes] = field(default_factory=dict)
    told: dict[int, bytes] = field(default_factory=dict)

    @property
    def kind(self) -> int:
        return self.objects[tags.CID][0] & 0xC0


def present(
    card: Any,
    asked: int = TC,
    amount_minor: int = 1250,
    values: Mapping[int, bytes] | None = None,
    number: bytes = b"\xa1\xb2\xc3\xd4",
    signed: bool = True,
) -> Session:
    """One tap: select, options, the AFL's records, and the cryptogram `asked` for.

    `values` are put over VALUES; a card that wants TTQ is asked for an ARQC by it.
    """
    card.reset()
    session = Session()
    amount = bytes.fromhex(f"{amount_minor:012}")
    told = {**VALUES, tags.AMOUNT: amount, tags.UNPREDICTABLE: number, **(values or {})}
    if asked == ARQC and tags.TTQ not in (values or {}):
        told[tags.TTQ] = ONLINE_TTQ
    session.told = told

    def send(command: bytes) -> bytes:
        answer = card.transceive(command)
        session.exchange.append((command, answer))
        session.sw = int.from_bytes(answer[-2:], "big")
        return answer[:-2]

    send(apdu.select(apdu.PPSE))
    fci = send(apdu.select(cards.profile(card.name).applications[0].aid))
    if session.sw != apdu.OK:
        return session
    pdol = tlv.flatten(fci).get(tags.PDOL, b"")
    body = send(apdu.get_processing_options(dol.fill(pdol, told.get)))
    if session.sw != apdu.OK:
        return session
    found = session.objects
    found.update(_format_1(body, (tags.AIP, tags.AFL)))
    afl = found.get(tags.AFL, b"")
    for at in range(0, len(afl), 4):
        for number_ in range(afl[at + 1], afl[at + 2] + 1):
            found.update(tlv.flatten(send(apdu.read_record(afl[at] >> 3, number_))))
    if tags.CDOL1 in found:
        cda = apdu.CDA if signed and found[tags.AIP][0] & 0x01 and asked != AAC else 0
        body = send(apdu.generate_ac(asked | cda, dol.fill(found[tags.CDOL1], told.get)))
        if session.sw == apdu.OK:
            names = (tags.CID, tags.ATC, tags.CRYPTOGRAM, tags.IAD)
            found.update(_format_1(body, names))
    return session


def _format_1(body: bytes, names: tuple[int, ...]) -> dict[int, bytes]:
    if body[:1] != b"\x80":
        return tlv.flatten(body)
    value, at, found = tlv.open_template(body, 0x80), 0, {}
    lengths = {tags.AIP: 2, tags.CID: 1, tags.ATC: 2, tags.CRYPTOGRAM: 8}
    for name in names:
        end = at + lengths.get(name, len(value))
        found[name], at = value[at:end], end
    return found
