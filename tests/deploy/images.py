"""Images for these tests: real ones, and the same with a handful of small files in the slot."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from host_tools import build as building
from host_tools.board import load as load_board
from host_tools.build import Built, _described
from host_tools.emv_signing import SigningKey
from host_tools.image import SERVICE_FONT
from host_tools.image_check import BOOT, FILES, MANIFEST, SIGNATURE, SIGNER
from simulator import emv_configuration
from simulator.filesystem import Littlefs
from tests.conftest import REFERENCE_BOARD

KEY = emv_configuration.signing_key()


def part(built: Built, name: str) -> dict[str, bytes]:
    """What an image has in `files` or `boot`, by its path on the board."""
    inside = f"{name}/"
    return {p.removeprefix(inside): c for p, c in built.files.items() if p.startswith(inside)}


def whole(version: str, board: str = REFERENCE_BOARD, **settings: Any) -> Built:
    """The real firmware."""
    return building.build(load_board(board), version, key=KEY, **settings)


def small(
    version: str,
    files: Mapping[str, bytes],
    *,
    title: str | None = None,
    font: bytes = b"a font" * 100,
    change: Callable[[dict[str, Any]], None] = lambda manifest: None,
) -> Built:
    """An image with just these files in its slot, and a font that is soon written.

    title: of the board, which is one of the boot files, as the font is.  change: of the manifest,
    before it is signed.
    """
    board = load_board(REFERENCE_BOARD)
    if title is not None:
        board["title"] = title
    built = building.build(board, version, key=KEY)
    kept = {p: c for p, c in built.files.items() if not p.startswith(f"{FILES}/")}
    manifest = built.manifest | {"files": {p: _described(files[p]) for p in sorted(files)}}
    manifest["boot"] = built.manifest["boot"] | {SERVICE_FONT: _described(font)}
    kept[f"{BOOT}/{SERVICE_FONT}"] = font
    change(manifest)
    text = json.dumps(manifest, indent=1, sort_keys=True).encode() + b"\n"
    kept |= {f"{FILES}/{path}": content for path, content in files.items()}
    kept |= {MANIFEST: text, SIGNATURE: KEY.sign(text), SIGNER: KEY.signer()}
    return Built(manifest, kept)


def signed(built: Built, key: SigningKey) -> Built:
    """The same under another key."""
    signature = key.sign(built.files[MANIFEST])
    return Built(built.manifest, built.files | {SIGNATURE: signature, SIGNER: key.signer()})


def slot_content(built: Built) -> dict[str, bytes]:
    """What a slot holds when this image is in it, by path there."""
    return part(built, FILES) | {name: built.files[name] for name in (MANIFEST, SIGNATURE)}


def in_slot(fs: Littlefs, slot: str) -> dict[str, bytes]:
    """What lies in a slot."""
    if slot not in fs.listdir("/"):
        return {}
    return {p.removeprefix(f"/{slot}/"): fs.read_file(p) for p in fs.walk(f"/{slot}")}
