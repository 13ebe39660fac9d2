"""The file of a backup: whole or not at all, and for nobody without its key."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from host_tools import backup_file
from host_tools.backup_file import Backup, BackupError, seal, unseal

BACKUP = Backup(
    {"chip": "esp32s3"},
    {"journal.img": b"\xff" * 5000, "state/keys.bin": b"secret keys", "slots/slot_a": b"{}"},
    ["/state/clock: there is none"],
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KASSA_HOME", str(tmp_path / "shop"))
    return tmp_path / "shop"


def nobody() -> str:
    raise AssertionError("no passphrase is needed")


def test_a_backup_reads_back_as_it_was_with_the_shops_key(home: Path) -> None:
    content = seal(BACKUP, backup_file.shop_lock())
    assert b"secret keys" not in content and b"esp32s3" not in content
    assert unseal(content, "x", nobody) == BACKUP
    assert BACKUP.files == {"/state/keys.bin": b"secret keys"}
    assert stat.S_IMODE((home / "backup.key").stat().st_mode) == 0o600


def test_a_backup_reads_back_as_it_was_with_its_passphrase() -> None:
    content = seal(BACKUP, backup_file.passphrase_lock("correct horse"))
    assert unseal(content, "x", lambda: "correct horse") == BACKUP
    with pytest.raises(BackupError, match="x: the passphrase is wrong, or the file was changed"):
        unseal(content, "x", lambda: "correct hors")
    with pytest.raises(BackupError, match="empty passphrase"):
        backup_file.passphrase_lock("")


def test_the_same_backup_never_gives_the_same_bytes_twice() -> None:
    lock = backup_file.shop_lock()
    assert seal(BACKUP, lock) != seal(BACKUP, lock)


def test_another_shops_key_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = backup_file.shop_lock()
    content = seal(BACKUP, lock)
    monkeypatch.setenv("KASSA_HOME", str(home / "other"))
    for _ in range(2):
        with pytest.raises(BackupError, match=f"locked with the shop's key {lock.header['key']}"):
            unseal(content, "x", nobody)
        backup_file.shop_lock()


def test_every_changed_byte_is_noticed() -> None:
    small = Backup({}, {"a": b"b"}, [])
    content = seal(small, backup_file.shop_lock())
    for place in range(len(content)):
        changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        with pytest.raises(BackupError, match=r"^x: "):
            unseal(changed, "x", nobody)
    for length in (0, 10, len(content) - 1):
        with pytest.raises(BackupError, match=r"^x: "):
            unseal(content[:length], "x", nobody)


def test_a_file_that_asks_for_much_memory_is_refused() -> None:
    content = seal(BACKUP, backup_file.passphrase_lock("correct horse"))
    line = content.split(b"\n")[1]
    greedy = json.dumps({**json.loads(line), "n": 1 << 40}).encode()
    with pytest.raises(BackupError, match="changed"):
        unseal(content.replace(line, greedy), "x", lambda: "correct horse")


def test_a_file_is_written_for_its_owner_and_replaces_the_old_one_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.kassa"
    path.write_bytes(b"old")
    backup_file.write(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OSError):
        backup_file.write(tmp_path / "nowhere" / "a", b"")
