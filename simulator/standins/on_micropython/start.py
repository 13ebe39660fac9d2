"""A terminal of the bench on the real MicroPython binary: mount its file system, run main.py.

The bench has no slots and so nothing to choose: boot.py is the virtual board's (`start_board`).

Run as `micropython -m start SOCKET MEASURE_EVERY`, with the stand-ins on the path.  They are all
imported before the host's file system goes; afterwards only what is on the chip's flash is there.
"""

# MicroPython, like the firmware:
# ruff: noqa: BLE001, SIM115

import gc
import io
import sys

import _mcu
import _root
import esp  # noqa: F401 - while it can still be found
import esp32  # noqa: F401
import machine
import network  # noqa: F401
from micropython import const

# What a device does not offer: this file, and what its modules are made of.
_INNER = (
    "_machine_buses",
    "_machine_pins",
    "_machine_timers",
    "_machine_uart",
    "_mcu",
    "_root",
    "start",
)
_BRIDGE_IS_GONE = const(3)


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


_root.mount("kassa")
for _name in _INNER:
    sys.modules.pop(_name, None)
sys.path[:] = ["", ".frozen", "/lib"]
sys.argv[:] = []
gc.collect()
_mcu.tell("started", gc.mem_alloc(), gc.mem_free())
if run("/main.py"):
    _mcu.tell("finished")
