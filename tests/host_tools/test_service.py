"""What a terminal keeps of a service code."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from host_tools import service

CODE = "12345678"


def test_it_is_the_standard_construction() -> None:
    made = service.table(CODE)
    derived = hashlib.pbkdf2_hmac("sha256", CODE.encode(), bytes.fromhex(made["salt"]), 2000)
    assert made == {"salt": made["salt"], "hash": derived.hex(), "rounds": 2000}
    assert len(made["salt"]) == 32


def test_the_firmware_takes_it() -> None:
    from kassa.system.config import TerminalConfig

    from simulator import provisioning

    made = service.table(CODE)
    document = provisioning.terminal_document({"service": made}, "127.0.0.1", 8583)
    read = TerminalConfig(document, "terminal.json").service
    assert (read.salt.hex(), read.hash.hex(), read.rounds) == tuple(made.values())


def test_every_terminal_has_a_salt_of_its_own() -> None:
    assert len({service.table(CODE)["salt"] for _ in range(5)}) == 5


def test_a_table_for_the_same_code_stays() -> None:
    made = service.table(CODE)
    assert service.table(CODE, made) == made


@pytest.mark.parametrize(
    "present",
    [
        None, {}, 7, "x", {"salt": 5}, {"salt": "zz"}, {"salt": "00", "hash": "", "rounds": 2000},
        service.table("87654321"), {**service.table(CODE), "rounds": 1},
        {**service.table(CODE), "hash": "00" * 32}, {"salt": "00" * 16},
    ],
)  # fmt: skip
def test_whatever_else_is_there_is_made_anew(present: Any) -> None:
    assert service.table(CODE, present) != present
    assert len(service.table(CODE, present)["hash"]) == 64
