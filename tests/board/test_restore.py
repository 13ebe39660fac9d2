"""`kassa restore` on virtual boards: no payment is lost, and no number and no key comes back.

The money is real: a till has sold, its flash is backed up, and what was restored goes on selling
to the same bank.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from host_tools import backup_commands, key_file, partition_write
from host_tools.board import load as load_board
from host_tools.board_files import BoardFiles
from host_tools.device import Device
from simulator.acquirer.pki import Pki
from simulator.board_thread import BoardThread
from simulator.clock import VirtualClock
from simulator.filesystem import Littlefs
from simulator.wiring import Wiring
from tests.board import tills
from tests.board.test_backup import kassa
from tests.board.tills import Place
from tests.powercut.till import Moment, Till

FILE = "evening.kassa"
KEYS = "/state/keys.bin"
TERMINAL = "/config/terminal.json"


@pytest.fixture(scope="module")
def pki() -> Pki:
    return Pki()


@pytest.fixture(scope="module")
def evening(pki: Pki) -> Moment:
    return tills.sold(pki)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop's folder, and the backup of that evening."""
    return tmp_path_factory.mktemp("shop")


@pytest.fixture(scope="module")
def backed_up(board: BoardThread, evening: Moment, folder: Path) -> Path:
    place = Place(board)
    place.put(evening.flash)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KASSA_HOME", str(folder))
        status, _, err = kassa("backup", "--port", board.pty(), "--output", str(folder / FILE))
    assert status == 0, err
    board.do(board.board.unplug)
    return folder / FILE


@pytest.fixture(autouse=True)
def home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KASSA_HOME", str(folder))


@pytest.fixture
def same(board: BoardThread, backed_up: Path) -> Iterator[Place]:
    """The board that was backed up."""
    yield Place(board)
    board.do(board.board.unplug)


@pytest.fixture
def other(new_board: Callable[..., BoardThread]) -> Place:
    """Another one, out of the box."""
    place = Place(new_board(seed=5))
    place.put_blank()
    return place


def went_on(pki: Pki, evening: Moment) -> Moment:
    """The next morning: what was stored is sent, and more is sold."""
    till = Till(pki, 1, evening)
    assert till.debts_paid()
    for minor in (333, 444):
        till.sale(minor)
    till.power_off()
    return till.moment()


def counter(files: Littlefs) -> int:
    return key_file.parse(files.read_file(KEYS)).counter


def opened_again(pki: Pki, place: Place, then: Moment) -> Till:
    """The restored terminal at work, with the bank and the promises of that moment."""
    place.off()
    till = Till(pki, 2, replace(then, flash=place.flash.snapshot()))
    assert not till.journal.report.tampered, till.tail()
    return till


def assert_all_is_paid(till: Till) -> None:
    """Sell and pay: the bank has everything that was promised, once."""
    assert till.debts_paid(), till.tail()
    assert till.sale(555).state == "approved"
    bank = till.bank_books()
    for name, minor in till.promises.made.items():
        assert bank[name] == minor, f"{name} is lost"
    till.power_off()


def test_another_board_takes_the_place_of_one_that_is_dead(
    pki: Pki, evening: Moment, backed_up: Path, other: Place
) -> None:
    port = other.board.pty()
    status, _, err = kassa("restore", str(backed_up), "--port", port)
    assert status == 1 and "--replacement" in err.splitlines()[-1]
    other.off()
    assert other.files().listdir("/") == ["main.py"]
    other.on()
    status, out, err = kassa("restore", str(backed_up), "--port", port, "--replacement")
    assert status == 0, err
    assert "The next batch is 1001" in out and "none is used twice" in out
    till = opened_again(pki, other, evening)
    assert len(till.book.stored) == 2
    assert till.book.batch == 1001
    assert_all_is_paid(till)


def test_what_the_dead_board_did_after_the_backup_is_neither_lost_nor_done_twice(
    pki: Pki, evening: Moment, backed_up: Path, other: Place
) -> None:
    later = went_on(pki, evening)
    status, _, err = kassa("restore", str(backed_up), "--port", other.board.pty(), "--replacement")
    assert status == 0, err
    other.off()
    dead = Wiring(load_board("esp32s3_devkitc"), VirtualClock())
    dead.flash.restore(later.flash)
    assert counter(other.files()) > counter(dead.filesystem())
    assert_all_is_paid(opened_again(pki, other, later))


def test_a_terminal_that_went_on_is_not_set_back(
    pki: Pki, evening: Moment, backed_up: Path, same: Place
) -> None:
    same.put(went_on(pki, evening).flash)
    before = same.image("journal"), same.image("kassa")
    status, out, err = kassa("restore", str(backed_up), "--port", same.board.pty())
    assert status == 1 and out == ""
    assert "the terminal went on after the backup" in err.splitlines()[-1]
    assert (same.image("journal"), same.image("kassa")) == before


def test_a_terminal_that_lost_its_files_keeps_its_own_journal(
    pki: Pki, evening: Moment, backed_up: Path, same: Place
) -> None:
    later = went_on(pki, evening)
    same.put(later.flash)
    same.spoil_files()
    port = same.board.pty()
    status, _, err = kassa("restore", str(backed_up), "--port", port)
    assert status == 1 and "the main file system is damaged" in err.splitlines()[-1]
    journal = same.image("journal")
    same.off()
    same.flash.load(b"\xff" * same.partition("kassa")[1], same.partition("kassa")[0])
    same.files().write_file("/main.py", tills.MAIN)
    same.on()
    status, out, err = kassa("restore", str(backed_up), "--port", port)
    assert status == 0, err
    assert "The board's own journal stays" in out
    assert same.image("journal") == journal
    assert_all_is_paid(opened_again(pki, same, later))


def test_what_is_there_already_stays(evening: Moment, backed_up: Path, same: Place) -> None:
    same.put(evening.flash)
    same.off()
    same.files().remove("/tls/ca.der")
    keys = counter(same.files())
    same.on()
    journal = same.image("journal")
    status, out, err = kassa("restore", str(backed_up), "--port", same.board.pty(), "--json")
    assert status == 0, err
    assert json.loads(out)["files"] == ["/tls/ca.der"] and not json.loads(out)["journal"]
    same.off()
    assert same.image("journal") == journal and counter(same.files()) == keys
    assert len(same.files().read_file("/tls/ca.der")) > 100


@pytest.mark.parametrize("writing", ["journal", "files"])
def test_a_restore_that_was_cut_off_goes_on_with_the_same_command(
    pki: Pki,
    evening: Moment,
    backed_up: Path,
    other: Place,
    writing: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other.off()
    other.files().mkdir("/config")
    other.files().write_file(TERMINAL, b"{}")  # it was provisioned already
    other.on()
    command = ("restore", str(backed_up), "--replacement", "--port")
    honest_block, honest_file = partition_write._write_block, BoardFiles._write
    written: list[object] = []

    def block(device: Device, label: str, number: int, content: bytes) -> None:
        if writing == "journal" and written:
            other.board.do(other.board.board.unplug)
        written.append(number)
        honest_block(device, label, number, content)

    def file(files: BoardFiles, path: str, *more: Any) -> None:
        if writing == "files" and path == KEYS:
            other.board.do(other.board.board.unplug)
        honest_file(files, path, *more)

    monkeypatch.setattr(partition_write, "_write_block", block)
    monkeypatch.setattr(BoardFiles, "_write", file)
    status, _, err = kassa(*command, other.board.pty())
    assert status == 1 and "the connection broke while writing" in err.splitlines()[-1]
    monkeypatch.undo()
    other.off()
    with pytest.raises(OSError):
        other.files().read_file(TERMINAL)
    other.on()
    monkeypatch.setenv("KASSA_HOME", str(backed_up.parent))
    status, _, err = kassa(*command, other.board.pty())
    assert status == 0, err
    other.off()
    assert "restoring" not in other.files().listdir("/state")
    till = opened_again(pki, other, evening)
    assert till.book.batch == 1001
    assert_all_is_paid(till)


def test_a_board_that_was_flashed_and_has_no_firmware_yet_is_restored_all_the_same(
    pki: Pki, evening: Moment, backed_up: Path, other: Place
) -> None:
    other.off()
    other.flash.load(b"\xff" * other.flash.size)
    other.board.do(other.board.board.power_on)
    port = other.board.pty()
    status, _, err = kassa("restore", str(backed_up), "--port", port, "--replacement")
    assert status == 0, err
    assert_all_is_paid(opened_again(pki, other, evening))


def test_another_terminals_journal_is_not_written_over(
    pki: Pki, backed_up: Path, other: Place
) -> None:
    other.put(tills.sold(pki, seed=9).flash)
    journal = other.image("journal")
    status, _, err = kassa("restore", str(backed_up), "--port", other.board.pty(), "--replacement")
    assert status == 1 and "another terminal's journal" in err.splitlines()[-1]
    assert other.image("journal") == journal


def test_a_journal_that_nobody_can_read_is_kept_before_it_is_written_over(
    backed_up: Path, other: Place
) -> None:
    noise = b"what is this? " * 500
    other.off()
    other.flash.load(noise, other.partition("journal")[0])
    other.on()
    status, out, err = kassa(
        "restore", str(backed_up), "--port", other.board.pty(), "--replacement", "--json"
    )
    assert status == 0, err
    kept = backup_commands.unseal(Path(json.loads(out)["kept"]))
    assert kept.members["journal.img"].startswith(noise)


def test_what_is_in_a_backup_is_told_without_a_board(backed_up: Path) -> None:
    status, out, _ = kassa("restore", "--check", str(backed_up))
    assert status == 0
    assert "Terminal KASSA001 on board 7cdfa1" in out
    assert "2 sales (57.50 EUR) stored offline, not sent yet." in out
    assert "state/keys.bin" in out and "Version 0.1.0+1 in slot_a." in out


def test_a_changed_byte_stops_before_the_board_is_touched(
    backed_up: Path, same: Place, evening: Moment, tmp_path: Path
) -> None:
    same.put(evening.flash)
    content = bytearray(backed_up.read_bytes())
    content[len(content) // 2] ^= 4
    (tmp_path / "x.kassa").write_bytes(content)
    starts = list(same.board.board.starts)
    status, _, err = kassa("restore", str(tmp_path / "x.kassa"), "--port", same.board.pty())
    assert status == 1 and err.splitlines()[-1].endswith("was changed since it was made")
    assert same.board.board.starts == starts


def test_a_wrong_port_and_a_wrong_file_are_one_line(backed_up: Path) -> None:
    status, _, err = kassa("restore", str(backed_up), "--port", "/dev/ttyKASSA")
    assert status == 1 and "there is no such port" in err.splitlines()[-1]
    status, _, err = kassa("restore", "nowhere.kassa", "--port", "/dev/ttyKASSA")
    assert status == 1 and err == "kassa: nowhere.kassa: No such file or directory\n"
