"""Virtual boards with a till's flash on them: real money in the journal, real keys in the files.

A till (`tests.powercut.till`) sells in virtual time, its flash is put onto a board that mpremote
can reach, and what is on that board afterwards can go on selling as a till.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from simulator.acquirer.pki import Pki
from simulator.board_thread import BoardThread
from simulator.chips.nor_flash import NorFlash, Snapshot
from simulator.filesystem import Littlefs, install
from tests.host.bench import config_document
from tests.powercut.till import Moment, Till

# What boot.py does, without slots.
BOOT = b"""
import vfs
from esp32 import Partition
places = [Partition.find(Partition.TYPE_DATA, label=label)[0] for label in ("kassa", "vfs")]
try:
    main, ours = map(vfs.VfsLfs2, places)
    vfs.umount("/")
    vfs.mount(main, "/")
    vfs.mount(ours, "/boot")
except OSError:
    print("service")
"""
# A terminal as far as a computer on its port can tell.
MAIN = b"""
import machine, time
dog = machine.WDT(timeout=2500)
print("open for business")
while True:
    dog.feed()
    time.sleep_ms(100)
"""
MANIFEST = b'{"version": "0.1.0+1", "board": "esp32s3_devkitc"}'


def sold(pki: Pki, seed: int = 0) -> Moment:
    """The evening of a day: eight sales approved, and two stored offline."""
    till = Till(pki, seed)
    for _ in range(8):
        till.sale(1250)
    till.network.down()
    till.sale(700, offline=True)
    till.sale(5050, offline=True)
    till.power_off()
    finish(till)
    return till.moment()


def finish(till: Till) -> None:
    """What a till of the tests does without: configuration and a version."""
    root = till.wiring.filesystem()
    for path, content in {
        "/config/terminal.json": json.dumps(config_document()).encode(),
        "/config/emv.json": b"{}",
        "/slot_a/manifest.json": MANIFEST,
        "/main.py": MAIN,
    }.items():
        root.write_file(path, content)


@dataclass
class Place:
    """A virtual board, and what is on its flash."""

    board: BoardThread

    @property
    def flash(self) -> NorFlash:
        return self.board.board.flash

    def partition(self, name: str) -> tuple[int, int]:
        place = self.board.board.wiring.partition(name)
        return place["offset"], place["size"]

    def image(self, name: str) -> bytes:
        return self.flash.image(*self.partition(name))

    def files(self) -> Littlefs:
        """The terminal's file system; only while the power is off."""
        return Littlefs(self.flash, *self.partition("kassa"))

    def off(self) -> None:
        self.board.do(self.board.board.cut_power)
        self.flash.power_on()

    def on(self) -> None:
        """With the power, the boot file system comes; returns when the program runs."""
        said: list[bytes] = []
        self.board.board.console.on_output[:] = [said.append]
        install(self.flash, *self.partition("vfs"), {"/boot.py": BOOT})
        self.board.do(self.board.board.power_on)
        ready = (b"business", b">>> ")
        assert self.board.until(lambda: any(word in b"".join(said) for word in ready))

    def put(self, flash: Snapshot) -> None:
        """Give the board another one's flash, and the power."""
        self.off()
        self.flash.restore(flash)
        self.on()

    def put_blank(self) -> None:
        """A new board: an empty file system, no journal."""
        self.off()
        self.flash.load(b"\xff" * self.flash.size)
        self.files().write_file("/main.py", MAIN)
        self.on()

    def spoil_files(self) -> None:
        """The terminal's file system cannot be mounted any more."""
        self.off()
        self.flash.load(b"\x55" * 8192, self.partition("kassa")[0])
        self.on()
