"""The file that a backup is kept in: encrypted, because it holds a terminal's keys.

    KASSA BACKUP 1                        one line
    {"lock": "shop", "key": "3f2a9c11", "nonce": "..."}       one line of JSON, in clear
    AES-256-GCM (NIST SP 800-38D) over a zip file; both lines above are its associated data

The zip file holds `manifest.json` (facts of the board, SHA-256 and size of each member, what is
missing and why) and the members: `journal.img`, the raw partition; `state/...`, `config/...`,
`tls/...`, the board's files; `slots/...`, the manifests of the versions on it.

The lock is either the shop's own key, `backup.key` in its folder, or a passphrase: scrypt
(RFC 7914) with N 2^15, r 8, p 1 and a salt of 16 bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from host_tools import shop

MAGIC = b"KASSA BACKUP 1\n"
JOURNAL = "journal.img"
KEY = "backup.key"
_MANIFEST = "manifest.json"
_KEY_BYTES, _NONCE_BYTES, _SALT_BYTES = 32, 12, 16
_SCRYPT = {"n": 1 << 15, "r": 8, "p": 1}
# What a file may ask of this computer before it has proven anything.
_MOST_N = 1 << 20
_LONGEST_HEADER = 1024


class BackupError(Exception):
    """A backup cannot be used or made: one line that names the file or says the remedy."""


@dataclass
class Backup:
    """facts: of the board and of the day.  members: content by name.  missing: what should be
    there and is not, a line each with the reason.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    members: dict[str, bytes] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    @property
    def files(self) -> dict[str, bytes]:
        """The board's files by their path there."""
        folders = ("state/", "config/", "tls/")
        return {f"/{name}": c for name, c in self.members.items() if name.startswith(folders)}

    def to_zip(self) -> bytes:
        described = {
            name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in self.members.items()
        }
        manifest = {**self.facts, "missing": self.missing, "members": described}
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(_MANIFEST, json.dumps(manifest, indent=2))
            for name, content in self.members.items():
                archive.writestr(name, content)
        return stream.getvalue()


@dataclass(frozen=True)
class Lock:
    """header: how the key is found again.  name: for people."""

    key: bytes
    header: dict[str, Any]
    name: str


def shop_lock() -> Lock:
    """The shop's own key, made at first need.  Raises ShopError."""
    key = shop.secret(KEY, _KEY_BYTES, "backups locked with it open with nothing else")
    return Lock(key, {"lock": "shop", "key": _key_id(key)}, f"the shop's key {_key_id(key)}")


def passphrase_lock(passphrase: str) -> Lock:
    """A key from a passphrase.  Raises BackupError when it is empty."""
    if not passphrase:
        raise BackupError("an empty passphrase protects nothing")
    header = {"lock": "passphrase", "salt": secrets.token_hex(_SALT_BYTES), **_SCRYPT}
    return Lock(_stretched(passphrase, header), header, "the passphrase")


def seal(backup: Backup, lock: Lock) -> bytes:
    """The whole file."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    head = MAGIC + json.dumps({**lock.header, "nonce": nonce.hex()}).encode() + b"\n"
    return head + AESGCM(lock.key).encrypt(nonce, backup.to_zip(), head)


def unseal(content: bytes, name: str, passphrase: Callable[[], str]) -> Backup:
    """What is in a file.  name: for messages; passphrase(): asked for only where it is needed.
    Raises BackupError, ShopError.
    """
    line, newline, _ = content[len(MAGIC) :][:_LONGEST_HEADER].partition(b"\n")
    if not content.startswith(MAGIC) or not newline:
        raise BackupError(f"{name}: is no backup of a terminal")
    try:
        header = json.loads(line)
        nonce = bytes.fromhex(header["nonce"])
        lock = header["lock"]
        key = _key_of(header, lock, name, passphrase)
        head = MAGIC + line + newline
        archive = AESGCM(key).decrypt(nonce, content[len(head) :], head)
    except InvalidTag:
        what = "the passphrase is wrong, or the file" if lock == "passphrase" else "the file"
        raise BackupError(f"{name}: {what} was changed since it was made") from None
    except (ValueError, KeyError, TypeError):
        raise BackupError(f"{name}: the file was changed since it was made") from None
    return _unpack(archive, name)


def write(path: Path, content: bytes) -> None:
    """Put a file into its place as a whole, for its owner alone.  Raises OSError."""
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(partial).replace(path)
    finally:
        Path(partial).unlink(missing_ok=True)


def _key_of(header: dict[str, Any], lock: str, name: str, passphrase: Callable[[], str]) -> bytes:
    if lock == "passphrase":
        if not 1 < header["n"] <= _MOST_N or header["r"] != 8 or header["p"] != 1:
            raise ValueError
        return _stretched(passphrase(), header)
    if lock != "shop":
        raise ValueError
    if (shop.home() / KEY).exists():
        own = shop_lock()
        if header["key"] == own.header["key"]:
            return own.key
    raise BackupError(
        f"{name}: is locked with the shop's key {header['key']}, which {shop.home() / KEY} is "
        "not; put that key there, or name its folder in KASSA_HOME"
    )


def _stretched(passphrase: str, header: dict[str, Any]) -> bytes:
    salt = bytes.fromhex(header["salt"])
    scrypt = Scrypt(salt=salt, length=_KEY_BYTES, n=header["n"], r=header["r"], p=header["p"])
    return scrypt.derive(passphrase.encode())


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"kassa backup" + key).hexdigest()[:8]


def _unpack(archive: bytes, name: str) -> Backup:
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as unpacked:
            manifest = json.loads(unpacked.read(_MANIFEST))
            described = manifest.pop("members")
            missing = manifest.pop("missing")
            members = {member: unpacked.read(member) for member in described}
    except (zipfile.BadZipFile, ValueError, KeyError) as error:
        raise BackupError(f"{name}: cannot be unpacked ({error})") from None
    for member, content in members.items():
        if hashlib.sha256(content).hexdigest() != described[member]["sha256"]:
            raise BackupError(f"{name}: {member} in it is not what was read off the board")
    return Backup(manifest, members, missing)
