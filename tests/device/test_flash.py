"""The board's flash: partitions, file system, small values; never the journal's content."""

from __future__ import annotations

from tests.device.bench import Bench

# Stock MicroPython has no use for this partition; what was in it is put back.
_SPARE = "phy_init"


def test_the_partitions_lie_where_the_board_file_has_them(device: Bench) -> None:
    found = device.run(
        "from esp32 import Partition\n"
        "print([p.info()[2:5] for kind in (Partition.TYPE_APP, Partition.TYPE_DATA)"
        " for p in Partition.find(kind)])"
    )
    ours = [(p["offset"], p["size"], p["name"]) for p in device.board["partitions"]]
    assert sorted(found) == sorted(ours)


def test_flash_is_programmed_where_it_is_erased_and_nowhere_else(device: Bench) -> None:
    steps, restored = device.run(
        "from esp32 import Partition\n"
        f"p = Partition.find(Partition.TYPE_DATA, label={_SPARE!r})[0]\n"
        "kept, seen, steps = bytearray(4096), bytearray(6), []\n"
        "def look():\n"
        "    p.readblocks(0, seen, 256)\n"
        "    steps.append(bytes(seen))\n"
        "p.readblocks(0, kept)\n"
        "try:\n"
        "    p.ioctl(6, 0)\n"
        "    look()\n"
        "    p.writeblocks(0, b'\\xf0\\x12\\x34\\x56', 256)\n"
        "    look()\n"
        "    p.writeblocks(0, b'\\x78', 260)\n"
        "    look()\n"
        "    p.writeblocks(0, b'\\x0f' * 4096)\n"
        "    look()\n"
        "finally:\n"
        "    p.writeblocks(0, kept)\n"
        "again = bytearray(4096)\n"
        "p.readblocks(0, again)\n"
        "print((steps, again == kept))"
    )
    erased, programmed, beside, whole = steps
    assert erased == b"\xff" * 6
    assert programmed == b"\xf0\x12\x34\x56\xff\xff"
    # With an offset nothing is erased: the journal programs a block slot by slot.
    assert beside == b"\xf0\x12\x34\x56\x78\xff"
    # Without one the block is.
    assert whole == b"\x0f" * 6
    assert restored


def test_the_file_system_replaces_a_file_as_a_whole(device: Bench) -> None:
    result = device.run(
        "import os\n"
        "def put(path, data):\n"
        "    with open(path, 'wb') as file:\n"
        "        file.write(data)\n"
        "put('/kassa.test', b'old')\n"
        "put('/kassa.test.new', b'new' * 1000)\n"
        "os.rename('/kassa.test.new', '/kassa.test')\n"
        "with open('/kassa.test', 'rb') as file:\n"
        "    data = file.read()\n"
        "os.remove('/kassa.test')\n"
        "print((data == b'new' * 1000, [name for name in os.listdir('/') if 'test' in name],"
        " os.statvfs('/')[0]))"
    )
    assert result == (True, [], 4096)


def test_small_values_are_kept_by_name(device: Bench) -> None:
    assert device.run(
        "from esp32 import NVS\n"
        "values = NVS('kassa_test')\n"
        "values.set_i32('number', -5)\n"
        "values.set_blob('bytes', b'abc')\n"
        "values.commit()\n"
        "buffer = bytearray(8)\n"
        "count = NVS('kassa_test').get_blob('bytes', buffer)\n"
        "number = NVS('kassa_test').get_i32('number')\n"
        "for name in ('number', 'bytes'):\n"
        "    values.erase_key(name)\n"
        "values.commit()\n"
        "try:\n"
        "    values.get_i32('number')\n"
        "    gone = False\n"
        "except OSError:\n"
        "    gone = True\n"
        "print((number, bytes(buffer[:count]), gone))"
    ) == (-5, b"abc", True)
