"""The NOR flash model: bits only fall, power can go inside an operation, copies cost nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.chips.buses import DataSheetViolation
from simulator.chips.nor_flash import BLOCK, NorFlash, PowerCut
from simulator.clock import NS_PER_MS, NS_PER_US, VirtualClock

SIZE = 16 * BLOCK


def chip(seed: int = 0) -> NorFlash:
    return NorFlash(SIZE, VirtualClock(), seed)


def test_a_new_chip_holds_only_ff() -> None:
    assert chip().image() == b"\xff" * SIZE


def test_what_was_programmed_is_read_back_across_blocks() -> None:
    flash = chip()
    flash.program(BLOCK - 3, b"across")
    assert flash.read(BLOCK - 4, 8) == b"\xffacross\xff"
    assert flash.image(BLOCK - 3, 6) == b"across"


def test_programming_again_may_clear_more_bits() -> None:
    flash = chip()
    flash.program(0, b"\xf0\x0f")
    flash.program(0, b"\x30\x0c")
    assert flash.read(0, 2) == b"\x30\x0c"


def test_a_bit_cannot_be_set_without_an_erase() -> None:
    flash = chip()
    flash.program(100, b"\xf0")
    with pytest.raises(DataSheetViolation, match="0x64 needs an erase"):
        flash.program(100, b"\xf1")


def test_erase_sets_one_block_and_no_other() -> None:
    flash = chip()
    flash.program(BLOCK - 1, bytes(BLOCK + 2))
    flash.erase(BLOCK)
    assert flash.image(BLOCK, BLOCK) == b"\xff" * BLOCK
    assert flash.read(BLOCK - 1, 1) + flash.read(2 * BLOCK, 1) == b"\x00\x00"
    assert flash.wear == {1: 1}


@pytest.mark.parametrize(("address", "count"), [(SIZE, 1), (SIZE - 1, 2), (-1, 1)])
def test_nothing_is_outside_the_chip(address: int, count: int) -> None:
    with pytest.raises(DataSheetViolation, match="outside"):
        chip().read(address, count)
    with pytest.raises(DataSheetViolation, match="outside"):
        chip().program(address, bytes(count))


def test_an_erase_must_begin_a_block() -> None:
    with pytest.raises(DataSheetViolation, match="begins no block"):
        chip().erase(256)


def test_a_page_takes_half_a_millisecond_and_an_erase_45() -> None:
    clock = VirtualClock()
    flash = NorFlash(SIZE, clock)
    flash.program(0, bytes(256))
    assert clock.now_ns == NS_PER_MS // 2
    flash.program(256 + 200, bytes(112))  # two pages: 56 bytes in each
    assert clock.now_ns == NS_PER_MS // 2 + 2 * (30 + 55 * 2.5) * NS_PER_US
    before = clock.now_ns
    flash.erase(0)
    assert clock.now_ns - before == 45 * NS_PER_MS


def test_counters_tell_operations_and_bytes() -> None:
    flash = chip()
    before = flash.counters - flash.counters
    flash.program(0, bytes(300))
    flash.erase(0)
    flash.read(0, 10)
    done = flash.counters - before
    assert (done.programs, done.programmed_bytes) == (1, 300)
    assert (done.erases, done.erased_bytes) == (1, BLOCK)
    assert (done.reads, done.read_bytes, done.operations) == (1, 10, 2)


@pytest.mark.parametrize(
    ("torn", "left"),
    [
        ("none", b"\xff\xff\xff\xff\xff"),
        ("half", b"\x01\x02\xff\xff\xff"),
        (1, b"\x01\xff\xff\xff\xff"),
        ("all_but_last", b"\x01\x02\x03\x04\xff"),
        ("all", b"\x01\x02\x03\x04\x05"),
        (9, b"\x01\x02\x03\x04\x05"),
    ],
)
def test_a_power_cut_leaves_a_prefix_of_a_program(torn: str | int, left: bytes) -> None:
    flash = chip()
    flash.cut_after(2, torn)
    flash.program(BLOCK, b"before")
    with pytest.raises(PowerCut):
        flash.program(0, b"\x01\x02\x03\x04\x05")
    assert flash.image(0, 5) == left
    assert flash.image(BLOCK, 6) == b"before"


def test_a_random_tear_clears_only_bits_that_were_to_be_cleared() -> None:
    flash = chip(seed=3)
    flash.program(0, b"\x7f" * 64)
    flash.cut_after(1, "random")
    with pytest.raises(PowerCut):
        flash.program(0, b"\x55" * 64)
    left = flash.image(0, 64)
    assert all(byte & 0x55 == 0x55 and not byte & 0x80 for byte in left)
    assert len(set(left)) > 4


def test_a_torn_erase_leaves_the_rest_of_the_block() -> None:
    flash = chip()
    flash.program(0, bytes(BLOCK))
    flash.cut_after(1, "half")
    with pytest.raises(PowerCut):
        flash.erase(0)
    assert flash.image(0, BLOCK) == b"\xff" * (BLOCK // 2) + bytes(BLOCK // 2)


def test_a_randomly_torn_erase_leaves_anything_in_its_block_only() -> None:
    flash = chip(seed=1)
    flash.program(0, bytes(BLOCK + 1))
    flash.cut_after(1, "random")
    with pytest.raises(PowerCut):
        flash.erase(0)
    assert len(set(flash.image(0, BLOCK))) > 200
    assert flash.image(BLOCK, 2) == b"\x00\xff"


def test_without_power_the_chip_does_nothing_until_it_comes_back() -> None:
    flash = chip()
    cuts = []
    flash.on_cut = lambda: cuts.append(flash.powered)
    flash.cut_after(1)
    with pytest.raises(PowerCut):
        flash.program(0, b"x")
    for operation in (lambda: flash.read(0, 1), lambda: flash.program(8, b"y")):
        with pytest.raises(PowerCut, match="without power"):
            operation()
    flash.power_on()
    assert flash.read(0, 9) == b"x" + b"\xff" * 8
    flash.program(8, b"y")
    assert cuts == [False]


def test_torn_bytes_may_be_programmed_over_as_littlefs_does_but_are_counted() -> None:
    flash = chip()
    flash.cut_after(1, "half")
    with pytest.raises(PowerCut):
        flash.program(0, b"\x00\x00\x00\x00")
    flash.power_on()
    flash.program(0, b"\x0f\xf0\x0f\xf0")
    assert flash.image(0, 4) == b"\x00\x00\x0f\xf0"
    assert flash.conflicts == 2
    flash.erase(0)
    flash.program(0, b"\x00")
    with pytest.raises(DataSheetViolation):
        flash.program(0, b"\x01")


def test_a_cut_must_be_ordered_sensibly() -> None:
    with pytest.raises(ValueError, match="count from 1"):
        chip().cut_after(0)
    with pytest.raises(ValueError, match="torn 'most'"):
        chip().cut_after(1, "most")


def test_a_snapshot_is_not_touched_by_what_follows() -> None:
    flash = chip()
    flash.program(0, b"kept")
    snapshot = flash.snapshot()
    flash.erase(0)
    flash.program(0, b"lost")
    other = flash.copy()
    other.restore(snapshot)
    assert (flash.image(0, 4), other.image(0, 4)) == (b"lost", b"kept")
    flash.restore(snapshot)
    assert flash.image(0, 4) == b"kept"


def test_load_replaces_exactly_what_it_covers() -> None:
    flash = chip()
    flash.program(0, bytes(4 * BLOCK))
    flash.load(b"new" + b"\xff" * BLOCK, BLOCK)
    assert flash.image(BLOCK, 2 * BLOCK) == b"new" + b"\xff" * (2 * BLOCK - 3)
    assert flash.image(0, BLOCK) + flash.image(3 * BLOCK, BLOCK) == bytes(2 * BLOCK)
    assert chip().image() != flash.image()
    other = chip()
    other.load_blocks(flash.blocks(0, SIZE), 0, SIZE)
    assert other.image() == flash.image()


def test_a_bit_can_flip_by_itself() -> None:
    flash = chip()
    flash.program(5, b"\x10")
    flash.flip(5, 7)
    assert flash.read(5, 1) == b"\x90"


@given(
    operations=st.lists(
        st.one_of(
            st.integers(0, 3),
            st.tuples(st.integers(0, 4 * BLOCK - 40), st.binary(max_size=40)),
        ),
        max_size=20,
    )
)
def test_the_chip_agrees_with_a_plain_array(operations: list) -> None:
    flash, model = chip(), bytearray(b"\xff" * SIZE)
    for operation in operations:
        if isinstance(operation, int):
            flash.erase(operation * BLOCK)
            model[operation * BLOCK : (operation + 1) * BLOCK] = b"\xff" * BLOCK
            continue
        address, data = operation
        wanted = bytes(a & b for a, b in zip(model[address:], data, strict=False))
        flash.program(address, wanted)
        model[address : address + len(data)] = wanted
    assert flash.image() == bytes(model)
    assert flash.read(0, 4 * BLOCK) == bytes(model[: 4 * BLOCK])
