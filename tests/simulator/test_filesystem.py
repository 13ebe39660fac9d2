"""littlefs on the flash model: MicroPython's errors, and files that survive any power cut."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.chips.nor_flash import BLOCK, NorFlash, PowerCut
from simulator.clock import VirtualClock
from simulator.filesystem import DIRECTORY, REGULAR, Littlefs, build_image, install

OFFSET, SIZE = 8 * BLOCK, 32 * BLOCK


def chip(seed: int = 0) -> NorFlash:
    return NorFlash(64 * BLOCK, VirtualClock(), seed)


def mounted(flash: NorFlash | None = None) -> Littlefs:
    return Littlefs(flash or chip(), OFFSET, SIZE)


def errno_of(action: Callable[[], object]) -> int:
    with pytest.raises(OSError) as caught:
        action()
    assert len(caught.value.args) == 1
    return caught.value.args[0]


def test_a_blank_partition_is_formatted_and_found_again() -> None:
    flash = chip()
    mounted(flash).write_file("/a/b/c.txt", b"text")
    before = flash.counters.operations
    again = mounted(flash)
    assert again.read_file("/a/b/c.txt") == b"text"
    assert flash.counters.operations == before


def test_nothing_outside_the_partition_is_touched() -> None:
    flash = chip()
    mounted(flash).write_file("/big", bytes(60_000))
    assert flash.image(0, OFFSET) == b"\xff" * OFFSET
    assert set(flash.image(OFFSET + SIZE)) == {0xFF}


def test_a_partition_that_holds_something_else_is_not_formatted() -> None:
    flash = chip()
    flash.program(OFFSET, b"precious")
    assert errno_of(lambda: mounted(flash)) == 84
    assert flash.image(OFFSET, 8) == b"precious"


def test_errors_are_micropythons() -> None:
    fs = mounted()
    fs.write_file("/dir/file", b"x")
    assert errno_of(lambda: fs.open("/none")) == 2
    assert errno_of(lambda: fs.stat("/none")) == 2
    assert errno_of(lambda: fs.listdir("/none")) == 2
    assert errno_of(lambda: fs.remove("/dir")) == 39
    assert errno_of(lambda: fs.mkdir("/dir")) == 17
    assert errno_of(lambda: fs.open("/dir")) == 21
    assert errno_of(lambda: fs.open("/dir/file", "x")) == 17
    assert errno_of(lambda: fs.listdir("/dir/file")) == 20
    assert errno_of(lambda: fs.open("/dir/file").write(b"y")) == 9


def test_a_full_file_system_says_so() -> None:
    fs = mounted()
    assert errno_of(lambda: fs.write_file("/big", bytes(SIZE))) == 28


def test_entries_tell_their_kind_and_size() -> None:
    fs = mounted()
    fs.write_file("/dir/file", b"12345")
    fs.write_file("/top", b"")
    assert set(fs.ilistdir("/")) == {("dir", DIRECTORY, 0, 0), ("top", REGULAR, 0, 0)}
    assert fs.listdir("/dir") == ["file"]
    assert fs.stat("/dir/file")[0] == REGULAR and fs.stat("/dir/file")[6] == 5
    assert fs.stat("/")[0] == fs.stat("/dir")[0] == DIRECTORY
    assert fs.statvfs()[:3] == (BLOCK, BLOCK, SIZE // BLOCK)


def test_files_are_read_written_and_positioned() -> None:
    fs = mounted()
    with fs.open("/f", "wb") as file:
        assert file.write(b"0123456789") == 10
    with fs.open("/f", "r+b") as file:
        assert file.seek(-3, 2) == 7
        file.write(b"X")
        file.seek(5)
        buffer = bytearray(b"........")
        assert file.readinto(buffer) == 5 and buffer == b"56X89..."
        assert file.tell() == 10
    with fs.open("/f", "ab") as file:
        file.write(b"+")
    assert fs.read_file("/f") == b"0123456X89+"
    with pytest.raises(ValueError, match="closed"):
        file.read()


def test_a_rename_replaces() -> None:
    fs = mounted()
    fs.write_file("/old", b"old")
    fs.write_file("/new", b"new")
    fs.rename("/new", "/old")
    assert fs.read_file("/old") == b"new"
    assert fs.listdir("/") == ["old"]


def test_a_file_that_was_never_closed_keeps_its_old_content() -> None:
    flash = chip()
    fs = mounted(flash)
    fs.write_file("/f", b"old")
    for _ in range(20):
        fs.open("/f", "wb").write(b"new" * 100)
        gc.collect()
    fs.write_file("/g", b"other")
    assert mounted(flash).read_file("/f") == b"old"


@pytest.mark.parametrize("torn", ["none", "half", "all_but_last", "all", "random"])
def test_a_power_cut_at_any_operation_leaves_the_old_or_the_new_content(torn: str) -> None:
    flash = chip(seed=9)
    fs = mounted(flash)
    fs.write_file("/small", b"0" * 100)
    fs.write_file("/large", b"0" * 5000)
    start = flash.snapshot()
    for operation in range(1, 200):
        flash.restore(start)
        fs = mounted(flash)
        flash.cut_after(operation, torn)
        done = doing = 0
        try:
            for doing in range(1, 4):
                fs.write_file("/small", b"%d" % doing * 100)
                fs.write_file("/large", b"%d" % doing * 5000)
                done = doing
        except PowerCut:
            pass
        if flash.powered:
            flash.no_cut()
            assert operation > 20
            return
        with pytest.raises(PowerCut):
            fs.listdir("/")
        flash.power_on()
        fs = mounted(flash)
        for name, size in (("/small", 100), ("/large", 5000)):
            assert fs.read_file(name) in (b"%d" % done * size, b"%d" % doing * size), operation
        fs.write_file("/after", b"goes on")
        assert fs.read_file("/after") == b"goes on"


def test_an_image_holds_its_files_and_costs_neither_time_nor_wear() -> None:
    files = {
        "/main.py": b"print()",
        "/kassa/a.mpy": bytes(9000),
        "/config/terminal.json": b"{}",
        "/empty": b"",
    }
    flash = chip()
    install(flash, OFFSET, SIZE, files)
    assert flash.clock.now_ns == 0 and not flash.wear
    fs = mounted(flash)
    assert {path: fs.read_file(path) for path in fs.walk()} == files
    assert build_image(files, SIZE) == flash.blocks(OFFSET, SIZE)
    files["/config/terminal.json"] = b"{1}"
    install(flash, OFFSET, SIZE, files)
    assert mounted(flash).read_file("/config/terminal.json") == b"{1}"


@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["/a", "/b", "/c"]), st.none() | st.binary(max_size=6000) | st.just(0)
        ),
        max_size=25,
    )
)
def test_it_agrees_with_a_dictionary(steps: list) -> None:
    flash = chip()
    fs = mounted(flash)
    model: dict[str, bytes] = {}
    for path, content in steps:
        if content is None:
            if path in model:
                fs.remove(path)
                del model[path]
        elif content == 0:
            fs = mounted(flash)
        else:
            fs.write_file(path, content)
            model[path] = content
        assert {path: fs.read_file(path) for path in fs.walk()} == model
