"""What a shop keeps on its computer between two commands: the keys that its terminals trust.

    $KASSA_HOME, else ~/.kassa    for its owner alone
        signing.pem               signs firmware and configuration; made when it is first needed
        backup.key                locks the backups of terminals; made when it is first needed
        service.code              opens the service menu of its terminals; made at first need
        ca/                       the shop's own certificates

Whoever has this folder decides what the shop's terminals run.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import tempfile
from pathlib import Path

from host_tools import emv_signing, service

SIGNING = "signing.pem"
SERVICE_CODE = "service.code"


class ShopError(Exception):
    """The shop's folder cannot be used; the message is one line and names it."""


def home() -> Path:
    """The shop's folder, made where there is none yet.  Raises ShopError."""
    folder = Path(os.environ.get("KASSA_HOME") or "~/.kassa").expanduser()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ShopError(
            f"{folder}: cannot be the shop's folder: {error.strerror}; "
            "name another one in KASSA_HOME"
        ) from error
    return folder


def signing_key() -> emv_signing.SigningKey:
    """The key that signs for the shop's terminals, made at first need, which is said on standard
    error.  Raises ShopError, and KeyFileError for a file that holds no such key.
    """
    path = home() / SIGNING
    if not path.exists():
        try:
            key = emv_signing.create(path)
        except FileExistsError:  # another command was quicker
            return emv_signing.load(path)
        except OSError as error:
            raise ShopError(f"{path}: cannot be written: {error.strerror}") from error
        print(
            f"{path}: made the shop's signing key {key.key_id}; its terminals take only what it "
            "has signed, so keep a copy in a safe",
            file=sys.stderr,
        )
        return key
    return emv_signing.load(path)


def secret(name: str, size: int, use: str) -> bytes:
    """`size` bytes that only this shop knows, in the file `name` in hexadecimal; made at first
    need, which is said on standard error with `use`.  Raises ShopError.
    """
    path = home() / name
    try:
        if not path.exists():
            _make(path, secrets.token_hex(size) + "\n")
            print(f"{path}: made; {use}, so keep a copy in a safe", file=sys.stderr)
        content = path.read_text("ascii")
    except OSError as error:
        raise ShopError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError:
        content = "?"
    try:
        key = bytes.fromhex(content)
    except ValueError:
        key = b""
    if len(key) != size:
        raise ShopError(f"{path}: does not hold {2 * size} hex digits; take the copy in the safe")
    return key


def service_code() -> str:
    """The digits that open the service menu of the shop's terminals, which `home() / SERVICE_CODE`
    holds; made at first need, which is said on standard error.  Raises ShopError.
    """
    path = home() / SERVICE_CODE
    try:
        if not path.exists():
            _make(path, f"{secrets.randbelow(10**service.MADE_DIGITS):0{service.MADE_DIGITS}}\n")
            print(f"{path}: made; it opens the service menu of the terminals", file=sys.stderr)
        content = path.read_bytes().decode("ascii", "replace").strip()
    except OSError as error:
        raise ShopError(f"{path}: {error.strerror}") from error
    if not service.is_code(content):
        raise ShopError(f"{path}: does not hold {service.CODE}; without it a new one is made")
    return content


def _make(path: Path, content: str) -> None:
    """A file for its owner alone that appears whole; one that is there already stays."""
    handle, partial = tempfile.mkstemp(dir=path.parent)
    try:
        with open(handle, "w", encoding="ascii") as file:
            file.write(content)
        with contextlib.suppress(FileExistsError):
            os.link(partial, path)
    finally:
        os.unlink(partial)
