"""`vfs`: file systems on partitions, and where they are mounted.

The boot code has mounted `/` before the firmware runs.
"""

from __future__ import annotations

from typing import Any

from simulator.filesystem import Littlefs
from simulator.standins.seam import here

__all__ = ["VfsLfs2", "mount", "umount"]

_EPERM = 1
_EINVAL = 22


class VfsLfs2:
    """The littlefs on an `esp32.Partition`, ready to be mounted.  OSError when there is none."""

    def __init__(self, block_dev: Any, **settings: Any) -> None:
        if settings:
            raise OSError(_EINVAL)  # the terminal takes MicroPython's own geometry
        self._inner = here.guard(_open, block_dev, False)

    @staticmethod
    def mkfs(block_dev: Any) -> None:
        """Make an empty file system, whatever is there."""
        here.guard(_open, block_dev, True)


def _open(block_dev: Any, format_first: bool) -> Littlefs:
    _, _, offset, size, _, _ = block_dev.info()
    return Littlefs(here.mcu.flash, offset, size, formatting="always" if format_first else "never")


def mount(*arguments: Any, **settings: Any) -> Any:
    """Without arguments: what is mounted where.  Else: (file system, mount point)."""
    if not arguments:
        return [(fs, point) for point, fs in here.mounts.items()]
    fs, point = arguments
    if point in here.mounts or settings:
        raise OSError(_EPERM)
    here.mounts[point] = fs._inner if isinstance(fs, VfsLfs2) else fs


def umount(mount_point: Any, /) -> None:
    if mount_point not in here.mounts:
        raise OSError(_EINVAL)
    del here.mounts[mount_point]
    here.cwd = "/"
