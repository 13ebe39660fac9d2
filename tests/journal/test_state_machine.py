"""The journal against a dictionary, under everything that may happen to it."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from kassa.journal.errors import JournalFull, JournalTampered
from kassa.journal.slots import SLOTS, slots_for

from simulator.chips.nor_flash import TORN, NorFlash, PowerCut
from tests.journal.bench import Terminal, damage, payloads

SIZES = st.sampled_from((0, 1, 180, 190, 200, 229, 230, 480, 700, 1500))
CUTS = st.sampled_from(TORN) | st.integers(1, 256)


class JournalMachine(RuleBasedStateMachine):
    """`kept` are the records that were confirmed and not trimmed."""

    @initialize(seed=st.integers(0, 2**32), filled=st.sampled_from((0, 14, 100, 200, 238)))
    def power_on(self, seed: int, filled: int) -> None:
        self.terminal = Terminal(seed=seed)
        self.journal = self.terminal.start()
        self.kept: dict[int, bytes] = {}
        self.older: list[tuple[Any, int]] = []
        self.number = 0
        for _ in range(filled):
            self.append(40)

    def content(self, size: int) -> bytes:
        self.number += 1
        return (b"%d " % self.number * (size // 2 + 1))[:size]

    def forget_trimmed(self) -> None:
        self.kept = {at: each for at, each in self.kept.items() if at >= self.journal.oldest}

    def restart(self) -> None:
        self.journal = self.terminal.start()

    @rule(size=SIZES)
    def append(self, size: int) -> None:
        payload = self.content(size)
        before, free = self.terminal.flash.counters.programs, self.journal.free_slots
        try:
            sequence = self.journal.append(size & 0xFF, payload)
        except JournalFull:
            # Nothing but perhaps the header of an empty block.
            assert self.terminal.flash.counters.programs - before <= 1
            assert free < slots_for(size) + SLOTS
            return
        assert sequence == max(self.kept, default=sequence - 1) + 1
        self.kept[sequence] = payload

    @rule(share=st.floats(0, 1))
    def trim(self, share: float) -> None:
        self.journal.trim(self.journal.oldest + round(share * (len(self.kept) + 1)))
        self.forget_trimmed()

    @rule()
    def prepare(self) -> None:
        erases = self.terminal.flash.counters.erases
        self.journal.prepare()
        assert self.terminal.flash.counters.erases - erases <= 1

    @rule()
    def power_cycle(self) -> None:
        self.restart()

    @rule(size=SIZES, operation=st.integers(1, 9), how=CUTS)
    def power_fails_while_appending(self, size: int, operation: int, how: Any) -> None:
        payload = self.content(size)
        self.terminal.flash.cut_after(operation, how)
        doubtful = True
        try:
            sequence = self.journal.append(1, payload)
            doubtful = False
            self.kept[sequence] = payload
        except JournalFull:
            doubtful = False
        except PowerCut:
            pass
        self.terminal.flash.no_cut()
        self.restart()
        found = payloads(self.journal)
        if doubtful and found.get(self.journal.head) == payload:
            self.kept[self.journal.head] = payload
        assert found == self.kept

    @rule(operation=st.integers(1, 2), how=CUTS)
    def power_fails_while_erasing_ahead(self, operation: int, how: Any) -> None:
        self.terminal.flash.cut_after(operation, how)
        try:
            while self.journal.prepare():
                pass
        except PowerCut:
            pass
        self.terminal.flash.no_cut()
        self.restart()

    @rule(address=st.integers(0, 64 * 1024 - 1), bit=st.integers(0, 7))
    def a_bit_rots(self, address: int, bit: int) -> None:
        """Whatever it is, one record at most is lost, and not without a word."""
        chip, anchor = self.terminal.flash.snapshot(), self.terminal.anchor.content
        self.terminal.flash.flip(address, bit)
        journal = self.terminal.start()
        found = payloads(journal)
        lost = set(self.kept) - set(found)
        assert {at: self.kept[at] for at in found} == found
        told = damage(journal.report)
        assert not journal.report.tampered
        assert len(lost) <= 1
        assert lost <= {sequence for _, sequence in told}
        assert len(told) <= 1
        # And the terminal goes on with it.
        if journal.free_slots >= 40:
            assert payloads(self.terminal.start()) == found
            journal = self.terminal.start()
            sequence = journal.append(1, b"after the damage")
            assert sequence > max(self.kept, default=0)
            assert payloads(self.terminal.start()) == {**found, sequence: b"after the damage"}
        self.terminal.flash.restore(chip)
        self.terminal.anchor.content = anchor
        self.restart()

    @rule()
    def somebody_copies_the_flash(self) -> None:
        self.older.append((self.terminal.flash.snapshot(), self.journal.head))

    @precondition(lambda self: self.older)
    @rule(which=st.integers(0, 100), accept=st.booleans())
    def somebody_puts_an_older_image_back(self, which: int, accept: bool) -> None:
        image, head = self.older[which % len(self.older)]
        chip = self.terminal.flash.snapshot()
        anchor = self.terminal.anchor.content
        self.terminal.flash.restore(image)
        journal = self.terminal.start()
        assert journal.report.tampered == (head < anchor[2])
        if journal.report.tampered and accept:
            self.refuses(journal)
            found = payloads(journal)
            journal.accept()
            if journal.free_slots >= SLOTS:
                sequence = journal.append(1, b"after")
                assert sequence == anchor[2] + 1
                again = self.terminal.start()
                assert not again.report.tampered
                assert payloads(again) == {**found, sequence: b"after"}
        self.terminal.flash.restore(chip)
        self.terminal.anchor.content = anchor
        self.restart()

    @precondition(lambda self: self.kept and self.terminal.anchor.content[2])
    @rule(foreign=st.booleans())
    def somebody_replaces_the_image(self, foreign: bool) -> None:
        chip = self.terminal.flash.snapshot()
        anchor = self.terminal.anchor.content
        other = NorFlash(self.terminal.flash.size, self.terminal.flash.clock)
        if foreign:
            other.load(bytes(range(256)) * 256)
        self.terminal.flash.restore(other.snapshot())
        journal = self.terminal.start()
        assert journal.report.replaced
        self.refuses(journal)
        self.terminal.flash.restore(chip)
        self.terminal.anchor.content = anchor
        self.restart()

    def refuses(self, journal: Any) -> None:
        before = self.terminal.flash.counters.operations
        try:
            journal.append(1, b"x")
            raise AssertionError("a tampered journal was written to")
        except JournalTampered:
            assert self.terminal.flash.counters.operations == before

    @invariant()
    def the_journal_holds_what_was_confirmed(self) -> None:
        journal = self.journal
        assert payloads(journal) == self.kept
        assert journal.report.quarantined == []
        assert not journal.report.tampered
        assert journal.report.records == len(self.kept)
        assert 0 <= journal.free_slots <= 240
        assert self.terminal.flash.conflicts == 0


TestJournalMachine = JournalMachine.TestCase
TestJournalMachine.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
