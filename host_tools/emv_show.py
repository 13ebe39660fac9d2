"""What an EMV configuration says, for people (`tables`) and for machines (`facts`)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kassa.emv import config
from kassa.emv.config_reader import Record
from rich.table import Table

from host_tools import emv_signing
from host_tools.emv import Document
from host_tools.lens import applications, bits

TTQ = 0x9F66
TVR = 0x95
_LIMITS = ("transaction_limit", "floor_limit", "cvm_limit")


def signature_state(path: Path, signer: Path | None) -> dict[str, str]:
    """Whether a terminal would take the file: `state` is "good", "wrong", "missing" (no emv.sig or
    signer beside it) or "none" (a document: those are not signed), `words` says it."""
    if path.suffix != ".json":
        return {"state": "none", "words": "a document; `kassa emv compile` signs it"}
    signed, signer = path.with_suffix(".sig"), signer or path.with_name("signer.json")
    for needed in (signed, signer):
        if not needed.is_file():
            return {"state": "missing", "words": f"{needed.name} is missing"}
    try:
        right = emv_signing.is_signed(path.read_bytes(), signed.read_bytes(), signer.read_bytes())
    except ValueError as error:
        return {"state": "wrong", "words": f"{signer.name}: {error}"}
    if not right:
        return {"state": "wrong", "words": f"{signed.name} is not {signer.name}'s over this file"}
    return {"state": "good", "words": f"signed by {emv_signing.key_id(signer.read_bytes())}"}


def facts(document: Document, read: config.Configuration, signature: dict[str, str]) -> Any:
    """All that `tables` shows as JSON values."""
    return {
        "file": str(document.path),
        "signature": signature,
        "terminal": _plain(read.terminal),
        "combinations": [_combination(entry) for entry in read.combinations],
        "ca_keys": [_key(entry) for entry in read.ca_keys],
        "revoked": [_plain(entry) for entry in read.revoked],
        "exceptions": _exceptions(read.exceptions),
        "risk": None if read.risk is None else _plain(read.risk),
    }


def tables(shown: dict[str, Any]) -> Iterator[Table]:
    """Tables of `facts`."""
    exponent = shown["terminal"]["currency_exponent"]
    yield _combinations(shown["combinations"], exponent)
    yield _bits(shown["combinations"])
    if shown["ca_keys"]:
        table = Table("RID", "Scheme", "Index", "Bits", "Exponent", "Check sum", "Expires")
        table.title = "CA keys"
        for key in shown["ca_keys"]:
            right = "right" if key["sha1_right"] else "WRONG"
            expires = f"20{key['expires'][:2]}-{key['expires'][2:4]}-{key['expires'][4:]}"
            row = (key["rid"], key["scheme"], key["index"], str(key["bits"]), key["exponent"])
            table.add_row(*row, right, expires)
        yield table
    yield _rest(shown, exponent)


def _combinations(entries: list[dict[str, Any]], exponent: int) -> Table:
    table = Table("AID", "Kernel", "Scheme", title="Combinations")
    for heading in ("Below", "Offline to", "CVM from"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.columns[0].no_wrap = True
    for entry in entries:
        limits = [_money(entry[name], exponent) for name in _LIMITS]
        if entry["kernel"] == 2:
            # Its limits depend on whether the device verifies its owner (Book C-2, 3.8).
            limits[0] = _money(entry["kernel2"]["limit"], exponent)
        table.add_row(entry["aid"], str(entry["kernel"]), entry["scheme"], *limits)
        for program in entry["program_limits"]:
            limits = [_money(program[name], exponent) for name in _LIMITS]
            table.add_row(f"  {program['program']}", "", "program", *limits)
    return table


def _bits(entries: list[dict[str, Any]]) -> Table:
    """TTQs and terminal action codes in words, each value but once."""
    table = Table("Field", "Value", "Says", title="Bits", show_lines=True)
    table.columns[1].no_wrap = True
    users: dict[tuple[str, str], list[str]] = {}
    says: dict[tuple[str, str], list[str]] = {}
    for entry in entries:
        own = {"ttq": entry["ttq"], "ttq_words": entry["ttq_words"]}
        own |= entry.get(f"kernel{entry['kernel']}", {})
        for name in [name for name in own if f"{name}_words" in own and own[name]]:
            place = (name.replace("_", " ").replace("tac", "TAC").replace("ttq", "TTQ"), own[name])
            says[place] = own[f"{name}_words"]
            users.setdefault(place, []).append(entry["scheme"])
    for (name, value), words in says.items():
        schemes = ", ".join(dict.fromkeys(users[name, value]))
        plain = ", ".join(word.partition(": ")[2] or word for word in words)
        table.add_row(f"{name} ({schemes})", value, plain or "nothing")
    return table


def _rest(shown: dict[str, Any], exponent: int) -> Table:
    table = Table("What", "Value", title="Offline")
    offline = shown["terminal"]["offline_approval"]
    table.add_row("approval without the host", "yes" if offline else "no, every sale asks")
    for name, value in (shown["risk"] or {}).items():
        words = _money(value, exponent) if name.endswith(("threshold", "cap")) else str(value)
        table.add_row(name.replace("_", " "), words)
    listed = shown["exceptions"]
    if listed is not None:
        age = (
            f"{listed['count']} cards of {listed['date']}, used for {listed['max_age_days']} days"
        )
        table.add_row("exception list", age)
    for entry in shown["revoked"]:
        serial = f"{entry['rid']} index {entry['index']} serial {entry['serial']}"
        table.add_row("revoked issuer key", serial)
    return table


def _combination(entry: Record) -> dict[str, Any]:
    plain = {name: value for name, value in _plain(entry).items() if name[:6] != "kernel"}
    plain["kernel"] = entry.kernel
    plain["program_limits"] = [_plain(program) for program in entry.program_limits]
    plain["ttq_words"] = _words(TTQ, entry.ttq)
    own = getattr(entry, f"kernel{entry.kernel}", None)
    if own is not None:
        table = _plain(own)
        for name in [name for name in table if name.startswith("tac_")]:
            table[f"{name}_words"] = _words(TVR, getattr(own, name))
        plain[f"kernel{entry.kernel}"] = table
    return plain


def _key(entry: Record) -> dict[str, Any]:
    digest = hashlib.sha1(entry.rid + entry.index + entry.modulus + entry.exponent).digest()
    return {
        "rid": entry.rid.hex().upper(),
        "scheme": applications.scheme_of(entry.rid),
        "index": entry.index.hex().upper(),
        "bits": 8 * len(entry.modulus),
        "exponent": entry.exponent.hex().upper(),
        "sha1": entry.sha1.hex().upper(),
        "sha1_right": digest == entry.sha1,
        "expires": entry.expires,
    }


def _exceptions(entry: Record | None) -> dict[str, Any] | None:
    if entry is None:
        return None
    count = len(entry.digests) // config.DIGEST_BYTES
    return {"date": entry.date, "count": count, "max_age_days": entry.max_age_days}


def _words(tag: int, value: bytes | None) -> list[str]:
    return (bits.explain(tag, value) or []) if value is not None else []


def _plain(record: Record) -> dict[str, Any]:
    return {name: _value(value) for name, value in vars(record).items()}


def _value(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex().upper()
    if isinstance(value, dict):
        return {f"{tag:X}": _value(content) for tag, content in value.items()}
    return value


def _money(amount_minor: int | None, exponent: int) -> str:
    """Without a currency: a configuration does not name one."""
    if amount_minor is None:
        return "-"
    whole, part = divmod(amount_minor, 10**exponent)
    return f"{whole:,}.{part:0{exponent}}" if exponent else f"{whole:,}"
