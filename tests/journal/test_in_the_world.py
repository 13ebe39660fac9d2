"""The journal as the terminal has it: its own partition, its key and its anchor in files."""

from __future__ import annotations

from typing import Any

from host_tools.journal import examine
from simulator.filesystem import Littlefs
from simulator.standins.world import World
from simulator.wiring import Wiring
from tests.conftest import new_world


class Powered:
    """One start of the terminal."""

    def __init__(self, wiring: Wiring) -> None:
        vfs = wiring.partition("kassa")
        self.root = Littlefs(wiring.flash, vfs["offset"], vfs["size"])
        self.world: World = new_world(wiring=wiring, root=self.root)
        load = self.world.load
        partition = load("esp32").Partition
        self.key = load("kassa.system.device_key").DeviceKey().load()
        self.journal = load("kassa.journal.journal").Journal(
            partition.find(partition.TYPE_DATA, label="journal")[0],
            load("kassa.journal.sealed").Sealer(self.key),
            load("kassa.journal.anchor").Anchor(),
            load("kassa.system.log").Log(),
        )
        self.report = self.journal.open()


def test_records_and_anchor_survive_power_on(wiring: Wiring) -> None:
    first = Powered(wiring)
    sizes = (190, 0, 500, 1500, 200)
    for number in range(40):
        first.journal.append(number, bytes(sizes[number % 5]))
    first.journal.trim(6)
    first.world.close()
    second = Powered(wiring)
    assert not second.report.tampered and second.report.anchored > 0
    found = {record.sequence: len(record.payload) for record in second.journal.records()}
    assert found == {number + 1: sizes[number % 5] for number in range(5, 40)}
    assert second.report.quarantined == []
    second.world.close()


def test_an_anchor_fits_into_its_directory_entry(wiring: Wiring) -> None:
    """Up to 128 bytes a file lies inside the directory, and rewriting it costs hardly an erase."""
    terminal = Powered(wiring)
    anchored: Any = terminal.world.load("kassa.journal.anchor").Anchored
    largest = anchored(2**32 - 1, 2**32 - 1, 2**32 - 1, bytes(8), 2**32 - 1, 15)
    terminal.world.load("kassa.journal.anchor").Anchor().write(largest)
    assert terminal.world.load("kassa.journal.anchor").Anchor().read() == largest
    terminal.world.close()


def test_a_damaged_anchor_makes_the_log_suspect(wiring: Wiring) -> None:
    terminal = Powered(wiring)
    terminal.journal.append(1, b"x")
    terminal.root.write_file("/state/journal", b"[1, 2")
    terminal.world.close()
    terminal = Powered(wiring)
    assert terminal.report.unanchored
    terminal.world.close()


def test_the_image_of_the_partition_opens_on_the_host(wiring: Wiring) -> None:
    terminal = Powered(wiring)
    for number in range(30):
        terminal.journal.append(number, b"sale %d" % number)
    terminal.world.close()
    place = wiring.partition("journal")
    found = examine(wiring.flash.image(place["offset"], place["size"]), terminal.key)
    assert found.good
    assert [record.payload for record in found.records] == [b"sale %d" % at for at in range(30)]
