"""The terminal's configuration, and what is said of mistakes in it."""

from __future__ import annotations

import copy

import pytest
from kassa.system.config import ConfigError, TerminalConfig

from simulator import provisioning

RIGHT = provisioning.terminal_document({}, "127.0.0.1", 8583)


def changed(key: str, value: object) -> dict:
    document = copy.deepcopy(RIGHT)
    *path, last = key.split(".")
    table = document
    for part in path:
        table = table[part]
    if value is None:
        del table[last]
    else:
        table[last] = value
    return document


def test_the_sandbox_terminals_configuration_is_right():
    config = TerminalConfig(RIGHT, "terminal.json")
    assert config.merchant.name == "Kassa Coffee"
    assert config.currency == "EUR"


SERVICE = {"salt": "ab" * 16, "hash": "CD" * 32, "rounds": 2000}


def test_a_service_code_is_kept_as_bytes_and_may_be_missing():
    found = TerminalConfig({**RIGHT, "service": SERVICE}, "terminal.json").service
    assert (found.salt, found.hash, found.rounds) == (b"\xab" * 16, b"\xcd" * 32, 2000)
    assert TerminalConfig(RIGHT, "terminal.json").service.hash == b""


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("salt", "ab" * 15),
        ("salt", "zz" * 16),
        ("salt", None),
        ("hash", "ab" * 16),
        ("hash", 7),
        ("rounds", 0),
        ("rounds", 20_001),
        ("rounds", "2000"),
    ],
)
def test_a_mistake_in_what_is_kept_of_a_service_code_is_named(key, value):
    with pytest.raises(ConfigError, match=rf"terminal\.json: service\.{key}: "):
        TerminalConfig({**RIGHT, "service": {**SERVICE, key: value}}, "terminal.json")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("terminal_id", "TOO-LONG-BY-FAR"),
        ("terminal_id", None),
        ("merchant", "Kassa Coffee"),
        ("merchant.id", "123"),
        ("merchant.lines", ["one"] * 5),
        ("merchant.lines", [5]),
        ("merchant.category", "58A2"),
        ("currency", "QQQ"),
        ("country", "276"),
        ("country", True),
        ("country", 1000),
        ("network.ssid", ""),
        ("utc_offset_minutes", 10_000),
    ],
)
def test_a_mistake_is_named_with_file_and_key(key, value):
    with pytest.raises(ConfigError) as caught:
        TerminalConfig(changed(key, value), "terminal.json")
    assert str(caught.value).startswith(f"terminal.json: {key}: ")
