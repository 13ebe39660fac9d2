"""A version that comes up stays; one that does not gives way to the one before; why is told."""

from __future__ import annotations

import json
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


def test_a_port_that_breaks_off_in_the_restart_is_opened_again(old: Built) -> None:
    class Gone:
        port = "/dev/ttyACM0"

        def listen(self, piece_s: float) -> Iterator[bytes]:
            raise coming_up.DeviceError("gone")
            yield b""

        def close(self) -> None:
            pass

    class Back(Gone):
        def listen(self, piece_s: float) -> Iterator[bytes]:
            yield b'{"at": "main", "is": "came up", "slot": "slot_a", "version": "1"}\r\n'

    heard = coming_up.hear(Gone(), Back)
    assert (heard.slot, heard.why) == ("slot_a", "")


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
