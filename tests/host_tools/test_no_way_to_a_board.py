"""Every command that speaks to a board, where there is no way to one: one line, no traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import serial

from host_tools import cli, shop
from simulator import sandbox_profile
from simulator.acquirer.pki import Pki
from tests.host_tools.test_port import attach

COMMANDS = {
    "doctor": (),
    "doctor --json": (),
    "slots": (),
    "logs": (),
    "logs --follow": (),
    "backup": (),
    "deploy": ("--image", "IMAGE"),
    "provision": ("--profile", "PROFILE"),
}
LISTENS_ONLY = "logs --follow"

Kassa = Callable[..., str]


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the commands want beside a port."""
    from tests.deploy import images

    folder = tmp_path_factory.mktemp("things")
    images.whole("0.1.0+1").write(folder / "image")
    sandbox_profile.write(folder / "till.toml", "127.0.0.1", 8583, Pki(folder / "pki"))
    return {"IMAGE": str(folder / "image"), "PROFILE": str(folder / "till.toml")}


@pytest.fixture
def kassa(
    things: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Kassa:
    """Runs the command line, which must fail; the one line that it says of it."""
    from simulator import emv_configuration

    monkeypatch.setenv("KASSA_HOME", str(tmp_path / "shop"))
    monkeypatch.setattr(shop, "signing_key", emv_configuration.signing_key)
    monkeypatch.chdir(tmp_path)

    def kassa(command: str, *options: str) -> str:
        words = [things.get(word, word) for word in COMMANDS[command]]
        monkeypatch.setattr(sys, "argv", ["kassa", *command.split(), *words, *options])
        with pytest.raises(SystemExit) as end:
            cli.main()
        said = capsys.readouterr()
        assert end.value.code not in (0, None)
        assert "Traceback" not in said.out + said.err
        *before, last = said.err.splitlines()
        assert last.startswith("kassa: ") and not any(line.startswith("kassa:") for line in before)
        assert not list(tmp_path.glob("*.kassa"))
        return last.removeprefix("kassa: ")

    return kassa


@pytest.mark.parametrize("command", COMMANDS)
def test_a_port_that_is_not_there(kassa: Kassa, command: str) -> None:
    assert kassa(command, "--port", "/dev/ttyKASSA").startswith(
        "/dev/ttyKASSA: there is no such port"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_a_port_that_is_in_use(kassa: Kassa, deaf: str, command: str) -> None:
    with serial.Serial(deaf, exclusive=True):
        assert kassa(command, "--port", deaf) == (f"{deaf}: the port is in use by another program")


@pytest.mark.parametrize("command", [command for command in COMMANDS if command != LISTENS_ONLY])
def test_a_board_without_micropython(kassa: Kassa, deaf: str, command: str) -> None:
    assert kassa(command, "--port", deaf).startswith(
        f"{deaf}: nothing there answers like MicroPython; is it flashed"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_no_board(kassa: Kassa, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    attach(monkeypatch)
    assert kassa(command).startswith("no board is attached; plug one in")


@pytest.mark.parametrize("command", COMMANDS)
def test_two_boards(kassa: Kassa, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    attach(monkeypatch, ttyUSB0="CP2102N", ttyUSB1="CP2102N")
    assert kassa(command).startswith("2 boards are attached: /dev/ttyUSB0 (CP2102N), /dev/ttyUSB1")
