"""Runs before main.py, from the boot file system: picks the slot to start, once it is verified.

MicroPython mounts the partition `vfs`, which holds this file, what it imports, and the service
screen as its main.py; nothing writes there while the terminal is in use.  From here the partition
`kassa` becomes `/` and `vfs` becomes `/boot`; then the slot becomes the current directory, and
MicroPython starts the main.py that it finds there.  Without a good slot, or without a file system
at all, that is the service screen, which finds in `reason` why.  The journal is never touched.

The modules of this file system lie in a folder that is named after their content.  A new set is
written beside the old one and counts from the moment in which boot.py, which names it, is
replaced: no power cut finds half of each.
"""

import gc
import os
import sys

SET = ""  # `kassa build` puts the folder's name here
sys.path.insert(0, "/" + SET)

import machine
import vfs
from board import BOARD  # pyright: ignore[reportMissingImports] - made from the board file
from esp32 import Partition
from kassa.security import signed_file, slot_check
from kassa.security.errors import SecurityError
from kassa.system.slots import BY_TOOL, STATE, Slots
from kassa.system.state_file import StateError, StateFile
from micropython import const

_ERASED_BYTES = const(64)  # of a file system's first block: littlefs names itself there
_UNTIL_MAIN_MS = const(60_000)

reason = ""


def mount() -> str:
    """The main file system as `/`, this one as `/boot`; why not, or ""."""
    places = []
    for label in ("kassa", "vfs"):
        places.extend(Partition.find(Partition.TYPE_DATA, label=label))
    if len(places) != 2:
        return "no partition kassa: flash the board"
    if _is_blank(places[0]):
        vfs.VfsLfs2.mkfs(places[0])
    try:
        main = vfs.VfsLfs2(places[0])
    except OSError:
        return "file system damaged"
    ours = vfs.VfsLfs2(places[1])
    vfs.umount("/")
    vfs.mount(main, "/")
    vfs.mount(ours, "/boot")
    sys.path[0] = "/boot/" + SET
    return ""


def _is_blank(partition: Partition) -> bool:
    """Whether no file system was ever made here; one that is damaged is not blank."""
    start = bytearray(_ERASED_BYTES)
    for block in range(2):
        partition.readblocks(block, start, 0)
        if start != b"\xff" * _ERASED_BYTES:
            return False
    return True


def choose() -> str:
    """Make the slot that is to run the current directory; why none is fit to, or ""."""
    # Ctrl-D and mpremote, or a tool that stopped the program and resets the chip: a technician's
    # start says nothing about the version.
    cause = machine.reset_cause()
    by_tool = machine.RTC().memory() == BY_TOOL
    if by_tool:
        machine.RTC().memory(b"")
    counts = cause != machine.SOFT_RESET and not by_tool
    slots = Slots(StateFile(STATE))
    why = ""
    try:
        signer = signed_file.load()
    except SecurityError as error:
        return str(error)
    try:
        order = slots.starting(counts, cause == machine.PWRON_RESET)
    except StateError as error:
        print("boot:", error)  # a full file system keeps nobody from selling
        order = slots.starting(False, True)
    for slot in order:
        gc.collect()
        try:
            slot_check.check("/" + slot, signer, BOARD["name"], BOARD["chip"])
        except (SecurityError, OSError) as error:
            print("boot:", slot, error)
            why = why or "{}: {}".format(slot, error)
            continue
        os.chdir("/" + slot)
        sys.path[:] = ["", ".frozen", "/" + slot + "/lib", "/lib"]
        if cause != machine.SOFT_RESET:
            # Whatever keeps main.py from coming so far as to start the watchdog itself.
            machine.WDT(timeout=_UNTIL_MAIN_MS)
        return ""
    return why


def forget() -> None:
    """The slot brings its own modules, by the same names."""
    for name in list(sys.modules):
        if name == "board" or name == "kassa" or name.startswith("kassa."):
            del sys.modules[name]


machine.freq(240_000_000)  # the stock firmware starts most boards at 160 MHz
reason = mount()
if not reason:
    reason = choose()
    if reason:
        os.chdir("/boot")
    else:
        forget()
gc.collect()
