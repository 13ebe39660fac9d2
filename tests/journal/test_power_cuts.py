"""Power fails at every flash operation, and inside each: what was confirmed is there."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from kassa.journal.errors import JournalFull
from kassa.journal.journal import Journal

from simulator.chips.nor_flash import PowerCut, Torn
from tests.journal.bench import Terminal, WholeTerminal, payloads

HOW: tuple[Torn, ...] = (
    *("none", "half", "all_but_last", "all", "random", "random"),
    *(1, 5, 18, 19, 27, 128, 230, 255),
)
STEPS = 90


@dataclass
class Ledger:
    """What the journal has confirmed, and what it was about to confirm when the power failed."""

    kept: dict[int, bytes] = field(default_factory=dict)
    oldest: int = 1
    doubtful: bytes | None = None
    trimming: int = 0


def work(journal: Journal, ledger: Ledger, seed: int) -> None:
    """Fill a ring that is nearly full, so that trimming, erasing and wrapping all take part."""
    choose = random.Random(seed)
    for _ in range(STEPS):
        action = choose.random()
        if action < 0.8:
            payload = choose.randbytes(choose.choice((30, 190, 200, 500, 1500)))
            ledger.doubtful = payload
            try:
                sequence = journal.append(3, payload)
            except JournalFull:
                trim(journal, ledger, journal.oldest + 12)
                continue
            finally:
                ledger.doubtful = payload
            ledger.kept[sequence] = payload
            ledger.doubtful = None
        elif action < 0.9:
            trim(journal, ledger, journal.oldest + choose.randrange(6))
        else:
            journal.prepare()


def trim(journal: Journal, ledger: Ledger, before: int) -> None:
    ledger.doubtful = None
    ledger.trimming = min(before, journal.head + 1)
    journal.trim(before)
    ledger.oldest = journal.oldest


def check(journal: Journal, ledger: Ledger) -> None:
    found = payloads(journal)
    report = journal.report
    assert not report.tampered
    assert report.quarantined == []
    oldest = max(ledger.oldest, min(journal.oldest, ledger.trimming))
    needed = {at: payload for at, payload in ledger.kept.items() if at >= oldest}
    extra = {at: payload for at, payload in found.items() if at not in ledger.kept}
    assert {at: payload for at, payload in found.items() if at in needed} == needed
    assert set(found) - set(needed) == set(extra)
    assert list(extra.values()) in ([], [ledger.doubtful])


def prepared(seed: int) -> tuple[Terminal, Ledger]:
    """A terminal whose ring has gone round once."""
    terminal, ledger = Terminal(seed=seed), Ledger()
    journal = terminal.start()
    for number in range(15 * 13):
        payload = bytes([number])
        ledger.kept[journal.append(1, payload)] = payload
    return terminal, ledger


def operations(seed: int) -> int:
    terminal, ledger = prepared(seed)
    before = terminal.flash.counters.operations
    work(terminal.start(), ledger, seed)
    return terminal.flash.counters.operations - before


@pytest.mark.parametrize("how", HOW)
def test_nothing_confirmed_is_lost_wherever_the_power_fails(how: Torn) -> None:
    seed = 11
    count = operations(seed)
    assert count > 120
    start, ledger_at_start = prepared(seed)
    chip, anchor = start.flash.snapshot(), start.anchor.content
    for cut in range(1, count + 1):
        terminal = Terminal(seed=cut)
        terminal.flash.restore(chip)
        terminal.anchor.content = anchor
        ledger = Ledger(dict(ledger_at_start.kept))
        journal = terminal.start()
        terminal.flash.cut_after(cut, how)
        with pytest.raises(PowerCut):
            work(journal, ledger, seed)
        journal = terminal.start()
        check(journal, ledger)
        ledger.kept = payloads(journal)
        ledger.oldest = journal.oldest
        # And it goes on, as if nothing had been.
        while journal.free_slots < 60:
            trim(journal, ledger, journal.oldest + 15)
        for number in range(20):
            payload = bytes([number]) * 100
            ledger.kept[journal.append(1, payload)] = payload
        ledger.doubtful = None
        check(terminal.start(), ledger)
        assert terminal.flash.conflicts == 0


@pytest.mark.parametrize("how", ("none", "half", "all_but_last", "all", "random"))
def test_power_may_fail_while_the_anchor_is_written_too(how: Torn) -> None:
    first = WholeTerminal(seed=5)
    journal = first.start()
    for _ in range(14):
        journal.append(1, b"before")
    chip = first.flash.snapshot()

    def go_on(journal: Journal, ledger: Ledger) -> None:
        for number in range(3):
            ledger.doubtful = bytes([number]) * 50
            ledger.kept[journal.append(1, ledger.doubtful)] = ledger.doubtful
        trim(journal, ledger, 12)
        journal.append(1, b"last")
        ledger.kept[journal.head] = b"last"

    terminal = WholeTerminal()
    terminal.flash.restore(chip)
    journal = terminal.start()
    before = terminal.flash.counters.operations
    go_on(journal, Ledger())
    count = terminal.flash.counters.operations - before
    assert count >= 8
    for cut in range(1, count + 3):
        terminal = WholeTerminal(seed=cut)
        terminal.flash.restore(chip)
        ledger = Ledger(dict.fromkeys(range(1, 15), b"before"))
        if cut <= count:
            journal = terminal.start()
            terminal.flash.cut_after(cut, how)
            with pytest.raises(PowerCut):
                go_on(journal, ledger)
            ledger.doubtful = ledger.doubtful or b"last"
        else:
            # While it is opened: the number of starts is written.
            terminal.flash.cut_after(cut - count, how)
            with pytest.raises(PowerCut):
                for _ in range(3):
                    terminal.start()
        check(terminal.start(), ledger)


def test_a_slot_spoilt_by_a_cut_is_not_made_up_for_with_a_needed_one() -> None:
    """In a ring that is full but for one slot, and that slot torn."""
    terminal = Terminal(seed=3)
    journal = terminal.start()
    while journal.free_slots > 1:
        journal.append(1, b"needed")
    terminal.flash.cut_after(1, "half")
    with pytest.raises(PowerCut):
        journal.append(1, b"one more")
    journal = terminal.start()
    for _ in range(3):
        with pytest.raises(JournalFull):
            journal.append(1, b"one more")
    assert len(payloads(terminal.start())) == 15 * 16 - 1


def test_power_that_fails_again_and_again_costs_slots_and_no_record() -> None:
    terminal = Terminal(seed=4)
    kept: dict[int, bytes] = {}
    for round_number in range(60):
        journal = terminal.start()
        sequence = journal.append(1, b"kept %d" % round_number)
        kept[sequence] = b"kept %d" % round_number
        terminal.flash.cut_after(1, 20 + round_number)
        with pytest.raises(PowerCut):
            journal.append(1, bytes(700))
    journal = terminal.start()
    assert payloads(journal) == kept
    assert journal.report.torn > 35
    assert terminal.flash.conflicts == 0


@pytest.mark.parametrize("rounds", [1, 2, 3, 7])
@pytest.mark.parametrize("slots_written", [1, 2, 3])
def test_a_long_record_begun_again_and_again_is_no_damage(rounds: int, slots_written: int) -> None:
    """Each attempt has the sequence of the one before, and lies right behind its first slots."""
    for seed in range(40):
        terminal = Terminal(seed=seed)
        terminal.start().prepare()
        for _ in range(rounds):
            journal = terminal.start()
            terminal.flash.cut_after(slots_written + 1, "none")
            with pytest.raises(PowerCut):
                journal.append(1, bytes(230 if slots_written == 1 else 1500))
            terminal.flash.no_cut()
        journal = terminal.start()
        assert payloads(journal) == {}
        assert journal.report.quarantined == []
        assert journal.append(1, b"after it") == 1
        assert payloads(terminal.start()) == {1: b"after it"}
