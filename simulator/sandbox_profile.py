"""What `kassa provision` needs to make a board a terminal of the sandbox acquirer.

FILE.toml            the profile, in the form of `host_tools.profile`
FILE.ca.pem          the acquirer's CA
FILE.emv.json        the sandbox's EMV configuration, with the sandbox schemes' CA keys
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from host_tools import emv
from simulator import emv_configuration, provisioning
from simulator.acquirer import key_material
from simulator.acquirer.pki import Pki

_HEAD = """\
# Made by `kassa-sim acquirer`: a terminal of the sandbox, for `kassa provision`.
# Its keys are public. Good for nothing else.
"""


def write(path: Path, host: str, port: int, certificates: Pki) -> None:
    """Write the three files; the acquirer listens at `host`:`port`.  Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    terminal = provisioning.terminal_document({}, host, port)
    document = emv_configuration.with_sandbox(
        emv.read(emv_configuration.SANDBOX), terminal["currency"]
    )
    ca, emv_json = path.with_suffix(".ca.pem"), path.with_suffix(".emv.json")
    ca.write_text(certificates.ca_pem, "ascii")
    emv_json.write_text(json.dumps(document.source, indent=1, sort_keys=True), "utf-8")
    name = terminal["terminal_id"]
    parts = {
        "terminal": terminal,
        "tls": {"host_ca": ca.name},
        "emv": {"document": emv_json.name},
        "keys": {
            "initial_key_id": key_material.initial_key_id(name).hex().upper(),
            "initial_key": key_material.initial_key(name).hex().upper(),
        },
    }
    lines = [_HEAD + "sandbox = true"]
    for table, values in parts.items():
        lines += _table(table, values)
    path.write_text("\n".join(lines) + "\n", "utf-8")


def _table(name: str, values: dict[str, Any]) -> list[str]:
    """A TOML table; those inside come after what is plain."""
    lines = ["", f"[{name}]"]
    lines += [f"{key} = {_value(value)}" for key, value in values.items() if not _is_table(value)]
    for key, value in values.items():
        if _is_table(value):
            lines += _table(f"{name}.{key}", value)
    return lines


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)


def _value(value: Any) -> str:
    """A TOML value; inside lists, tables are inline."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(v)}" for key, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
