"""The sandbox terminal: what a technician would have put onto the device, put there for the bench.

Configuration, EMV configuration, TLS credentials of the sandbox CA, and the first keys, which the
firmware's own key store takes and stores.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from simulator import emv_configuration
from simulator.acquirer import key_material
from simulator.acquirer.pki import SERVER_NAME, Pki
from simulator.standins.world import World

KEYS = "/state/keys.bin"

TERMINAL: dict[str, Any] = {
    "terminal_id": "KASSA001",
    "merchant": {
        "id": "000000000012345",
        "name": "Kassa Coffee",
        "lines": ["1 Example Street", "10115 Berlin"],
        "category": "5812",
    },
    "currency": "EUR",
    "country": 276,
    "language": "en",
    "host": {"connect_timeout_ms": 5000, "answer_timeout_ms": 10000, "echo_s": 60},
    "network": {"ssid": "kassa", "password": "kassa-sandbox"},
}
"""Settings of the sandbox terminal; a scenario's `terminal` replaces what it names."""


OPTIONAL = ("utc_offset_minutes", "offline", "update")
"""Settings that a terminal may have and the sandbox terminal has not."""


class ProvisioningError(Exception):
    """The settings asked for make no terminal; the message names the key."""


def terminal_document(changes: dict[str, Any], host: str, port: int) -> dict[str, Any]:
    """terminal.json: the sandbox terminal with `changes`, whose acquirer is at `host`:`port`."""
    document = _merged(TERMINAL, changes, "")
    document["host"]["routes"] = [
        {"name": "sandbox", "host": host, "port": port, "server_name": SERVER_NAME}
    ]
    return document


def _merged(base: dict[str, Any], changes: dict[str, Any], prefix: str) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        if isinstance(base.get(key), dict):
            if not isinstance(value, dict):
                raise ProvisioningError(f"terminal.{prefix}{key} must be a mapping")
            merged[key] = _merged(base[key], value, f"{prefix}{key}.")
        else:
            merged[key] = value
    for key, value in merged.items():
        if isinstance(value, dict):
            merged[key] = dict(value)
    return merged


def files(
    changes: dict[str, Any],
    host: str,
    port: int,
    pki: Pki,
    emv_document: Path = emv_configuration.SANDBOX,
) -> dict[str, bytes]:
    """What makes a bare terminal one of the sandbox: path on the device -> content.

    Raises ProvisioningError for settings, `host_tools.emv.DocumentError` for a document that make
    none.
    """
    document = terminal_document(changes, host, port)
    return {
        "/config/terminal.json": json.dumps(document, ensure_ascii=False).encode(),
        **emv_configuration.files(emv_document, str(document["currency"])),
        **pki.terminal(document["terminal_id"]).as_files(),
    }


def inject_keys(world: World, terminal_id: str) -> None:
    """Give the terminal its initial DUKPT key, through the firmware's own key store."""
    store = world.load("kassa.security.key_store").KeyStore(KEYS)
    store.inject(key_material.initial_key(terminal_id), key_material.initial_key_id(terminal_id))


def fill_journal(world: World, free_slots: int) -> None:
    """Fill the terminal's journal, through the firmware's own, until so few slots are left.

    The records are of no kind that means anything; they are never trimmed before a settlement.
    """
    partition = world.load("esp32").Partition
    sealer = world.load("kassa.journal.sealed").Sealer(
        world.load("kassa.system.device_key").DeviceKey().load()
    )
    journal = world.load("kassa.journal.journal").Journal(
        partition.find(partition.TYPE_DATA, label="journal")[0],
        sealer,
        world.load("kassa.journal.anchor").Anchor(),
        world.load("kassa.system.log").Log(lambda line: None),
    )
    journal.open()
    largest = world.load("kassa.journal.slots").MAX_PAYLOAD
    while journal.free_slots > free_slots:
        journal.append(0, bytes(largest if journal.free_slots > free_slots + 8 else 6))
