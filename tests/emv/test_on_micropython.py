"""The same taps on the real MicroPython binary: byte for byte the same commands and outcomes."""

import json
from typing import Any

import pytest
from kassa.emv.outcome import Outcome

from simulator import cards
from simulator.cards.awkward import Garbage, TornAfter
from tests.emv.reader import SANDBOX, Present, Terminal
from tests.on_micropython.run import run_script

pytestmark = pytest.mark.micropython

NUMBER = "a1b2c3d4"

SCRIPT = """
import asyncio, gc, json
gc.collect()
before = gc.mem_alloc()
from kassa.emv import config
from kassa.emv.entry_point import EntryPoint
from kassa.emv.transaction_data import TransactionData
from kassa.system.card import CardLost
gc.collect()
imported = gc.mem_alloc() - before


class Log:
    def event(self, at, happened, **facts):
        json.dumps(facts)

    def trouble(self, at, happened, error, **facts):
        pass


class Replay:
    def __init__(self, exchange):
        self.exchange = exchange
        self.at = 0

    async def transceive(self, apdu):
        command, answer = self.exchange[self.at]
        self.at += 1
        if apdu.hex() != command:
            raise ValueError("sent {} instead of {}".format(apdu.hex(), command))
        if answer is None:
            raise CardLost()
        return bytes.fromhex(answer)


entry_point = EntryPoint(config.from_json(CONFIGURATION), Log())
for taps in json.loads(TAPS):
    data = TransactionData(
        1250, 978, 276, "261122", "100000", 7, lambda n: bytes.fromhex(NUMBER)
    )
    refused = entry_point.prepare(data)
    for exchange in taps:
        gc.collect()
        start = gc.mem_alloc()
        card = Replay(exchange)
        found = asyncio.run(entry_point.perform(card))
        used = gc.mem_alloc() - start
        print(json.dumps({
            "kind": found.kind, "start": found.start, "cvm": found.cvm, "pan": found.pan,
            "label": found.label, "message": found.ui.message, "data": found.emv_data().hex(),
            "track2": bytes(found.track2).hex(), "all_sent": card.at == len(exchange),
            "used": used,
        }))
print(json.dumps({"imported": imported}))
"""


def told(found: Outcome) -> dict[str, Any]:
    return {
        "kind": found.kind,
        "start": found.start,
        "cvm": found.cvm,
        "pan": found.pan,
        "label": found.label,
        "message": found.ui.message if found.ui else None,
        "data": found.emv_data().hex(),
        "track2": found.track2.hex(),
        "all_sent": True,
    }


def record(*taps: Any) -> tuple[list[list[list[str | None]]], list[dict[str, Any]]]:
    """One transaction on CPython: the exchange of each tap, and its outcome."""
    terminal = Terminal()
    terminal.prepare(1250, random=lambda n: bytes.fromhex(NUMBER))
    exchanges, outcomes = [], []
    for card in taps:
        present = Present(card)
        outcomes.append(told(terminal.tap(present)))
        exchanges.append([[c.hex(), None if a is None else a.hex()] for c, a in present.exchanges])
    return exchanges, outcomes


def test_taps_go_the_same_way_on_the_real_micropython() -> None:
    torn = TornAfter(cards.load("mastercard_credit"), apdus=7, times=1)
    phone = cards.load("mastercard_phone_locked")
    transactions = [[cards.load(name)] for name in cards.names()]
    transactions += [[torn, torn], [phone, phone]]
    for seed in range(12):
        for name in ("visa_credit", "mastercard_credit"):
            transactions.append([Garbage(cards.load(name), seed, "mutated", step=seed % 5)])
    recorded = [record(*taps) for taps in transactions]
    text = f"NUMBER = {NUMBER!r}\nCONFIGURATION = {json.dumps(json.dumps(SANDBOX))}\n"
    text += f"TAPS = {json.dumps(json.dumps([exchanges for exchanges, _ in recorded]))}\n"
    lines = [json.loads(line) for line in run_script(text + SCRIPT).splitlines()]
    memory = lines.pop()
    used = [line.pop("used") for line in lines]
    assert lines == [outcome for _, outcomes in recorded for outcome in outcomes]
    # 64-bit bytes, about twice the chip's: what is loaded, and what one tap leaves behind.
    assert memory["imported"] < 80_000
    assert max(used) < 60_000
