"""Is a slot one whole version, meant for this board, and signed by who may sign it?

`manifest.json` in the slot says what belongs there, `manifest.sig` who says so:

    {"kind": "kassa image 1", "version": "0.1.0+1795389410.d989acf6a1b2", "board": "...",
     "chip": "esp32s3", "micropython": "1.24.0", "mpy": 6, "downgrade": false,
     "files": {"main.py": {"size": 7210, "sha256": "..."}, ...}}

Nothing of a slot may run before this was found right.
"""

import binascii
import json
import os
import sys
from typing import TYPE_CHECKING

from micropython import const

from kassa.security import signed_file
from kassa.security.errors import BadSignature, SecurityError

if TYPE_CHECKING:
    from typing import Any

    from kassa.security.signed_file import Signer

MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
KIND = "kassa image 1"
_DIRECTORY = const(0x4000)


class BadImage(SecurityError):
    """A version that this terminal must not run; the message is one line and names the file."""


def check(folder: str, signer: "Signer", board: str, chip: str) -> "dict[str, Any]":
    """The manifest of the version in `folder`, when all of it is right.

    Raises BadSignature for a manifest that the signer has not signed, BadImage for everything
    else: another board or chip, a MicroPython that is too old, a file that is missing, changed or
    extra.
    """
    signer.check(folder + "/" + MANIFEST, folder + "/" + SIGNATURE)
    with open(folder + "/" + MANIFEST) as file:
        manifest = parse(file.read())
    suits(manifest, board, chip)
    files = manifest["files"]
    for path in files:
        check_file(folder, path, files[path])
    nothing_else(folder, "", files)
    return manifest


def parse(text: str) -> "dict[str, Any]":
    """A manifest's content; BadImage when it is none."""
    try:
        manifest = json.loads(text)
        if manifest["kind"] != KIND or not isinstance(manifest["files"], dict):
            raise ValueError
        for key in ("version", "board", "chip", "micropython", "mpy", "downgrade"):
            manifest[key]
    except (ValueError, TypeError, KeyError):
        raise BadImage(MANIFEST + ": not the manifest of an image")
    return manifest


def suits(manifest: "dict[str, Any]", board: str, chip: str) -> None:
    """Is it for this board, its chip and its MicroPython?  Raises BadImage."""
    for what, ours in (("chip", chip), ("board", board)):
        if manifest[what] != ours:
            raise BadImage(
                "{}: for {} {}, this is {}".format(MANIFEST, what, manifest[what], ours)
            )
    ours = sys.implementation
    wanted = []
    for part in manifest["micropython"].split(".")[:3]:
        wanted.append(int(part) if part.isdigit() else 0)
    if list(ours.version[: len(wanted)]) < wanted:
        raise BadImage(MANIFEST + ": needs MicroPython " + manifest["micropython"] + " or newer")
    reads = getattr(ours, "_mpy", 0) & 0xFF
    if reads != manifest["mpy"]:
        raise BadImage(
            "{}: .mpy version {}, this MicroPython reads {}".format(
                MANIFEST, manifest["mpy"], reads
            )
        )


def check_file(folder: str, path: str, facts: "dict[str, Any]") -> None:
    """Is the file there as the manifest describes it?  Raises BadImage."""
    try:
        size = os.stat(folder + "/" + path)[6]
        found = signed_file.digest(folder + "/" + path)
    except (OSError, BadSignature):
        raise BadImage(path + ": missing")
    if size != facts["size"] or binascii.hexlify(found).decode() != facts["sha256"]:
        raise BadImage(path + ": changed")


def nothing_else(folder: str, inside: str, files: "dict[str, Any]") -> None:
    """Is there no file below `inside` that the manifest does not name?  Raises BadImage."""
    for entry in os.ilistdir(folder + "/" + inside):
        path = inside + entry[0]
        if entry[1] == _DIRECTORY:
            nothing_else(folder, path + "/", files)
        elif path not in files and path not in (MANIFEST, SIGNATURE):
            raise BadImage(path + ": extra: the manifest does not know it")
