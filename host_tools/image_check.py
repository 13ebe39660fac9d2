"""Is an image whole, meant for this board, and signed by who may sign it?"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from kassa.system import release

from host_tools import emv_signing

FILES = "files"
BOOT = "boot"
MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
SIGNER = "signer.json"
ROMFS = "romfs.img"
# What a key signs says what it is, so that nothing else that it has signed passes for an image.
KIND = "kassa image 1"


class ImageError(Exception):
    """An image that no terminal may take; the message is one line and names what is wrong."""


def version_order(version: str) -> tuple[int, int, int, int]:
    """What versions are compared by: `0.1.0+1795389410.d989acf6a1b2` is (0, 1, 0, 1795389410).

    Raises ImageError for what is no version.
    """
    try:
        return release.order(version)
    except ValueError:
        raise ImageError(f"{version}: no version, such as 0.1.0+1") from None


def verify_image(
    folder: Path,
    public_key: bytes,
    *,
    chip: str | None = None,
    board: str | None = None,
    installed: str | None = None,
) -> dict[str, Any]:
    """The manifest of an image that is right, else ImageError.

    public_key: a signer.json; the one in the folder proves nothing and is not looked at.  chip,
    board: what the image must be for.  installed: the version on the terminal; an older one is
    taken only if its manifest allows downgrades.  Only files that go to the board and the ROMFS
    image are checked; the frozen sources are for reading and building.
    """
    text, signed = _read(folder, MANIFEST), _read(folder, SIGNATURE)
    try:
        right = emv_signing.is_signed(text, signed, public_key)
    except ValueError as error:
        raise ImageError(f"the public key: {error}") from error
    if not right:
        raise ImageError(f"{SIGNATURE}: wrong signature: changed, or signed by another key")
    manifest = _manifest(text)
    for what, wanted in (("chip", chip), ("board", board)):
        if wanted is not None and manifest[what] != wanted:
            raise ImageError(f"{MANIFEST}: for {what} {manifest[what]}, this one is {wanted}")
    if (
        installed is not None
        and version_order(manifest["version"]) < version_order(installed)
        and manifest["downgrade"] is not True
    ):
        raise ImageError(
            f"{MANIFEST}: version {manifest['version']} is older than {installed}, "
            f"and it does not allow downgrades"
        )
    _check_files(folder, manifest)
    return manifest


def _manifest(text: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(text)
        if manifest["kind"] != KIND:
            raise ValueError
        for key in ("version", "board", "chip", "downgrade", ROMFS):
            manifest[key]
        for facts in (*manifest["files"].values(), *manifest[BOOT].values(), manifest[ROMFS]):
            _ = facts["size"] + 0, facts["sha256"].lower()
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ImageError(f"{MANIFEST}: not the manifest of an image") from None
    return manifest


def _check_files(folder: Path, manifest: dict[str, Any]) -> None:
    _check_file(folder, ROMFS, ROMFS, manifest[ROMFS])
    for part, prefix in ((FILES, ""), (BOOT, f"{BOOT}/")):
        listed: dict[str, Any] = manifest[part]
        for path, facts in listed.items():
            _check_file(folder, f"{part}/{path}", f"{prefix}{path}", facts)
        for found in sorted((folder / part).rglob("*")):
            name = found.relative_to(folder / part).as_posix()
            if (found.is_symlink() or not found.is_dir()) and name not in listed:
                raise ImageError(f"{prefix}{name}: extra: the manifest does not know it")


def _check_file(folder: Path, place: str, name: str, facts: dict[str, Any]) -> None:
    try:
        content = (folder / place).read_bytes()
    except FileNotFoundError:
        raise ImageError(f"{name}: missing") from None
    except OSError as error:
        raise ImageError(f"{name}: cannot be read: {error.strerror}") from error
    if len(content) != facts["size"]:
        raise ImageError(f"{name}: changed: {len(content)} bytes, not {facts['size']}")
    if hashlib.sha256(content).hexdigest() != facts["sha256"]:
        raise ImageError(f"{name}: changed: its SHA-256 differs")


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError:
        raise ImageError(f"{name}: missing") from None
    except OSError as error:
        raise ImageError(f"{name}: cannot be read: {error.strerror}") from error
