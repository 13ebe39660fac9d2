"""RSA-PSS against NIST's and Wycheproof's answers and against `cryptography`; on both runtimes."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from kassa.security import signature
from kassa.security.errors import BadSignature

from tests.on_micropython.run import run_script

PUBLISHED = json.loads(Path(__file__).with_name("rsa_pss_3072.json").read_text())
F4 = 65537


def holds(message: bytes, signed: bytes, modulus: bytes, salt: int = 32, exponent: int = F4):
    try:
        signature.verify(hashlib.sha256(message).digest(), signed, modulus, exponent, salt)
    except BadSignature:
        return False
    return True


@pytest.mark.parametrize("message, signed, salt, result", PUBLISHED["nist"]["tests"])
def test_nist_answers_come_out(message: str, signed: str, salt: int, result: str) -> None:
    modulus = bytes.fromhex(PUBLISHED["nist"]["modulus"])
    right = holds(bytes.fromhex(message), bytes.fromhex(signed), modulus, salt)
    assert right == (result == "P")


@pytest.mark.parametrize(
    "number, comment, message, signed, valid",
    PUBLISHED["wycheproof"]["tests"],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
def test_wycheproof_answers_come_out(
    number: int, comment: str, message: str, signed: str, valid: bool
) -> None:
    modulus = bytes.fromhex(PUBLISHED["wycheproof"]["modulus"])
    assert holds(bytes.fromhex(message), bytes.fromhex(signed), modulus) == valid, comment


@cache
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(F4, 3072)


def signed_by_cryptography(message: bytes, salt: int = 32) -> bytes:
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), salt)
    return key().sign(message, pss, hashes.SHA256())


def public() -> bytes:
    return key().public_key().public_numbers().n.to_bytes(384, "big")


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=100), st.sampled_from([0, 1, 20, 32, 100]))
def test_what_cryptography_signs_verifies(message: bytes, salt: int) -> None:
    assert holds(message, signed_by_cryptography(message, salt), public(), salt)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 384 * 8 - 1))
def test_one_changed_bit_of_the_signature_does_not_verify(bit: int) -> None:
    spoilt = bytearray(signed_by_cryptography(b"configuration"))
    spoilt[bit // 8] ^= 1 << bit % 8
    assert not holds(b"configuration", bytes(spoilt), public())


def test_another_message_another_key_or_another_salt_does_not_verify() -> None:
    signed = signed_by_cryptography(b"configuration")
    other = rsa.generate_private_key(F4, 3072).public_key().public_numbers().n
    assert holds(b"configuration", signed, public())
    assert not holds(b"configuratiom", signed, public())
    assert not holds(b"configuration", signed, other.to_bytes(384, "big"))
    assert not holds(b"configuration", signed, public(), salt=31)
    assert not holds(b"configuration", signed, public(), exponent=3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"message_digest": bytes(31)}, "length"),
        ({"signature": bytes(383)}, "383 bytes"),
        ({"signature": b"\xff" * 384}, "below the modulus"),
        ({"modulus": bytes(384)}, "public key"),
        ({"modulus": b"\x80" + bytes(383)}, "public key"),
        ({"modulus": b"\x7f" + b"\xff" * 383}, "public key"),
        ({"modulus": b"\xff" * 60, "signature": bytes(60)}, "length"),
        ({"exponent": 1}, "public key"),
        ({"exponent": 65536}, "public key"),
    ],
)
def test_what_no_key_or_signature_can_be_is_refused_before_any_arithmetic(
    change: dict[str, Any], words: str
) -> None:
    given = {
        "message_digest": bytes(32),
        "signature": bytes(384),
        "modulus": b"\xff" * 384,
        "exponent": F4,
    }
    with pytest.raises(BadSignature, match=words):
        signature.verify(**{**given, **change})


_ON_MICROPYTHON = """
import gc
import hashlib
import time
from kassa.security import signature
from kassa.security.errors import BadSignature

def holds(modulus, message, signed, salt):
    digest = hashlib.sha256(bytes.fromhex(message)).digest()
    try:
        signature.verify(digest, bytes.fromhex(signed), bytes.fromhex(modulus), 65537, salt)
    except BadSignature:
        return False
    return True

wrong = [case for case in CASES if holds(*case[:4]) != case[4]]
modulus, message, signed = (bytes.fromhex(part) for part in GOOD)
digest = hashlib.sha256(message).digest()
gc.collect()
gc.disable()
before = gc.mem_alloc()
start = time.ticks_us()
signature.verify(digest, signed, modulus, 65537)
took = time.ticks_diff(time.ticks_us(), start)
print(len(wrong), took, gc.mem_alloc() - before)
"""


@pytest.mark.micropython
@pytest.mark.parametrize("mpy", [True, False], ids=["bytecode", "source"])
def test_the_answers_come_out_on_the_device_too_and_cost_little(mpy: bool) -> None:
    nist, wycheproof = PUBLISHED["nist"], PUBLISHED["wycheproof"]
    cases = [
        (nist["modulus"], message, signed, salt, result == "P")
        for message, signed, salt, result in nist["tests"]
    ] + [
        (wycheproof["modulus"], message, signed, 32, valid)
        for _, _, message, signed, valid in wycheproof["tests"]
    ]
    _, _, message, signed, _ = wycheproof["tests"][2]
    good = (wycheproof["modulus"], message, signed)
    printed = run_script(f"CASES = {cases!r}\nGOOD = {good!r}\n" + _ON_MICROPYTHON, mpy=mpy)
    wrong, took_us, allocated = (int(word) for word in printed.split())
    assert wrong == 0
    assert took_us < 500_000, "the start would be noticeably later"
    assert allocated < 96 * 1024, "garbage until it is collected; a device has this much to spare"
