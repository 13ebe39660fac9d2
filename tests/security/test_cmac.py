"""AES-CMAC against RFC 4493 and against `cryptography`."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import given
from hypothesis import strategies as st

from tests.security import vectors

KEYS = st.binary(min_size=16, max_size=16) | st.binary(min_size=32, max_size=32)


@pytest.mark.parametrize(("key", "message", "mac"), vectors.CMAC)
def test_the_published_macs_come_out(cmac: Any, key: str, message: str, mac: str) -> None:
    assert cmac.cmac(bytes.fromhex(key), bytes.fromhex(message)).hex() == mac


@given(key=KEYS, message=st.binary(max_size=200))
def test_it_is_the_mac_that_cryptography_makes(cmac: Any, key: bytes, message: bytes) -> None:
    reference = CMAC(algorithms.AES(key))
    reference.update(message)
    assert cmac.cmac(key, message) == reference.finalize()


@given(key=KEYS, message=st.binary(max_size=80), size=st.integers(8, 16))
def test_a_mac_cut_to_eight_bytes_or_more_verifies(
    cmac: Any, key: bytes, message: bytes, size: int
) -> None:
    assert cmac.verify(key, message, cmac.cmac(key, message)[:size])


@given(
    key=KEYS,
    message=st.binary(min_size=1, max_size=80),
    where=st.integers(min_value=0),
    bit=st.integers(0, 7),
)
def test_one_changed_bit_of_message_or_mac_does_not_verify(
    cmac: Any, key: bytes, message: bytes, where: int, bit: int
) -> None:
    mac = cmac.cmac(key, message)[:8]
    changed = bytearray(message + mac)
    changed[where % len(changed)] ^= 1 << bit
    assert not cmac.verify(key, bytes(changed[:-8]), bytes(changed[-8:]))


def test_a_mac_of_less_than_eight_bytes_never_verifies(cmac: Any) -> None:
    key = bytes(16)
    assert not any(cmac.verify(key, b"abc", cmac.cmac(key, b"abc")[:n]) for n in range(8))


def test_a_memoryview_is_as_good_as_bytes(cmac: Any) -> None:
    frame = bytearray(b"..a message")
    assert cmac.cmac(bytes(16), memoryview(frame)[2:]) == cmac.cmac(bytes(16), b"a message")
