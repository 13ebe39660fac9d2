"""`kassa logs` on the virtual board: the black box, and a terminal that is merely listened to."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.board_thread import BoardThread
from simulator.chips.mcu import HARD_RESET, PWRON_RESET
from simulator.filesystem import install

KASSA = str(Path(sys.executable).with_name("kassa"))
OLDER = {"at": "host", "is": "lost", "boot": 3, "utc": "2026-11-26T20:00:00Z"}
NEWER = {"at": "main", "is": "restart", "boot": 4, "up_ms": 812, "task": "keypad"}
MAIN = """
import json, machine, time
dog = machine.WDT(timeout=3000)
n = 0
while True:
    dog.feed()
    print(json.dumps({"t": time.ticks_ms(), "at": "shop", "is": "open", "n": n}))
    n += 1
    time.sleep_ms(50)
"""


def start(board: BoardThread, **boxes: bytes) -> None:
    files = {"/main.py": MAIN.encode()}
    files |= {f"/state/{name.replace('_', '.')}": content for name, content in boxes.items()}

    async def begin() -> None:
        await board.board.cut_power()
        board.hands.events.clear()
        vfs = board.board.wiring.partition("vfs")
        install(board.board.flash, vfs["offset"], vfs["size"], files)
        await board.board.power_on()

    board.do(begin)
    assert board.until(lambda: bool(board.hands.events))


@pytest.fixture
def port(board: BoardThread) -> Iterator[str]:
    """Of a terminal that talks all the time, with a black box."""
    lines = [json.dumps(line).encode() + b"\n" for line in (OLDER, NEWER)]
    start(board, box_1=lines[0], box_0=lines[1] + b'{"half a li')
    yield board.pty()
    board.do(board.board.unplug)


def kassa(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [KASSA, "logs", *arguments], capture_output=True, text=True, timeout=30, check=False
    )


def test_the_black_box_is_read_and_the_terminal_goes_on(board: BoardThread, port: str) -> None:
    done = kassa("--port", port, "--json")
    assert done.returncode == 0, done.stderr
    *events, torn = map(json.loads, done.stdout.splitlines())
    assert events == [OLDER, NEWER]
    assert torn == {"text": '{"half a li'}
    assert board.until(lambda: board.board.starts == [PWRON_RESET, HARD_RESET])


def test_an_empty_black_box_is_said_to_be(board: BoardThread) -> None:
    start(board)
    port = board.pty()
    done = kassa("--port", port)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines()[-1] == f"{port}: nothing was logged."
    board.do(board.board.unplug)


@pytest.mark.parametrize("way", ["pty", "tcp"])
def test_a_terminal_that_is_listened_to_does_not_notice(
    board: BoardThread, port: str, way: str
) -> None:
    name = port if way == "pty" else board.tcp()
    command = [KASSA, "logs", "--port", name, "--follow", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as listening:
        assert listening.stdout is not None
        heard = [json.loads(listening.stdout.readline()) for _ in range(20)]
        listening.send_signal(signal.SIGINT)
        assert listening.wait(10) == 0
    # The first may have come in the middle of its line.
    numbers = [event["n"] for event in heard[1:]]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    before = len(board.hands.events)
    assert board.until(lambda: len(board.hands.events) > before + 5)
    assert [event["n"] for event in board.hands.events] == list(range(len(board.hands.events)))
    assert board.board.starts == [PWRON_RESET]


def test_a_cable_pulled_meanwhile_is_one_line(board: BoardThread, port: str) -> None:
    command = [KASSA, "logs", "--port", port, "--follow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as listening:
        assert listening.stdout is not None and listening.stderr is not None
        assert b"shop     open  n " in [listening.stdout.readline() for _ in range(2)][1]
        board.do(board.board.unplug)
        assert listening.wait(10) == 1
        last = listening.stderr.read().decode().splitlines()[-1]
    assert last.startswith(f"kassa: {port}: the connection broke while listening")


@pytest.mark.parametrize("more", [(), ("--follow",)])
def test_a_wrong_port_is_one_line(more: tuple[str, ...]) -> None:
    done = kassa("--port", "/dev/ttyKASSA", *more)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith("kassa: /dev/ttyKASSA: there is no such port")
    assert "Traceback" not in done.stderr
