"""EMV configurations: from a readable TOML document to what a terminal takes.

    document = emv.read(Path("shop.toml"))
    mistakes = emv.check(document, today)      # and warnings, each with AID, field and line
    made = emv.compile_document(document, key)  # emv.json, emv.sig, signer.json

The document has the tables and fields of `kassa.emv.config`, amounts in minor units; whether it
is right is asked of the firmware's own reader.  Two things are said otherwise than on the device:
`exceptions` may name a list of card numbers, whose digests the tool makes,

    [exceptions]
    file = "stolen.txt"      # relative to the document, see host_tools/emv_exceptions.py
    date = "261122"
    max_age_days = 30

and `sha1` of a CA key may be left out where the scheme's own check sum is not at hand.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kassa.emv import config, kernels
from kassa.emv.errors import ConfigError

from host_tools import emv_exceptions, toml_lines
from host_tools.emv_signing import SigningKey

FILES = ("emv.json", "emv.sig", "signer.json")
"""What `compile_document` makes; on the device they are in /config."""
NEAR_EXPIRY_DAYS = 90


class DocumentError(Exception):
    """A document that cannot be used; the message names the file, a line for each mistake."""


@dataclass(frozen=True)
class Mistake:
    """What is wrong, or only to be thought about (`warning`), and where (`line`, where known)."""

    text: str
    path: toml_lines.Path = ()
    line: int | None = None
    warning: bool = False

    def shown(self, file: str) -> str:
        place = f"{file}:{self.line}" if self.line else file
        return f"{place}: {'warning: ' if self.warning else ''}{self.text}"


@dataclass(frozen=True)
class Document:
    """A configuration as it was written: where from, its content, and the line of each field."""

    path: Path
    source: dict[str, Any]
    lines: dict[toml_lines.Path, int]


@dataclass(frozen=True)
class Compiled:
    """What goes onto a terminal."""

    content: bytes
    signature: bytes
    signer: bytes

    def files(self) -> dict[str, bytes]:
        return dict(zip(FILES, (self.content, self.signature, self.signer), strict=True))


def read(path: Path) -> Document:
    """A document, TOML or (as `compile_document` made it) JSON.  Raises DocumentError."""
    try:
        text = path.read_text("utf-8")
        if path.suffix == ".json":
            return Document(path, json.loads(text), {})
        return Document(path, tomllib.loads(text), toml_lines.find(text))
    except OSError as error:
        raise DocumentError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DocumentError(f"{path}: not UTF-8 text at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        raise DocumentError(f"{path}: not TOML: {error}") from error
    except ValueError as error:
        raise DocumentError(f"{path}: not JSON: {error}") from error


def check(document: Document, today: datetime.date) -> list[Mistake]:
    """All mistakes and warnings, in the order of the document's lines."""
    found = _about_list(document)
    refused: list[ConfigError] = []
    read = config.from_dict(readable(document), refused)
    found += [Mistake(str(error), error.path) for error in refused]
    found += _about_kernels(read)
    found += _about_keys(read, today)
    found += _about_offline(read, today)
    placed = [
        Mistake(each.text, each.path, toml_lines.line_of(document.lines, each.path), each.warning)
        for each in found
    ]
    return sorted(placed, key=lambda each: (each.warning, each.line or 0))


def compile_document(
    document: Document, key: SigningKey, today: datetime.date | None = None
) -> Compiled:
    """The document for a terminal, signed.  The same document, lists and key make the same bytes.

    Raises DocumentError with a line for each mistake.
    """
    found = check(document, today or datetime.datetime.now(datetime.UTC).date())
    wrong = [each.shown(str(document.path)) for each in found if not each.warning]
    if wrong:
        raise DocumentError("\n".join(wrong))
    source = _with_check_sums(document.source)
    if _list_of(document) is not None:
        source = {**source, "exceptions": _hashed(document, key)}
    content = json.dumps(source, sort_keys=True, separators=(",", ":")).encode("ascii")
    return Compiled(content, key.sign(content), key.signer())


def check_sum(key: dict[str, Any]) -> str:
    """SHA-1 over RID, index, modulus and exponent of a CA key (EMV 4.3 Book 2, table 30), in
    hexadecimal.  Raises ValueError, TypeError or KeyError for what is no key."""
    data = b"".join(bytes.fromhex(key[part]) for part in ("rid", "index", "modulus", "exponent"))
    return hashlib.sha1(data).hexdigest().upper()


def readable(document: Document) -> Any:
    """The content as the firmware's reader takes it: with check sums, and with nobody on a list
    that stands in a file of its own."""
    source, table = document.source, _list_of(document)
    if isinstance(source, dict):
        source = _with_check_sums(source)
    if table is not None:
        rest = {key: value for key, value in table.items() if key not in ("file", "digests")}
        source = {**source, "exceptions": {"salt": "00" * 16, **rest, "digests": ""}}
    return source


def _with_check_sums(source: dict[str, Any]) -> dict[str, Any]:
    keys = source.get("ca_keys")
    if not isinstance(keys, list):
        return source
    return {**source, "ca_keys": [_with_check_sum(key) for key in keys]}


def _with_check_sum(key: Any) -> Any:
    if not isinstance(key, dict) or "sha1" in key:
        return key
    try:
        return {**key, "sha1": check_sum(key)}
    except (ValueError, TypeError, KeyError):
        return {**key, "sha1": "00" * 20}  # its other fields are refused by name


def _about_list(document: Document) -> list[Mistake]:
    """What is wrong with the list that `exceptions` names."""
    table = _list_of(document)
    if table is None:
        return []
    found = []
    if "digests" in table:
        text = "exceptions: give file or digests, not both"
        found.append(Mistake(text, ("exceptions", "digests")))
    name = table["file"]
    if not isinstance(name, str):
        found.append(Mistake("exceptions: file must be text", ("exceptions", "file")))
        return found
    try:
        emv_exceptions.read(document.path.parent / name)
    except emv_exceptions.ListError as error:
        found.append(Mistake(f"exceptions: {name}: {error}", ("exceptions", "file")))
    return found


def _list_of(document: Document) -> dict[str, Any] | None:
    """The table `exceptions`, if it names a list."""
    source = document.source
    table = source.get("exceptions") if isinstance(source, dict) else None
    return table if isinstance(table, dict) and "file" in table else None


def _hashed(document: Document, key: SigningKey) -> dict[str, Any]:
    """The table `exceptions` with digests for the list that it names."""
    table = document.source["exceptions"]
    cards = emv_exceptions.read(document.path.parent / table["file"])
    # One salt for each list, so that no table of digests made beforehand fits; it is not drawn,
    # so that the same list gives the same bytes.
    names = "\n".join(cards.names).encode()
    salt = key.secret("exceptions", table["date"].encode(), names)[:16]
    if "salt" in table:
        salt = bytes.fromhex(table["salt"])
    return {
        "date": table["date"],
        "digests": cards.digests(salt).hex().upper(),
        "max_age_days": table["max_age_days"],
        "salt": salt.hex().upper(),
    }


def date_of(text: str) -> datetime.date:
    """ "YYMMDD" as a date; a day past the month's last is the last."""
    year, month, day = 2000 + int(text[:2]), int(text[2:4]), int(text[4:])
    following = datetime.date(year + month // 12, month % 12 + 1, 1)
    return min(
        datetime.date(year, month, 1) + datetime.timedelta(day - 1),
        following - datetime.timedelta(1),
    )


def _about_kernels(read: config.Configuration) -> list[Mistake]:
    """Kernels that the firmware does not have: the terminal would not start."""
    found = []
    for at, combination in enumerate(read.combinations):
        if combination.aid is None or combination.kernel is None:
            continue
        try:
            kernels.create(combination.kernel)
        except ConfigError as error:
            text = f"{combination.aid.hex().upper()}: kernel: {error}"
            found.append(Mistake(text, ("combinations", at, "kernel")))
    return found


def _about_keys(read: config.Configuration, today: datetime.date) -> list[Mistake]:
    found = []
    for at, key in enumerate(read.ca_keys):
        if None in (key.rid, key.index, key.modulus, key.exponent, key.sha1, key.expires):
            continue
        name = f"ca_keys: {key.rid.hex().upper()} index {key.index.hex().upper()}"
        digest = hashlib.sha1(key.rid + key.index + key.modulus + key.exponent).digest()
        if digest != key.sha1:
            text = f"{name}: sha1 is not that of RID, index, modulus and exponent"
            found.append(Mistake(text, ("ca_keys", at, "sha1")))
        if not key.modulus[0] & 0x80 or not key.modulus[-1] & 1:
            text = f"{name}: modulus must begin with a set bit and be odd"
            found.append(Mistake(text, ("ca_keys", at, "modulus")))
        left = (date_of(key.expires) - today).days
        if left <= NEAR_EXPIRY_DAYS:
            how = f"expires in {left} days" if left >= 0 else "has expired"
            found.append(
                Mistake(f"{name}: expires: {how}", ("ca_keys", at, "expires"), None, True)
            )
    known = {(key.rid, key.index) for key in read.ca_keys}
    for at, entry in enumerate(read.revoked):
        if entry.rid and entry.index and (entry.rid, entry.index) not in known:
            name = f"revoked: {entry.rid.hex().upper()} index {entry.index.hex().upper()}"
            text = f"{name}: index: there is no such CA key"
            found.append(Mistake(text, ("revoked", at, "index"), None, True))
    return found


def _about_offline(read: config.Configuration, today: datetime.date) -> list[Mistake]:
    found = []
    offline = read.terminal.offline_approval
    if offline and read.risk is None:
        text = "terminal: offline_approval needs the table risk"
        found.append(Mistake(text, ("terminal", "offline_approval")))
    rids = {key.rid for key in read.ca_keys}
    for at, combination in enumerate(read.combinations):
        if combination.aid is None:
            continue
        name, path = combination.aid.hex().upper(), ("combinations", at)
        if offline and combination.floor_limit and combination.aid[:5] not in rids:
            text = f"{name}: floor_limit: no CA key, so every card will go online"
            found.append(Mistake(text, (*path, "floor_limit"), None, True))
            rids.add(combination.aid[:5])  # once for each scheme
        for field in ("floor_limit", "cvm_limit"):
            limit, most = getattr(combination, field), combination.transaction_limit
            if limit is not None and most is not None and limit > most:
                text = f"{name}: {field} is above transaction_limit and never reached"
                found.append(Mistake(text, (*path, field), None, True))
    listed = read.exceptions
    if listed is not None and listed.date and listed.max_age_days:
        age = (today - date_of(listed.date)).days
        if age > listed.max_age_days:
            text = f"exceptions: date: {age} days old, at most {listed.max_age_days}"
            found.append(Mistake(text, ("exceptions", "date"), None, True))
    return found
