"""Partitions, NVS and files: what the firmware stores is on the flash chip, and survives."""

from __future__ import annotations

import pytest

from simulator.chips.buses import DataSheetViolation
from simulator.chips.nor_flash import PowerCut
from simulator.clock import VirtualClock
from simulator.standins.world import World
from simulator.wiring import Wiring
from tests.conftest import bare_board, new_world

BLOCK = 4096


@pytest.fixture
def wiring() -> Wiring:
    return Wiring(bare_board(), VirtualClock())


@pytest.fixture
def world(wiring: Wiring) -> World:
    return new_world(wiring=wiring, root=wiring.filesystem())


@pytest.fixture
def journal(world: World):
    (found,) = world.load("esp32").Partition.find(1, label="journal")
    return found


# -- partitions


def test_find_gives_what_the_partition_table_says(world: World):
    partition = world.load("esp32").Partition
    data = [p.info() for p in partition.find(partition.TYPE_DATA)]
    assert [info[4] for info in data] == ["nvs", "phy_init", "vfs", "kassa", "journal"]
    assert (1, 6, 0xF00000, 0x100000, "journal", False) in data
    assert partition.find(partition.TYPE_DATA, 0x02)[0].info()[4] == "nvs"
    assert partition.find(partition.TYPE_DATA, label="nothing") == []
    assert partition("journal").info()[4] == "journal"
    assert partition(partition.RUNNING).info()[4] == "factory"
    with pytest.raises(OSError, match="ENOENT"):
        partition("nothing")


def test_ioctl_tells_the_geometry_and_erases(journal, wiring: Wiring):
    assert (journal.ioctl(4, 0), journal.ioctl(5, 0)) == (256, BLOCK)
    assert [journal.ioctl(op, 0) for op in (1, 2, 3)] == [0, 0, 0]
    assert journal.ioctl(99, 0) is None
    journal.writeblocks(3, b"\x00" * 16, 0)
    assert journal.ioctl(6, 3) == 0
    assert wiring.flash.image(0xF00000 + 3 * BLOCK, 16) == b"\xff" * 16


def test_two_arguments_erase_and_three_do_not(journal, wiring: Wiring):
    journal.writeblocks(0, b"\x0f" * BLOCK)
    journal.writeblocks(0, b"\xf0" * BLOCK)
    content = bytearray(BLOCK)
    journal.readblocks(0, content)
    assert content == b"\xf0" * BLOCK
    erases = wiring.flash.counters.erases
    journal.writeblocks(1, b"ab", 10)
    journal.writeblocks(1, b"cd", 12)
    assert wiring.flash.counters.erases == erases
    content = bytearray(6)
    journal.readblocks(1, content, 9)
    assert content == b"\xffabcd\xff"


def test_programming_what_was_not_erased_is_a_violation(world: World, journal):
    journal.writeblocks(1, b"\x00", 0)
    with pytest.raises(BaseException) as ended:
        journal.writeblocks(1, b"\x01", 0)
    assert not isinstance(ended.value, Exception)
    with pytest.raises(DataSheetViolation):
        world.run_until(lambda: False, 0)


def test_blocks_may_be_smaller_than_the_flashs_own(world: World):
    small = world.load("esp32").Partition("journal", 512)
    assert (small.ioctl(4, 0), small.ioctl(5, 0)) == (2048, 512)
    for number in range(8):
        small.writeblocks(number, bytes([number]) * 512)
    small.writeblocks(3, b"\xaa" * 512)
    content = bytearray(BLOCK)
    small.readblocks(0, content)
    expected = b"".join(bytes([0xAA if n == 3 else n]) * 512 for n in range(8))
    assert bytes(content) == expected


def test_nothing_reaches_beyond_its_partition(journal):
    for call in (
        lambda: journal.readblocks(255, bytearray(BLOCK + 1)),
        lambda: journal.writeblocks(256, b"x", 0),
        lambda: journal.ioctl(6, 256),
    ):
        with pytest.raises(OSError, match="EINVAL"):
            call()


def test_flash_takes_its_time(world: World, journal):
    before = world.clock.now_ns
    journal.ioctl(6, 0)
    erased = world.clock.now_ns
    journal.writeblocks(0, bytes(256), 0)
    assert erased - before >= 40_000_000
    assert 100_000 <= world.clock.now_ns - erased <= 2_000_000


def test_a_power_cut_inside_a_write_ends_the_world_and_reaches_the_bench(
    wiring: Wiring, world: World
):
    parts = world.execute(
        "import esp32\n"
        "done = []\n"
        "async def main():\n"
        "    p = esp32.Partition('journal')\n"
        "    for n in range(10):\n"
        "        try:\n            p.writeblocks(0, b'abcd', n * 16)\n"
        "        except BaseException:\n            done.append('caught')\n            raise\n"
        "        done.append(n)\n"
    )
    wiring.flash.cut_after(4, "half")
    with pytest.raises(PowerCut):
        world.run(parts.main())
    assert parts.done == [0, 1, 2, "caught"]
    assert wiring.flash.image(0xF00000 + 48, 4) == b"ab\xff\xff"
    again = new_world(wiring=wiring)
    content = bytearray(4)
    again.load("esp32").Partition("journal").readblocks(0, content, 16)
    assert content == b"abcd"


# -- NVS


def test_nvs_keeps_numbers_and_blobs_over_a_power_cycle(wiring: Wiring, world: World):
    nvs = world.load("esp32").NVS("kassa")
    nvs.set_i32("number", -7)
    nvs.set_blob("blob", b"abc")
    nvs.commit()
    wiring.mcu.power_off()
    nvs = new_world(wiring=wiring).load("esp32").NVS("kassa")
    buffer = bytearray(5)
    assert (nvs.get_i32("number"), nvs.get_blob("blob", buffer)) == (-7, 3)
    assert buffer == b"abc\x00\x00"
    nvs.erase_key("number")
    with pytest.raises(OSError) as caught:
        nvs.get_i32("number")
    assert caught.value.args == (-0x1102, "ESP_ERR_NVS_NOT_FOUND")


def test_nvs_refuses_what_does_not_fit(world: World):
    nvs = world.load("esp32").NVS("kassa")
    with pytest.raises(OverflowError):
        nvs.set_i32("number", 2**31)
    with pytest.raises(OSError):
        nvs.set_i32("a_key_of_sixteen", 1)
    nvs.set_blob("blob", b"abc")
    with pytest.raises(OSError) as caught:
        nvs.get_blob("blob", bytearray(2))
    assert caught.value.errno == -0x110C


# -- files


def test_files_are_text_or_bytes_as_asked(world: World):
    names = world.execute(
        "with open('/a.txt', 'w') as f: written = f.write('grün\\nzwei\\n')\n"
        "with open('/a.txt') as f: text = (f.read(4), f.readline(), f.readline(), f.read())\n"
        "with open('/a.txt', 'rb') as f: content = f.read(2), f.tell(), f.seek(-5, 2), f.read()\n"
        "with open('/a.txt', 'a') as f: f.write('drei')\n"
        "with open('/a.txt') as f: lines = [line for line in f]\n"
        "buffer = bytearray(3)\n"
        "with open('/a.txt', 'rb') as f: count = f.readinto(buffer)\n"
    )
    assert names.text == ("grün", "\n", "zwei\n", "")
    assert names.content == (b"gr", 2, 6, b"zwei\n")
    assert names.lines == ["grün\n", "zwei\n", "drei"]
    assert (names.count, names.buffer) == (3, b"gr\xc3")


def test_a_file_that_was_not_closed_keeps_its_old_content(wiring: Wiring, world: World):
    world.execute(
        "with open('/a', 'wb') as f: f.write(b'old')\ng = open('/a', 'wb')\ng.write(b'new')"
    )
    wiring.mcu.power_off()
    again = new_world(wiring=wiring, root=wiring.filesystem())
    assert again.execute("with open('/a', 'rb') as f: content = f.read()").content == b"old"


def test_the_functions_of_os(world: World):
    names = world.execute(
        "import os\n"
        "os.mkdir('/d')\n"
        "with open('/d/a', 'wb') as f: f.write(b'12345')\n"
        "stat = os.stat('/d/a')\n"
        "os.rename('/d/a', '/d/b')\n"
        "listed = os.listdir('/d'), list(os.ilistdir('/d'))\n"
        "os.chdir('/d')\n"
        "here = os.getcwd(), os.stat('b')[6], os.listdir('..'), os.listdir()\n"
        "os.remove('b')\n"
        "os.chdir('/')\n"
        "os.rmdir('/d')\n"
        "left = os.listdir()\n"
        "vfs = os.statvfs('/')\n"
    )
    assert names.stat[0] == 0x8000
    assert names.stat[6] == 5
    assert names.listed == (["b"], [("b", 0x8000, 0, 5)])
    assert names.here == ("/d", 5, ["d"], ["b"])
    assert names.left == []
    assert (names.vfs[0], names.vfs[2]) == (BLOCK, 0xBA0000 // BLOCK)


@pytest.mark.parametrize(
    ("call", "number"),
    [
        ("open('/nothing')", 2),
        ("os.remove('/nothing')", 2),
        ("os.listdir('/nothing')", 2),
        ("os.mkdir('/d')", 17),
        ("open('/d', 'w')", 21),
        ("os.rmdir('/d')", 39),
        ("open('/a', 'q')", 22),
        ("os.chdir('/nothing')", 2),
    ],
)
def test_errors_carry_the_devices_numbers(world: World, call: str, number: int):
    world.execute("import os\nos.mkdir('/d')\nwith open('/d/f', 'w') as f: f.write('x')")
    with pytest.raises(OSError) as caught:
        world.execute(f"import os\n{call}")
    assert caught.value.errno == number


def test_random_bytes_are_the_worlds_own(wiring: Wiring):
    def drawn(seed: int) -> bytes:
        return new_world(bare_board(), seed).load("os").urandom(16)

    assert drawn(1) == drawn(1) != drawn(2)
