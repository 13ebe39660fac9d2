"""A terminal made of the acquirer's own tools: the acquirer is tested without the firmware."""

from __future__ import annotations

import datetime
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from simulator.acquirer import dukpt, key_material, messages
from simulator.acquirer.acquirer import Acquirer, Reply
from simulator.acquirer.dukpt import Usage
from simulator.acquirer.issuing import AAC, ARQC, TC
from simulator.cards import issuers

PAN = "4761739001010119"
NOW = datetime.datetime(2026, 1, 5, 10, 0, tzinfo=datetime.UTC)
TERMINAL = "KASSA001"


def tlv(tag: int, value: bytes) -> bytes:
    return tag.to_bytes((tag.bit_length() + 7) // 8) + bytes([len(value)]) + value


class Terminal:
    """Sends what it is told to, with a new KSN each time; keeps the key of the last answer."""

    def __init__(self, acquirer: Acquirer, terminal_id: str = TERMINAL) -> None:
        self.acquirer = acquirer
        self.terminal_id = terminal_id
        self.identifier = key_material.initial_key_id(terminal_id)
        self.counter = 0
        self.answer_key = b""

    def send(
        self,
        mti: str,
        fields: dict[int, str],
        card: bytes | None = None,
        bound_to_stan: str | None = None,
    ) -> Reply:
        """Seal and hand over a message; `bound_to_stan` ties the card block to another one."""
        return self.acquirer.handle(self.seal(mti, fields, card, bound_to_stan), self.terminal_id)

    def seal(
        self,
        mti: str,
        fields: dict[int, str],
        card: bytes | None = None,
        bound_to_stan: str | None = None,
    ) -> bytes:
        self.counter += 1
        ksn = self.identifier + self.counter.to_bytes(4)
        objects = tlv(0xC1, ksn)
        if card is not None:
            objects += tlv(0xE2, self.card_block(ksn, bound_to_stan or fields[11], card))
        content = fields | {110: objects.hex().upper()}
        self.answer_key = dukpt.working_key(key_material.BASE_KEY, ksn, Usage.MAC_VERIFICATION)
        key = dukpt.working_key(key_material.BASE_KEY, ksn, Usage.MAC_GENERATION)
        return messages.encode(mti, content, key)

    def card_block(self, ksn: bytes, stan: str, card: bytes) -> bytes:
        key = dukpt.working_key(key_material.BASE_KEY, ksn, Usage.DATA_ENCRYPTION)
        bound_to = (self.terminal_id + stan).encode()
        sealed = AESCCM(key).encrypt(ksn + b"\x01", card, bound_to)
        return tlv(0xC1, ksn) + tlv(0xC3, b"\x01") + tlv(0xC4, sealed)

    def read(self, reply: Reply | bytes) -> messages.Message:
        """The answer in a reply or in what was received; its MAC is checked."""
        data = reply.data if isinstance(reply, Reply) else reply
        assert int.from_bytes(data[:2]) == len(data) - 2
        answer = messages.decode(data[2:])
        last = 128 if answer.get(128) else 64
        expected = messages.mac(self.answer_key, answer.raw[:-8])
        assert bytes.fromhex(answer.get(last)) == expected
        return answer

    def sale(self, amount_minor: int = 1250, stan: int = 1, **changes: Any) -> messages.Message:
        """A whole sale with a good card; `changes` as in `sale_request`."""
        return self.read(self.send(*self.sale_request(amount_minor, stan, **changes)))

    def sale_request(
        self,
        amount_minor: int = 1250,
        stan: int = 1,
        mti: str = "0200",
        pan: str = PAN,
        expiry: str = "2812",
        batch: int = 1,
        date: str = "0105",
        signed_amount_minor: int | None = None,
        without: tuple[int, ...] = (),
        kind: int = ARQC,
    ) -> tuple[str, dict[int, str], bytes]:
        """(mti, fields, card data): a Visa sale whose cryptogram is right for that amount."""
        signed = amount_minor if signed_amount_minor is None else signed_amount_minor
        emv = emv_data(pan, signed, kind)
        fields = self.common(stan, date) | {
            3: "000000",
            4: f"{amount_minor:012}",
            18: "5812",
            22: "072",
            25: "00",
            49: "978",
            55: b"".join(tlv(tag, item) for tag, item in emv.items() if tag not in without).hex(),
            60: f"{batch:06}",
        }
        card = tlv(0x5A, bytes.fromhex(pan)) + tlv(0x5F34, b"\x01")
        return mti, fields, card + tlv(0xDF14, bytes.fromhex(expiry))

    def common(self, stan: int, date: str = "0105") -> dict[int, str]:
        return {
            7: date + "100000",
            11: f"{stan:06}",
            12: "110000",
            13: date,
            41: self.terminal_id,
            42: "000000000012345",
        }


def emv_data(pan: str, amount_minor: int, kind: int = ARQC) -> dict[int, bytes]:
    """DE 55 of a Visa card (CVN 10), by tag, with its cryptogram."""
    decided = {ARQC: "A0", TC: "90", AAC: "80"}[kind]
    iad = bytes.fromhex(f"06010A03{decided}0000")
    data = {
        0x9F02: bytes.fromhex(f"{amount_minor:012}"),
        0x9F03: bytes(6),
        0x9F1A: bytes.fromhex("0276"),
        0x95: bytes(5),
        0x5F2A: bytes.fromhex("0978"),
        0x9A: bytes.fromhex("260105"),
        0x9C: b"\x00",
        0x9F37: bytes.fromhex("01020304"),
        0x82: bytes.fromhex("2020"),
        0x9F36: bytes.fromhex("0001"),
    }
    cryptogram = issuers.cryptogram(pan, 1, data[0x9F36], iad, data)
    return data | {0x9F10: iad, 0x9F26: cryptogram, 0x9F27: bytes([kind])}
