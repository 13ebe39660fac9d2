"""What is a port and what is a file; what is said of a port that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest
import serial
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from host_tools import port
from host_tools.device import Device, DeviceError
from host_tools.port import is_port


@pytest.mark.parametrize(
    "name",
    ["/dev/ttyUSB0", "/dev/cu.usbserial-1", "COM3", "com12", r"\\.\COM10", "socket://10.0.0.2:23"],
)
def test_a_port_is_known_by_its_name(name: str) -> None:
    assert is_port(name)


@pytest.mark.parametrize("name", ["journal.bin", "build/journal.img", "COMMENTS", "socket.bin"])
def test_other_names_are_files(name: str) -> None:
    assert not is_port(name)


def test_an_existing_file_is_a_file_whatever_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_port("COM3")
    Path("COM3").write_bytes(b"")
    assert not is_port("COM3")


def attach(monkeypatch: pytest.MonkeyPatch, **ports: str | None) -> None:
    """Let the computer have these ports in /dev; with None for what has no USB side."""
    found = []
    for name, product in ports.items():
        there = ListPortInfo(f"/dev/{name}")
        there.product = product
        if product is not None:
            there.vid, there.pid = 0x10C4, 0xEA60
        found.append(there)
    monkeypatch.setattr(list_ports, "comports", lambda: found)


def test_the_only_board_need_not_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    attach(monkeypatch, ttyS0=None, ttyUSB0="CP2102N")
    assert port.choose(None) == "/dev/ttyUSB0"


def test_the_port_that_is_named_is_taken_whatever_is_attached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attach(monkeypatch, ttyUSB0="CP2102N", ttyUSB1="CP2102N")
    assert port.choose("socket://localhost:4000") == "socket://localhost:4000"


def test_no_board_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    attach(monkeypatch, ttyS0=None)
    with pytest.raises(DeviceError, match=r"^no board is attached; plug one in.*--port [^\n]*$"):
        port.choose(None)


def test_several_boards_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    attach(monkeypatch, ttyUSB1="CP2102N", ttyACM0="USB JTAG/serial debug unit", ttyS0=None)
    with pytest.raises(DeviceError) as failure:
        port.choose(None)
    assert str(failure.value) == (
        "2 boards are attached: /dev/ttyACM0 (USB JTAG/serial debug unit), "
        "/dev/ttyUSB1 (CP2102N); say which with --port"
    )


def refusal(port: str) -> str:
    with pytest.raises(DeviceError) as failure, Device(port):
        pass
    said = str(failure.value)
    assert said.startswith(f"{port}: ") and "\n" not in said
    return said


def test_a_port_that_is_not_there_is_named() -> None:
    assert "there is no such port" in refusal("/dev/ttyKASSA")


def test_a_computer_that_does_not_listen_is_named() -> None:
    assert "nothing listens there" in refusal("socket://127.0.0.1:1")


def test_a_board_without_micropython_is_told(
    deaf: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "nothing there answers like MicroPython" in refusal(deaf)
    assert capsys.readouterr().out == ""


def test_a_port_in_use_is_told(deaf: str) -> None:
    with serial.Serial(deaf, exclusive=True):
        assert "in use by another program" in refusal(deaf)
