"""A MicroPython image as it is downloaded, taken apart.

What micropython.org calls `ESP32_GENERIC_S3-SPIRAM_OCT-20250911-v1.26.1.bin` is one file of three
parts: ESP-IDF's second stage boot loader, a partition table at 0x8000 of the flash, the program.
Where in flash the file begins follows from its chip: the ESP32's ROM looks for the boot loader at
0x1000, the ESP32-S3's at 0.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import Path

from esp_idf_defs import AppDescription, ImageMetadata

from host_tools import partitions
from host_tools.partitions import FlashError

# esp_chip_id_t (esp_image_format.h), and where the ROM of each looks for its boot loader.  Only
# the chips of our boards can be flashed; the others are known so that they can be named.
_CHIPS = {
    0: ("esp32", 0x1000),
    2: ("esp32s2", 0x1000),
    5: ("esp32c3", 0),
    9: ("esp32s3", 0),
    12: ("esp32c2", 0),
    13: ("esp32c6", 0),
    16: ("esp32h2", 0),
    18: ("esp32p4", 0x2000),
    23: ("esp32c5", 0x2000),
}
BOOT_LOADER_AT = dict(_CHIPS.values())
_MAGIC = 0xE9
_HEADER = 24
_HASH = 32
_BLANK = b"\xff" * 0x1000
_TAKE = "take the .bin of micropython.org/download"
# What MicroPython shows when it starts; the machine's name only where it is part of the same text.
_BANNER = re.compile(
    rb"MicroPython v(\d+\.\d+(?:\.\d+)?)([^\x00\r\n;]{0,60})(?:; ([^\x00\r\n]{1,100}))?"
)
_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")


@dataclass(frozen=True)
class StockImage:
    """boot_loader: goes to BOOT_LOADER_AT[chip].  app: goes into an app partition.  version: such
    as `1.26.1`.  machine: what MicroPython calls the board, empty where it does not tell.
    """

    path: Path
    chip: str
    boot_loader: bytes
    app: bytes
    version: str
    machine: str


def read(path: Path) -> StockImage:
    """Take an image apart.  Raises FlashError that names the file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FlashError(f"{path}: cannot be read: {error.strerror}") from error
    start, base = _begin(path, content)
    chip = _chip(path, content, start)
    boot_loader = _sound(path, "boot loader", content[start : start + partitions.OFFSET - base])
    at = start + partitions.OFFSET - base
    table = partitions.read(content[at : at + partitions.SIZE])
    if table is None:
        raise FlashError(f"{path}: has no partition table; {_TAKE}, which is the whole image")
    places = [each for each in table if each.kind == partitions.APP]
    if not places:
        raise FlashError(f"{path}: its partition table has no application; {_TAKE}")
    at = start + places[0].offset - base
    if at + _HEADER > len(content):
        raise FlashError(f"{path}: ends before the application begins; download it again")
    if content[at] != _MAGIC or _chip(path, content, at) != chip:
        raise FlashError(f"{path}: has no application of {chip} at {places[0].offset:#x}; {_TAKE}")
    app = _sound(path, "application", content[at:])
    version, machine = _micropython(path, app)
    return StockImage(path, chip, boot_loader, app, version, machine)


def check(
    image: StockImage, chip: str, room: int, minimum: str, psram_mode: str | None
) -> str | None:
    """Does the image suit a board of this chip, with `room` bytes for the application?

    Returns a warning in words, or None.  Raises FlashError.
    """
    path = image.path
    if image.chip != chip:
        raise FlashError(f"{path}: is for {image.chip}, the board has an {chip}; choose its image")
    if order(image.version) < order(minimum):
        raise FlashError(
            f"{path}: MicroPython {image.version} is too old; take {minimum} or newer"
        )
    if len(image.app) > room:
        raise FlashError(
            f"{path}: the application has {len(image.app)} bytes, the board's partition for it "
            f"{room}; make `factory` larger in the board file"
        )
    return _memory(image, psram_mode) if image.machine else None


def _memory(image: StockImage, psram_mode: str | None) -> str | None:
    """Does the image reach the PSRAM?  Octal PSRAM is another image on an ESP32-S3, which finds
    quad PSRAM by itself; on an ESP32 any PSRAM is another image, which does without as well.
    """
    said = image.machine.lower()
    octal, what = "octal" in said, f'the image is for "{image.machine}"'
    if psram_mode == "octal" and not octal:
        name = "SPIRAM_OCT"
    elif psram_mode == "quad" and image.chip == "esp32" and "spiram" not in said:
        name = "SPIRAM"
    elif psram_mode != "octal" and octal:
        return f"{what}, and this board has no octal PSRAM"
    else:
        return None
    return (
        f"{what}, which does not use the {psram_mode} PSRAM of this board; the one that does has "
        f"{name} in its name"
    )


def order(version: str) -> tuple[int, int, int]:
    """`1.24.0`, `v1.24` or `1.27.0-preview.12` as numbers that compare; zeros for none."""
    found = _VERSION.match(version)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else (0, 0, 0)


def _begin(path: Path, content: bytes) -> tuple[int, int]:
    """Where in the file the boot loader begins, and where in flash that is.

    A file that begins with erased flash is one of the whole chip, such as esptool reads or
    `kassa flash --output` writes.
    """
    if content[:1] == bytes([_MAGIC]):
        return 0, BOOT_LOADER_AT[_chip(path, content, 0)]
    if content[:0x1000] == _BLANK and content[0x1000:0x1001] == bytes([_MAGIC]):
        return 0x1000, 0x1000
    if content[:4] == b"\x7fELF":
        raise FlashError(f"{path}: is the ELF file that debuggers read; {_TAKE}")
    if content[:4] == b"UF2\n":
        raise FlashError(f"{path}: is a UF2 file for boards that mount as a drive; {_TAKE}")
    raise FlashError(f"{path}: is no image of an ESP32; {_TAKE}")


def _chip(path: Path, content: bytes, at: int) -> str:
    if len(content) < at + _HEADER:
        raise FlashError(f"{path}: is cut short; download it again")
    number = struct.unpack_from("<H", content, at + 12)[0]
    if number not in _CHIPS:
        raise FlashError(f"{path}: is for a chip that Kassa does not know (number {number})")
    return _CHIPS[number][0]


def _sound(path: Path, what: str, content: bytes) -> bytes:
    """The image that `content` begins with, its checksum and SHA-256 proven."""
    if _describes_app(content) and what == "boot loader":
        raise FlashError(
            f"{path}: is the application alone (micropython.bin, .app-bin), without the boot "
            f"loader that a bare board needs; {_TAKE}, which is the whole image"
        )
    try:
        read = ImageMetadata.from_bytes(content)
    except (ValueError, IndexError, struct.error) as error:
        raise FlashError(
            f"{path}: the {what} in it is damaged ({error}); download it again"
        ) from error
    last = read.segments[-1]
    end = (last.offset + last.length + 16) & ~15
    return content[: end + (_HASH if read.header.hash_appended else 0)]


def _describes_app(content: bytes) -> bool:
    at = AppDescription.FIRMWARE_BINARY_OFFSET
    return AppDescription.from_bytes_or_none(content[at : at + AppDescription.SIZE]) is not None


def _micropython(path: Path, app: bytes) -> tuple[str, str]:
    """Version and machine.  The banner is what MicroPython itself says; the application's
    description is what its build system called it, which may say less.
    """
    found = _BANNER.search(app)
    if found is not None:
        machine = (found[3] or b"").decode("utf-8", "replace").strip()
        return found[1].decode() + _preview(found[2].decode("utf-8", "replace")), machine
    at = AppDescription.FIRMWARE_BINARY_OFFSET
    described = AppDescription.from_bytes_or_none(app[at : at + AppDescription.SIZE])
    if described is not None and described.project_name == "micropython":
        version = _VERSION.match(described.version)
        if version is not None:
            return described.version.lstrip("v"), ""
    name = "" if described is None else f" but {described.project_name} {described.version}"
    raise FlashError(f"{path}: is not MicroPython{name}; {_TAKE}")


def _preview(rest: str) -> str:
    """`-preview.12.gabc on 2025-01-01` tells that this is not yet that version."""
    return rest.split(" ")[0] if rest.startswith("-") else ""
