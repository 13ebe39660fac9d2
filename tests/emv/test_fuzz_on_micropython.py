"""The shorter fuzz: mutated answers on the real MicroPython binary, with its own arithmetic.

Any exception that escapes ends the script, and the test with it.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from host_tools import emv
from simulator import emv_configuration
from tests.emv.offline import offline
from tests.emv.reader import SANDBOX
from tests.emv.test_fuzz import NUMBER, record
from tests.emv.test_mutations import CARDS, KINDS
from tests.on_micropython.run import run_script

pytestmark = pytest.mark.micropython

MUTATED_EACH = 1_500

SCRIPT = """
import asyncio, gc, json
from kassa.emv import config
from kassa.emv.ca_keys import CaKeys
from kassa.emv.entry_point import EntryPoint
from kassa.emv.oda import Oda
from kassa.emv.transaction_data import TransactionData


class Log:
    def event(self, at, happened, **facts):
        json.dumps(facts)

    def trouble(self, at, happened, error, **facts):
        pass


class Chance:
    # xorshift, 32 bit: the same numbers on every interpreter.
    def __init__(self):
        self.state = 2463534242

    def below(self, most):
        x = self.state
        x ^= (x << 13) & 0xFFFFFFFF
        x ^= x >> 17
        x ^= (x << 5) & 0xFFFFFFFF
        self.state = x
        return x % most


chance = Chance()


def mutated(answer):
    how = chance.below(6)
    changed = bytearray(answer)
    if how == 0:
        for _ in range(1 + chance.below(4)):
            changed[chance.below(len(changed))] ^= 1 << chance.below(8)
    elif how == 1:
        changed[chance.below(len(changed))] = (0, 0x7F, 0x80, 0x81, 0x82, 0xFF)[chance.below(6)]
    elif how == 2:
        return bytes(changed[: chance.below(len(changed))])
    elif how == 3:
        return bytes(changed[: chance.below(len(changed))]) + b"\\x90\\x00"
    elif how == 4:
        at = chance.below(len(changed))
        return bytes(changed[:at]) + bytes(changed[at // 2 :])
    else:
        return bytes([chance.below(256) for _ in range(chance.below(260))]) + b"\\x90\\x00"
    return bytes(changed)


class Card:
    def __init__(self, answers, step):
        self.answers = answers
        self.step = step
        self.count = 0

    async def transceive(self, apdu):
        self.count += 1
        if self.count > 60:
            raise ValueError("the terminal asks for ever")
        answer = self.answers.get(apdu)
        if answer is None and apdu[:2] == b"\\x80\\xae":
            answer = self.answers[b"AC"]
        if answer is None:
            answer = b"\\x6a\\x82"
        return mutated(answer) if self.count == self.step + 1 else answer


settings = config.from_json(CONFIGURATION)
entry_point = EntryPoint(
    settings, Log(), oda=Oda(CaKeys(settings.ca_keys, settings.revoked), Log())
)
for name, exchange in json.loads(EXCHANGES):
    answers = {}
    for command, answer in exchange:
        command, answer = bytes.fromhex(command), bytes.fromhex(answer)
        answers[command] = answer
        if command[:2] == b"\\x80\\xae":
            answers[b"AC"] = answer
    kinds = {}
    for number in range(EACH + 1):
        data = TransactionData(
            1000, 978, 276, "261122", "100000", 7, lambda n: bytes.fromhex(NUMBER)
        )
        assert entry_point.prepare(data) is None
        # The first tap is the good one.
        card = Card(answers, chance.below(len(exchange)) if number else 99)
        kind = asyncio.run(entry_point.perform(card)).kind
        if number == 0:
            assert kind == "approved", kind
        else:
            kinds[kind] = kinds.get(kind, 0) + 1
    print(json.dumps([name, kinds]))
"""


def sandbox_with_keys() -> Any:
    """The sandbox's configuration for offline approvals, with its CA keys, as the device reads
    it."""
    source = copy.deepcopy(SANDBOX)
    offline(source)
    document = emv.Document(emv_configuration.SANDBOX, source, {})
    return emv_configuration.with_sandbox(document).source


def test_mutated_answers_bring_about_outcomes_on_the_real_micropython(
    capsys: pytest.CaptureFixture[str],
) -> None:
    exchanges = [
        [name, [[command.hex(), (answer or b"").hex()] for command, answer in record(name)]]
        for name in CARDS
    ]
    text = f"NUMBER = {NUMBER.hex()!r}\nEACH = {MUTATED_EACH}\n"
    text += f"CONFIGURATION = {json.dumps(json.dumps(sandbox_with_keys()))}\n"
    text += f"EXCHANGES = {json.dumps(json.dumps(exchanges))}\n"
    lines = run_script(text + SCRIPT, timeout_s=240).splitlines()
    told = dict(json.loads(line) for line in lines)
    assert list(told) == CARDS
    with capsys.disabled():
        for name, kinds in told.items():
            print(f"\n{name} on MicroPython: {MUTATED_EACH} mutated answers: {kinds}")
    for kinds in told.values():
        assert set(kinds) <= KINDS
        assert sum(kinds.values()) == MUTATED_EACH
        assert kinds["end_application"] > MUTATED_EACH // 3
