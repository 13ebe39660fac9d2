"""A partition of the chip as the root of the file system, as _boot.py makes it."""

# MicroPython, like the firmware:
# ruff: noqa: SIM115

import os

import _mcu
import esp32
import vfs
from micropython import const

_BLOCK = const(4096)
_KEPT_BLOCKS = const(2)
_ERASE_BLOCK = const(6)


class Root:
    """A partition, with the blocks that were read last kept here.

    littlefs reads 128 bytes at a time, which over the bridge takes as long as a whole block.  A
    Ctrl-C waits until littlefs has done its work, as it does on the chip.
    """

    def __init__(self, partition):
        self._partition = partition
        self._blocks = [bytearray(_BLOCK) for _ in range(_KEPT_BLOCKS)]
        self._numbers = [-1] * _KEPT_BLOCKS
        self._oldest = 0

    def readblocks(self, number, buf, offset=0):
        if number in self._numbers:
            index = self._numbers.index(number)
        else:
            index = self._oldest
            self._oldest = (index + 1) % _KEPT_BLOCKS
            self._numbers[index] = -1
            _mcu.hold()
            try:
                self._partition.readblocks(number, self._blocks[index])
            finally:
                _mcu.release()
            self._numbers[index] = number
        buf[:] = memoryview(self._blocks[index])[offset : offset + len(buf)]

    def writeblocks(self, number, buf, offset=0):
        self._forget(number)
        _mcu.hold()
        try:
            self._partition.writeblocks(number, buf, offset)
        finally:
            _mcu.release()

    def ioctl(self, operation, argument):
        if operation == _ERASE_BLOCK:
            self._forget(argument)
        _mcu.hold()
        try:
            return self._partition.ioctl(operation, argument)
        finally:
            _mcu.release()

    def _forget(self, number):
        if number in self._numbers:
            self._numbers[self._numbers.index(number)] = -1


def mount(label, first_boot=None):
    """Mount the partition `label` as /; a blank one is formatted first, and gets `first_boot` as
    /boot.py.

    From here on nothing of the host's files is in reach.  Raises OSError when there is something
    on the partition that is no file system.
    """
    root = Root(esp32.Partition.find(esp32.Partition.TYPE_DATA, label=label)[0])
    first = bytearray(_BLOCK)
    root.readblocks(0, first)
    blank = first == b"\xff" * _BLOCK
    if blank:
        vfs.VfsLfs2.mkfs(root)
    vfs.umount("/")
    vfs.mount(vfs.VfsLfs2(root), "/")
    os.chdir("/")
    if blank and first_boot is not None:
        file = open("/boot.py", "w")
        file.write(first_boot)
        file.close()
