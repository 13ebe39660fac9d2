"""What the README shows is run, word for word, where it can be."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from simulator import micropython

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# They need a board or a shop, or serve one: tests/board/test_ten_minutes.py and
# tests/update/test_readme.py run those of the README.
WITH_A_BOARD = re.compile(
    r"\bPORT\b|--port /dev/|connect /dev/|~/\.kassa|kassa-sim (acquirer|board|update-server)\b"
)


def commands_of(text: str) -> list[str]:
    """The commands that a page shows and that need no board."""
    shown = re.findall(r"^    (\.venv/bin/\S.*)$", text, re.MULTILINE)
    return [command for command in shown if not WITH_A_BOARD.search(command)]


COMMANDS = commands_of(README)
TARGETS = re.findall(r"^    make (\w+)", README, re.MULTILINE)


def test_the_readme_shows_commands():
    assert len(COMMANDS) >= 3
    assert {"run", "test", "check", "bench"} <= set(TARGETS)


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(command, marks=pytest.mark.micropython)
        if "micropython" in command
        else command
        for command in COMMANDS
    ],
)
def test_a_command_of_the_readme_works(command):
    if "micropython" in command and micropython.binary() is None:
        pytest.skip("no MicroPython binary on this machine")
    done = subprocess.run(
        shlex.split(command), cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize("page", ["host_tools", "simulator"])
def test_the_commands_of_a_page_work_one_after_the_other(page):
    text = (ROOT / page / "README.md").read_text(encoding="utf-8")
    commands = commands_of(text)
    assert commands
    (ROOT / "build").mkdir(exist_ok=True)
    # A key is never overwritten, and this test may have run before.
    (ROOT / "build" / "signing.pem").unlink(missing_ok=True)
    for command in commands:
        done = subprocess.run(
            shlex.split(command), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip()


def test_the_bench_that_the_simulators_page_shows_sells():
    page = (ROOT / "simulator" / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", example],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "APPROVED" in done.stdout, done.stderr


@pytest.mark.parametrize("target", TARGETS)
def test_a_make_target_of_the_readme_exists(target):
    done = subprocess.run(
        ["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
