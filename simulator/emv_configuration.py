"""The EMV configuration of a sandbox terminal: a document with the sandbox's own keys, signed.

A document does not have to name the sandbox schemes' CA keys: they are made on each machine from
their seed and put in here, with the serial numbers of the issuer certificates that the schemes
have revoked, for every scheme that the document takes cards of.  A key that the document has with
the same RID and index stays; `ca_keys = []` means a terminal without any.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from kassa.system import currency as iso4217

from host_tools import emv, emv_signing
from simulator.cards import certificates
from simulator.cards.emv_keys import rsa_key

SANDBOX = Path(__file__).parent / "emv_sandbox.toml"
"""The configuration of a terminal that was not given another."""

_EXPIRES = "491231"  # with the issuers' certificates


@cache
def signing_key() -> emv_signing.SigningKey:
    """The sandbox's key for configurations: made from a seed, so no secret."""
    key = rsa_key("configuration", emv_signing.BITS, emv_signing.EXPONENT)
    return emv_signing.SigningKey(key.modulus, key.private_exponent)


def files(document: Path, currency: str) -> dict[str, bytes]:
    """What of the configuration goes onto a terminal that sells in `currency`: path -> content.

    Raises `host_tools.emv.DocumentError`, which names the document and all its mistakes.
    """
    made = _sandbox(currency) if document == SANDBOX else _compiled(document, currency)
    return {f"/config/{name}": content for name, content in made.files().items()}


@cache
def _sandbox(currency: str) -> emv.Compiled:
    return _compiled(SANDBOX, currency)


def _compiled(path: Path, currency: str) -> emv.Compiled:
    return emv.compile_document(with_sandbox(emv.read(path), currency), signing_key())


def with_sandbox(document: emv.Document, currency: str = "EUR") -> emv.Document:
    """The document with the sandbox's keys; what `currency` says of the exponent, it need not
    say."""
    source = document.source
    if not isinstance(source, dict):
        return document
    terminal = source.get("terminal", {})
    if isinstance(terminal, dict) and currency in iso4217.CURRENCIES:
        exponent = {"currency_exponent": iso4217.minor_digits(currency)}
        source = {**source, "terminal": {**exponent, **terminal}}
    keys = source.get("ca_keys")
    if keys is None or (isinstance(keys, list) and keys):
        source = {**source, **_keys(source, keys or [])}
    return emv.Document(document.path, source, document.lines)


def _keys(source: dict[str, Any], keys: list[Any]) -> dict[str, Any]:
    """`ca_keys` and `revoked` with those of the sandbox."""
    there = {
        (str(key.get("rid")).upper(), str(key.get("index")).upper())
        for key in keys
        if isinstance(key, dict)
    }
    revoked = source.get("revoked", [])
    added, withdrawn = [], []
    for scheme in _schemes(source):
        key = certificates.ca_key(scheme)
        name = {"rid": key.rid.hex().upper(), "index": f"{key.index:02X}"}
        if (name["rid"], name["index"]) in there:
            continue
        added.append(
            {
                **name,
                "modulus": key.modulus.hex().upper(),
                "exponent": key.exponent.hex().upper(),
                "sha1": key.checksum.hex().upper(),
                "expires": _EXPIRES,
            }
        )
        serials = certificates.revoked_serials(scheme)
        withdrawn += [{**name, "serial": serial.hex().upper()} for serial in serials]
    tables: dict[str, Any] = {"ca_keys": [*keys, *added]}
    if isinstance(revoked, list) and (revoked or withdrawn):
        tables["revoked"] = [*revoked, *withdrawn]
    return tables


def _schemes(source: dict[str, Any]) -> list[str]:
    """The sandbox's schemes whose AIDs the document has."""
    combinations = source.get("combinations")
    aids = [
        str(entry.get("aid")).upper()
        for entry in (combinations if isinstance(combinations, list) else [])
        if isinstance(entry, dict)
    ]
    return [
        scheme
        for scheme, rid in certificates.RIDS.items()
        if any(aid.startswith(rid.hex().upper()) for aid in aids)
    ]
