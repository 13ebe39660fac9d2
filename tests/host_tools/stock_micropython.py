"""Images like those of micropython.org, as far as headers, checksums, hashes and words go.

Their parts are made by esptool's own classes, so that what Kassa takes apart was not put together
by Kassa; what is in them does not run.
"""

from __future__ import annotations

import hashlib
import random
import struct
from pathlib import Path

from esp_idf_defs import AppDescription
from esptool.bin_image import ELFSection
from esptool.targets import CHIP_DEFS

MACHINES = {
    "esp32": "Generic ESP32 module with ESP32",
    "esp32s3": "Generic ESP32S3 module with Octal-SPIRAM with ESP32S3",
    "esp32c3": "ESP32C3 module with ESP32C3",
}
BEGINS_AT = {"esp32": 0x1000, "esp32s3": 0, "esp32c3": 0}
# Where data in flash is seen by the chip: the first segment of an application lies there.
_FLASH_SEEN_AT = {"esp32": 0x3F400020, "esp32s3": 0x3C000020, "esp32c3": 0x3C000020}
_RAM_AT = {"esp32": 0x3FFF0000, "esp32s3": 0x3FCD0000, "esp32c3": 0x3FCD0000}
_ENTRY = 0x40080400
# What stock images come with: no journal, and no vfs, which MicroPython finds behind the last.
_STOCK_TABLE = (("nvs", 1, 2, 0x9000, 0x6000), ("phy_init", 1, 1, 0xF000, 0x1000))


def banner(version: str, chip: str) -> bytes:
    return f"MicroPython v{version} on 2025-09-11; {MACHINES[chip]}".encode()


def app(
    chip: str = "esp32s3",
    version: str = "1.26.1",
    words: bytes | None = None,
    project: str = "micropython",
    size: int = 30_000,
) -> bytes:
    """An application: its description, then `words` (else the banner), then what does not run."""
    described = AppDescription(project, f"v{version}", "v5.4.2", 0, bytes(32), "10:00:00", "")
    said = banner(version, chip) if words is None else words
    content = described.to_bytes() + said + b"\r\n\x00"
    content += random.Random(version).randbytes(size)  # as a program, it hardly compresses
    return _image(chip, _FLASH_SEEN_AT[chip], content)


def boot_loader(chip: str = "esp32s3", flash_code: int = 0x2F) -> bytes:
    """flash_code: size and frequency as the header has them; 0x2F is 4 MB at 80 MHz."""
    return _image(chip, _RAM_AT[chip], b"boot" * 2000, flash_code)


def stock_table(app_size: int = 0x1F0000) -> bytes:
    entries = b""
    for name, kind, subtype, offset, size in (
        *_STOCK_TABLE,
        ("factory", 0, 0, 0x10000, app_size),
    ):
        entries += struct.pack(
            "<2sBBLL16sL", b"\xaaP", kind, subtype, offset, size, name.encode(), 0
        )
    return entries + b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(entries).digest()


def image(
    chip: str = "esp32s3", version: str = "1.26.1", application: bytes | None = None
) -> bytes:
    """The whole file, from where the boot loader begins to the end of the application."""
    base = BEGINS_AT[chip]
    content = boot_loader(chip).ljust(0x8000 - base, b"\xff") + stock_table()
    return content.ljust(0x10000 - base, b"\xff") + (application or app(chip, version))


def write(folder: Path, chip: str = "esp32s3", version: str = "1.26.1") -> Path:
    path = folder / f"{chip}-v{version}.bin"
    path.write_bytes(image(chip, version))
    return path


def _image(chip: str, address: int, content: bytes, flash_code: int = 0x2F) -> bytes:
    made = CHIP_DEFS[chip].BOOTLOADER_IMAGE()
    made.chip_id = CHIP_DEFS[chip].IMAGE_CHIP_ID
    made.flash_mode, made.flash_size_freq = 2, flash_code
    made.entrypoint = _ENTRY
    made.segments.append(
        ELFSection(b"", address, content.ljust(-(-len(content) // 4) * 4, b"\x00"), 0)
    )
    saved = made.save(None)
    assert saved is not None
    return saved
