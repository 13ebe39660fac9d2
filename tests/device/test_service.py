"""What a technician runs, on the board; nothing of it writes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.device.bench import WITHIN_S, Bench


def kassa(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("kassa")), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=WITHIN_S, check=False)


def test_the_journal_is_read_and_nothing_of_it_is_missing(device: Bench) -> None:
    done = kassa("journal", "verify", device.port, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["good"] and told["records"] == told["head"] - told["oldest"] + 1
