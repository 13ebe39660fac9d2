"""The journal in plain cases: it keeps, wraps round, fills up, seals, and knows its own log."""

from __future__ import annotations

import pytest
from kassa.journal import slots
from kassa.journal.errors import JournalError, JournalFull
from kassa.system.ensure import InvariantError

from host_tools.journal import HostSealer
from simulator.chips.nor_flash import BLOCK
from tests.journal.bench import Terminal, payloads

SIZES = (0, 1, 200, 228, 229, 230, 479, 480, 1499, 1500)


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


def test_a_record_is_there_after_power_on(terminal: Terminal) -> None:
    assert terminal.start().append(7, b"a sale") == 1
    journal = terminal.start()
    assert [tuple(record) for record in journal.records()] == [(1, 7, b"a sale")]
    assert (journal.head, journal.oldest, journal.report.records) == (1, 1, 1)


@pytest.mark.parametrize("size", SIZES)
def test_a_payload_of_any_size_comes_back(terminal: Terminal, size: int) -> None:
    payload = bytes(index & 0xFF for index in range(size))
    terminal.start().append(255, payload)
    assert payloads(terminal.start()) == {1: payload}


def test_a_record_takes_the_slots_that_it_says(terminal: Terminal) -> None:
    journal = terminal.start()
    for size in SIZES:
        before, programs = journal.free_slots, terminal.flash.counters.programs
        journal.append(1, bytes(size))
        assert before - journal.free_slots == slots.slots_for(size)
        written = terminal.flash.counters.programs - programs
        assert written in (slots.slots_for(size), slots.slots_for(size) + 1)  # a block's header


def test_a_payload_that_is_too_long_is_refused(terminal: Terminal) -> None:
    with pytest.raises(InvariantError):
        terminal.start().append(1, bytes(1501))


def test_a_full_journal_refuses_and_writes_nothing(terminal: Terminal) -> None:
    journal = terminal.start()
    for _ in range(15 * 16):
        journal.append(1, b"needed")
    assert journal.free_slots == 0
    before = terminal.flash.image()
    with pytest.raises(JournalFull):
        journal.append(1, b"one more")
    assert terminal.flash.image() == before
    assert len(payloads(terminal.start())) == 15 * 16


def test_a_record_that_does_not_fit_as_a_whole_is_refused(terminal: Terminal) -> None:
    journal = terminal.start()
    while journal.free_slots > 3:
        journal.append(1, b"needed")
    with pytest.raises(JournalFull):
        journal.append(1, bytes(1000))
    assert journal.append(1, bytes(500)) == journal.head


def test_trimming_makes_room_block_by_block(terminal: Terminal) -> None:
    journal = terminal.start()
    for _ in range(15 * 16):
        journal.append(1, b"needed")
    journal.trim(15)
    assert journal.free_slots == 0  # record 15 still lies in the first block
    journal.trim(16)
    assert journal.free_slots == 15
    assert journal.append(2, b"new") == 241
    assert sorted(payloads(terminal.start())) == list(range(16, 242))


def test_what_was_trimmed_stays_trimmed(terminal: Terminal) -> None:
    journal = terminal.start()
    for number in range(20):
        journal.append(1, bytes([number]))
    journal.trim(18)
    assert sorted(payloads(terminal.start())) == [18, 19, 20]
    assert terminal.start().oldest == 18


def test_everything_may_be_trimmed(terminal: Terminal) -> None:
    journal = terminal.start()
    for _ in range(40):
        journal.append(1, b"x")
    journal.trim(journal.head + 1)
    journal = terminal.start()
    assert payloads(journal) == {}
    assert (journal.head, journal.oldest) == (40, 41)
    assert journal.append(1, b"next") == 41


def test_going_round_wears_every_block_alike(terminal: Terminal) -> None:
    journal = terminal.start()
    for _ in range(15 * 16 * 5):
        journal.append(1, b"x")
        journal.trim(journal.head)
    wear = terminal.flash.wear
    assert len(wear) == 16
    assert max(wear.values()) - min(wear.values()) <= 1
    assert sum(wear.values()) <= 15 * 16 * 5 / 15 + 1


def test_idle_time_pays_for_the_erase(terminal: Terminal) -> None:
    journal = terminal.start()
    while journal.prepare():
        pass
    erases = terminal.flash.counters.erases
    for _ in range(30):
        journal.append(1, b"x")
    assert terminal.flash.counters.erases == erases


def test_preparing_erases_one_block_at_most(terminal: Terminal) -> None:
    journal = terminal.start()
    for _ in range(10):
        before = terminal.flash.counters.erases
        more = journal.prepare()
        assert terminal.flash.counters.erases - before <= 1
    assert not more


def test_nothing_needed_is_erased_ahead(terminal: Terminal) -> None:
    journal = terminal.start()
    for _ in range(15 * 15):
        journal.append(1, b"needed")
    for _ in range(5):
        journal.prepare()
    assert len(payloads(terminal.start())) == 15 * 15


def test_records_can_be_appended_while_reading(terminal: Terminal) -> None:
    journal = terminal.start()
    journal.append(1, b"one")
    seen = []
    for record in journal.records():
        seen.append(record.sequence)
        if record.sequence < 4:
            journal.append(1, b"and on")
    assert seen == [1, 2, 3, 4]
    assert journal.report.quarantined_count == 0


def test_the_flash_shows_no_payload(terminal: Terminal) -> None:
    journal = terminal.start()
    journal.append(1, b"4761 7390 0101 0010")
    assert b"4761" not in terminal.flash.image()


class WatchingSealer(HostSealer):
    """Refuses to see a nonce twice."""

    def __init__(self) -> None:
        super().__init__(bytes(16))
        self.used: set[bytes] = set()

    def seal(self, nonce: bytes, data: bytes, associated: bytes) -> bytes:
        assert nonce not in self.used
        self.used.add(nonce)
        return super().seal(nonce, data, associated)


def test_no_nonce_comes_twice_even_with_a_restored_image() -> None:
    sealer = WatchingSealer()
    terminal = Terminal(sealer=sealer)
    journal = terminal.start()
    journal.append(1, b"before")
    flash, anchor = terminal.flash.snapshot(), terminal.anchor.content
    for _ in range(20):
        terminal.flash.restore(flash)
        terminal.anchor.content = anchor
        journal = terminal.start()
        for number in range(20):
            journal.append(1, bytes([number]))
    assert len(sealer.used) > 400


def test_the_number_of_starts_alone_keeps_nonces_apart() -> None:
    terminal = Terminal()
    terminal._random.randbytes = bytes  # type: ignore[method-assign]
    epochs = {terminal.start()._epoch for _ in range(50)}
    assert len(epochs) == 50


def test_a_new_terminal_starts_on_a_partition_that_held_something_else(terminal: Terminal) -> None:
    terminal.flash.load(bytes(range(256)) * 256)
    journal = terminal.start()
    assert not journal.report.tampered
    journal.append(1, b"first")
    assert payloads(terminal.start()) == {1: b"first"}


def test_a_record_is_kept_when_its_anchor_cannot_be_written(terminal: Terminal) -> None:
    journal = terminal.start()
    terminal.anchor.fail = True
    journal.append(1, b"x")
    assert "not anchored" in terminal.events.said
    terminal.anchor.fail = False
    journal.prepare()
    assert terminal.anchor.content[2] == 1
    assert payloads(terminal.start()) == {1: b"x"}


def test_nothing_is_trimmed_when_that_cannot_be_made_durable(terminal: Terminal) -> None:
    journal = terminal.start()
    for _ in range(5):
        journal.append(1, b"x")
    terminal.anchor.fail = True
    with pytest.raises(OSError):
        journal.trim(4)
    assert journal.oldest == 1


def test_a_flash_that_does_not_take_the_data_is_noticed_and_its_nonce_is_spent() -> None:
    terminal = Terminal(sealer=WatchingSealer())
    journal = terminal.start()
    journal.append(1, b"x")
    program, terminal.flash.program = terminal.flash.program, lambda *_: None  # type: ignore[method-assign]
    with pytest.raises(JournalError):
        journal.append(1, b"y")
    terminal.flash.program = program  # type: ignore[method-assign]
    assert journal.append(1, b"z") == 2
    assert payloads(terminal.start()) == {1: b"x", 2: b"z"}


@pytest.mark.parametrize("size", (64 * 1024, 256 * 1024, 4 * 1024 * 1024))
def test_opening_reads_little(size: int) -> None:
    terminal = Terminal(size)
    journal = terminal.start()
    count = journal.free_slots - 20
    for _ in range(count):
        journal.append(1, b"x")
    journal.trim(count // 2)
    while journal.prepare():
        pass
    journal = terminal.start()
    assert journal.report.reads <= size // BLOCK + 90
    assert (journal.head, journal.oldest) == (count, count // 2)


def test_a_typical_sale_costs_a_fifth_more_flash_than_payload_and_a_fifteenth_of_an_erase(
    terminal: Terminal,
) -> None:
    """180 to 200 bytes before sealing, headers of blocks included."""
    journal = terminal.start()
    before = terminal.flash.counters.programmed_bytes
    sizes = [180 + number % 21 for number in range(900)]
    for size in sizes:
        journal.append(1, bytes(size))
        journal.trim(journal.head)
    programmed = terminal.flash.counters.programmed_bytes - before
    assert programmed <= 1.2 * sum(sizes)
    assert terminal.flash.counters.erases <= len(sizes) / 15


def test_a_partition_of_another_size_is_refused() -> None:
    for size in (BLOCK * 15, BLOCK * 1025):
        with pytest.raises(InvariantError):
            Terminal(size).start()


def test_writes_are_whole_cipher_blocks_on_an_encrypted_partition(terminal: Terminal) -> None:
    journal = terminal.start()
    journal._flash._align = 16
    before = terminal.flash.counters.programmed_bytes
    journal.append(1, bytes(190))
    assert (terminal.flash.counters.programmed_bytes - before) % 16 == 0
    assert payloads(terminal.start()) == {1: bytes(190)}


def test_the_records_from_a_sequence_on_are_found_with_few_reads() -> None:
    terminal = Terminal(size=256 * 1024)
    journal = terminal.start()
    for number in range(800):
        journal.append(1, b"record %d" % number)
    journal.trim(100)
    for sequence in (1, 100, 101, 350, 799, 800):
        before = journal._flash.reads
        first = next(iter(journal.records_from(sequence)))
        assert first.sequence == max(sequence, 100)
        assert first.payload == b"record %d" % (first.sequence - 1)
        # Halving 64 blocks, and the block where it begins.
        assert journal._flash.reads - before < 40
    assert [each.sequence for each in journal.records_from(790)] == list(range(790, 801))
    assert list(journal.records_from(801)) == []
    assert journal.report.quarantined == []
