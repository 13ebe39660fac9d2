"""What is a port and what is a file; what is said of a port that cannot be used."""

from __future__ import annotations

import os
import tty
from pathlib import Path

import pytest
import serial

from host_tools import device
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


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> str:
    """The port of something that never answers."""
    monkeypatch.setattr(device, "_ANSWERS_WITHIN_S", 0.3)
    master, slave = os.openpty()
    tty.setraw(slave)
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


def test_a_board_without_micropython_is_told(
    deaf: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "nothing there answers like MicroPython" in refusal(deaf)
    assert capsys.readouterr().out == ""


def test_a_port_in_use_is_told(deaf: str) -> None:
    with serial.Serial(deaf, exclusive=True):
        assert "in use by another program" in refusal(deaf)
