"""AES-CCM against SP 800-38C and against `cryptography`."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from hypothesis import given
from hypothesis import strategies as st

from simulator.standins.world import World
from tests.security import vectors

KEYS = st.binary(min_size=16, max_size=16) | st.binary(min_size=32, max_size=32)
NONCES = st.binary(min_size=7, max_size=13)
TAGS = st.sampled_from([4, 6, 8, 10, 12, 14, 16])


@pytest.mark.parametrize(("nonce", "associated", "plain", "sealed", "tag"), vectors.CCM)
def test_the_published_examples_come_out(
    ccm: Any, nonce: str, associated: str, plain: str, sealed: str, tag: int
) -> None:
    key, nonce_bytes, data, more, expected = (
        bytes.fromhex(part) for part in (vectors.CCM_KEY, nonce, plain, associated, sealed)
    )
    assert ccm.seal(key, nonce_bytes, data, more, tag) == expected
    assert ccm.open_sealed(key, nonce_bytes, expected, more, tag) == data


@given(
    key=KEYS,
    nonce=NONCES,
    data=st.binary(max_size=120),
    associated=st.binary(max_size=60),
    tag=TAGS,
)
def test_it_seals_and_opens_as_cryptography_does(
    ccm: Any, key: bytes, nonce: bytes, data: bytes, associated: bytes, tag: int
) -> None:
    reference = AESCCM(key, tag_length=tag)
    sealed = ccm.seal(key, nonce, data, associated, tag)
    assert sealed == reference.encrypt(nonce, data, associated)
    assert ccm.open_sealed(key, nonce, sealed, associated, tag) == data


@given(
    data=st.binary(max_size=60),
    associated=st.binary(max_size=30),
    where=st.integers(min_value=0),
    bit=st.integers(0, 7),
)
def test_one_changed_bit_anywhere_is_refused(
    security: World, ccm: Any, data: bytes, associated: bytes, where: int, bit: int
) -> None:
    errors = security.load("kassa.security.errors")
    key, nonce = bytes(range(16)), bytes(13)
    changed = bytearray(ccm.seal(key, nonce, data, associated) + associated)
    changed[where % len(changed)] ^= 1 << bit
    sealed, other = bytes(changed[: len(data) + 16]), bytes(changed[len(data) + 16 :])
    with pytest.raises(errors.AuthenticationFailed):
        ccm.open_sealed(key, nonce, sealed, other)


@given(st.binary(max_size=15))
def test_what_is_shorter_than_its_tag_is_refused(security: World, ccm: Any, sealed: bytes) -> None:
    errors = security.load("kassa.security.errors")
    with pytest.raises(errors.AuthenticationFailed):
        ccm.open_sealed(bytes(16), bytes(13), sealed)


@pytest.mark.parametrize(("nonce", "tag"), [(6, 16), (14, 16), (13, 2), (13, 5), (13, 18)])
def test_nonces_and_tags_that_the_standard_forbids_are_refused(
    security: World, ccm: Any, nonce: int, tag: int
) -> None:
    ensure = security.load("kassa.system.ensure")
    with pytest.raises(ensure.InvariantError):
        ccm.seal(bytes(16), bytes(nonce), b"data", b"", tag)
