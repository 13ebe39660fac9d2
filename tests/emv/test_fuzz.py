"""Two hundred thousand answers that no card gives: nothing but outcomes may come of them.

The good taps are recorded once, with the terminal's random number held fast, so that the recorded
signatures stay right; then answers are mutated at random and the terminal taps on.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest
from kassa.emv import outcome

from simulator import cards
from simulator.cards import verification
from simulator.cards.awkward import Awkward
from simulator.cards.fuzz import Exchange, Fuzzer
from tests.emv.offline import ODA, offline
from tests.emv.reader import Present, Terminal
from tests.emv.test_mutations import CARDS, KINDS, MOST_COMMANDS

MUTATED_EACH = 34_000  # of each of six cards: 204,000
NUMBER = bytes.fromhex("a1b2c3d4")


class Recorded(Awkward):
    """A card that answers as it was recorded.  GENERATE AC is answered whatever is in it, so that
    its signature is tried on what was not signed; another command it never heard of gets 6A82."""

    def __init__(self, name: str, exchange: Exchange) -> None:
        super().__init__(cards.load(name))
        self._answers = {bytes(command): bytes(answer or b"") for command, answer in exchange}
        self._alike = {command[:4]: answer for command, answer in self._answers.items()}

    def transceive(self, command: bytes) -> bytes:
        answer = self._answers.get(command)
        if answer is None and command[:2] == b"\x80\xae":
            answer = self._alike.get(command[:4])
        return b"\x6a\x82" if answer is None else answer


def prepared() -> Terminal:
    return Terminal(offline, ODA)


def begin(terminal: Terminal) -> None:
    assert terminal.prepare(1_000, random=lambda n: NUMBER[:n]) is None


def record(name: str) -> Exchange:
    terminal = prepared()
    begin(terminal)
    present = Present(cards.load(name))
    assert terminal.tap(present).kind == outcome.APPROVED
    return present.exchanges


@pytest.mark.parametrize("name", CARDS)
def test_a_mutated_answer_brings_about_an_outcome_and_never_an_exception(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    exchange = record(name)
    terminal = prepared()
    kinds: Counter[str] = Counter()
    mutations: Counter[str] = Counter()
    chance = random.Random(name)
    recorded = Recorded(name, exchange)
    taps = 0
    while mutations.total() < MUTATED_EACH:
        step = chance.randrange(len(exchange)) if chance.random() < 0.8 else None
        card = Fuzzer(recorded, seed=taps, rate=0.5, step=step)
        present = Present(card)
        begin(terminal)
        # An exception outside the kernels' own family escapes from here, and the test fails.
        found = terminal.tap(present)
        assert found.kind in KINDS
        assert len(present.exchanges) <= MOST_COMMANDS
        if found.kind == outcome.APPROVED:
            verification.confirm(present.exchanges, date="2611")
        kinds[found.kind] += 1
        mutations.update(card.done)
        taps += 1
        terminal.log.events.clear()
        terminal.shown.clear()
    with capsys.disabled():
        counts = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
        print(f"\n{name}: {mutations.total()} mutated answers in {taps} taps: {counts}")
    assert len(kinds) >= 3
