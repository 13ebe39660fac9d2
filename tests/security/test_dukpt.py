"""AES-DUKPT: the published keys, and terminal against host."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.acquirer import dukpt as host
from simulator.acquirer.dukpt import Usage
from simulator.standins.world import World
from tests.security import vectors

BASE_KEY = bytes.fromhex(vectors.BASE_KEY)
INITIAL_KEY_ID = bytes.fromhex(vectors.INITIAL_KEY_ID)
# Counters with at most 16 one bits, of every size.
COUNTERS = st.sets(st.integers(0, 31), min_size=1, max_size=16).map(
    lambda bits: sum(1 << bit for bit in bits)
)


def fresh(dukpt: Any) -> Any:
    """Registers as after injection."""
    registers = dukpt.Registers()
    registers.load(bytes.fromhex(vectors.INITIAL_KEY), INITIAL_KEY_ID)
    return registers


def at_counter(dukpt: Any, counter: int) -> Any:
    """Registers as they are when `counter` comes next, however long that takes on a terminal."""
    registers = dukpt.Registers()
    registers.initial_key_id = INITIAL_KEY_ID
    registers.counter = counter
    lowest = (counter & -counter).bit_length() - 1
    for bit in range(lowest, 32):
        if bit == lowest or not counter & 1 << bit:
            of = (counter >> bit << bit) | 1 << bit
            key = host.intermediate_key(BASE_KEY, INITIAL_KEY_ID, of)
            registers.keys[bit * 16 : bit * 16 + 16] = key
            registers.in_use |= 1 << bit
    return registers


def keys_of(keys: Any) -> tuple[str, str, str]:
    return keys.pin_key.hex(), keys.mac_request_key.hex(), keys.data_key.hex()


def test_the_initial_key_comes_from_the_base_key(dukpt: Any) -> None:
    assert dukpt.derive_initial_key(BASE_KEY, INITIAL_KEY_ID).hex() == vectors.INITIAL_KEY
    assert host.initial_key(BASE_KEY, INITIAL_KEY_ID).hex() == vectors.INITIAL_KEY


@pytest.mark.parametrize(("counter", "key"), vectors.DERIVATION_KEYS.items())
def test_the_host_derives_the_published_derivation_keys(counter: int, key: str) -> None:
    assert host.intermediate_key(BASE_KEY, INITIAL_KEY_ID, counter).hex() == key


@pytest.mark.parametrize(("usage", "key"), vectors.USAGES.items())
def test_every_usage_has_its_published_key(dukpt: Any, usage: int, key: str) -> None:
    derivation_key = bytes.fromhex(vectors.DERIVATION_KEYS[1])
    ksn = INITIAL_KEY_ID + bytes.fromhex("00000001")
    assert dukpt.derive(derivation_key, usage, INITIAL_KEY_ID, 1).hex() == key
    assert host.working_key(BASE_KEY, ksn, Usage(usage)).hex() == key


def test_a_terminal_gives_the_published_keys_one_after_the_other(dukpt: Any) -> None:
    registers = fresh(dukpt)
    for counter in range(1, 6):
        keys = registers.take()
        assert keys.ksn == INITIAL_KEY_ID + counter.to_bytes(4)
        assert keys_of(keys) == vectors.WORKING_KEYS[counter]


@pytest.mark.parametrize("counter", [0x1FFFE, 0x20000])
def test_a_terminal_gives_the_published_keys_around_seventeen_bits(
    dukpt: Any, counter: int
) -> None:
    assert keys_of(at_counter(dukpt, counter).take()) == vectors.WORKING_KEYS[counter]


def test_a_counter_with_seventeen_one_bits_is_stepped_over(dukpt: Any) -> None:
    registers = at_counter(dukpt, 0x1FFFE)
    registers.take()
    assert registers.take().ksn == INITIAL_KEY_ID + bytes.fromhex("00020000")


def test_the_last_published_counters_follow_each_other_to_the_end(
    security: World, dukpt: Any
) -> None:
    errors = security.load("kassa.security.errors")
    registers = at_counter(dukpt, 0xFFFE2000)
    for counter in (0xFFFE2000, 0xFFFE4000, 0xFFFE8000, 0xFFFF0000):
        keys = registers.take()
        expected = dukpt.derive(
            bytes.fromhex(vectors.DERIVATION_KEYS[counter]),
            dukpt.DATA_ENCRYPTION,
            INITIAL_KEY_ID,
            counter,
        )
        assert keys.ksn == INITIAL_KEY_ID + counter.to_bytes(4)
        assert keys.data_key == expected
    with pytest.raises(errors.KeysExhausted):
        registers.take()


def test_terminal_and_host_agree_on_the_first_two_thousand_transactions(dukpt: Any) -> None:
    registers = fresh(dukpt)
    last = 0
    for _ in range(2000):
        keys = registers.take()
        counter = int.from_bytes(keys.ksn[8:])
        assert counter > last and counter.bit_count() <= 16
        last = counter
        assert keys.mac_response_key == host.working_key(
            BASE_KEY, keys.ksn, Usage.MAC_VERIFICATION
        )


@given(COUNTERS)
def test_terminal_and_host_agree_from_any_counter_on(dukpt: Any, counter: int) -> None:
    registers = at_counter(dukpt, counter)
    for _ in range(3):
        if registers.counter > dukpt.LAST_COUNTER:
            return
        keys = registers.take()
        assert keys.data_key == host.working_key(BASE_KEY, keys.ksn, Usage.DATA_ENCRYPTION)
        assert keys.pin_key == host.working_key(BASE_KEY, keys.ksn, Usage.PIN_ENCRYPTION)


@given(COUNTERS)
def test_after_use_nothing_that_is_left_leads_back_to_the_key(dukpt: Any, counter: int) -> None:
    registers = at_counter(dukpt, counter)
    registers.take()
    used = host.intermediate_key(BASE_KEY, INITIAL_KEY_ID, counter)
    kept = [bytes(registers.keys[i * 16 : i * 16 + 16]) for i in range(32)]
    assert used not in kept
    for bit, key in enumerate(kept):
        assert bool(registers.in_use & 1 << bit) == (key != bytes(16))


def test_the_host_refuses_serial_numbers_no_terminal_may_use() -> None:
    for ksn in ("123456789012345600000000", "12345678901234560001FFFF", "1234"):
        with pytest.raises(host.BadKsn):
            host.working_key(BASE_KEY, bytes.fromhex(ksn), Usage.MAC_GENERATION)


def test_wiped_keys_are_zero(dukpt: Any) -> None:
    keys = fresh(dukpt).take()
    keys.wipe_request_keys()
    assert any(keys.mac_response_key) and not any(keys.mac_request_key + keys.data_key)
    keys.wipe()
    assert not any(keys.mac_response_key)
