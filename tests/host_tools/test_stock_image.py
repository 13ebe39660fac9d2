"""Taking a MicroPython image apart, and what is said of one that a board cannot use."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tools import stock_image
from host_tools.partitions import FlashError
from tests.host_tools import stock_micropython as stock

ROOM = 0x1F0000
CHIPS = ("esp32", "esp32s3")


def taken_apart(tmp_path: Path, content: bytes) -> stock_image.StockImage:
    path = tmp_path / "image.bin"
    path.write_bytes(content)
    return stock_image.read(path)


def refused(tmp_path: Path, content: bytes) -> str:
    with pytest.raises(FlashError) as failure:
        taken_apart(tmp_path, content)
    said = str(failure.value)
    assert said.startswith(f"{tmp_path / 'image.bin'}: ") and "\n" not in said
    return said


def unsuited(image: stock_image.StockImage, **other: object) -> str:
    asked = {"chip": image.chip, "room": ROOM, "minimum": "1.24.0", "psram_mode": None} | other
    with pytest.raises(FlashError) as failure:
        stock_image.check(image, **asked)  # type: ignore[arg-type]
    return str(failure.value)


@pytest.mark.parametrize("chip", CHIPS)
def test_the_parts_are_those_that_were_merged(tmp_path: Path, chip: str) -> None:
    image = taken_apart(tmp_path, stock.image(chip, "1.25.0"))
    assert image.boot_loader == stock.boot_loader(chip)
    assert image.app == stock.app(chip, "1.25.0")
    assert (image.chip, image.version) == (chip, "1.25.0")
    assert image.machine == stock.MACHINES[chip]


@pytest.mark.parametrize("chip", CHIPS)
def test_what_follows_the_application_is_not_taken(tmp_path: Path, chip: str) -> None:
    image = taken_apart(tmp_path, stock.image(chip).ljust(0x200000, b"\xff"))
    assert image.app == stock.app(chip)


def test_an_image_of_the_whole_chip_is_taken_too(tmp_path: Path) -> None:
    image = taken_apart(tmp_path, b"\xff" * 0x1000 + stock.image("esp32"))
    assert image.boot_loader == stock.boot_loader("esp32")


@pytest.mark.parametrize(
    ("words", "version"),
    [
        (
            b"MicroPython v1.27.0-preview.12.g1234abc on 2025-10-01; X with ESP32S3",
            "1.27.0-preview",
        ),
        (b"MicroPython v1.24 on 2024-10-25", "1.24"),
        (b"no banner at all", "1.26.1"),  # then the application's description tells
    ],
)
def test_the_version_is_what_micropython_says(tmp_path: Path, words: bytes, version: str) -> None:
    image = taken_apart(tmp_path, stock.image(application=stock.app(words=words)))
    assert image.version.startswith(version)


def test_another_program_is_not_micropython(tmp_path: Path) -> None:
    app = stock.app(words=b"tasmota", project="tasmota32")
    said = refused(tmp_path, stock.image(application=app))
    assert "is not MicroPython but tasmota32 v1.26.1" in said


@pytest.mark.parametrize("chip", CHIPS)
def test_the_application_alone_is_recognised(tmp_path: Path, chip: str) -> None:
    said = refused(tmp_path, stock.app(chip))
    assert "is the application alone" in said and "take the .bin" in said


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is no image of an ESP32"),
        (b"\x7fELF" + bytes(100), "is the ELF file"),
        (b"UF2\n" + bytes(600), "is a UF2 file"),
        (b"\xe9\x03", "is cut short"),
        (
            b"\xe9" + bytes(11) + b"\x63\x00" + bytes(20),
            "a chip that Kassa does not know (number 99)",
        ),
    ],
)
def test_another_file_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    assert words in refused(tmp_path, content)


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize(("part", "at"), [("boot loader", 0x400), ("application", 0x10400)])
def test_a_changed_byte_is_noticed(tmp_path: Path, chip: str, part: str, at: int) -> None:
    content = bytearray(stock.image(chip))
    content[at - (stock.BEGINS_AT[chip] if at > 0x8000 else 0)] ^= 1
    assert f"the {part} in it is damaged" in refused(tmp_path, bytes(content))


def test_a_changed_table_is_noticed(tmp_path: Path) -> None:
    content = bytearray(stock.image())
    content[0x8004] ^= 1
    assert "has no partition table" in refused(tmp_path, bytes(content))


@pytest.mark.parametrize("kept", [0x100, 0x7000, 0x8050, 0x10000, 0x10800])
def test_a_file_that_ends_early_is_noticed(tmp_path: Path, kept: int) -> None:
    refused(tmp_path, stock.image()[:kept])


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FlashError, match=r"image\.bin: cannot be read"):
        stock_image.read(tmp_path / "image.bin")


def test_an_image_for_another_chip_is_refused(tmp_path: Path) -> None:
    image = taken_apart(tmp_path, stock.image("esp32c3"))
    assert "is for esp32c3, the board has an esp32s3" in unsuited(image, chip="esp32s3")


def test_an_application_for_another_chip_than_its_boot_loader_is_refused(tmp_path: Path) -> None:
    app = stock.app("esp32c3")
    assert "has no application of esp32s3" in refused(tmp_path, stock.image(application=app))


@pytest.mark.parametrize(
    ("version", "fits"), [("1.23.0", False), ("1.9.4", False), ("1.24.0", True)]
)
def test_too_old_a_version_is_refused(tmp_path: Path, version: str, fits: bool) -> None:
    image = taken_apart(tmp_path, stock.image(version=version))
    if fits:
        assert stock_image.check(image, "esp32s3", ROOM, "1.24.0", "octal") is None
    else:
        assert f"MicroPython {version} is too old; take 1.24.0 or newer" in unsuited(image)


def test_an_application_must_fit_its_partition(tmp_path: Path) -> None:
    image = taken_apart(tmp_path, stock.image())
    said = unsuited(image, room=len(image.app) - 1)
    assert f"has {len(image.app)} bytes" in said and "make `factory` larger" in said
    assert stock_image.check(image, "esp32s3", len(image.app), "1.24.0", "octal") is None


def test_an_image_of_the_wrong_memory_is_warned_of(tmp_path: Path) -> None:
    octal = taken_apart(tmp_path, stock.image())
    assert "has no octal PSRAM" in (
        stock_image.check(octal, "esp32s3", ROOM, "1.24.0", None) or ""
    )
    words = b"MicroPython v1.26.1 on 2025-09-11; Generic ESP32S3 module with ESP32S3"
    quad = taken_apart(tmp_path, stock.image(application=stock.app(words=words)))
    assert "SPIRAM_OCT" in (stock_image.check(quad, "esp32s3", ROOM, "1.24.0", "octal") or "")
    assert stock_image.check(quad, "esp32s3", ROOM, "1.24.0", "quad") is None
    plain = taken_apart(tmp_path, stock.image("esp32"))
    assert "SPIRAM in its name" in (
        stock_image.check(plain, "esp32", ROOM, "1.24.0", "quad") or ""
    )
    assert stock_image.check(plain, "esp32", ROOM, "1.24.0", None) is None
