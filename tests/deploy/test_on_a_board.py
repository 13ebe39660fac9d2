"""Cut off at a file, over mpremote's transport on real MicroPython: power, or the cable.

Each flash operation is cut in virtual time (test_every_cut.py); here it is a sample.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from host_tools import device as device_module
from host_tools.board_files import BoardFiles
from host_tools.build import Built
from simulator.board_thread import BoardThread
from simulator.chips.mcu import WDT_RESET
from tests.conftest import ROOT
from tests.deploy.conftest import CHANGED, FILES, Answer, Kassa
from tests.deploy.images import small
from tests.on_micropython.run import need_micropython

pytestmark = pytest.mark.micropython
# In place of a terminal.
MAIN = b"""\
import json, machine, os, time
slot = os.getcwd().strip("/")
with open("manifest.json") as file:
    version = json.load(file)["version"]
if "state" not in os.listdir("/"):
    os.mkdir("/state")
with open("/state/slots", "w") as file:
    file.write(json.dumps({"use": slot, "tries": 0}))
print('{"at": "main", "slot": "%s", "version": "%s", "is": "came up"}' % (slot, version))
dog = machine.WDT(timeout=5_000)
while True:
    dog.feed()
    time.sleep_ms(20)
"""
BROKEN = b"import kassa.app.terminal\n"
_CAME_UP = re.compile(rb'"version": "([^"]+)", "is": "came up"')
_WATCHDOG_MS = 3_000  # in place of a minute
SENT = ["kassa/app/refund.mpy", "kassa/app/sale.mpy", "kassa/tiny.mpy", "manifest.json"]


@pytest.fixture(scope="module")
def board() -> Iterator[BoardThread]:
    need_micropython()
    with BoardThread() as board:
        yield board


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a version; each has other files than the ones before."""
    made: dict[str, Path] = {}

    def folder(version: str) -> Path:
        if version not in made:
            files = FILES if version == "0.1.0+1" else CHANGED
            changed = {p: c + version.encode() for p, c in files.items() if p[:9] == "kassa/app"}
            made[version] = tmp_path_factory.mktemp("image")
            main = BROKEN if version == "0.1.0+3" else MAIN
            built: Built = small(version, files | changed | {"main.py": main})
            built.write(made[version])
        return made[version]

    return folder


@pytest.fixture
def deploy(
    board: BoardThread, kassa: Kassa, images: Callable[[str], Path]
) -> Iterator[Callable[[str], Answer]]:
    """Runs `kassa deploy` of a version; the board gets a cable where it has none."""
    ports: list[str] = []

    def run(version: str) -> Answer:
        ports.append(board.pty())
        return kassa("deploy", "--port", ports[-1], "--image", images(version), "--json")

    yield run
    board.do(board.board.unplug)


def at_file(monkeypatch: pytest.MonkeyPatch, path: str, act: Callable[[], object]) -> None:
    """Do something when a file of the slot is about to be written."""
    write = BoardFiles._write

    def written(self: BoardFiles, name: str, *more: Any) -> None:
        if name.endswith(f"/{path}"):
            act()
        write(self, name, *more)

    monkeypatch.setattr(BoardFiles, "_write", written)


class Console:
    """What the board says; `versions` are those that have come up, in order."""

    def __init__(self, board: BoardThread) -> None:
        self.said = b""
        self._board = board
        board.board.console.on_output.append(self._hear)

    def _hear(self, data: bytes) -> None:
        self.said += data

    def has_come_up(self, times: int) -> bool:
        return self._board.until(lambda: len(self.versions) == times)

    @property
    def versions(self) -> list[str]:
        return [found.decode() for found in _CAME_UP.findall(self.said)]


def test_power_and_cable_may_go_at_any_file(
    board: BoardThread, deploy: Callable[[str], Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in ("_WORKS_WITHIN_S", "_ANSWERS_WITHIN_S"):
        monkeypatch.setattr(device_module, limit, 1.5)
    monkeypatch.setattr(
        device_module, "_BEGIN", device_module._BEGIN.replace("60000", str(_WATCHDOG_MS))
    )
    console = Console(board)
    assert deploy("0.1.0+1").status == 0
    for number, path in enumerate(SENT, 1):
        with monkeypatch.context() as patch:
            at_file(patch, path, lambda: board.do(board.board.flash.cut_after, 2, "half"))
            line = deploy("0.1.0+2").line
        assert "the board stopped answering while writing /slot_b/" in line and path in line
        board.do(board.board.unplug)
        board.do(board.board.power_on)
        assert console.has_come_up(number + 1)
    with monkeypatch.context() as patch:
        at_file(patch, "manifest.sig", lambda: board.do(board.board.unplug))
        line = deploy("0.1.0+2").line
    assert "the connection broke while writing /slot_b/manifest.sig; unplugged" in line
    assert board.until(lambda: board.board.starts[-1] == WDT_RESET)
    assert console.has_come_up(len(SENT) + 2)
    assert set(console.versions) == {"0.1.0+1"}
    answer = deploy("0.1.0+2")
    assert answer.status == 0, answer
    report = json.loads(answer.out)
    assert report["sent"] == 1 and report["kept"] == len(CHANGED)  # the signature is left
    assert console.versions[-1] == "0.1.0+2"
    assert not board.board.violations


def test_a_version_that_ends_with_an_error_gives_way_to_the_one_before(
    board: BoardThread, deploy: Callable[[str], Answer]
) -> None:
    assert deploy("0.1.0+2").status == 0
    board.do(board.board.unplug)
    line = deploy("0.1.0+3").line
    assert "0.1.0+3 did not come up: its program has ended" in line
    assert "ImportError: no module named 'kassa.app" in line
    assert line.endswith("it runs 0.1.0+2 again")


def by_hand() -> list[str]:
    """The commands that the README shows for mpremote alone."""
    page = (ROOT / "host_tools/README.md").read_text("utf-8")
    section = page.split("## A version onto a board")[1].split("\n## ")[0]
    lines = [line.strip() for line in section.splitlines()]
    return [line for line in lines if line.startswith("mpremote ")]


def test_the_readmes_commands_by_hand_do_it_too(images: Callable[[str], Path]) -> None:
    need_micropython()
    mpremote = f"{shlex.quote(sys.executable)} -m mpremote"
    with BoardThread() as board:
        port, console, commands = board.pty(), Console(board), by_hand()
        assert len(commands) == 9
        image = images("0.1.0+1")

        def run(command: str) -> None:
            words = command.replace("mpremote", mpremote, 1).replace("PORT", port)
            done = subprocess.run(
                words, shell=True, cwd=image, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, (command, done)

        for number, command in enumerate(commands):
            if number == 5:
                assert console.has_come_up(1)
                image = images("0.1.0+2")
                run("mpremote connect PORT fs mkdir :/slot_b + fs cp manifest.json :/slot_b/")
            run(command)
        assert board.until(lambda: console.versions[-1:] == ["0.1.0+2"])
        assert not board.board.violations


def test_the_only_version_may_be_given_up_for_another(
    board: BoardThread, deploy: Callable[[str], Answer]
) -> None:
    """As on a board that has no room for two."""
    assert deploy("0.1.0+2").status == 0
    for slot in ("slot_a", "slot_b"):
        command = [sys.executable, "-m", "mpremote", "connect", board.pty()]
        subprocess.run([*command, "fs", "rm", "-r", f":/{slot}"], check=False)  # one may not be
    board.do(board.board.unplug)
    answer = deploy("0.1.0+2")
    assert answer.status == 0, answer
    assert json.loads(answer.out)["kept"] == 0
