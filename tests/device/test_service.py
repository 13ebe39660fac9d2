"""What a technician runs, on the board; nothing of it writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.device.bench import WITHIN_S, Bench


def kassa(*arguments: str, home: Path | None = None) -> subprocess.CompletedProcess[str]:
    """`home`: the shop's folder, where one is needed."""
    command = [str(Path(sys.executable).with_name("kassa")), *arguments]
    environment = os.environ if home is None else {**os.environ, "KASSA_HOME": str(home)}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=WITHIN_S, check=False, env=environment
    )


def test_the_journal_is_read_and_nothing_of_it_is_missing(device: Bench) -> None:
    done = kassa("journal", "verify", device.port, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["good"] and told["records"] == told["head"] - told["oldest"] + 1


def test_a_backup_has_the_journal_and_says_what_else_it_lacks(
    device: Bench, tmp_path: Path
) -> None:
    name = str(tmp_path / "board.kassa")
    done = kassa("backup", "--port", device.port, "--output", name, "--json", home=tmp_path)
    told: dict[str, Any] = json.loads(done.stdout)
    assert "journal.img" in told["members"], done.stderr
    assert done.returncode == bool(told["missing"])
    checked = kassa("restore", "--check", name, home=tmp_path)
    assert checked.returncode == 0 and "journal.img" in checked.stdout


def test_the_black_box_is_read(device: Bench) -> None:
    done = kassa("logs", "--port", device.port, "--json")
    assert done.returncode == 0, done.stderr
    assert all(isinstance(json.loads(line), dict) for line in done.stdout.splitlines())
