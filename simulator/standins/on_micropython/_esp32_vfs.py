"""`vfs` as the ESP32 has it: littlefs on a partition, in C, which no Ctrl-C interrupts."""

# MicroPython, like the firmware:
# ruff: noqa: F403, F405

from _root import Root as _Root
from vfs import *

_lfs2 = VfsLfs2


class _VfsLfs2:
    """In place of the class: a partition is reached through `Root`."""

    def __call__(self, bdev, **settings):
        return _lfs2(_Root(bdev), **settings)

    def mkfs(self, bdev, **settings):
        _lfs2.mkfs(_Root(bdev), **settings)


VfsLfs2 = _VfsLfs2()
for _name in ("VfsLfs1", "VfsPosix", "VfsRom"):
    globals().pop(_name, None)
del _name
