"""The power fails at every flash operation of a deployment, and inside each.

Whatever is left then, the board starts one whole version: the one that it had, or the new one, of
which every byte is compared here with the image, beside what boot.py has verified.  The same
deployment again ends with the new one running.  That includes the boot program: when boot.py is of
an image, so is all that it names (`WorldBoard` sees to it at every start).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from host_tools.build import Built
from host_tools.deploy import Deployment, Image
from host_tools.emv_signing import SigningKey
from host_tools.image_check import SIGNER
from host_tools.port import DeviceError
from simulator.chips.nor_flash import NorFlash, PowerCut, Snapshot
from simulator.filesystem import Littlefs
from tests.deploy.images import in_slot, signed, slot_content
from tests.deploy.world_board import WorldBoard

Boards = Callable[..., WorldBoard]
TORN = ("none", "half", "random")
_AGAIN_EVERY = 5


def deploy(board: WorldBoard, built: Built, **settings: bool) -> None:
    """What the command does, up to the reset, which is its last."""
    with board:
        signer = built.files[SIGNER]
        Deployment(board, Image(built.manifest, built.files), signer, **settings).run()


def runs(board: WorldBoard, among: tuple[Built, ...]) -> Built | None:
    """Which of the images runs, byte for byte; None when no version does."""
    if not board.cwd.startswith("/slot_"):
        return None
    place = board.wiring.partition("kassa")
    fs = Littlefs(board.flash, place["offset"], place["size"], "never")
    found = in_slot(fs, board.cwd.strip("/"))
    whole = [built for built in among if slot_content(built) == found]
    assert whole, f"{board.cwd} is none of the versions, and boot.py has started it"
    return whole[0]


class Cuts:
    """What the flash holds if the power fails now: gathered at every operation, in some ways.

    The chip itself goes on, so that one run has all its cuts.  ways: how many of TORN in turn.
    """

    def __init__(self, flash: NorFlash, ways: int) -> None:
        self.left: list[tuple[Snapshot, tuple[int, str]]] = []
        self.operations = 0
        self._flash = flash
        self._ways = ways
        self._seen: set[frozenset[Any]] = set()
        for name in ("program", "erase"):
            setattr(flash, name, self._watched(name))

    def end(self) -> None:
        del self._flash.program, self._flash.erase

    def _watched(self, name: str) -> Callable[..., None]:
        method = getattr(self._flash, name)

        def operation(*arguments: Any) -> None:
            self.operations += 1
            for way in range(self._ways):
                how = TORN[(self.operations + way) % len(TORN)]
                torn = self._flash.copy()
                torn.cut_after(1, how)
                with contextlib.suppress(PowerCut):
                    getattr(torn, name)(*arguments)
                self._keep(torn.snapshot(), how)
            method(*arguments)

        return operation

    def _keep(self, snapshot: Snapshot, how: str) -> None:
        content = frozenset(snapshot.blocks.items())
        if content not in self._seen:
            self._seen.add(content)
            self.left.append((snapshot, (self.operations, how)))


def cut_everywhere(
    board: WorldBoard,
    before: Built | None,
    after: Built,
    ways: int = len(TORN),
    tried: Built | None = None,
    **settings: bool,
) -> int:
    """Cut one deployment at every operation, up to the new version's coming up; how many cuts.

    tried: what is on trial, in the other slot, when the deployment begins.
    """
    board.power_on()
    board.power_off()
    cuts = Cuts(board.flash, ways)
    deploy(board, after, **settings)
    cuts.end()
    known = tuple(built for built in (before, after, tried) if built is not None)
    ends: set[str | None] = set()
    for number, (snapshot, where) in enumerate(cuts.left):
        board.power_off()
        board.flash.restore(snapshot)
        board.power_on()
        found = runs(board, known)
        assert found is not None or before is None, (where, board.said)
        ends.add(found.manifest["version"] if found else None)
        if number % _AGAIN_EVERY == 0:
            deploy(board, after, **settings)
            assert runs(board, known) is after, (where, board.said)
    versions = {each.manifest["version"] for each in known}
    assert ends == (versions if before else versions | {None})
    print(f"{len(cuts.left)} cuts in {cuts.operations} operations")
    return len(cuts.left)


def test_an_update_beside_an_empty_slot(boards: Boards, old: Built, new: Built) -> None:
    assert cut_everywhere(boards(slot_a=old), old, new) > 150


def test_an_update_over_an_older_version(
    boards: Boards, old: Built, new: Built, older: Built
) -> None:
    assert cut_everywhere(boards(slot_a=old, slot_b=older), old, new) > 150


def test_an_update_while_another_version_is_on_trial(
    boards: Boards, old: Built, new: Built, older: Built
) -> None:
    board = boards({"0.1.0+0": ""}, slot_a=old, slot_b=older)
    state = b'{"use": "slot_a", "try": "slot_b", "host": false, "tries": 0}'
    board.wiring.filesystem().write_file("/state/slots", state)
    assert cut_everywhere(board, old, new, ways=1, tried=older) > 50


def test_an_update_of_the_boot_program_too(boards: Boards, old: Built, other_boot: Built) -> None:
    assert cut_everywhere(boards(slot_a=old), old, other_boot, ways=1) > 200


def test_an_update_under_another_signer(
    boards: Boards, old: Built, new: Built, another: SigningKey
) -> None:
    theirs = signed(new, another)
    assert cut_everywhere(boards(slot_a=old), old, theirs, ways=1, take_over=True) > 150


def test_the_first_version_on_a_bare_board(boards: Boards, new: Built) -> None:
    assert cut_everywhere(boards(), None, new, ways=1) > 200


@pytest.mark.parametrize("number", [1, 2])
def test_nothing_is_sent_twice(boards: Boards, old: Built, new: Built, number: int) -> None:
    board = boards(slot_a=old)
    for _ in range(number):
        deploy(board, new)
    written = board.flash.counters.programmed_bytes
    deploy(board, new)
    # What is remembered of the slots, and no file.
    assert board.flash.counters.programmed_bytes - written < 16 * 1024


@pytest.mark.parametrize("operation", [1, 20, 60])
def test_the_tool_says_at_what_the_board_stopped_answering(
    boards: Boards, old: Built, new: Built, operation: int
) -> None:
    board = boards(slot_a=old)
    board.power_on()
    board.flash.cut_after(operation, "half")
    with pytest.raises(DeviceError, match=r"stopped answering while (writing|copying|with)"):
        deploy(board, new)


def test_what_does_not_start_is_written_over_when_nothing_else_does(
    boards: Boards, old: Built, new: Built
) -> None:
    board = boards(slot_a=old)
    board.wiring.filesystem().remove("/slot_a/main.py")
    deploy(board, new)
    assert board.cwd == "/slot_a" and runs(board, (new,)) is new


def test_what_does_not_start_is_written_over_before_what_does(
    boards: Boards, old: Built, older: Built, new: Built
) -> None:
    board = boards(slot_a=old, slot_b=older)
    board.wiring.filesystem().remove("/slot_a/main.py")
    deploy(board, new)
    assert board.cwd == "/slot_a" and runs(board, (new,)) is new
    assert in_slot(board.wiring.filesystem(), "slot_b") == slot_content(older)
