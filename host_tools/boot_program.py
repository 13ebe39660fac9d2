"""The boot file system of a board, and what its own program says of the slots.

Its modules lie in a folder that is named after their content, and boot.py names the folder: a new
set is written beside the old one, and counts from the moment in which boot.py is replaced.  Then
the old set goes.  The font and main.py are the same for every set.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from host_tools.board_files import BLOCK, Board, BoardFiles
from host_tools.port import DeviceError

SLOTS = ("slot_a", "slot_b")
SIGNER = "/config/signer.json"
STATE = "/state/slots"
_BOOT_PY = "boot.py"
_STARTS = ("main.py", _BOOT_PY)
_SET = "set_"
_NAMED = re.compile(rb'^SET = "(\w*)"', re.MULTILINE)
_INLINE = 128  # bytes up to which littlefs keeps a file in its folder
_FOLDER_BLOCKS = 2
_SPARE_BLOCKS = 2  # for what littlefs moves
_CHECK_S = 60

# The board's own boot program is what has to find a version right, so that is asked.
FORGET = """\
import sys
for _kassa_n in list(sys.modules):
 if _kassa_n.split('.')[0] in ('board','kassa','typing'):del sys.modules[_kassa_n]
"""
"""What was imported is of the version that is there; what is imported next need not be."""
_USE = f"""\
{FORGET}sys.path.insert(0,{{folder!r}})
from kassa.security import signed_file as _kassa_sf,slot_check as _kassa_sc
from kassa.system.slots import Slots as _kassa_S
from kassa.system.state_file import StateFile as _kassa_F
_kassa_slots=_kassa_S(_kassa_F({{state!r}}))
from board import BOARD as _kassa_B
"""
_VERIFY = """\
_kassa_fed()
try:
 _kassa_sc.check({slot!r},_kassa_sf.load({signer!r}),_kassa_B['name'],_kassa_B['chip'])
 print('')
except Exception as e:
 print(e)
"""


class NoRoomError(DeviceError):
    """A whole file system's worth of files does not fit; nothing was changed."""


class BootProgram:
    """The boot program of an image (`wanted`: its files by path) on a board that is stopped."""

    def __init__(self, board: Board, files: BoardFiles, wanted: Mapping[str, bytes]) -> None:
        self._board = board
        self._files = files
        self._wanted = wanted
        self._folder = next(path.split("/")[0] for path in wanted if path.startswith(_SET))

    def install(self) -> int:
        """Put it there, as far as it is not; how many files were sent.  Raises NoRoomError."""
        there = self._files.hashes("/boot")
        named = _NAMED.findall(self._files.get(f"/boot/{_BOOT_PY}") or b"")
        keep = {self._folder, *(name.decode() for name in named)}
        self._drop_sets(keep)
        there = {p: facts for p, facts in there.items() if _set_of(p) in keep | {""}}
        # Another font would not fit beside both sets: it comes when the old one has gone.
        late = {
            path: content
            for path, content in self._wanted.items()
            if path in there and not _set_of(path) and path not in _STARTS
        }
        sent = self._send({p: c for p, c in self._wanted.items() if p not in late}, there)
        self._drop_sets({self._folder})
        return sent + self._send(late, there)

    def _send(self, wanted: Mapping[str, bytes], there: Mapping[str, tuple[int, str]]) -> int:
        missing = differing(wanted, there)
        check_room(self._files, "/boot", wanted, there, "the boot program")
        order = sorted(missing, key=_order)
        return self._files.put_all({f"/boot/{path}": missing[path] for path in order})

    def load(self) -> None:
        """Have its modules at hand on the board, for the methods below."""
        folder = self._files.place(f"/boot/{self._folder}")
        code = _USE.format(folder=folder, state=self._files.place(STATE))
        self._board.run(code, "loading the boot program", _CHECK_S)

    def complaint(self, slot: str, signer: str = SIGNER) -> str:
        """What it says against the version in a slot; "" when that may run."""
        place, whose = (self._files.place(path) for path in (f"/{slot}", signer))
        code = _VERIFY.format(slot=place, signer=whose)
        return self._board.run(code, f"verifying {slot}", _CHECK_S).strip()

    def state(self) -> dict[str, Any]:
        """What is remembered of the slots: `use`, `tries`, perhaps `try` and `host`."""
        told = self._board.run("print(json.dumps(_kassa_slots.told()))", "reading the slots")
        return json.loads(told)

    def withdraw(self) -> None:
        """What was offered is not to be tried."""
        self._board.run("_kassa_slots.withdraw()", "withdrawing what was offered")

    def offer(self, slot: str) -> None:
        """A whole version lies in `slot`: try it at the next start."""
        self._board.run(f"_kassa_slots.offer({slot!r})", f"offering {slot}")

    def _drop_sets(self, keep: set[str]) -> None:
        """Remove sets that nothing names: of versions before, or of a run that was cut off."""
        names = {_set_of(name) for name in self._files.listdir("/boot")}
        for folder in sorted(names - keep - {""}):
            self._files.remove_tree(f"/boot/{folder}")


def differing(
    wanted: Mapping[str, bytes], there: Mapping[str, tuple[int, str]]
) -> dict[str, bytes]:
    """What is not there as it should be."""
    return {
        path: content
        for path, content in wanted.items()
        if there.get(path, (0, ""))[1] != hashlib.sha256(content).hexdigest()
    }


def check_room(
    files: BoardFiles,
    folder: str,
    wanted: Mapping[str, bytes],
    there: Mapping[str, tuple[int, str]],
    what: str,
    goes: frozenset[str] = frozenset(),
) -> None:
    """Raises NoRoomError when `wanted` does not fit into a folder where `there` lies, of which
    `goes` is removed first.  An old file stays until the new one is whole.
    """
    stays = {path: size for path, (size, _) in there.items() if path not in goes}
    new = differing(wanted, there)
    if not new:
        return
    needed = sum(_blocks(len(content)) for content in new.values())
    needed -= sum(_blocks(stays[path]) for path in new if path in stays)
    needed -= sum(_blocks(there[path][0]) for path in goes)
    needed += max(_blocks(len(content)) for content in new.values())
    needed += _FOLDER_BLOCKS * len(_folders(wanted) - _folders(there)) + _SPARE_BLOCKS
    free = files.free(folder) // BLOCK
    if needed > free:
        raise NoRoomError(
            f"{files.port}: no room for {what}: {needed * BLOCK} bytes are needed, "
            f"{free * BLOCK} are free on the board"
        )


def _order(path: str) -> tuple[int, str]:
    """The set, then main.py, then boot.py, which makes all of it count."""
    return {"main.py": 1, _BOOT_PY: 2}.get(path, 0), path


def _set_of(path: str) -> str:
    """The set that a path of the boot file system belongs to, "" for none."""
    folder = path.split("/")[0]
    return folder if folder.startswith(_SET) else ""


def _folders(paths: Mapping[str, object]) -> set[str]:
    return {path[:at] for path in paths for at, letter in enumerate(path) if letter == "/"}


def _blocks(size: int) -> int:
    return 0 if size <= _INLINE else -(-size // BLOCK)
