"""Putting a backup onto a board: what `restore_plan` has decided, in an order that can be cut off.

While a journal is being written the terminal must not start on half of it.  So its configuration
goes first and comes back last: without it the terminal does not open the journal.  What was cut
off leaves a terminal that waits (`/state/restoring` says so), and the same command goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from host_tools import backup as reading
from host_tools import partition_write
from host_tools.backup import ANCHOR, DEVICE_KEY, TERMINAL
from host_tools.backup_file import Backup
from host_tools.board_files import BoardFiles
from host_tools.device import Device
from host_tools.restore_plan import MARKER, Plan, RestoreRefused


def look(device: Device, progress: Callable[[int, int], None]) -> Backup:
    """What the board holds now.  Raises RestoreRefused when that cannot be read, DeviceError."""
    before = reading.read(device, progress=progress)
    if before.missing:
        raise RestoreRefused(f"what is on the board cannot be read: {before.missing[0]}")
    return before


def carry_out(
    device: Device,
    plan: Plan,
    before: Backup,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write what was planned.  Raises DeviceError; then the same plan may be made again."""
    files = BoardFiles(device)
    if plan.journal is not None:
        files.put(MARKER, hashlib.sha256(plan.journal).hexdigest().encode())
        files.remove([TERMINAL])
    rest = dict(plan.files)
    configured = rest.pop(TERMINAL, None)
    key = rest.pop(DEVICE_KEY, None)
    if key is not None:
        files.put(DEVICE_KEY, key)
    if plan.journal is not None:
        partition_write.write(device, "journal", plan.journal, progress)
    files.put_all(rest)
    if plan.journal is not None or MARKER in before.files:
        files.remove([MARKER])
    if configured is not None:
        files.put(TERMINAL, configured)


def merged(backup: Backup, older: Backup) -> Backup:
    """A backup whose missing files come from an older one of the same board.  Raises
    RestoreRefused.
    """
    ours, theirs = backup.facts.get("unique_id"), older.facts.get("unique_id")
    if ours != theirs:
        raise RestoreRefused(f"the backups are of two boards, {ours} and {theirs}")
    # An anchor is true of its own journal only.
    wanted = older.files.keys() - {ANCHOR}
    files = {name: c for name, c in older.members.items() if f"/{name}" in wanted}
    return Backup(backup.facts, {**files, **backup.members}, backup.missing)
