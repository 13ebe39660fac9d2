"""Non-volatile storage: values in namespaces survive power cuts at every flash operation."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.chips import nvs as chip
from simulator.chips.nor_flash import BLOCK, NorFlash, PowerCut
from simulator.chips.nvs import Nvs
from simulator.clock import VirtualClock

OFFSET, PAGES = 0x9000, 6


def storage(flash: NorFlash | None = None, pages: int = PAGES) -> tuple[NorFlash, Nvs]:
    flash = flash or NorFlash(64 * BLOCK, VirtualClock(), seed=5)
    nvs = Nvs(flash, OFFSET, pages * BLOCK)
    nvs.power_on()
    return flash, nvs


def expect(number: int) -> pytest.RaisesExc:
    return pytest.RaisesExc(OSError, check=lambda error: error.args[0] == number)


def test_values_are_kept_by_namespace_and_key_and_survive_power() -> None:
    flash, nvs = storage()
    nvs.set_i32("one", "n", -5)
    nvs.set_i32("two", "n", 2**31 - 1)
    nvs.set_blob("one", "b", b"blob" * 100)
    flash, nvs = storage(flash)
    assert nvs.get_i32("one", "n") == -5
    assert nvs.get_i32("two", "n") == 2**31 - 1
    assert nvs.get_blob("one", "b") == b"blob" * 100


def test_a_new_value_replaces_the_old_one() -> None:
    flash, nvs = storage()
    for value in range(300):
        nvs.set_i32("ns", "n", value)
        nvs.set_blob("ns", "b", bytes([value % 256]) * (value * 7))
    for _ in range(2):
        assert nvs.get_i32("ns", "n") == 299
        assert nvs.get_blob("ns", "b") == bytes([299 % 256]) * (299 * 7)
        _, nvs = storage(flash)


def test_what_is_not_there_is_not_found() -> None:
    _, nvs = storage()
    with expect(chip.NOT_FOUND):
        nvs.get_i32("nobody", "n")
    nvs.set_i32("ns", "n", 1)
    with expect(chip.NOT_FOUND):
        nvs.get_blob("ns", "n")
    nvs.erase_key("ns", "n")
    with expect(chip.NOT_FOUND):
        nvs.get_i32("ns", "n")
    with expect(chip.NOT_FOUND):
        nvs.erase_key("ns", "n")


def test_keys_are_at_most_15_characters() -> None:
    _, nvs = storage()
    nvs.set_i32("n" * 15, "k" * 15, 1)
    assert nvs.get_i32("n" * 15, "k" * 15) == 1
    with expect(chip.KEY_TOO_LONG):
        nvs.set_i32("ns", "k" * 16, 1)
    with expect(chip.KEY_TOO_LONG):
        nvs.set_i32("n" * 16, "k", 1)
    with expect(chip.INVALID_NAME):
        nvs.set_i32("ns", "", 1)


def test_the_same_value_again_costs_no_flash() -> None:
    flash, nvs = storage()
    nvs.set_i32("ns", "n", 7)
    nvs.set_blob("ns", "b", b"same")
    before = flash.counters.operations
    nvs.set_i32("ns", "n", 7)
    nvs.set_blob("ns", "b", b"same")
    assert flash.counters.operations == before


def test_a_full_storage_refuses_and_keeps_what_it_has() -> None:
    flash, nvs = storage(pages=3)
    stored = 0
    with expect(chip.NOT_ENOUGH_SPACE):
        for stored in range(1000):
            nvs.set_i32("ns", f"key{stored}", stored)
    assert 200 < stored < 252
    with expect(chip.VALUE_TOO_LONG):
        nvs.set_blob("ns", "b", bytes(10 * BLOCK))
    _, nvs = storage(flash, pages=3)
    assert [nvs.get_i32("ns", f"key{n}") for n in range(stored)] == list(range(stored))
    nvs.erase_key("ns", "key0")
    nvs.set_i32("ns", "again", 1)
    assert nvs.get_i32("ns", "again") == 1


def test_the_platform_may_erase_everything_at_boot() -> None:
    _, nvs = storage()
    nvs.set_i32("ns", "n", 1)
    nvs.erase_at_boot = True
    nvs.power_on()
    with expect(chip.NOT_FOUND):
        nvs.get_i32("ns", "n")
    nvs.set_i32("ns", "n", 2)
    nvs.power_on()
    assert nvs.get_i32("ns", "n") == 2


def test_the_first_page_is_in_esp_idf_format() -> None:
    flash, nvs = storage()
    nvs.set_i32("storage", "answer", 42)
    page = flash.image(OFFSET, BLOCK)
    assert struct.unpack_from("<IIB", page) == (0xFFFFFFFE, 0, 0xFE)
    assert page[32:34] == b"\xfa\xff"  # two entries written, the rest empty
    assert page[64:68] == b"\x00\x01\x01\xff"  # namespace 0, U8: a namespace's name
    assert page[72:88] == b"storage".ljust(16, b"\0")
    assert page[96:100] == b"\x01\x14\x01\xff"  # namespace 1, I32
    assert page[104:128] == b"answer".ljust(16, b"\0") + b"\x2a\0\0\0\xff\xff\xff\xff"


@pytest.mark.parametrize("torn", ["none", "half", "all_but_last", "all", "random", 1])
def test_a_power_cut_at_any_operation_leaves_the_old_or_the_new_value(torn: str | int) -> None:
    for operation in range(1, 400):
        flash, nvs = storage(pages=3)
        rng = random.Random(1)
        done: dict[str, bytes | int] = {}
        doing: tuple[str, bytes | int] | None = None
        flash.cut_after(operation, torn)
        try:
            for turn in range(60):
                key = f"k{turn % 3}"
                value = rng.randbytes(rng.randrange(900)) if key == "k0" else turn
                doing = key, value
                if isinstance(value, bytes):
                    nvs.set_blob("ns", key, value)
                else:
                    nvs.set_i32("ns", key, value)
                done[key] = value
        except PowerCut:
            pass
        else:
            flash.no_cut()
            assert operation > 200
            break
        flash.power_on()
        _, nvs = storage(flash, pages=3)
        for key in ("k0", "k1", "k2"):
            allowed = [done.get(key)] + ([doing[1]] if doing and doing[0] == key else [])
            assert read(nvs, key) in allowed, (operation, key)
        nvs.set_blob("ns", "k0", b"goes on")
        assert nvs.get_blob("ns", "k0") == b"goes on"
    assert flash.conflicts == 0


def test_what_a_power_cut_left_behind_neither_comes_back_nor_takes_room() -> None:
    flash, nvs = storage(pages=3)
    nvs.set_i32("ns", "n", 1)
    nvs.set_blob("ns", "b", b"1" * 500)
    start = flash.snapshot()
    entries = sum(item.span for page in nvs._pages for item in page.items.values())
    for operation in range(1, 30):
        flash.restore(start)
        _, nvs = storage(flash, pages=3)
        flash.cut_after(operation)
        try:
            nvs.set_i32("ns", "n", 2)
            nvs.set_blob("ns", "b", b"2" * 500)
        except PowerCut:
            flash.power_on()
        else:
            flash.no_cut()
            assert operation > 6
            return
        _, nvs = storage(flash, pages=3)
        left = sum(item.span for page in nvs._pages for item in page.items.values())
        assert left == entries, operation
        for key in ("n", "b"):
            nvs.erase_key("ns", key)
            with expect(chip.NOT_FOUND):
                nvs.erase_key("ns", key)
    raise AssertionError("it never came to an end")


def read(nvs: Nvs, key: str) -> bytes | int | None:
    try:
        return nvs.get_blob("ns", key) if key == "k0" else nvs.get_i32("ns", key)
    except OSError:
        return None


@settings(max_examples=30, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from("abcd"),
            st.one_of(
                st.integers(-(2**31), 2**31 - 1), st.binary(max_size=3000), st.none(), st.just(())
            ),
        ),
        max_size=40,
    )
)
def test_it_agrees_with_a_dictionary(steps: list) -> None:
    flash, nvs = storage(pages=5)
    model: dict[str, bytes | int] = {}
    for key, value in steps:
        if value == ():
            flash, nvs = storage(flash, pages=5)
        elif value is None:
            if key in model:
                nvs.erase_key("ns", key)
                del model[key]
        else:
            if key in model and type(model[key]) is not type(value):
                nvs.erase_key("ns", key)
            if isinstance(value, bytes):
                nvs.set_blob("ns", key, value)
            else:
                nvs.set_i32("ns", key, value)
            model[key] = value
        for name, known in model.items():
            got = nvs.get_blob("ns", name) if isinstance(known, bytes) else nvs.get_i32("ns", name)
            assert got == known
