"""The merged image: what esptool and others make of it, and `kassa flash --output`."""

from __future__ import annotations

import hashlib
import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from host_tools import board as boards
from host_tools import cli, port, rom_loader, stock_image
from host_tools.port import DeviceError
from simulator.board_state import BoardState
from simulator.chips.nor_flash import NorFlash
from simulator.clock import VirtualClock
from tests.host_tools import stock_micropython as stock
from tests.host_tools.esptool_fake import FakeBoard

BOARDS = ("esp32_devkitc", "esp32_wrover", "esp32s3_devkitc")
MIB = 1 << 20
_KASSA = (sys.executable, "-c", "from host_tools.cli import main; main()")


def flash_file(board: str, folder: Path, *options: str) -> Path:
    """`kassa flash --output`, as a command."""
    image = stock.write(folder, boards.load(board)["chip"])
    output = folder / f"{board}.bin"
    kassa("--micropython", str(image), "--board", board, "--output", str(output), *options)
    return output


def kassa(*arguments: str, status: int = 0) -> str:
    """Run `kassa flash` in this process; its standard output, or what it says when it fails."""
    done = CliRunner().invoke(cli.app, ["flash", *arguments])
    if status == 0:
        assert done.exit_code == 0, (done.output, done.exception)
        return done.stdout
    assert done.exit_code == status
    return str(done.exception)


def table_of(flash: bytes) -> dict[str, tuple[int, int]]:
    """Names, offsets and sizes by ESP-IDF's description of the format, its MD5 proven."""
    found, at = {}, 0x8000
    while flash[at : at + 2] == b"\xaaP":
        _, _, _, offset, size, name, _ = struct.unpack("<2sBBLL16sL", flash[at : at + 32])
        found[name.rstrip(b"\x00").decode()] = (offset, size)
        at += 32
    assert flash[at : at + 16] == b"\xeb\xeb" + b"\xff" * 14
    assert flash[at + 16 : at + 32] == hashlib.md5(flash[0x8000:at]).digest()
    assert flash[at + 32 : 0x9000].strip(b"\xff") == b""
    return found


@pytest.mark.parametrize("board", BOARDS)
def test_the_table_is_that_of_the_board_file(board: str, tmp_path: Path) -> None:
    flash = flash_file(board, tmp_path).read_bytes()
    described = boards.load(board)["partitions"]
    assert table_of(flash) == {each["name"]: (each["offset"], each["size"]) for each in described}


@pytest.mark.parametrize("board", BOARDS)
def test_esptool_finds_boot_loader_and_application_sound(board: str, tmp_path: Path) -> None:
    flash = flash_file(board, tmp_path).read_bytes()
    described = boards.load(board)
    for at in (stock.BEGINS_AT[described["chip"]], 0x10000):
        part = tmp_path / "part.bin"
        part.write_bytes(flash[at:0x8000] if at < 0x8000 else flash[at:])
        code, said = rom_loader.run(["--chip", described["chip"], "image-info", str(part)])
        assert code == 0 and said.count("(valid)") == 2, said
        if at < 0x8000:
            assert f"Flash size: {described['flash']['size_mib']}MB" in said
            assert "Flash freq: 80m" in said  # the rest of the header is the image's own


@pytest.mark.parametrize("board", BOARDS)
def test_a_filled_image_is_the_flash_of_a_bare_virtual_board(board: str, tmp_path: Path) -> None:
    output = flash_file(board, tmp_path, "--fill")
    described = boards.load(board)
    size = described["flash"]["size_mib"] * MIB
    content = output.read_bytes()
    assert len(content) == size
    (tmp_path / "state").mkdir()
    output.rename(tmp_path / "state" / "flash.bin")
    flash = NorFlash(size, VirtualClock())
    BoardState(tmp_path / "state", flash).close()
    for each in described["partitions"]:
        begins = flash.image(each["offset"], 64)
        assert (begins == b"\xff" * 64) == (each["type"] == "data")
        assert begins == content[each["offset"] : each["offset"] + 64]


def test_the_merged_image_can_be_flashed_again(tmp_path: Path) -> None:
    again = stock_image.read(flash_file("esp32_wrover", tmp_path, "--fill"))
    assert again.app == stock.app("esp32") and again.chip == "esp32"


def test_a_file_that_holds_a_journal_is_not_replaced_unless_told(tmp_path: Path) -> None:
    output = flash_file("esp32_devkitc", tmp_path, "--fill")
    held = bytearray(output.read_bytes())
    held[table_of(held)["journal"][0] + 5000] = 0
    output.write_bytes(held)
    image = str(tmp_path / "esp32-v1.26.1.bin")
    again = ["--micropython", image, "--board", "esp32_devkitc", "--output", str(output)]
    said = kassa(*again, status=1)
    assert "journal (0x3" in said and "may hold payments that were never sent" in said
    assert output.read_bytes() == held
    kassa(*again, "--fill", "--overwrite-journal")
    assert output.read_bytes() != held


def test_json_tells_a_machine_what_was_written(tmp_path: Path) -> None:
    image = stock.write(tmp_path)
    output = tmp_path / "merged.bin"
    told = json.loads(kassa("--micropython", str(image), "--output", str(output), "--json"))
    assert told["micropython"] == "1.26.1"
    assert told["bytes"] == output.stat().st_size
    assert [each["offset"] for each in told["wrote"]] == [0, 0x10000]


def test_a_board_on_a_port_is_flashed_and_told_what_became_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = FakeBoard().attach(monkeypatch)
    image = str(stock.write(tmp_path))
    told = json.loads(kassa("--port", "/dev/ttyUSB0", "--micropython", image, "--json"))
    assert "journal" in " ".join(each["name"] for each in told["began_blank"])
    assert told["kept"] == []
    told = json.loads(kassa("--port", "/dev/ttyUSB0", "--micropython", image, "--json"))
    assert told["began_blank"] == []
    assert "journal" in [each["name"] for each in told["kept"]]
    assert table_of(board.flash)


def test_every_step_says_how_to_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeBoard().attach(monkeypatch)
    image = str(stock.write(tmp_path))
    done = CliRunner().invoke(cli.app, ["flash", "--port", "/dev/ttyUSB0", "--micropython", image])
    lines = done.stderr.splitlines()
    steps = [number for number, line in enumerate(lines) if line[:1].isdigit()]
    assert len(steps) >= 5
    assert all("un the same command again" in lines[number + 1] for number in steps)


def test_who_stops_it_is_told_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = FakeBoard().attach(monkeypatch)
    run = board.run

    def stopped(arguments: list[str], *more: rom_loader.Progress) -> tuple[int, str]:
        if "write-flash" in arguments:
            raise KeyboardInterrupt
        return run(arguments, *more)

    monkeypatch.setattr(rom_loader, "run", stopped)
    image = str(stock.write(tmp_path))
    done = CliRunner().invoke(cli.app, ["flash", "--port", "COM3", "--micropython", image])
    last = done.stderr.splitlines()[-1]
    assert done.exit_code == 1 and "Traceback" not in done.stderr
    assert last.startswith("kassa: stopped while writing the boot loader")
    assert "Run the same command again" in last


def test_the_image_is_checked_before_the_board_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = FakeBoard().attach(monkeypatch)
    image = str(stock.write(tmp_path, "esp32", "1.22.0"))
    said = kassa(
        "--port", "/dev/ttyUSB0", "--micropython", image, "--board", "esp32_wrover", status=1
    )
    assert "MicroPython 1.22.0 is too old" in said
    assert board.commands == []


def test_a_board_file_whose_partitions_overlap_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "mine.toml"
    wrong.write_text(
        boards.find("esp32_devkitc").read_text("utf-8").replace("0x3D0000", "0x3C0000"), "utf-8"
    )
    image = str(stock.write(tmp_path, "esp32"))
    options = ["--micropython", image, "--board", str(wrong), "--output", str(tmp_path / "x.bin")]
    assert '"journal" starts inside "kassa"' in kassa(*options, status=1)
    assert not (tmp_path / "x.bin").exists()


def test_a_boot_loader_that_cannot_be_told_the_size_of_the_flash_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """esptool only warns of one that it takes for something else, and merges it as it is."""
    run = rom_loader.run

    def keep(arguments: list[str]) -> tuple[int, str]:
        return run(["keep" if each == "16MB" else each for each in arguments])

    monkeypatch.setattr(rom_loader, "run", keep)
    image = str(stock.write(tmp_path))
    said = kassa("--micropython", image, "--output", str(tmp_path / "x.bin"), status=1)
    assert "boot loader cannot be told that the flash has 16MB" in said


def test_without_a_port_the_only_board_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeBoard().attach(monkeypatch)
    image = str(stock.write(tmp_path))
    monkeypatch.setattr(port, "attached", lambda: {"/dev/ttyACM7": "USB"})
    assert json.loads(kassa("--micropython", image, "--json"))["port"] == "/dev/ttyACM7"
    monkeypatch.setattr(port, "attached", dict)
    failed = CliRunner().invoke(cli.app, ["flash", "--micropython", image])
    assert isinstance(failed.exception, DeviceError)


@pytest.mark.parametrize(
    "options", [["--output", "x", "--port", "COM3"], ["--fill"], ["--output", "x", "--erase"]]
)
def test_options_that_do_not_go_together_are_told(tmp_path: Path, options: list[str]) -> None:
    done = CliRunner().invoke(cli.app, ["flash", "--micropython", "image.bin", *options])
    assert done.exit_code == 2


@pytest.mark.parametrize(
    ("port", "words"),
    [
        ("/dev/ttyKASSA", "there is no such port"),
        ("socket://127.0.0.1:1", "nothing listens there"),
    ],
)
def test_a_wrong_port_is_one_line_and_no_traceback(tmp_path: Path, port: str, words: str) -> None:
    """With the real esptool."""
    image = str(stock.write(tmp_path))
    done = subprocess.run(
        [*_KASSA, "flash", "--port", port, "--micropython", image],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 1 and last.startswith(f"kassa: {port}: ") and words in last
    assert "Traceback" not in done.stderr
