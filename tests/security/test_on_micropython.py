"""The published answers on the real MicroPython binary; and how wide the stand-ins are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulator.standins.world import World
from tests.on_micropython.run import run_script
from tests.security import vectors

pytestmark = pytest.mark.micropython

_VECTORS = Path(vectors.__file__).read_text()

_SCRIPT = """
from kassa.security import ccm, cmac, dukpt
from kassa.security.errors import AuthenticationFailed, KeysExhausted

h = bytes.fromhex
for key, message, mac in CMAC:
    assert cmac.cmac(h(key), h(message)).hex() == mac, message
for nonce, associated, plain, sealed, tag in CCM:
    assert ccm.seal(h(CCM_KEY), h(nonce), h(plain), h(associated), tag).hex() == sealed
    assert ccm.open_sealed(h(CCM_KEY), h(nonce), h(sealed), h(associated), tag).hex() == plain
    spoilt = bytearray(h(sealed))
    spoilt[-1] ^= 1
    try:
        ccm.open_sealed(h(CCM_KEY), h(nonce), spoilt, h(associated), tag)
        raise AssertionError("a spoilt message opened")
    except AuthenticationFailed:
        pass

identifier = h(INITIAL_KEY_ID)
assert dukpt.derive_initial_key(h(BASE_KEY), identifier).hex() == INITIAL_KEY
for usage, key in USAGES.items():
    assert dukpt.derive(h(DERIVATION_KEYS[1]), usage, identifier, 1).hex() == key
registers = dukpt.Registers()
registers.load(h(INITIAL_KEY), identifier)
for counter in range(1, 6):
    keys = registers.take()
    got = keys.pin_key.hex(), keys.mac_request_key.hex(), keys.data_key.hex()
    assert got == WORKING_KEYS[counter], counter
registers.counter = 0xFFFF0000
registers.in_use = 1 << 16
registers.keys[256:272] = h(DERIVATION_KEYS[0xFFFF0000])
assert registers.take().ksn.hex() == INITIAL_KEY_ID + "ffff0000"
try:
    registers.take()
    raise AssertionError("a key after the last one")
except KeysExhausted:
    pass
print("all as published")
"""


@pytest.mark.parametrize("mpy", [True, False], ids=["bytecode", "source"])
def test_the_published_answers_come_out_on_the_device_too(mpy: bool) -> None:
    assert run_script(_VECTORS + _SCRIPT, mpy=mpy) == "all as published\n"


_WIDTH = """
import cryptolib
import hashlib
import json

out = []

def attempt(what):
    try:
        got = what()
        out.append(got.hex() if isinstance(got, (bytes, bytearray)) else repr(got))
    except (ValueError, TypeError) as error:
        out.append(type(error).__name__)

K, B = bytes(range(16)), bytes(range(32))
attempt(lambda: cryptolib.aes(K, 1).encrypt(B))
attempt(lambda: cryptolib.aes(B, 1).decrypt(B))
attempt(lambda: cryptolib.aes(K, 2, K).encrypt(B))
attempt(lambda: cryptolib.aes(K, 2, K).decrypt(B))
attempt(lambda: cryptolib.aes(K, 2))
attempt(lambda: cryptolib.aes(K, 2, b"short"))
attempt(lambda: cryptolib.aes(K, 1, b"short"))
attempt(lambda: cryptolib.aes(K, 6, K))
attempt(lambda: cryptolib.aes(K, 0))
attempt(lambda: cryptolib.aes(B[:24], 1))
attempt(lambda: cryptolib.aes(B[:15], 1))
attempt(lambda: cryptolib.aes(key=K, mode=1))
attempt(lambda: cryptolib.aes(K, 1).encrypt(B[:15]))
attempt(lambda: cryptolib.aes(K, 1).encrypt(B, bytearray(16)))
attempt(lambda: cryptolib.aes(K, 1).encrypt(B, B))
attempt(lambda: cryptolib.aes(K, 1).encrypt(B, bytearray(32), 1))
attempt(lambda: cryptolib.aes(K, 1).encrypt(b""))

def both_ways():
    cipher = cryptolib.aes(K, 1)
    cipher.encrypt(B)
    cipher.decrypt(B)

def in_place():
    buffer = bytearray(B)
    returned = cryptolib.aes(K, 1).encrypt(buffer, buffer)
    assert returned is buffer
    return buffer

def larger_output():
    buffer = bytearray(48)
    cryptolib.aes(K, 1).encrypt(B, buffer)
    return buffer

def through_memoryview():
    buffer = bytearray(48)
    cryptolib.aes(K, 1).encrypt(memoryview(B)[16:], memoryview(buffer)[16:32])
    return buffer

def chained():
    cipher = cryptolib.aes(K, 2, K)
    return cipher.encrypt(B[:16]) + cipher.encrypt(B[16:])

for what in (both_ways, in_place, larger_output, through_memoryview, chained):
    attempt(what)

for name in ("md5", "sha1", "sha256"):
    make = getattr(hashlib, name)
    attempt(lambda: make().digest())
    attempt(lambda: make(b"abc").digest())
    attempt(lambda: make(memoryview(b"abc")).digest())
    attempt(lambda: make(5))
    attempt(lambda: make(b"a", b"b"))

    def twice():
        hash = make(b"abc")
        hash.digest()
        hash.digest()

    def after():
        hash = make(b"abc")
        hash.digest()
        hash.update(b"")

    attempt(twice)
    attempt(after)

def names(what):
    return sorted(name for name in dir(what) if not name.startswith("_"))

out.append(names(cryptolib))
out.append(names(cryptolib.aes))
out.append(names(hashlib))
out.append(names(hashlib.sha256))
print(json.dumps(out))
"""


def test_cryptolib_and_hashlib_are_as_wide_as_on_the_device(world: World) -> None:
    real = json.loads(run_script(_WIDTH))
    world.execute(_WIDTH)
    stand_in = json.loads(world.lines[-1])
    assert stand_in == real
    assert "digest" in real[-1] and "hexdigest" not in real[-1] and real[-4] == ["aes"]
