"""Commands as the README shows them, each in a process of its own, in an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from host_tools.mpy import ROOT

Start = Callable[[list[str]], "subprocess.Popen[str]"]

PROGRAMS = {
    ".venv/bin/kassa": "from host_tools.cli import main; main()",
    ".venv/bin/kassa-sim": "from simulator.cli import main; main()",
    ".venv/bin/mpremote": "import sys; from mpremote.main import main; sys.exit(main())",
}


@contextmanager
def starting(folder: Path, **environment: str) -> Iterator[Start]:
    """What starts a command in `folder`, with this in its environment; `~` is the folder, too."""
    running: list[subprocess.Popen[str]] = []
    known = os.environ | {"PYTHONPATH": str(ROOT)} | environment

    def start(command: list[str]) -> subprocess.Popen[str]:
        words = [str(folder / word[2:]) if word.startswith("~/") else word for word in command]
        running.append(
            subprocess.Popen(
                [sys.executable, "-c", PROGRAMS[words[0]], *words[1:]],
                cwd=folder,
                env=known,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return running[-1]

    try:
        yield start
    finally:
        for process in running:
            process.kill()
            process.communicate()
