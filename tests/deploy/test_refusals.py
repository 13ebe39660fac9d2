"""What may not be on a board is refused with one line that says which, and nothing is changed."""

from __future__ import annotations

import os
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import serial

from host_tools import device
from host_tools import port as ports
from host_tools.build import Built
from host_tools.emv_signing import SigningKey
from host_tools.image_check import FILES, MANIFEST, SIGNATURE
from simulator.filesystem import Littlefs
from tests.deploy.conftest import CHANGED, Kassa
from tests.deploy.images import KEY, in_slot, signed, small, whole
from tests.deploy.world_board import WorldBoard

Boards = Callable[..., WorldBoard]
_OF_A_BLOCK = 4080  # bytes of a large file; the rest of a block are littlefs' pointers


def content(board: WorldBoard) -> dict[str, Any]:
    """Every file of the boot file system, of both slots and of what was provisioned."""
    vfs, main = (board.wiring.filesystem(label) for label in ("vfs", "kassa"))
    found: dict[str, Any] = {path: vfs.read_file(path) for path in vfs.walk()}
    found |= {slot: in_slot(main, slot) for slot in ("slot_a", "slot_b")}
    found["signer"] = main.read_file("/config/signer.json")
    return found


def refused(
    board: WorldBoard,
    deploy: Kassa,
    built: Built,
    *options: str,
    change: Callable[[Path], object] = lambda folder: None,
) -> str:
    """The line; the board holds what it held, and runs what it ran."""
    before = content(board)
    line = deploy(board, built, *options, change=change).line
    assert content(board) == before
    board.power_on()
    assert board.cwd == "/slot_a"
    return line


def spoil(name: str) -> Callable[[Path], object]:
    """One byte of a file is another, its length the same."""

    def change(folder: Path) -> None:
        was = (folder / name).read_bytes()
        (folder / name).write_bytes(was[:-1] + bytes([was[-1] ^ 1]))

    return change


IMAGES: list[tuple[Callable[[Path], object], str]] = [
    (spoil(SIGNATURE), "manifest.sig: wrong signature"),
    (spoil(MANIFEST), "manifest.sig: wrong signature"),
    (lambda f: (f / SIGNATURE).unlink(), "manifest.sig: missing"),
    (spoil(f"{FILES}/main.py"), "main.py: changed: its SHA-256 differs"),
    (spoil("boot/boot.py"), "boot/boot.py: changed: its SHA-256 differs"),
    (lambda f: (f / FILES / "kassa/tiny.mpy").unlink(), "kassa/tiny.mpy: missing"),
    (lambda f: (f / FILES / "kassa/more.mpy").touch(), "kassa/more.mpy: extra"),
]


@pytest.mark.parametrize(("change", "why"), IMAGES)
def test_an_image_that_is_not_right(
    boards: Boards,
    deploy: Kassa,
    old: Built,
    new: Built,
    change: Callable[[Path], object],
    why: str,
) -> None:
    line = refused(boards(slot_a=old), deploy, new, change=change)
    assert line.startswith(why)


def test_an_image_that_another_shop_has_signed(
    boards: Boards, deploy: Kassa, old: Built, new: Built, another: SigningKey
) -> None:
    line = refused(boards(slot_a=old), deploy, signed(new, another))
    assert line.startswith("manifest.sig: wrong signature")


def other(**facts: Any) -> Built:
    """A new version that says something else of itself, signed all the same."""
    return small("0.1.0+9", CHANGED, change=lambda manifest: manifest.update(facts))


def test_an_image_for_another_chip_than_was_asked_for(
    boards: Boards, deploy: Kassa, old: Built
) -> None:
    line = refused(boards(slot_a=old), deploy, other(chip="esp32"))
    assert line == "manifest.json: for chip esp32, this one is esp32s3"


def test_an_image_for_another_chip_than_the_board_has(
    boards: Boards, deploy: Kassa, old: Built
) -> None:
    board = boards(slot_a=old)
    line = refused(board, deploy, whole("0.1.0+9", "esp32_wrover"), "--board", "esp32_wrover")
    assert line == (
        f"{board.port}: the board has an esp32s3, the image is for esp32_wrover (esp32); "
        "name the board with --board"
    )


def test_an_image_for_another_board_than_was_asked_for(
    boards: Boards, deploy: Kassa, old: Built
) -> None:
    line = refused(boards(slot_a=old), deploy, other(board="esp32s3_other"))
    assert line == "manifest.json: for board esp32s3_other, this one is esp32s3_devkitc"


def test_an_image_for_another_board_than_what_runs(
    boards: Boards, deploy: Kassa, old: Built, new: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = boards(slot_a=old)
    given = "host_tools.deploy.manifest_of"
    monkeypatch.setattr(given, lambda *_: {"version": "0.1.0+1", "board": "esp32s3_other"})
    line = refused(board, deploy, new)
    assert "the board runs a version for esp32s3_other, this one is for esp32s3_devkitc" in line


def test_an_older_version(boards: Boards, deploy: Kassa, old: Built, older: Built) -> None:
    board = boards(slot_a=old)
    line = refused(board, deploy, older)
    assert line.startswith(f"{board.port}: 0.1.0+0 is older than 0.1.0+1, which the board runs")


def test_an_older_version_that_is_wanted(
    boards: Boards, deploy: Kassa, old: Built, older: Built
) -> None:
    board = boards(slot_a=old)
    assert deploy(board, older, "--allow-downgrade").status == 0
    assert board.cwd == "/slot_b"


def test_an_older_version_whose_manifest_allows_it(
    boards: Boards, deploy: Kassa, old: Built
) -> None:
    board = boards(slot_a=old)
    allowed = small("0.1.0+0", CHANGED, change=lambda manifest: manifest.update(downgrade=True))
    assert deploy(board, allowed).status == 0


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"micropython": "9.0.0"}, "is too old, the image needs 9.0.0; `kassa flash` a newer one"),
        ({"mpy": 5}, "reads .mpy version 6, the image has 5"),
    ],
)
def test_a_micropython_that_does_not_run_it(
    boards: Boards, deploy: Kassa, old: Built, facts: dict[str, Any], why: str
) -> None:
    assert why in refused(boards(slot_a=old), deploy, other(**facts))


def test_a_board_that_obeys_another_shop(
    boards: Boards, deploy: Kassa, old: Built, new: Built, another: SigningKey
) -> None:
    board = boards(slot_a=old)
    board.wiring.filesystem().write_file("/config/signer.json", another.signer())
    before = content(board)
    line = deploy(board, new).line
    assert another.key_id in line and KEY.key_id in line and "--take-over" in line
    assert content(board) == before


def fill(board: WorldBoard, left: int) -> None:
    """Leave so many blocks of the main file system."""
    fs = board.wiring.filesystem()
    blocks = fs.statvfs()[3] - left
    fs.write_file("/ballast", bytes(blocks * _OF_A_BLOCK))


def test_a_full_flash(boards: Boards, deploy: Kassa, old: Built, new: Built) -> None:
    board = boards(slot_a=old)
    fill(board, 5)
    line = refused(board, deploy, new)
    assert line.startswith(f"{board.port}: no room for slot_b: ")
    assert "bytes are needed" in line and "are free on the board" in line


def test_there_is_room_or_it_is_said_before_anything_is_changed(
    boards: Boards, deploy: Kassa, old: Built, new: Built
) -> None:
    board, ends = boards(slot_a=old), set()
    fill(board, 24)
    start = board.flash.snapshot()
    for left in range(6, 24):
        board.power_off()
        board.flash.restore(start)
        board.wiring.filesystem().write_file("/more", bytes((24 - left) * _OF_A_BLOCK))
        before = content(board)
        answer = deploy(board, new)
        if answer.status:
            assert "no room for slot_b" in answer.line
            assert content(board) == before
        ends.add(answer.status)
    assert ends == {0, 1}


def test_a_damaged_file_system(boards: Boards, deploy: Kassa, old: Built, new: Built) -> None:
    board = boards(slot_a=old)
    board.flash.load(b"\x55" * 8192, board.wiring.partition("kassa")["offset"])
    assert "the main file system is damaged" in deploy(board, new).line
    assert deploy(board, new, "--format").status == 0
    assert board.cwd == "/slot_a"


def test_a_file_system_that_is_to_be_made_anew_holds_the_new_version_alone(
    boards: Boards, deploy: Kassa, old: Built, new: Built
) -> None:
    board = boards(slot_a=old, slot_b=old)
    assert deploy(board, new, "--format").status == 0
    place = board.wiring.partition("kassa")
    fs = Littlefs(board.flash, place["offset"], place["size"], "never")
    assert not in_slot(fs, "slot_b") and in_slot(fs, "slot_a")


# -- the way to the board


@pytest.fixture
def terminal() -> Iterator[str]:
    """A port on which nothing answers."""
    master, slave = os.openpty()
    tty.setraw(slave)
    yield os.ttyname(slave)
    os.close(slave)
    os.close(master)


@pytest.fixture
def image(new: Built, tmp_path: Path) -> Path:
    new.write(tmp_path / "image")
    return tmp_path / "image"


def test_a_port_that_is_none(kassa: Kassa, image: Path) -> None:
    line = kassa("deploy", "--port", "/dev/ttyKASSA", "--image", image).line
    assert line.startswith("/dev/ttyKASSA: there is no such port")


def test_a_port_that_is_in_use(kassa: Kassa, image: Path, terminal: str) -> None:
    with serial.Serial(terminal, exclusive=True):
        line = kassa("deploy", "--port", terminal, "--image", image).line
    assert line == f"{terminal}: the port is in use by another program"


def test_a_board_without_micropython(
    kassa: Kassa, image: Path, terminal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "_ANSWERS_WITHIN_S", 0.5)
    line = kassa("deploy", "--port", terminal, "--image", image).line
    assert line.startswith(f"{terminal}: nothing there answers like MicroPython; is it flashed")


@pytest.mark.parametrize(
    ("attached", "why"),
    [
        ({}, "no board is attached; plug one in, or name its port"),
        ({"COM3": "one", "COM4": "two"}, "2 boards are attached: COM3 (one), COM4 (two); say"),
    ],
)
def test_no_board_or_two(
    kassa: Kassa,
    image: Path,
    attached: dict[str, str],
    why: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ports, "attached", lambda: attached)
    assert kassa("deploy", "--image", image).line.startswith(why)


def test_a_folder_that_is_no_image(kassa: Kassa, tmp_path: Path) -> None:
    line = kassa("deploy", "--port", "/dev/ttyKASSA", "--image", tmp_path).line
    assert line == "manifest.json: missing"


def test_a_board_that_nobody_knows(kassa: Kassa) -> None:
    line = kassa("deploy", "--port", "/dev/ttyKASSA", "--board", "toaster").line
    assert "toaster" in line
