"""Logs that are not what this terminal left: older, exchanged, damaged by the block."""

from __future__ import annotations

import pytest
from kassa.journal import report as words
from kassa.journal.errors import JournalTampered

from host_tools.journal import HostSealer
from simulator.chips.nor_flash import BLOCK, NorFlash
from tests.journal.bench import Terminal, damage, payloads


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


def test_an_older_image_is_noticed_and_written_to_only_after_acceptance(
    terminal: Terminal,
) -> None:
    journal = terminal.start()
    for _ in range(10):
        journal.append(1, b"old")
    older = terminal.flash.snapshot()
    for _ in range(40):
        journal.append(1, b"new")
    terminal.flash.restore(older)
    journal = terminal.start()
    assert journal.report.rolled_back and not journal.report.replaced
    assert journal.report.anchored == 46  # the first record of the fourth block
    for attempt in (lambda: journal.append(1, b"x"), lambda: journal.trim(5)):
        with pytest.raises(JournalTampered):
            attempt()
    assert not journal.prepare()
    assert sorted(payloads(journal)) == list(range(1, 11))
    assert terminal.start().report.rolled_back  # it is not forgotten by a restart
    journal = terminal.start()
    journal.accept()
    assert journal.append(1, b"after") == 47
    journal = terminal.start()
    assert not journal.report.tampered
    assert sorted(payloads(journal)) == [*range(1, 11), 47]
    assert damage(journal.report) == [(words.MISSING, 11)]


def test_a_log_under_another_key_may_hold_money_and_waits_for_somebody_to_look() -> None:
    """The file system is gone, and with it key and anchor: what is in the log is not."""
    lost = Terminal()
    journal = lost.start()
    journal.append(1, b"money")
    image = lost.flash.snapshot()
    terminal = Terminal(sealer=HostSealer(bytes(16)))
    terminal.flash.restore(image)
    journal = terminal.start()
    assert journal.report.replaced and journal.report.tampered
    with pytest.raises(JournalTampered):
        journal.append(1, b"x")
    assert not journal.prepare()
    assert terminal.start().report.tampered
    assert terminal.flash.snapshot() == image
    journal = terminal.start()
    journal.accept()
    journal.append(1, b"after")
    assert payloads(terminal.start()) == {1: b"after"}


def test_an_image_from_within_the_last_block_is_the_window_that_is_not_noticed(
    terminal: Terminal,
) -> None:
    journal = terminal.start()
    for _ in range(20):
        journal.append(1, b"x")
    older = terminal.flash.snapshot()
    for _ in range(8):
        journal.append(1, b"x")
    newer = terminal.flash.snapshot()
    terminal.flash.restore(older)
    assert not terminal.start().report.tampered
    terminal.flash.restore(newer)
    terminal.start().anchor_head()
    terminal.flash.restore(older)
    assert terminal.start().report.rolled_back


def test_an_erased_partition_is_noticed(terminal: Terminal) -> None:
    journal = terminal.start()
    for _ in range(3):
        journal.append(1, b"x")
    terminal.flash.restore(NorFlash(terminal.flash.size, terminal.flash.clock).snapshot())
    journal = terminal.start()
    assert journal.report.replaced
    journal.accept()
    assert journal.append(1, b"again") == 2  # record 1 was anchored
    assert sorted(payloads(terminal.start())) == [2]
    assert not terminal.start().report.tampered


def test_another_terminals_log_is_noticed(terminal: Terminal) -> None:
    other = Terminal(sealer=HostSealer(bytes(16)))
    for one in (terminal, other):
        journal = one.start()
        for _ in range(30):
            journal.append(1, b"x")
    terminal.flash.restore(other.flash.snapshot())
    journal = terminal.start()
    assert journal.report.replaced
    with pytest.raises(JournalTampered):
        journal.append(1, b"x")


def test_another_history_of_the_same_length_is_noticed(terminal: Terminal) -> None:
    journal = terminal.start()
    journal.append(1, b"common")
    flash, anchor = terminal.flash.snapshot(), terminal.anchor.content
    for _ in range(30):
        journal.append(1, b"one history")
    other = terminal.flash.snapshot()
    terminal.flash.restore(flash)
    terminal.anchor.content = anchor
    journal = terminal.start()
    for _ in range(30):
        journal.append(1, b"another")
    terminal.flash.restore(other)
    assert terminal.start().report.replaced


def test_a_record_exchanged_for_one_of_another_history_is_noticed(terminal: Terminal) -> None:
    journal = terminal.start()
    journal.append(1, b"common")
    flash, anchor = terminal.flash.snapshot(), terminal.anchor.content
    journal.append(1, b"exchanged")
    slot = terminal.flash.image(BLOCK + 2 * 256, 256)
    terminal.flash.restore(flash)
    terminal.anchor.content = anchor
    journal = terminal.start()
    for _ in range(3):
        journal.append(1, b"true")
    block = bytearray(terminal.flash.image(BLOCK, BLOCK))
    block[512:768] = slot
    terminal.flash.load(bytes(block), BLOCK)
    journal = terminal.start()
    assert payloads(journal)[2] == b"exchanged"
    assert damage(journal.report) == [(words.CHAIN, 3)]


def test_a_record_copied_elsewhere_is_noticed(terminal: Terminal) -> None:
    journal = terminal.start()
    for number in range(4):
        journal.append(1, bytes([number]))
    block = bytearray(terminal.flash.image(BLOCK, BLOCK))
    block[3 * 256 : 4 * 256] = block[2 * 256 : 3 * 256]
    terminal.flash.load(bytes(block), BLOCK)
    journal = terminal.start()
    assert sorted(payloads(journal)) == [1, 2, 4]
    assert sorted(damage(journal.report)) == [(words.PLACE, 2), (words.MISSING, 3)]


def garble(terminal: Terminal, block: int) -> None:
    terminal.flash.load(bytes(index * 7 & 0xFF for index in range(BLOCK)), block * BLOCK)


def test_a_block_that_is_garbled_costs_its_own_records_only(terminal: Terminal) -> None:
    journal = terminal.start()
    for _ in range(100):
        journal.append(1, b"x")
    journal.anchor_head()
    garble(terminal, 3)
    journal = terminal.start()
    assert not journal.report.tampered
    assert sorted(payloads(journal)) == [*range(1, 31), *range(46, 101)]
    lost = [found for found in journal.report.quarantined if found.what != words.HEADER]
    assert [found.sequence for found in lost] == list(range(31, 46))
    assert journal.append(1, b"on") == 101


def test_a_block_that_is_erased_is_missed(terminal: Terminal) -> None:
    journal = terminal.start()
    for _ in range(100):
        journal.append(1, b"x")
    terminal.flash.erase(3 * BLOCK)
    journal = terminal.start()
    assert sorted(payloads(journal)) == [*range(1, 31), *range(46, 101)]
    assert [found[:3] for found in journal.report.quarantined] == [
        (words.HEADER, 0, 0),
        (words.MISSING, 31, 15),
    ]


def test_a_damaged_header_of_the_newest_block_hides_none_of_its_records(
    terminal: Terminal,
) -> None:
    journal = terminal.start()
    for _ in range(20):
        journal.append(1, b"x")
    terminal.flash.flip(2 * BLOCK + 224 + 5, 0)
    journal = terminal.start()
    assert journal.head == 20 and not journal.report.tampered
    assert sorted(payloads(journal)) == list(range(1, 21))
    assert damage(journal.report) == [(words.HEADER, 0)]
    assert journal.append(1, b"on") == 21
    assert sorted(payloads(terminal.start())) == list(range(1, 22))


@pytest.mark.parametrize("at", (0, 3, 12, 13, 20))
@pytest.mark.parametrize("bit", range(8))
def test_damage_of_the_anchored_newest_record_is_no_roll_back(
    terminal: Terminal, at: int, bit: int
) -> None:
    journal = terminal.start()
    for _ in range(5):
        journal.append(1, bytes(190))
    journal.anchor_head()
    terminal.flash.flip(BLOCK + 5 * 256 + at, bit)
    journal = terminal.start()
    assert not journal.report.tampered
    assert sorted(payloads(journal)) == [1, 2, 3, 4]
    assert damage(journal.report) == [(words.RECORD, 5)]
    assert journal.append(1, b"on") == 6


def test_a_block_erased_ahead_whose_header_is_damaged_is_made_ready_again(
    terminal: Terminal,
) -> None:
    journal = terminal.start()
    journal.append(1, b"x")
    while journal.prepare():
        pass
    terminal.flash.flip(2 * BLOCK + 224 + 5, 0)
    journal = terminal.start()
    for _ in range(29):
        journal.append(1, b"x")
    journal = terminal.start()
    assert len(payloads(journal)) == 30
    assert journal.report.quarantined == []


def test_losing_the_newest_block_is_not_taken_for_an_empty_end(terminal: Terminal) -> None:
    journal = terminal.start()
    for _ in range(100):
        journal.append(1, b"x")
    chip = terminal.flash.snapshot()
    terminal.flash.erase(7 * BLOCK)
    assert terminal.start().report.rolled_back
    terminal.flash.restore(chip)
    garble(terminal, 7)
    journal = terminal.start()
    assert journal.report.tampered or journal.report.quarantined_count
    assert journal.head == 90


def test_records_without_an_anchor_are_suspect(terminal: Terminal) -> None:
    terminal.start().append(1, b"x")
    terminal.anchor.content = None
    journal = terminal.start()
    assert journal.report.unanchored
    with pytest.raises(JournalTampered):
        journal.append(1, b"x")
    journal.accept()
    assert journal.append(1, b"y") == 2
