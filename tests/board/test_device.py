"""`host_tools.device` and `kassa journal` with a port, on the virtual board."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from host_tools import device as device_module
from host_tools.cli import app
from host_tools.device import Device, DeviceCodeError, DeviceError
from simulator.board_thread import BoardThread
from simulator.chips.mcu import HARD_RESET, PWRON_RESET, WDT_RESET
from simulator.filesystem import install
from tests.journal.bench import KEY, Terminal

# What a terminal does as far as a computer on its port can tell: a watchdog, and a loop.
MAIN = """
import machine, time
dog = machine.WDT(timeout=2500)
print("open for business")
while True:
    dog.feed()
    time.sleep_ms(100)
"""


@pytest.fixture
def terminal() -> Terminal:
    """A journal with 21 records."""
    terminal = Terminal(size=1 << 20)
    journal = terminal.start()
    for number in range(20):
        journal.append(number, b"sale %d" % number)
    journal.append(9, bytes(500))
    return terminal


@pytest.fixture
def port(board: BoardThread, terminal: Terminal) -> Iterator[str]:
    """Of a terminal at work, with that journal and its anchor."""
    start(board, terminal)
    yield board.pty()
    board.do(board.board.unplug)


def start(board: BoardThread, terminal: Terminal, main: str = MAIN) -> None:
    said: list[bytes] = []
    board.board.console.on_output[:] = [said.append]
    files = {"/main.py": main.encode()}
    if terminal.anchor.content is not None:
        files["/state/journal"] = json.dumps(terminal.anchor.content).encode()

    async def begin() -> None:
        await board.board.cut_power()
        vfs, journal = (board.board.wiring.partition(name) for name in ("vfs", "journal"))
        install(board.board.flash, vfs["offset"], vfs["size"], files)
        board.board.flash.load(terminal.flash.image(), journal["offset"])
        await board.board.power_on()

    board.do(begin)
    assert board.until(lambda: b"business" in b"".join(said) or b">>>" in b"".join(said))


def kassa(*arguments: str) -> tuple[int, str, str]:
    """(exit status, standard output, standard error) of `kassa journal`."""
    result = CliRunner().invoke(app, ["journal", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout, result.stderr


def test_values_and_files_come_over_the_port(port: str) -> None:
    with Device(port) as device:
        assert device.evaluate("[1, 'two', b'3']") == [1, "two", b"3"]
        assert device.read_file("/main.py") == MAIN.encode()
        assert device.read_file("/nothing") is None


def test_the_traceback_of_the_board_comes_along(port: str) -> None:
    with Device(port) as device, pytest.raises(DeviceCodeError) as failure:
        device.run("1/0")
    assert str(failure.value) == f"{port}: the board says ZeroDivisionError: divide by zero"
    assert 'File "<stdin>"' in failure.value.traceback


def test_the_terminal_goes_on_when_the_computer_has_done(board: BoardThread, port: str) -> None:
    with Device(port) as device:
        device.run("")
    assert board.until(lambda: board.board.starts == [PWRON_RESET, HARD_RESET])
    assert board.until(lambda: board.board.console.said.endswith(b"open for business\r\n"))


def test_a_computer_that_fails_leaves_no_terminal_behind(board: BoardThread, port: str) -> None:
    with pytest.raises(KeyboardInterrupt), Device(port) as device:
        device._transport.exec_raw_no_follow("while True: pass")
        raise KeyboardInterrupt
    assert board.until(lambda: board.board.starts == [PWRON_RESET, HARD_RESET])


def test_a_computer_that_vanishes_leaves_it_to_the_watchdog(
    board: BoardThread, port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_module, "_BEGIN", device_module._BEGIN.replace("60000", "500"))
    Device(port).__enter__().close()
    assert board.until(lambda: board.board.starts == [PWRON_RESET, WDT_RESET])


def test_the_watchdog_of_the_terminal_waits_while_it_is_read(
    board: BoardThread, port: str
) -> None:
    with Device(port) as device:
        device.run("import time; time.sleep(3)")
        assert board.board.starts == [PWRON_RESET]


@pytest.mark.parametrize("way", ["pty", "tcp"])
def test_a_partition_arrives_byte_for_byte(board: BoardThread, port: str, way: str) -> None:
    offset = board.board.wiring.partition("journal")["offset"]
    noise = random.Random(3).randbytes(20_000)
    board.do(board.board.flash.load, noise, offset)
    shown: list[tuple[int, int]] = []
    with Device(port if way == "pty" else board.tcp()) as device:
        image = device.read_partition("journal", lambda *step: shown.append(step))
    digest = hashlib.sha256(board.board.flash.image(offset, 1 << 20)).hexdigest()
    assert hashlib.sha256(image).hexdigest() == digest
    assert shown[0] == (0, 1 << 20) and shown[-1] == (1 << 20, 1 << 20) and len(shown) > 20


def test_a_bit_that_changes_on_the_way_is_noticed(
    port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Device._block
    monkeypatch.setattr(Device, "_block", lambda self, line: honest(self, line)[:-1] + b"\xfe")
    with Device(port) as device, pytest.raises(DeviceError, match="is not what the board holds"):
        device.read_partition("journal")


def test_a_board_without_the_partition_is_told(port: str) -> None:
    with Device(port) as device, pytest.raises(DeviceError, match="no partition called ledger"):
        device.read_partition("ledger")


@pytest.mark.parametrize("way", ["pty", "tcp"])
def test_a_cable_pulled_in_the_middle_is_told(board: BoardThread, port: str, way: str) -> None:
    def pull(done: int, total: int) -> None:
        if done > total // 4:
            board.do(board.board.unplug)

    name = port if way == "pty" else board.tcp()
    with (
        pytest.raises(DeviceError, match="while reading the partition journal") as failure,
        Device(name) as device,
    ):
        device.read_partition("journal", pull)
    assert "\n" not in str(failure.value) and "unplugged" in str(failure.value)


def test_a_tcp_port_in_use_is_told(board: BoardThread, port: str) -> None:
    name = board.tcp()
    with Device(name) as first:
        with pytest.raises(DeviceError, match="in use by another program"), Device(name):
            pass
        assert first.evaluate("6 * 7") == 42


def test_a_board_that_falls_silent_is_told(
    board: BoardThread, port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_module, "_ANSWERS_WITHIN_S", 1)
    monkeypatch.setattr(device_module, "_WORKS_WITHIN_S", 1)

    def cut(done: int, total: int) -> None:
        if done > total // 4:
            board.do(board.board.cut_power)

    with pytest.raises(DeviceError, match="stopped answering"), Device(port) as device:
        device.read_partition("journal", cut)
    board.do(board.board.power_on)


def test_the_journal_of_a_board_verifies(board: BoardThread, port: str) -> None:
    status, out, err = kassa("verify", port, "--key", KEY.hex())
    assert status == 0
    assert "21 records from 1 to 21" in out and "nothing is missing" in out
    assert "stopped while it is read" in err and "starts again" in err
    assert board.until(lambda: board.board.starts == [PWRON_RESET, HARD_RESET])


def test_the_records_of_a_board_are_shown(port: str) -> None:
    status, out, _ = kassa("read", port, "--key", KEY.hex(), "--json")
    told: dict[str, Any] = json.loads(out)
    assert status == 0
    assert bytes.fromhex(told["records"][7]["payload"]) == b"sale 7"
    status, out, _ = kassa("read", port)
    assert status == 0 and "(sealed)" in out and "Without the key" in out


def test_the_anchor_on_the_board_tells_an_older_journal(
    board: BoardThread, terminal: Terminal, port: str
) -> None:
    before = terminal.flash.snapshot()
    journal = terminal.start()
    for _ in range(40):
        journal.append(3, bytes(100))
    terminal.flash.restore(before)
    start(board, terminal)
    status, out, _ = kassa("verify", port, "--key", KEY.hex())
    assert status == 1 and "older state of the log" in out


def test_the_image_is_kept_when_asked(port: str, terminal: Terminal, tmp_path: Any) -> None:
    status, _, _ = kassa("verify", port, "--save", str(tmp_path / "kept.bin"))
    assert status == 0
    assert (tmp_path / "kept.bin").read_bytes() == terminal.flash.image()
    status, out, _ = kassa("verify", str(tmp_path / "kept.bin"), "--key", KEY.hex())
    assert status == 0 and "21 records" in out


def test_a_wrong_port_is_one_line_and_status_2() -> None:
    status, out, err = kassa("verify", "/dev/ttyKASSA")
    assert status == 2 and out == ""
    assert err.splitlines()[-1].startswith("kassa: /dev/ttyKASSA: there is no such port")


def test_a_wrong_key_is_one_line_and_the_terminal_goes_on(board: BoardThread, port: str) -> None:
    status, _, err = kassa("verify", port, "--key", "00" * 16)
    assert status == 2
    assert err.splitlines()[-1] == f"kassa: {port}: no block is sealed with this key"
    assert board.until(lambda: board.board.starts == [PWRON_RESET, HARD_RESET])
