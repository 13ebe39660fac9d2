"""Reading off a board all that another one needs to take its place: the pending money first.

The journal comes first, and is verified by the board's own SHA-256 of it; then the files of the
terminal (`/state`, `/config`, `/tls`), then which versions are in the slots.  What cannot be read
is noted with its reason and the rest goes on: a damaged file system costs the backup its files,
never its journal.  What was read when the cable is pulled is in the backup, too.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from typing import Any

from host_tools import anchor, journal, pending
from host_tools.backup_file import JOURNAL, Backup
from host_tools.board_files import BoardFiles
from host_tools.device import Device
from host_tools.journal import Examination, ImageError
from host_tools.port import DeviceError

FOLDERS = ("/state", "/config", "/tls")
ANCHOR = "/state/journal"
DEVICE_KEY = "/state/device.key"
TERMINAL = "/config/terminal.json"
_SLOTS = ("slot_a", "slot_b")

_FACTS = """\
import sys,os,machine,binascii
_kassa_r={'chip':sys.platform,'machine':os.uname().machine}
_kassa_r['micropython']='.'.join([str(_kassa_n) for _kassa_n in sys.implementation.version[:3]])
_kassa_r['unique_id']=binascii.hexlify(machine.unique_id()).decode()
_kassa_r['cwd']=os.getcwd()
try:
 from board import BOARD
 _kassa_r['board']=BOARD['name']
except Exception:
 _kassa_r['board']=''
print(repr(_kassa_r))
"""
# A file system that nobody has made yet is not made for a backup.
_BLANK = """\
from esp32 import Partition
_kassa_b=bytearray(64)
_kassa_r=[]
for _kassa_p in Partition.find(Partition.TYPE_DATA,label='kassa'):
 for _kassa_n in range(2):
  _kassa_p.readblocks(_kassa_n,_kassa_b,0)
  _kassa_r.append(_kassa_b==b'\\xff'*64)
print(len(_kassa_r)==2 and all(_kassa_r))
"""


def facts(device: Device) -> dict[str, Any]:
    """What the board is: chip, machine, micropython, unique_id, board, cwd.  DeviceError."""
    return dict(device.literal(device.run(_FACTS, "asking the board")))


def is_blank(device: Device) -> bool:
    """Whether the terminal's file system was never made.  Raises DeviceError."""
    return bool(device.literal(device.run(_BLANK, "looking for files")))


def read(
    device: Device,
    keep: Callable[[Backup], None] = lambda backup: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Backup:
    """A backup of the board; `missing` says what is not in it, `facts["absent"]` which folders the
    board has nothing in.

    keep(backup) is called as soon as the journal is in it, too.  Raises DeviceError when nothing
    at all can be read.
    """
    now = datetime.datetime.now(datetime.UTC)
    backup = Backup({"made": f"{now:%Y-%m-%dT%H:%M:%SZ}", "absent": [], "slots": {}})
    reading = _Reading(device, backup)

    def take_journal() -> None:
        backup.members[JOURNAL] = device.read_partition("journal", progress)

    reading.step("the journal", take_journal)
    if reading.lost:
        raise reading.lost
    if JOURNAL in backup.members:
        keep(backup)
    reading.step("chip and version", lambda: backup.facts.update(facts(device)))
    reading.step("the terminal's files", reading.mount)
    for folder in FOLDERS:
        reading.folder(folder)
    for slot in _SLOTS:
        reading.slot(slot)
    return backup


class _Reading:
    """lost: why the board cannot be reached any more, once it cannot."""

    def __init__(self, device: Device, backup: Backup) -> None:
        self.lost: DeviceError | None = None
        self._device = device
        self._backup = backup
        self._files: BoardFiles | None = None

    def step(self, what: str, take: Callable[[], None]) -> None:
        """Take something, or note that it is missing."""
        if self.lost is not None:
            self._backup.missing.append(f"{what}: not reached")
            return
        try:
            take()
        except DeviceError as error:
            self._backup.missing.append(f"{what}: {error}")
            try:
                self._device.run("", "asking whether it is still there")
            except DeviceError:
                self.lost = error

    def mount(self) -> None:
        if not is_blank(self._device):
            self._files = BoardFiles(self._device)

    def folder(self, folder: str) -> None:
        """The files in it; none where nothing could be mounted, which was noted then."""
        found: list[str] = []
        files = self._files
        if files is not None:
            self.step(folder, lambda: found.extend(sorted(files.listdir(folder))))
        for name in found:
            if not name.endswith(".new"):  # never got its name: not valid
                self.step(f"{folder}/{name}", lambda name=name: self._file(folder, name))
        if not found and not self._backup.missing:
            self._backup.facts["absent"].append(folder)

    def _file(self, folder: str, name: str) -> None:
        assert self._files is not None
        content = self._files.get(f"{folder}/{name}")
        if content is not None:
            self._backup.members[f"{folder}/{name}".lstrip("/")] = content

    def slot(self, slot: str) -> None:
        """Which version it holds, if any."""
        files = self._files
        if files is not None:
            self.step(f"the version in {slot}", lambda: self._version(files, slot))

    def _version(self, files: BoardFiles, slot: str) -> None:
        content = files.get(f"/{slot}/manifest.json")
        if content is None:
            return
        self._backup.members[f"slots/{slot}.json"] = content
        try:
            version = str(json.loads(content)["version"])
        except (ValueError, KeyError, TypeError):
            version = "not readable"
        self._backup.facts["slots"][slot] = version


def examine(backup: Backup) -> Examination:
    """The journal of a backup, opened with the key in it, compared with the anchor in it.  Raises
    ImageError.
    """
    key = backup.files.get(DEVICE_KEY)
    return journal.examine(
        backup.members[JOURNAL],
        key if key and len(key) == 16 else None,
        anchor.parse(backup.files.get(ANCHOR)),
    )


def money(backup: Backup) -> list[str]:
    """What is pending in a backup, and whether its journal is whole; a line each."""
    if JOURNAL not in backup.members:
        return ["Without the journal nobody knows what is pending."]
    try:
        found = examine(backup)
    except ImageError as error:
        return [f"The journal cannot be judged: {error}."]
    if not found.with_key:
        told = [f"{len(found.records)} records up to {found.head}, sealed: the key is missing."]
    else:
        told = pending.of(found.records).sentences()
    return told + found.sentences()


def terminal_id(backup: Backup) -> str:
    """Of the configuration in a backup; "" where there is none."""
    try:
        return str(json.loads(backup.files[TERMINAL])["terminal_id"])
    except (KeyError, ValueError, TypeError):
        return ""
