"""`kassa backup` on the virtual board: the money first, and whatever can be had of the rest."""

from __future__ import annotations

import json
import re
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from host_tools import backup, backup_commands, backup_file
from host_tools.backup_file import JOURNAL, Backup
from host_tools.board_files import BoardFiles
from host_tools.cli import app
from host_tools.device import Device
from host_tools.port import DeviceError
from simulator.acquirer.pki import Pki
from simulator.board_thread import BoardThread
from simulator.chips.mcu import HARD_RESET, PWRON_RESET
from tests.board import tills
from tests.board.conftest import Mpremote
from tests.board.tills import Place
from tests.powercut.till import Moment


@pytest.fixture(scope="module")
def evening() -> Moment:
    return tills.sold(Pki())


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for the shop, and one to work in."""
    monkeypatch.setenv("KASSA_HOME", str(tmp_path / "shop"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.fixture
def place(board: BoardThread, evening: Moment) -> Iterator[Place]:
    place = Place(board)
    place.put(evening.flash)
    yield place
    board.do(board.board.unplug)


def kassa(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
    """(exit status, standard output, standard error) of `kassa`."""
    result = CliRunner().invoke(app, arguments, input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return 1, result.stdout, f"{result.stderr}kassa: {result.exception}\n"
    return result.exit_code, result.stdout, result.stderr


def test_everything_of_a_terminal_is_in_its_backup(place: Place, home: Path) -> None:
    status, out, err = kassa("backup", "--port", place.board.pty(), "--json")
    assert status == 0, err
    told: dict[str, Any] = json.loads(out)
    (path,) = home.iterdir()
    assert path.name == told["file"] and path.name.startswith("KASSA001-2")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert told["missing"] == [] and told["slots"] == {"slot_a": "0.1.0+1"}
    assert told["chip"] == "esp32" and told["unique_id"].startswith("7cdfa1")
    found = backup_commands.unseal(path)
    assert found.members[JOURNAL] == place.image("journal")
    place.off()
    for name, content in found.files.items():
        assert content == place.files().read_file(name), name
    expected = ("device.key", "keys.bin", "journal", "clock.json")
    assert {f"/state/{name}" for name in expected} <= set(found.files)
    assert {"/config/terminal.json", "/config/emv.json", "/tls/ca.der"} <= set(found.files)
    assert found.files["/state/keys.bin"] not in path.read_bytes()


def test_the_pending_money_is_told_in_words(place: Place) -> None:
    status, out, _ = kassa("backup", "--port", place.board.pty())
    assert status == 0
    assert "2 sales (57.50 EUR) stored offline, not sent yet." in out
    assert "Batch 1 is open: 8 transactions, 100.00 EUR." in out
    assert place.board.until(lambda: place.board.board.starts == [PWRON_RESET, HARD_RESET])


def test_a_passphrase_locks_in_place_of_the_shops_key(place: Place, home: Path) -> None:
    name = str(home / "x.kassa")
    status, _, err = kassa(
        "backup", "--port", place.board.pty(), "--output", name, "--passphrase", stdin="horse\n"
    )
    assert status == 0, err
    sealed = (home / "x.kassa").read_bytes()
    assert backup_file.unseal(sealed, "x", lambda: "horse").members[JOURNAL]
    with pytest.raises(backup_file.BackupError, match="passphrase is wrong"):
        backup_file.unseal(sealed, "x", lambda: "pony")


def test_a_damaged_file_system_costs_the_files_and_not_the_journal(
    place: Place, home: Path
) -> None:
    before = place.image("journal")
    place.spoil_files()
    status, out, err = kassa("backup", "--port", place.board.pty())
    assert status == 1
    assert "missing: the terminal's files: " in err and "file system is damaged" in err
    assert "Traceback" not in err
    (path,) = home.iterdir()
    found = backup_commands.unseal(path)
    assert found.members[JOURNAL] == before and not found.files
    assert "sealed: the key is missing" in out


def test_a_cable_pulled_after_the_journal_leaves_the_journal(
    place: Place, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = BoardFiles.listdir

    def pull(files: BoardFiles, folder: str) -> list[str]:
        if folder == "/config":
            place.board.do(place.board.board.unplug)
        return honest(files, folder)

    monkeypatch.setattr(BoardFiles, "listdir", pull)
    status, out, err = kassa("backup", "--port", place.board.pty())
    assert status == 1
    assert "2 sales (57.50 EUR)" in out
    assert "missing: /config: " in err and "the connection broke" in err
    assert "missing: /tls: not reached" in err
    (path,) = home.iterdir()
    found = backup_commands.unseal(path)
    assert found.members[JOURNAL] == place.image("journal")
    assert "/state/keys.bin" in found.files


def test_a_computer_that_fails_after_the_journal_has_kept_it(
    place: Place, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(device: Device) -> dict[str, Any]:
        raise KeyboardInterrupt

    monkeypatch.setattr(backup, "facts", fail)
    kassa("backup", "--port", place.board.pty())
    (path,) = home.iterdir()
    assert backup_commands.unseal(path).members[JOURNAL] == place.image("journal")


def test_a_cable_pulled_in_the_journal_leaves_no_file(
    place: Place, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Device._block

    def pull(device: Device, line: str) -> bytes:
        place.board.do(place.board.board.unplug)
        return honest(device, line)

    monkeypatch.setattr(Device, "_block", pull)
    status, out, err = kassa("backup", "--port", place.board.pty())
    assert status == 1 and out == ""
    assert "the connection broke while reading the partition journal" in err.splitlines()[-1]
    assert list(home.iterdir()) == []


def test_one_file_that_cannot_be_read_costs_only_itself(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = BoardFiles.get

    def spoilt(files: BoardFiles, path: str) -> bytes | None:
        if path == "/state/journal":
            raise DeviceError(f"{files.port}: {path} did not arrive whole; try again")
        return honest(files, path)

    monkeypatch.setattr(BoardFiles, "get", spoilt)
    kept: list[Backup] = []
    with Device(place.board.pty()) as device:
        found = backup.read(device, kept.append)
    assert kept == [found]
    (missing,) = found.missing
    assert missing.startswith("/state/journal: ") and missing.endswith("try again")
    assert "/config/terminal.json" in found.files


def test_a_board_without_a_journal_partition_still_gives_its_files(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(self: Device, label: str, progress: object = None) -> bytes:
        raise DeviceError(f"{self.port}: the board has no partition called {label}")

    monkeypatch.setattr(Device, "read_partition", none)
    with Device(place.board.pty()) as device:
        found = backup.read(device)
    assert "/state/keys.bin" in found.files and JOURNAL not in found.members
    assert "no partition called journal" in found.missing[0]


def test_a_board_that_was_never_provisioned_has_nothing_missing_and_stays_as_it_was(
    place: Place, home: Path
) -> None:
    place.off()
    place.flash.load(b"\xff" * place.partition("kassa")[1], place.partition("kassa")[0])
    place.on()
    before = place.image("kassa")
    status, out, err = kassa("backup", "--port", place.board.pty(), "--json")
    assert status == 0, err
    assert json.loads(out)["absent"] == ["/state", "/config", "/tls"]
    assert place.image("kassa") == before


def test_what_the_page_does_by_hand_brings_the_same(place: Place, home: Path) -> None:
    page = (Path(backup.__file__).parent / "README.md").read_text("utf-8")
    _, _, section = page.partition("## A backup, and another board")
    lines = re.findall(r"^    mpremote connect /dev/ttyUSB0 (.*)$", section, re.MULTILINE)
    assert len(lines) == 2
    mpremote = Mpremote(place.board.pty(), home)
    for line in lines:
        mpremote(*shlex.split(line))
    assert (home / "journal.img").read_bytes() == place.image("journal")
    assert place.board.until(lambda: place.board.board.starts == [PWRON_RESET, HARD_RESET])
    place.off()
    for path in ("state/keys.bin", "state/device.key", "config/terminal.json", "tls/ca.der"):
        assert (home / path).read_bytes() == place.files().read_file(f"/{path}")


def test_a_wrong_port_is_one_line_and_leaves_nothing(home: Path) -> None:
    status, out, err = kassa("backup", "--port", "/dev/ttyKASSA")
    assert status == 1 and out == ""
    assert "there is no such port" in err.splitlines()[-1]
    assert list(home.iterdir()) == []
