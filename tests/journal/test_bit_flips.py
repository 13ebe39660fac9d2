"""Every single bit of a 64 KiB image flipped: it is harmless, or the record it hit is named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from kassa.journal import report as words
from kassa.journal import slots
from kassa.journal.chain import Chain
from kassa.journal.flash_log import BLANK, RECORD, FlashLog, Found
from kassa.journal.journal import Journal
from kassa.journal.report import Report

from host_tools.journal import HostSealer
from simulator.chips.nor_flash import BLOCK, PowerCut
from tests.journal.bench import KEY, SMALL, Events, MemoryAnchor, Terminal, damage, payloads

Place = tuple[int, int]


class Image:
    """A partition in memory, with one bit flipped at a time."""

    def __init__(self, content: bytes) -> None:
        self.content = bytearray(content)

    def readblocks(self, block: int, buffer: bytearray, offset: int = 0) -> None:
        start = block * BLOCK + offset
        buffer[:] = self.content[start : start + len(buffer)]

    def ioctl(self, operation: int, _argument: int) -> int:
        return {4: SMALL // BLOCK, 5: BLOCK}[operation]


class RememberingLog(FlashLog):
    """Remembers what every slot holds; `flipped` names the places that must be read again."""

    def __init__(self, image: Image) -> None:
        super().__init__(image, HostSealer(KEY))
        self.known: dict[Place, Found] = {}
        self.flipped: set[Place] = set()

    def at(self, ordinal: int, slot: int) -> Found:
        place = ordinal, slot
        if place in self.flipped:
            return super().at(ordinal, slot)
        if place not in self.known:
            self.known[place] = super().at(ordinal, slot)
        return self.known[place]


@dataclass
class Subject:
    """An image and what is in it: `owner[slot number on the image]` is its record's place."""

    image: Image
    anchor: list[Any]
    log: RememberingLog
    records: list[Found]
    owner: dict[Place, int]
    first: int
    end: Place
    oldest: int

    def journal(self) -> Journal:
        journal = Journal(self.image, None, MemoryAnchor(self.anchor), Events())  # type: ignore[arg-type]
        journal._flash = self.log
        return journal

    def ordinal(self, block: int) -> int:
        """Of the block on the image, if it lies from the first one in use on."""
        return self.first + (block - self.first) % 16

    def programmed(self, place: Place) -> int:
        """How many bytes of the slot belong to its record."""
        head = self.records[self.owner[place]].head
        assert head is not None
        found = self.records[self.owner[place]]
        step, at = 0, (found.ordinal, found.slot)
        while at != place:
            at = slots.next_place(*at)
            step += 1
        start, room, offset = slots.room(step)
        return start + min(room, head.length + slots.TAG_SIZE - offset) + 1


@pytest.fixture(scope="module")
def subject() -> Subject:
    """A ring that went round, with trimmed, torn and erased slots, and records over several."""
    terminal = Terminal(seed=2)
    journal = terminal.start()
    sizes = (190, 0, 240, 200, 1500, 64, 700)
    number = 0
    while journal._at[0] < 26:
        if journal.free_slots < 15:
            journal.trim(journal.oldest + 10)
        journal.append(number & 0xFF, bytes([number & 0xFF]) * sizes[number % len(sizes)])
        number += 1
        if number % 50 == 0:
            terminal.flash.cut_after(1, 90)
            with pytest.raises(PowerCut):
                journal.append(1, bytes(600))
            journal = terminal.start()
    for _ in range(7):
        journal.append(1, bytes(195))
    journal.trim(journal.oldest + 30)
    journal.prepare()
    # These come after the anchor, which would vouch for them.
    journal.append(1, bytes(400))
    journal.append(1, bytes(186))
    image = Image(terminal.flash.image())
    log = RememberingLog(image)
    end, first = journal._at, journal._tail
    records: list[Found] = []
    owner: dict[Place, int] = {}
    place = (first, 1)
    while place < end:
        found = log.at(*place)
        following = log.after(found)
        if found.state == RECORD:
            at = place
            while at != following:
                owner[at] = len(records)
                at = slots.next_place(*at)
            records.append(found)
        place = following
    assert len(records) > 60
    return Subject(image, terminal.anchor.content, log, records, owner, first, end, journal.oldest)


def outcome(subject: Subject, index: int) -> tuple[list[tuple[str, int]], set[int]]:
    """What the chain says from the record before `index` to two after it, flip included."""
    before, after = max(0, index - 1), min(len(subject.records) - 1, index + 2)
    found = subject.records[before]
    report = Report()
    chain = Chain(subject.log, report, max(found.sequence, subject.oldest))
    place: Place = (found.ordinal, found.slot)
    last = subject.records[after]
    end = subject.log.after(last)
    seen = set()
    while place < end:
        found = subject.log.at(*place)
        place = subject.log.after(found)
        if chain.take(found):
            seen.add(found.sequence)
    chain.finish(last.sequence)
    return [(entry.what, entry.sequence) for entry in report.quarantined], seen


def expected(subject: Subject, index: int) -> set[int]:
    before, after = max(0, index - 1), min(len(subject.records) - 1, index + 2)
    return {
        record.sequence
        for record in subject.records[before : after + 1]
        if record.sequence >= subject.oldest
    }


def test_every_bit_of_every_record_is_covered_and_no_neighbour_is_lost(subject: Subject) -> None:
    content, flips = subject.image.content, 0
    for place, index in subject.owner.items():
        record = subject.records[index]
        needed = record.sequence >= subject.oldest
        # A flipped continuation spoils the record that it belongs to.
        subject.log.flipped = {place, (record.ordinal, record.slot)}
        whole = expected(subject, index)
        used = subject.programmed(place)
        start = place[0] % 16 * BLOCK + place[1] * 256
        for at in range(256):
            for bit in range(8):
                content[start + at] ^= 1 << bit
                told, seen = outcome(subject, index)
                content[start + at] ^= 1 << bit
                flips += 1
                if at >= used or not needed:
                    assert told == [] and seen == whole, (place, at, bit)
                elif told == [(words.MARKER, record.sequence)]:
                    assert seen == whole and at == used - 1, (place, at, bit)
                else:
                    assert told == [(words.RECORD, record.sequence)], (place, at, bit)
                    assert seen == whole - {record.sequence}, (place, at, bit)
    subject.log.flipped = set()
    assert flips == len(subject.owner) * 2048


def test_every_bit_of_every_other_slot_is_harmless(subject: Subject) -> None:
    """Erased, torn and trimmed slots, and what follows the records."""
    content = subject.image.content
    others = [
        (ordinal, slot)
        for ordinal in range(subject.first, subject.first + 16)
        for slot in range(1, 16)
        if (ordinal, slot) not in subject.owner
    ]
    assert len(others) > 40
    needed = [record.sequence for record in subject.records if record.sequence >= subject.oldest]
    flips = 0
    for place in others:
        subject.log.flipped = set()
        trimmed = subject.log.at(*place).state == RECORD and place >= subject.end
        subject.log.flipped = {place}
        start = place[0] % 16 * BLOCK + place[1] * 256
        for at in range(start, start + 256):
            for bit in range(8):
                content[at] ^= 1 << bit
                state = subject.log.at(*place).state
                if flips % 61 == 0:
                    told, seen, report = whole_journal(subject)
                    assert (told, seen, report.tampered) == ([], needed, False), (place, at, bit)
                content[at] ^= 1 << bit
                flips += 1
                assert trimmed or state not in (BLANK, RECORD), (place, at, bit)
    subject.log.flipped = set()


def whole_journal(subject: Subject) -> tuple[list[tuple[str, int]], list[int], Report]:
    journal = subject.journal()
    journal.open()
    seen = [record.sequence for record in journal.records()]
    return (
        [(entry.what, entry.sequence) for entry in journal.report.quarantined],
        seen,
        journal.report,
    )


def test_every_bit_of_the_last_records_is_reported_by_the_whole_journal(subject: Subject) -> None:
    """The end of the log is where damage could be taken for a write that was cut."""
    content = subject.image.content
    needed = [record.sequence for record in subject.records if record.sequence >= subject.oldest]
    for place, index in list(subject.owner.items())[-5:]:
        record = subject.records[index]
        subject.log.flipped = {place, (record.ordinal, record.slot)}
        start = place[0] % 16 * BLOCK + place[1] * 256
        used = subject.programmed(place)
        for at in range(256):
            for bit in range(8):
                content[start + at] ^= 1 << bit
                told, seen, report = whole_journal(subject)
                content[start + at] ^= 1 << bit
                assert not report.tampered, (place, at, bit)
                if at >= used:
                    assert told == [] and seen == needed, (place, at, bit)
                elif told == [(words.MARKER, record.sequence)]:
                    assert seen == needed and at == used - 1, (place, at, bit)
                else:
                    assert told == [(words.RECORD, record.sequence)], (place, at, bit)
                    assert seen == [each for each in needed if each != record.sequence]
    subject.log.flipped = set()


def test_every_bit_of_every_header_costs_no_record(subject: Subject) -> None:
    content = subject.image.content
    needed = [record.sequence for record in subject.records if record.sequence >= subject.oldest]
    reported = 0
    for block in range(16):
        live = subject.first <= subject.ordinal(block) <= subject.records[-1].ordinal
        start = block * BLOCK
        for at in range(start, start + 256):
            # Before the header nothing is ever read: every bit there is like any other.
            for bit in range(8) if at >= start + slots.HEADER_AT else (at % 8,):
                content[at] ^= 1 << bit
                told, seen, report = whole_journal(subject)
                content[at] ^= 1 << bit
                assert seen == needed and not report.tampered, (block, at - start, bit)
                proves = start + slots.HEADER_AT <= at < start + slots.HEADER_AT + 27
                assert told == ([(words.HEADER, 0)] if live and proves else [])
                reported += bool(told)
    assert reported > 10 * 27 * 8


@pytest.mark.parametrize("bit", range(8))
@pytest.mark.parametrize("byte", [0, 5, 9, 15, 20, 26])
def test_the_only_block_there_is_may_lose_its_header(byte: int, bit: int) -> None:
    """Damage is not a replaced log."""
    terminal = Terminal(seed=1)
    journal = terminal.start()
    kept = {journal.append(1, b"record %d" % number): b"record %d" % number for number in range(9)}
    terminal.flash.flip(4096 + 224 + byte, bit)
    journal = terminal.start()
    assert not journal.report.tampered
    assert payloads(journal) == kept
    assert [what for what, _ in damage(journal.report)] == ["block header damaged"]
    sequence = journal.append(1, b"after it")
    assert payloads(terminal.start()) == {**kept, sequence: b"after it"}
