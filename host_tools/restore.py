"""Putting a backup onto a board: what `restore_plan` has decided, in an order that can be cut off.

While a journal is being written the terminal must not start on half of it.  So its configuration
goes first and comes back last: without it the terminal does not open the journal.  What was cut
off leaves a terminal that waits (`/state/restoring` says so), and the same command goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from host_tools import backup as reading
from host_tools import device_write
from host_tools.backup import ANCHOR, DEVICE_KEY, TERMINAL
from host_tools.backup_file import Backup
from host_tools.device import Device
from host_tools.restore_plan import MARKER, Plan, RestoreRefused


def look(device: Device, progress: Callable[[int, int], None]) -> Backup:
    """What the board holds now.  Raises RestoreRefused where nothing can be put there, DeviceError
    when it cannot be read.
    """
    try:
        reading.names(device, "/state")
    except reading.MainFileSystem as error:
        raise RestoreRefused(
            "the board's file system is damaged, and with it the firmware; deploy the firmware "
            "anew first. The journal on the board is safe meanwhile"
        ) from error
    before = reading.read(device, progress=progress)
    lost = [line for line in before.missing if "there is nothing in it" not in line]
    if lost:
        raise RestoreRefused(f"what is on the board cannot be read: {lost[0]}")
    return before


def carry_out(
    device: Device,
    plan: Plan,
    before: Backup,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write what was planned.  Raises DeviceError; then the same plan may be made again."""
    if plan.journal is not None:
        digest = hashlib.sha256(plan.journal).hexdigest()
        device_write.write_file(device, MARKER, digest.encode())
        device_write.remove_file(device, TERMINAL)
    rest = dict(plan.files)
    configured = rest.pop(TERMINAL, None)
    key = rest.pop(DEVICE_KEY, None)
    if key is not None:
        device_write.write_file(device, DEVICE_KEY, key)
    if plan.journal is not None:
        device_write.write_partition(device, "journal", plan.journal, progress)
    for path, content in rest.items():
        device_write.write_file(device, path, content)
    if plan.journal is not None or MARKER in before.files:
        device_write.remove_file(device, MARKER)
    if configured is not None:
        device_write.write_file(device, TERMINAL, configured)


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
