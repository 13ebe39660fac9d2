"""What goes onto a device."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tools.board import load as load_board
from host_tools.image import board_module, device_files
from host_tools.mpy import CompileError


@pytest.fixture
def firmware(tmp_path: Path) -> Path:
    for name, text in {
        "boot.py": "import machine\n",
        "main.py": "import kassa\n",
        "lib/typing.py": "TYPE_CHECKING = False\n",
        "kassa/__init__.py": "",
        "kassa/app/sale.py": "x = 1\n",
        "assets/words/en.json": "{}",
        "assets/.DS_Store": "junk",
        "README.md": "not for the device",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_modules_go_as_bytecode_and_what_starts_them_as_source(firmware: Path) -> None:
    files = device_files({"name": "x"}, True, {"/config/terminal.json": b"{}"}, firmware)
    assert sorted(files) == [
        "/assets/words/en.json",
        "/board.py",
        "/config/terminal.json",
        "/kassa/__init__.mpy",
        "/kassa/app/sale.mpy",
        "/lib/typing.mpy",
        "/main.py",
    ]
    assert files["/main.py"] == b"import kassa\n"
    assert files["/kassa/app/sale.mpy"].startswith(b"M\x06")
    assert b"kassa/app/sale.py" in files["/kassa/app/sale.mpy"]


def test_modules_may_go_as_source(firmware: Path) -> None:
    files = device_files({"name": "x"}, mpy=False, firmware=firmware)
    assert files["/kassa/app/sale.py"] == b"x = 1\n"
    assert not [path for path in files if path.endswith(".mpy")]


def test_a_file_that_does_not_compile_stops_it(firmware: Path) -> None:
    (firmware / "kassa" / "bad.py").write_text("x = [*y]\n")
    with pytest.raises(CompileError, match=r"kassa/bad.py:1: SyntaxError"):
        device_files({"name": "x"}, firmware=firmware)


def test_the_board_module_is_the_board_file_without_what_only_tools_need() -> None:
    board = load_board("esp32s3_devkitc")
    names: dict = {}
    exec(board_module(board), names)
    assert names["BOARD"]["panel"] == board["panel"]
    assert set(board) - set(names["BOARD"]) == {"accept", "partitions"}
    assert all(names["BOARD"][key] == board[key] for key in names["BOARD"])


def test_the_real_firmware_makes_an_image() -> None:
    files = device_files(load_board("esp32_wrover"))
    assert {"/main.py", "/board.py", "/lib/typing.mpy", "/version.mpy"} <= set(files)
    assert "/kassa/emv/tlv.mpy" in files
