"""Board files: the shipped ones are right, and each mistake is one line that names its key."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from host_tools import board as boards
from host_tools import board_check
from host_tools.cli import main

Board = dict[str, Any]


def reference() -> Board:
    return copy.deepcopy(boards.load("esp32s3_devkitc"))


def classic() -> Board:
    return copy.deepcopy(boards.load("esp32_wrover"))


def lines(board: Board) -> list[str]:
    return [mistake.line("x.toml") for mistake in board_check.mistakes(board)]


@pytest.fixture
def kassa(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Runs the command line; gives exit status, standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["kassa", *arguments])
        with pytest.raises(SystemExit) as exit_info:
            main()
        out, err = capsys.readouterr()
        return int(exit_info.value.code or 0), out, err

    return run


def test_three_boards_are_known() -> None:
    assert boards.names() == ["esp32_devkitc", "esp32_wrover", "esp32s3_devkitc"]


@pytest.mark.parametrize("name", boards.names())
def test_a_shipped_board_has_no_mistake(name: str) -> None:
    assert board_check.check_file(boards.find(name)) == []


@pytest.mark.parametrize(
    ("name", "transport", "panel"),
    [
        ("esp32s3_devkitc", "spi", "st7789"),
        ("esp32_wrover", "i2c", "ili9341"),
        ("esp32_devkitc", "hsu", "st7789"),
    ],
)
def test_the_boards_differ_in_what_they_are_for(name: str, transport: str, panel: str) -> None:
    board = boards.load(name)
    assert (board["nfc"]["transport"], board["panel"]["driver"]) == (transport, panel)
    assert len(board["lamps"]["pins"]) == 4


def test_the_classic_board_has_no_psram_and_4_mib_of_flash() -> None:
    board = boards.load("esp32_devkitc")
    assert board["psram"]["size_mib"] == 0
    assert board["flash"]["size_mib"] == 4


@pytest.mark.parametrize("name", boards.names())
def test_a_technician_reaches_every_board_by_its_console(name: str) -> None:
    board = boards.load(name)
    console = {"esp32": {1, 3}, "esp32s3": {19, 20, 43, 44}}[board["chip"]]
    assert not console & {use.pin for use in boards.pin_uses(board)}


def with_value(board: Board, path: str, value: object) -> Board:
    """The board with one key set, or removed where the value is `...`."""
    *tables, last = path.split(".")
    table: Any = board
    for name in tables:
        table = table[int(name)] if name.isdigit() else table[name]
    key: Any = int(last) if last.isdigit() else last
    if value is ...:
        del table[key]
    else:
        table[key] = value
    return board


SCHEMA_MISTAKES = [
    ("panel.colour", "red", "panel.colour: is not known"),
    ("panel.dc", ..., "panel.dc: is missing"),
    ("panel.sdo", True, "spi.panel.miso: is missing: panel.sdo says that the panel answers"),
    ("panel.dc", "nine", "panel.dc: is a string; write an integer"),
    ("panel.dc", True, "panel.dc: is a boolean; write an integer"),
    ("panel.dc", -1, "panel.dc: is -1"),
    ("panel", 7, "panel: is an integer; write a table"),
    ("panel.driver", "ssd1306", "panel.driver: is 'ssd1306'; write one of 'st7789', 'ili9341'"),
    ("chip", "rp2040", "chip: is 'rp2040'"),
    ("title", "", "title: is empty"),
    ("lamps.pins", [1, 2, 14], "lamps.pins: has 3 entries; write 4"),
    ("lamps.pins.1", 2.0, "lamps.pins[1]: is a float"),
    ("keypad.layout.0.0", "ONE", "keypad.layout[0][0]: is 'ONE'"),
    ("nfc.transport", "rs485", "nfc.transport: is 'rs485'; write one of 'spi', 'i2c', 'hsu'"),
    ("nfc.transport", ..., "nfc.transport: is missing"),
    ("nfc.uart", "printer", "nfc.uart: is not known"),
    ("nfc.cs", ..., "nfc.cs: is missing"),
    ("spi.panel.id", "one", "spi.panel.id: is a string"),
    ("partitions.3.size", 0, "partitions[3].size: is 0"),
    ("printer.cutter", "yes", "printer.cutter: is a string; write true or false"),
    ("wifi", {"ssid": "kassa"}, "wifi: is not known"),
]


@pytest.mark.parametrize(("path", "value", "expected"), SCHEMA_MISTAKES)
def test_a_wrong_key_or_type_is_named_by_its_path(path: str, value: object, expected: str) -> None:
    found = lines(with_value(reference(), path, value))
    assert len(found) == 1
    assert found[0].startswith(f"x.toml: {expected}")


S3_MISTAKES = [
    ("panel.dc", 22, "panel.dc: GPIO 22 does not exist on ESP32-S3"),
    ("panel.dc", 49, "panel.dc: GPIO 49 does not exist on ESP32-S3"),
    ("panel.dc", 30, "panel.dc: GPIO 30 belongs to the flash"),
    ("panel.dc", 35, "panel.dc: GPIO 35 belongs to the PSRAM"),
    ("panel.dc", 45, "panel.dc: GPIO 45 is a strapping pin"),
    ("panel.dc", 44, "panel.dc: GPIO 44 is the technician's console"),
    ("spi.nfc.sck", 12, "spi.nfc.sck: GPIO 12 is already spi.panel.sck"),
    ("adc", {"supply": {"pin": 19}}, "adc.supply.pin: GPIO 19 is on ADC2, which Wi-Fi holds"),
    ("adc", {"supply": {"pin": 45}}, "adc.supply.pin: GPIO 45 has no analogue input"),
    ("psram.mode", ..., "psram.mode: is missing"),
    ("psram.size_mib", 0, "psram.mode: is given without PSRAM"),
    ("spi.nfc.id", 1, "spi.nfc.id: is also spi.panel's"),
    ("spi.nfc.id", 0, "spi.nfc.id: ESP32-S3 has no free SPI 0"),
    ("uart.printer.id", 0, "uart.printer.id: ESP32-S3 has no free UART 0: 0 is the console"),
    ("spi.nfc.baudrate", 8_000_000, "spi.nfc.baudrate: 8000000 is more than pn532 takes"),
    ("uart.printer.baudrate", 31_250, "uart.printer.baudrate: escpos does not speak at 31250"),
    ("spi.nfc.miso", ..., "spi.nfc.miso: is missing"),
    ("printer.uart", "till", 'printer.uart: names "till", which is not described'),
    ("panel.spi", "nfc", "spi.panel: has no part on it"),
    ("panel.width", 128, "panel.width: 128x320 is not the size"),
    ("keypad.columns", [15, 16, 8], "keypad.layout[0]: has 4 keys for 3 column pins"),
    ("keypad.rows", [4, 5, 6], "keypad.layout: has 4 rows for 3 row pins"),
    ("keypad.layout.0.0", "2", 'keypad.layout: has "2" 2 times'),
    ("keypad.layout.3.0", "MENU", 'keypad.layout: lacks "LANG"'),
    ("accept.0.pin", 47, "accept[0].pin: GPIO 47 is not a used strapping or console pin"),
    ("partitions.2.offset", 0x18000, "partitions[2].offset: 0x18000 is not a multiple of 0x10000"),
    ("partitions.5.size", 0x100100, "partitions[5].size: 0x100100 is not a multiple of 0x1000"),
    ("partitions.5.size", 0x200000, "partitions[5].size: ends at 0x1100000, past the flash's"),
    ("partitions.0.offset", 0x8000, "partitions[0].offset: 0x8000 is inside boot loader"),
    ("partitions.0.size", 0x2000, "partitions[0].size: is too small for NVS"),
    ("partitions.2.size", 0x300000, 'partitions[3].offset: "vfs" starts inside "factory"'),
    ("partitions.2.size", 0xF00000, 'partitions[5].offset: "journal" starts inside "factory"'),
    ("partitions.4.name", "log", 'partitions: has no "kassa"'),
    ("partitions.5.name", "log", 'partitions: has no "journal"'),
    ("partitions.5.name", "vfs", 'partitions[5].name: "vfs" is used twice'),
    ("partitions.5.name", "j" * 16, f'partitions[5].name: "{"j" * 16}" is too long'),
    ("partitions.5.subtype", "ota_0", 'partitions[5].subtype: "ota_0" is no subtype of data'),
    ("partitions.2.subtype", "ota_0", 'partitions: has no app of subtype "factory"'),
    ("partitions.2.type", "data", 'partitions[2].subtype: "factory" is no subtype of data'),
    ("partitions.2.size", 0x1E0000, "partitions[2].size: is too small for MicroPython"),
]


@pytest.mark.parametrize(("path", "value", "expected"), S3_MISTAKES)
def test_what_the_reference_chip_cannot_do_is_named(
    path: str, value: object, expected: str
) -> None:
    found = lines(with_value(reference(), path, value))
    assert any(line.startswith(f"x.toml: {expected}") for line in found), found


def test_the_pins_of_an_octal_psram_are_free_where_it_is_quad() -> None:
    board = with_value(reference(), "panel.dc", 35)
    assert len(lines(board)) == 1
    assert lines(with_value(board, "psram.mode", "quad")) == []


CLASSIC_MISTAKES = [
    ("panel.dc", 34, "panel.dc: GPIO 34 is input-only and cannot drive"),
    ("i2c.nfc.sda", 35, "i2c.nfc.sda: GPIO 35 is input-only and cannot drive"),
    ("panel.dc", 9, "panel.dc: GPIO 9 belongs to the flash"),
    ("panel.dc", 17, "panel.dc: GPIO 17 belongs to the PSRAM"),
    ("panel.dc", 20, "panel.dc: GPIO 20 does not exist on ESP32"),
    ("panel.dc", 1, "panel.dc: GPIO 1 is the technician's console"),
    ("accept.3", ..., "lamps.pins[3]: GPIO 12 is a strapping pin"),
    ("keypad.external_pull_ups", ..., "keypad.columns[0]: GPIO 36 has no pull resistor inside"),
    ("tamper.pin", 37, "tamper.pin: GPIO 37 has no pull resistor inside"),
    ("adc", {"supply": {"pin": 25}}, "adc.supply.pin: GPIO 25 is on ADC2, which Wi-Fi holds"),
    ("psram.mode", "octal", "psram.mode: ESP32 has no octal PSRAM"),
    ("i2c.nfc.freq", 1_000_000, "i2c.nfc.freq: 1000000 is more than"),
    ("spi.panel.baudrate", 40_000_000, "spi.panel.baudrate: 40000000 is more than ili9341 takes"),
    ("uart.printer.id", 3, "uart.printer.id: ESP32 has no free UART 3"),
]


@pytest.mark.parametrize(("path", "value", "expected"), CLASSIC_MISTAKES)
def test_what_the_classic_chip_cannot_do_is_named(path: str, value: object, expected: str) -> None:
    found = lines(with_value(classic(), path, value))
    assert any(line.startswith(f"x.toml: {expected}") for line in found), found


def test_every_mistake_of_a_board_is_told_at_once() -> None:
    board = with_value(with_value(reference(), "panel.dc", 22), "spi.nfc.baudrate", 8_000_000)
    assert len(lines(board)) == 2


def test_a_reader_that_shares_the_panels_bus_needs_the_panels_chip_select() -> None:
    board = reference()
    board["nfc"]["spi"] = "panel"
    board["spi"]["panel"].update(miso=41, baudrate=5_000_000)
    del board["spi"]["nfc"]
    assert lines(board) == []
    del board["panel"]["cs"]
    assert [line.partition(": ")[2].partition(":")[0] for line in lines(board)] == ["panel.cs"]


def test_two_parts_cannot_share_a_serial_port() -> None:
    board = copy.deepcopy(boards.load("esp32_devkitc"))
    board["nfc"]["uart"] = "printer"
    del board["uart"]["nfc"]
    assert [line for line in lines(board) if line.startswith("x.toml: uart.printer: has nfc and")]


def test_a_name_that_differs_from_its_file_is_named() -> None:
    found = board_check.mistakes(reference(), stem="till")
    assert [mistake.key for mistake in found] == ["name"]


def test_the_command_checks_every_board(kassa: Callable[..., tuple[int, str, str]]) -> None:
    status, out, err = kassa("board", "check")
    assert (status, err) == (0, "")
    assert len(out.splitlines()) == 3


def test_a_mistake_is_one_line_and_exit_status_1(
    kassa: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    file = tmp_path / "esp32s3_devkitc.toml"
    text = boards.find("esp32s3_devkitc").read_text().replace("dc = 9", "dc = 22")
    file.write_text(text)
    status, out, _ = kassa("board", "check", str(file))
    assert status == 1
    assert out == (f"{file}: panel.dc: GPIO 22 does not exist on ESP32-S3; choose another pin\n")


def test_a_mistake_is_data_for_a_machine(
    kassa: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    file = tmp_path / "esp32s3_devkitc.toml"
    text = boards.find("esp32s3_devkitc").read_text().replace("dc = 9", "dc = 22")
    file.write_text(text)
    status, out, _ = kassa("board", "check", str(file), "--json")
    assert status == 1
    (report,) = json.loads(out)
    assert (report["ok"], report["mistakes"][0]["key"]) == (False, "panel.dc")


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"name = ", "not TOML"), (b"name = '\xff'", "not UTF-8 text"), (b"", "chip: is missing")],
)
def test_a_file_that_is_no_board_is_told_without_a_traceback(
    kassa: Callable[..., tuple[int, str, str]], tmp_path: Path, content: bytes, told: str
) -> None:
    file = tmp_path / "till.toml"
    file.write_bytes(content)
    status, out, err = kassa("board", "check", str(file))
    assert status == 1
    assert told in out + err
    assert "Traceback" not in err


def test_an_unknown_board_is_one_line(kassa: Callable[..., tuple[int, str, str]]) -> None:
    status, _, err = kassa("board", "wiring", "till")
    assert status == 1
    assert err.count("\n") == 1
    assert "esp32_wrover" in err


def test_the_list_is_data_for_a_machine(kassa: Callable[..., tuple[int, str, str]]) -> None:
    status, out, _ = kassa("board", "list", "--json")
    assert status == 0
    assert [board["name"] for board in json.loads(out)] == boards.names()


def test_a_board_that_breaks_the_schema_is_not_loaded(tmp_path: Path) -> None:
    file = tmp_path / "till.toml"
    file.write_text('name = "till"\n')
    with pytest.raises(boards.BoardFileError, match=r"till\.toml: title: is missing"):
        boards.load(file)
