"""Good cards of each scheme with one thing changed at a time: what the terminal must never do.

Every bit of every certificate and signature is flipped; every object is dropped, doubled,
contradicted, emptied and lengthened; every answer comes under other status words.  The card goes
on signing for real with whatever it is asked, so nothing but the change is wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from kassa.emv import outcome

from simulator import cards
from simulator.cards import fuzz, verification
from tests.emv.offline import ODA, offline
from tests.emv.reader import Present, Terminal

CARDS = [f"{s}_debit" for s in ("visa", "mastercard", "amex", "jcb", "discover", "unionpay")]
KINDS = {
    outcome.APPROVED,
    outcome.DECLINED,
    outcome.ONLINE_REQUEST,
    outcome.TRY_ANOTHER_INTERFACE,
    outcome.END_APPLICATION,
    outcome.TRY_AGAIN,
}
# A tap of any card here has eight commands; one that is led astray by records that are not there
# has a few more, and never many.
MOST_COMMANDS = 40

UNPROVEN = {
    "50": "the label",
    "5F2D": "language preference",
    "5F34": "PAN sequence number: the issuer looks it up",
    "61": "a directory entry, of which nothing but the name counts",
    "6F": "a template; what is in it counts",
    "70": "likewise",
    "77": "likewise",
    "84": "the DF name where the selected one is known",
    "87": "the order of applications",
    "9F10": "for the issuer, who refuses a cryptogram over another",
    "9F27": "said once more in 9F10 by the cards of kernels 3 and 7",
    "9F2A": "which kernel, where the application's name says the same",
    "A5": "a template",
    "BF0C": "the directory's template",
}
"""What neither fDDA nor CDA proves and no decision here needs: an approval without it, or with
more of it, is as good as one with it, and the second opinion must say so.
"""


class Mutants:
    """A terminal that may approve offline, and what it made of one mutant after the other."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.terminal = Terminal(offline, ODA)
        self.kinds: Counter[str] = Counter()
        self.approved: list[tuple[str, Present]] = []
        assert self.terminal.prepare(1_000) is None
        present = Present(cards.load(name))
        assert self.terminal.tap(present).kind == outcome.APPROVED
        self.exchange = present.exchanges

    def tap_all(self, mutants: Iterator[tuple[str, Any]]) -> None:
        for what, card in mutants:
            assert self.terminal.prepare(1_000) is None
            present = Present(card)
            found = self.terminal.tap(present)
            assert found.kind in KINDS, what
            assert len(present.exchanges) <= MOST_COMMANDS, what
            self.kinds[found.kind] += 1
            if found.kind == outcome.APPROVED:
                self.approved.append((what, present))

    def tell(self, what: str, capsys: pytest.CaptureFixture[str]) -> None:
        with capsys.disabled():
            counts = ", ".join(f"{kind} {count}" for kind, count in sorted(self.kinds.items()))
            print(f"\n{self.name}: {sum(self.kinds.values())} {what}: {counts}")


@pytest.mark.parametrize("name", CARDS)
def test_no_flipped_bit_of_a_certificate_or_signature_is_approved_offline(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mutants = Mutants(name)
    mutants.tap_all(fuzz.every_bit(name, mutants.exchange))
    mutants.tell("flipped bits", capsys)
    assert mutants.approved == []
    assert sum(mutants.kinds.values()) > 4_000


@pytest.mark.parametrize("name", CARDS)
def test_no_object_that_is_dropped_doubled_emptied_or_lengthened_is_approved_offline(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """But for what is no part of the proof: then the second opinion must find it proven."""
    mutants = Mutants(name)
    mutants.tap_all(fuzz.every_object(name, mutants.exchange))
    mutants.tell("objects dropped, doubled, contradicted, emptied or lengthened", capsys)
    assert sum(mutants.kinds.values()) > 200
    for what, present in mutants.approved:
        assert what.split()[2] in UNPROVEN, what
        approval = verification.confirm(present.exchanges, date="2611")
        assert (approval.amount_minor, approval.currency) == (1_000, "978")


@pytest.mark.parametrize("name", CARDS)
def test_no_other_status_word_is_approved_offline(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mutants = Mutants(name)
    mutants.tap_all(fuzz.every_status(name, mutants.exchange))
    mutants.tell("status words", capsys)
    assert mutants.approved == []
