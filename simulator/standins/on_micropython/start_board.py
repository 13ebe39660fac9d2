"""What an ESP32 with stock MicroPython does at power-on, REPL included, on the real binary.

Run as `micropython -m start_board SOCKET MEASURE_EVERY friendly|raw`.  The order is that of
ports/esp32/main.c: the file system, boot.py, main.py unless the raw REPL is on or boot.py failed,
then the REPL.  A soft reset ends the process; whoever runs it starts the next.
"""

# MicroPython, like the firmware:

import builtins
import gc
import sys
import time

import _esp32_micropython
import _esp32_sys
import _esp32_vfs
import _mcu
import _repl
import _root
import esp  # noqa: F401 - while it can still be found
import esp32  # noqa: F401
import machine
import network  # noqa: F401

# What a device does not offer: this file, and what its modules are made of.
_INNER = (
    "_esp32_micropython",
    "_esp32_sys",
    "_esp32_vfs",
    "_lines",
    "_machine_buses",
    "_machine_pins",
    "_machine_timers",
    "_machine_uart",
    "_mcu",
    "_repl",
    "_root",
    "start_board",
)
_BRIDGE_IS_GONE = 3
_FIRST_BOOT = "# This file is run at every start, before main.py.\n"
_CORRUPTED = "The file system is damaged; erase the flash and install MicroPython again."


_open = open


def _open_or_stop(*arguments, **settings):
    """`open`, at which a Ctrl-C counts that has come while littlefs was at work."""
    _mcu.check()
    return _open(*arguments, **settings)


def mount():
    """The root; where there is none to be had, say so for ever, as stock MicroPython does."""
    try:
        _root.mount("vfs", _FIRST_BOOT)
    except OSError:
        while True:
            print(_CORRUPTED)
            time.sleep(3)


def start(name, namespace):
    """Run a file of the current directory, which boot.py may have changed, if there is one; False
    when it ended with an exception.
    """
    try:
        file = _open(name)
    except OSError:
        return True
    source = file.read()
    file.close()
    traceback = _repl.run(source, name, "exec", namespace)
    if traceback is not None:
        print(traceback, end="")
        _mcu.tell("crash", traceback)
    return traceback is None


def serve(raw):
    """boot.py, main.py, REPL; returns when the interpreter is to start again."""
    console = _repl.Console()
    namespace = {"__name__": "__main__"}
    _mcu.tell("started", gc.mem_alloc(), gc.mem_free())
    try:
        if start("boot.py", namespace) and not raw:
            start("main.py", namespace)
        _repl.Repl(console, namespace, _esp32_sys.banner).serve(raw)
    except _repl.SoftReset:
        return


_raw = sys.argv[3] == "raw"
try:
    mount()
    sys.path[:] = ["", ".frozen", "/lib"]
    sys.argv[:] = []
    sys.modules["sys"] = _esp32_sys
    sys.modules["vfs"] = _esp32_vfs
    sys.modules["micropython"] = _esp32_micropython
    builtins.open = _open_or_stop
    for _name in _INNER:
        sys.modules.pop(_name, None)
    gc.collect()
    serve(_raw)
    machine.soft_reset()
except _mcu.BridgeIsGone:
    sys.exit(_BRIDGE_IS_GONE)
