"""PBKDF2-HMAC-SHA-256 against published answers and against `hashlib`."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.standins.world import World
from tests.on_micropython.run import run_script
from tests.security import vectors


@pytest.fixture(scope="module")
def derive(security: World) -> Any:
    function = security.load("kassa.security.pbkdf2").derive
    return lambda *arguments: security.run(function(*arguments), 600)


@pytest.mark.parametrize(("password", "salt", "rounds", "derived"), vectors.PBKDF2)
def test_the_published_answers_come_out(
    derive: Any, password: str, salt: str, rounds: int, derived: str
) -> None:
    size = len(derived) // 2
    assert derive(password.encode(), salt.encode(), rounds, size).hex() == derived
    assert hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), rounds, size).hex() == (
        derived
    )


@settings(max_examples=60)
@given(
    password=st.binary(max_size=140),
    salt=st.binary(max_size=40),
    rounds=st.integers(1, 40),
    size=st.integers(1, 100),
)
def test_it_is_what_hashlib_derives(
    derive: Any, password: bytes, salt: bytes, rounds: int, size: int
) -> None:
    assert derive(password, salt, rounds, size) == hashlib.pbkdf2_hmac(
        "sha256", password, salt, rounds, size
    )


def test_others_go_on_meanwhile(security: World) -> None:
    derive = security.load("kassa.security.pbkdf2").derive
    asyncio = security.load("asyncio")
    turns = []

    async def other() -> None:
        while True:
            turns.append(1)
            await asyncio.sleep_ms(0)

    async def both() -> None:
        task = asyncio.create_task(other())
        await derive(b"12345678", bytes(16), 2000)
        task.cancel()

    security.run(both(), 60)
    assert len(turns) > 100


_SCRIPT = """
import asyncio
from kassa.security.pbkdf2 import derive

for password, salt, rounds, derived in PBKDF2:
    if rounds <= 4096:
        found = asyncio.run(derive(password.encode(), salt.encode(), rounds, len(derived) // 2))
        assert found.hex() == derived, (password, rounds)
print("all as published")
"""


@pytest.mark.micropython
@pytest.mark.parametrize("mpy", [True, False], ids=["bytecode", "source"])
def test_the_published_answers_come_out_on_the_device_too(mpy: bool) -> None:
    with open(vectors.__file__, encoding="utf-8") as file:
        script = file.read() + _SCRIPT
    assert run_script(script, mpy=mpy) == "all as published\n"
