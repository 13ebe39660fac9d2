"""A version that comes up stays; one that does not gives way to the one before; why is told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import pytest

from host_tools import coming_up
from host_tools.build import Built
from host_tools.emv_signing import SigningKey
from tests.deploy.conftest import Kassa
from tests.deploy.images import signed
from tests.deploy.world_board import CRASH, WorldBoard

Boards = Callable[..., WorldBoard]
NEW = "0.1.0+2"
TROUBLE = """\
print('{"at": "main", "is": "no card reader", "error": "DriverError", "message": "pn532: silent"}')
"""
UNSIGNED = """\
print('{"at": "main", "is": "terminal cannot start", "error": "BadSignature", "message": "emv"}')
"""


def test_a_version_that_comes_up_stays(
    boards: Boards, deploy: Kassa, old: Built, new: Built
) -> None:
    board = boards(slot_a=old)
    answer = deploy(board, new, "--json")
    assert answer.status == 0, answer
    report = json.loads(answer.out)
    assert (report["slot"], report["version"], report["provisioned"]) == ("slot_b", NEW, True)
    for _ in range(5):
        board.power_off()
        board.power_on()
        assert board.cwd == "/slot_b"


@pytest.mark.parametrize(
    ("main", "why"),
    [
        (CRASH, "its program has ended"),
        (CRASH, "ImportError: no module named 'kassa.app.terminal'"),
        (TROUBLE, "no card reader: pn532: silent"),
        (UNSIGNED, "terminal cannot start: emv"),
        ("", "nothing was heard of it within 0.2 s"),
    ],
)
def test_the_one_before_is_back_at_once_and_the_reason_told(
    boards: Boards,
    deploy: Kassa,
    old: Built,
    new: Built,
    main: str,
    why: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(coming_up, "WITHIN_S", 0.2)
    board = boards({NEW: main}, slot_a=old)
    line = deploy(board, new).line
    assert line.startswith(f"{board.port}: {NEW} did not come up: ")
    assert why in line and line.endswith("it runs 0.1.0+1 again")
    for _ in range(5):
        assert board.cwd == "/slot_a"
        board.power_off()
        board.power_on()


def test_a_first_version_that_does_not_come_up_has_nothing_to_give_way_to(
    boards: Boards, deploy: Kassa, new: Built
) -> None:
    line = deploy(boards({NEW: CRASH}), new).line
    assert line.endswith("there is no other version to go back to")


def test_that_the_board_has_started_the_other_by_itself_is_told(
    boards: Boards, deploy: Kassa, old: Built, new: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = boards(slot_a=old)
    reset = board.reset

    def spoil_and_reset() -> None:
        board.wiring.filesystem().write_file("/slot_b/main.py", b"spoiled")
        reset()

    monkeypatch.setattr(board, "reset", spoil_and_reset)
    line = deploy(board, new).line
    assert "the board started slot_a (0.1.0+1) instead" in line
    assert "boot: slot_b main.py: changed" in line


class Gone:
    """A port that has gone off the bus."""

    port = "/dev/ttyACM0"

    def listen(self, piece_s: float) -> Iterator[bytes]:
        raise coming_up.DeviceError("gone")
        yield b""

    def close(self) -> None:
        pass


def saying(*events: dict[str, str]) -> Callable[[], Gone]:
    """Opens a port on which `events` are heard, and then nothing."""

    class Back(Gone):
        def listen(self, piece_s: float) -> Iterator[bytes]:
            yield from (json.dumps(event).encode() + b"\r\n" for event in events)
            while True:
                time.sleep(piece_s)
                yield b""

    return Back


CAME_UP = {"at": "main", "is": "came up", "slot": "slot_a", "version": "1"}
SILENT_READER = {"at": "main", "is": "no card reader", "message": "pn532: silent"}


def test_a_port_that_breaks_off_in_the_restart_is_opened_again() -> None:
    heard = coming_up.hear(Gone(), saying(CAME_UP))
    assert (heard.slot, heard.why) == ("slot_a", "")


def test_it_is_told_through_which_route_the_host_was_reached() -> None:
    connected = {"at": "host", "is": "connected", "route": "lab"}
    assert coming_up.hear_host(Gone(), saying(SILENT_READER, connected)) == "lab"


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ([], "the terminal has not come up within 0.5 s"),
        ([CAME_UP], "the terminal is up, but has not reached its host within 0.5 s"),
        (
            [{"at": "main", "is": "terminal cannot start", "message": "emv.json is not signed"}],
            "the terminal does not start: emv.json is not signed",
        ),
        (
            [{"at": "boot", "is": "service", "why": "no version"}],
            "the terminal does not start: no version",
        ),
    ],
)
def test_why_the_host_was_not_reached_is_one_line(events: list[dict[str, str]], why: str) -> None:
    with pytest.raises(coming_up.DeviceError) as caught:
        coming_up.hear_host(saying(*events)(), Gone, within_s=0.5)
    assert str(caught.value).startswith(f"/dev/ttyACM0: {why}")


def test_a_board_that_is_taken_over_is_to_be_provisioned_again(
    boards: Boards, deploy: Kassa, old: Built, new: Built, another: SigningKey
) -> None:
    board = boards({NEW: UNSIGNED}, slot_a=signed(old, another))
    board.wiring.filesystem().write_file("/config/signer.json", another.signer())
    answer = deploy(board, new, "--take-over")
    assert answer.status == 0, answer
    assert "provision it again" in answer.out.splitlines()[-1]
    assert board.cwd == "/slot_b"


def test_a_board_that_is_taken_over_has_no_version_to_go_back_to(
    boards: Boards, deploy: Kassa, old: Built, new: Built, another: SigningKey
) -> None:
    board = boards({NEW: CRASH}, slot_a=signed(old, another))
    board.wiring.filesystem().write_file("/config/signer.json", another.signer())
    line = deploy(board, new, "--take-over").line
    assert "did not come up: its program has ended" in line
    assert line.endswith("the one before was another signer's")
