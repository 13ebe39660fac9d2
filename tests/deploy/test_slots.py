"""`kassa slots` tells what lies on a board."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from host_tools import slots
from host_tools.build import Built
from tests.deploy.world_board import WorldBoard

Boards = Callable[..., WorldBoard]


def state(board: WorldBoard, text: bytes) -> None:
    board.wiring.filesystem().write_file("/state/slots", text)


def words(board: WorldBoard) -> list[str]:
    with board:
        return [each.words for each in slots.look(board)]


def test_versions_and_what_runs(boards: Boards, old: Built, new: Built) -> None:
    board = boards(slot_a=old, slot_b=new)
    with board:
        found = slots.look(board)
    assert [(each.version, each.runs) for each in found] == [("0.1.0+1", True), ("0.1.0+2", False)]
    assert [each.words for each in found] == ["runs, in use", ""]


def test_a_slot_with_nothing_in_it_has_no_version(boards: Boards, old: Built) -> None:
    with boards(slot_a=old) as board:
        assert slots.look(board)[1].version is None


@pytest.mark.parametrize("text", [b"{", b"7", b'{"use": "slot_c", "tries": 0}', b""])
def test_a_state_that_cannot_be_read_says_no_more_than_none(
    boards: Boards, old: Built, text: bytes
) -> None:
    board = boards(slot_a=old)
    state(board, text)
    assert words(board) == ["runs, in use", ""]


def test_what_is_on_trial_is_told_with_its_starts(boards: Boards, old: Built, new: Built) -> None:
    board = boards({"0.1.0+2": ""}, slot_a=old, slot_b=new)
    state(board, b'{"use": "slot_a", "try": "slot_b", "host": false, "tries": 1}')
    assert words(board) == ["in use", "runs, on trial, start 2 of 3"]
