"""The wiring tables in board_configs/README.md say what the board files say."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tools import board as boards
from host_tools import wiring_table


def test_the_readme_shows_todays_wiring() -> None:
    text = wiring_table.README.read_text("utf-8")
    assert wiring_table.replaced(text) == text, "run: kassa board wiring --write"


@pytest.mark.parametrize("name", boards.names())
def test_every_pin_of_a_board_is_in_its_table_once(name: str) -> None:
    board = boards.load(name)
    shown = [row["gpio"] for row in wiring_table.rows(board)]
    assert sorted(shown) == sorted({use.pin for use in boards.pin_uses(board)})


@pytest.mark.parametrize("name", boards.names())
def test_no_integer_of_a_board_file_that_is_a_pin_is_forgotten(name: str) -> None:
    board = boards.load(name)
    pins = [
        value for part in ("panel", "nfc") for key, value in board[part].items() if is_pin(key)
    ]
    pins += board["keypad"]["rows"] + board["keypad"]["columns"] + board["lamps"]["pins"]
    pins += [board["buzzer"]["pin"], board["tamper"]["pin"]]
    for kind in ("spi", "i2c", "uart"):
        for bus in board.get(kind, {}).values():
            pins += [pin for key, pin in bus.items() if key not in ("id", "baudrate", "freq")]
    assert sorted(pins) == sorted(use.pin for use in boards.pin_uses(board))


def is_pin(key: str) -> bool:
    return key in ("cs", "dc", "reset", "backlight", "irq")


def test_a_wire_crosses_between_the_printer_and_the_chip() -> None:
    board = boards.load("esp32s3_devkitc")
    wires = {(row["part"], row["signal"]): row["gpio"] for row in wiring_table.rows(board)}
    assert wires["Printer", "RX"] == board["uart"]["printer"]["tx"]
    assert wires["Printer", "TX"] == board["uart"]["printer"]["rx"]


def test_what_has_no_pin_is_told() -> None:
    assert "panel CS to ground" in wiring_table.tied(boards.load("esp32_wrover"))


def test_writing_changes_a_stale_readme_and_then_leaves_it(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"above\n{wiring_table.BEGIN}\nstale\n{wiring_table.END}\nbelow\n")
    assert wiring_table.write(readme)
    assert not wiring_table.write(readme)
    text = readme.read_text()
    assert text.startswith("above\n")
    assert text.endswith("\nbelow\n")
    assert "stale" not in text


def test_a_readme_without_the_marks_is_refused(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("no marks here\n")
    with pytest.raises(boards.BoardFileError):
        wiring_table.write(readme)
