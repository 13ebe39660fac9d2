"""The same journal on the real MicroPython: same bytes, and little memory."""

from __future__ import annotations

import pytest

from host_tools.journal import examine
from tests.journal import on_device
from tests.journal.bench import KEY, Terminal, payloads
from tests.on_micropython.run import run_script

pytestmark = pytest.mark.micropython

SCAN_HEAP = 16 * 1024


def test_records_survive_wrapping_cuts_and_restarts() -> None:
    script = (
        on_device.SETUP
        + """
partition = Partition(64 * 1024)
journal = start(partition)
sizes = (0, 190, 229, 230, 700, 1500)
kept = {}

class Cut(Exception):
    pass

write = partition.writeblocks
def torn(block, data, offset):
    write(block, data[: len(data) // 2], offset)
    raise Cut

for number in range(400):
    payload = bytes([number & 0xFF]) * sizes[number % len(sizes)]
    if journal.free_slots < 20:
        journal.trim(journal.oldest + 10)
        kept = {at: each for at, each in kept.items() if at >= journal.oldest}
    kept[journal.append(number & 0xFF, payload)] = payload
    if number % 7 == 0:
        journal.prepare()
    if number % 40 == 39:
        partition.writeblocks = torn
        try:
            journal.append(1, b"cut" * 30)
        except Cut:
            pass
        partition.writeblocks = write
        journal = start(partition)
        assert not journal.report.tampered
        assert {r.sequence: r.payload for r in journal.records()} == kept
        assert journal.report.quarantined == [], journal.report.quarantined
older = bytes(partition.memory)
for number in range(40):
    if journal.free_slots < 20:
        journal.trim(journal.oldest + 10)
    journal.append(1, b"later")
partition.memory[:] = older
assert start(partition).report.rolled_back
print("held", len(kept))
"""
    )
    assert run_script(script, heap=4 * 1024 * 1024).startswith("held ")


def test_an_image_from_the_device_opens_on_the_host() -> None:
    script = (
        on_device.SETUP
        + """
partition = Partition(64 * 1024)
journal = start(partition)
for size in (0, 190, 229, 230, 1500):
    journal.append(size & 0xFF, bytes([size & 0xFF]) * size)
print(bytes(partition.memory).hex())
"""
    )
    found = examine(bytes.fromhex(run_script(script, heap=2 * 1024 * 1024)), KEY)
    assert found.good
    assert [record.payload for record in found.records] == [
        bytes([size & 0xFF]) * size for size in (0, 190, 229, 230, 1500)
    ]


def test_the_scan_of_a_full_log_needs_little_memory() -> None:
    script = on_device.SETUP + on_device.FULL_LOG + on_device.SCAN + f"print(scan({SCAN_HEAP}))"
    # Everything up to the last block; 64-bit objects, so the chip needs less.
    assert int(run_script(script, heap=1024 * 1024, timeout_s=60)) == 63 * 15


def test_the_firmwares_sealing_is_the_hosts() -> None:
    script = (
        on_device.SETUP
        + """
sealer = Sealer(KEY)
print(sealer.seal(bytes(11), b"payload", b"associated").hex())
"""
    )
    sealed = bytes.fromhex(run_script(script))
    terminal = Terminal()
    assert terminal.sealer.open(bytes(11), sealed, b"associated") == b"payload"
    assert payloads(terminal.start()) == {}
