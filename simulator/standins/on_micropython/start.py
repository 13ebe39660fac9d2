"""What the ESP32 does at power-on, on the real MicroPython binary: mount, boot.py, main.py.

Run as `micropython -m start SOCKET MEASURE_EVERY`, with the stand-ins on the path.  They are all
imported before the host's file system goes; afterwards only what is on the chip's flash is there.
"""

# MicroPython, like the firmware:
# ruff: noqa: BLE001, SIM115

import gc
import io
import os
import sys

import _mcu
import esp32
import machine
import network  # noqa: F401 - while it can still be found
import vfs
from micropython import const

# What a device does not offer: this file, and what its modules are made of.
_INNER = (
    "_machine_buses",
    "_machine_pins",
    "_machine_timers",
    "_machine_uart",
    "_mcu",
    "start",
)
_BLOCK = const(4096)
_KEPT_BLOCKS = const(2)
_ERASE_BLOCK = const(6)
_BRIDGE_IS_GONE = const(3)


class Root:
    """The `vfs` partition, with the blocks that were read last kept here.

    littlefs reads 128 bytes at a time, which over the bridge takes as long as a whole block.
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
            self._partition.readblocks(number, self._blocks[index])
            self._numbers[index] = number
        buf[:] = memoryview(self._blocks[index])[offset : offset + len(buf)]

    def writeblocks(self, number, buf, offset=0):
        self._forget(number)
        self._partition.writeblocks(number, buf, offset)

    def ioctl(self, operation, argument):
        if operation == _ERASE_BLOCK:
            self._forget(argument)
        return self._partition.ioctl(operation, argument)

    def _forget(self, number):
        if number in self._numbers:
            self._numbers[self._numbers.index(number)] = -1


def mount():
    """The `vfs` partition becomes the root; a blank one is formatted, as _boot.py does."""
    root = Root(esp32.Partition.find(esp32.Partition.TYPE_DATA, label="vfs")[0])
    first = bytearray(_BLOCK)
    root.readblocks(0, first)
    if first == b"\xff" * _BLOCK:
        vfs.VfsLfs2.mkfs(root)
    vfs.umount("/")
    vfs.mount(vfs.VfsLfs2(root), "/")
    os.chdir("/")


def run(path):
    """Run a file of the root if there is one; False when it ended with an exception."""
    try:
        file = open(path)
    except OSError:
        return True
    source = file.read()
    file.close()
    try:
        exec(compile(source, path, "exec"), {"__name__": "__main__"})
    except SystemExit:
        machine.soft_reset()
    except _mcu.BridgeIsGone:
        sys.exit(_BRIDGE_IS_GONE)
    except BaseException as error:
        trace = io.StringIO()
        sys.print_exception(error, trace)
        print(trace.getvalue(), end="")
        _mcu.tell("crash", trace.getvalue())
        return False
    return True


mount()
for _name in _INNER:
    sys.modules.pop(_name, None)
sys.path[:] = ["", ".frozen", "/lib"]
sys.argv[:] = []
gc.collect()
_mcu.tell("started", gc.mem_alloc(), gc.mem_free())
if run("/boot.py") and run("/main.py"):
    _mcu.tell("finished")
