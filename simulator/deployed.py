"""A board as `kassa` leaves it: the boot file system, versions in slots, what was provisioned."""

from __future__ import annotations

from collections.abc import Mapping

from host_tools.build import Built
from host_tools.image_check import BOOT, FILES, MANIFEST, SIGNATURE
from simulator.filesystem import install
from simulator.wiring import Wiring


def slot(built: Built, name: str) -> dict[str, bytes]:
    """A version in a slot: path on the device -> content."""
    files = {path: built.files[path] for path in (MANIFEST, SIGNATURE)}
    files |= {p.removeprefix(f"{FILES}/"): c for p, c in built.files.items() if _is(FILES, p)}
    return {f"/{name}/{path}": content for path, content in files.items()}


def deploy(wiring: Wiring, boot: Built, files: Mapping[str, bytes]) -> None:
    """Put the boot file system of an image and `files` onto the board, which has no power."""
    ours = {f"/{p.removeprefix(f'{BOOT}/')}": c for p, c in boot.files.items() if _is(BOOT, p)}
    for label, content in (("vfs", ours), ("kassa", files)):
        place = wiring.partition(label)
        install(wiring.flash, place["offset"], place["size"], content)


def _is(part: str, path: str) -> bool:
    return path.startswith(f"{part}/")
