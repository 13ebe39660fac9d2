"""The floors of the firmware: who may import whom, and nothing that a stock ESP32 lacks.

Imports run downwards only: app > payment, ui > emv, host, journal > security, drivers > system.
Imports for type checkers count too: a floor that knows another's types knows the floor.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FIRMWARE = ROOT / "firmware"
TYPINGS = ROOT / "build" / "typings"

FLOORS = (
    ("app",),
    ("payment", "ui"),
    ("emv", "host", "journal"),
    ("security", "drivers"),
    ("system",),
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
# Downwards, and still not allowed: a kernel is handed its card.
STRANGERS = {("emv", "drivers")}
OUTSIDERS = ("simulator", "host_tools", "tests")
# On the device's path without being MicroPython's: the generated board description and version,
# lib/typing, and what a technician's tools run.
OWN = {"kassa", "board", "typing", "version", "doctor", "attended"}
# In the stubs for the checker's sake; MicroPython has no such modules.
STUB_ONLY = re.compile(r"_|abc$|enum$|types$|typing_extensions$|builtins$|sre_|stubs$")
# Annotations may name these, in blocks that only type checkers read.
FOR_TYPES_ONLY = {"collections.abc"}
RUNTIME_TEST = re.compile(
    r"simulat|emulat|cpython|unix|linux|win32|sys\.platform|sys\.implementation|uname"
)


def stock_modules() -> set[str]:
    """The modules of stock MicroPython on the ESP32, by its stubs."""
    entries = [*TYPINGS.glob("*"), *(TYPINGS / "stdlib").glob("*")]
    names = {
        entry.stem
        for entry in entries
        if entry.suffix == ".pyi" or (entry.is_dir() and any(entry.glob("*.pyi")))
    }
    return {name for name in names if not STUB_ONLY.match(name)}


def room_of(path: str) -> str | None:
    """The room of a file below firmware/: kassa/emv/tlv.py is in emv; main.py is in none."""
    parts = path.split("/")
    return parts[1] if parts[0] == "kassa" and len(parts) > 2 else None


def violations(path: str, source: str, stock: set[str]) -> list[str]:
    """What is wrong with one firmware file; `path` is relative to firmware/."""
    tree = ast.parse(source)
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for statement in node.body
        for inner in ast.walk(statement)
    }
    found = []
    for node in ast.walk(tree):
        for wrong in (
            *_import_violations(path, node, stock, id(node) in typing_only),
            *_runtime_violations(node),
        ):
            found.append(f"firmware/{path}:{getattr(node, 'lineno', 0)}: {wrong}")
    return found


def _imported(node: ast.AST) -> Iterator[str]:
    """Dotted names that an import statement may mean; of `from a import b` both a and a.b."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield "." * node.level + (node.module or "")
        if node.module == "kassa":
            yield from (f"kassa.{alias.name}" for alias in node.names)


def _import_violations(path: str, node: ast.AST, stock: set[str], typing: bool) -> Iterator[str]:
    room = room_of(path)
    for name in _imported(node):
        top, _, rest = name.partition(".")
        if name.startswith("."):
            yield "relative import: write it from kassa on"
        elif top in OUTSIDERS:
            yield f"imports {name}: the firmware does not know {top}"
        elif top not in OWN and top not in stock:
            yield f"imports {name}: stock MicroPython on the ESP32 has no such module"
        elif top not in OWN and "." in name and not (typing and name in FOR_TYPES_ONLY):
            yield f"imports {name}: MicroPython's {top} is not a package"
        elif top == "kassa" and rest and room is not None:
            yield from _floor_violation(room, rest.partition(".")[0])


def _floor_violation(room: str, other: str) -> Iterator[str]:
    if room not in FLOOR_OF:
        yield f"{room} is on no floor"
    elif other not in FLOOR_OF:
        yield f"imports kassa.{other}, which is on no floor"
    elif (room, other) in STRANGERS:
        yield f"{room} does not know {other}"
    elif room != other and FLOOR_OF[room] >= FLOOR_OF[other]:
        yield f"{room} imports {other}, which is not below it"


def _runtime_violations(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        test = ast.unparse(node.test).lower()
        if RUNTIME_TEST.search(test):
            yield f"asks where it runs: {test}"
    elif isinstance(node, ast.ExceptHandler):
        if node.type is None:
            yield "bare except"
        elif "ImportError" in ast.unparse(node.type):
            yield "papers over a runtime with ImportError"


def firmware_files() -> list[str]:
    return sorted(str(file.relative_to(FIRMWARE)) for file in FIRMWARE.rglob("*.py"))


@pytest.fixture(scope="module")
def stock() -> set[str]:
    return stock_modules()


def test_the_stubs_say_what_stock_micropython_has(stock: set[str]) -> None:
    assert {"machine", "esp32", "asyncio", "json", "ssl", "cryptolib", "framebuf"} <= stock
    assert not stock & {"dataclasses", "enum", "abc", "functools", "hmac", "numpy", "_typeshed"}


@pytest.mark.parametrize("path", firmware_files())
def test_a_firmware_file_keeps_the_house_rules(path: str, stock: set[str]) -> None:
    assert violations(path, (FIRMWARE / path).read_text("utf-8"), stock) == []


def test_every_room_of_the_firmware_is_on_a_floor() -> None:
    rooms = {file.parent.name for file in (FIRMWARE / "kassa").glob("*/__init__.py")}
    assert rooms == set(FLOOR_OF)


ALLOWED = [
    ("kassa/app/sale.py", "from kassa.payment import transaction"),
    ("kassa/app/sale.py", "from kassa.ui.screens import Screens"),
    ("kassa/payment/authorise.py", "from kassa.host.link import HostLink"),
    ("kassa/emv/kernels/visa.py", "from kassa.emv.tlv import parse"),
    ("kassa/drivers/keypad.py", "from machine import Pin\nimport asyncio, time"),
    ("kassa/drivers/keypad.py", "from kassa.system.log import Log"),
    ("main.py", "from board import BOARD\nfrom kassa.drivers.keypad import Keypad"),
    (
        "kassa/emv/tlv.py",
        "if TYPE_CHECKING:\n    from collections.abc import Callable",
    ),
    ("kassa/ui/type.py", "if size > 1:\n    pass"),
]


@pytest.mark.parametrize(("path", "source"), ALLOWED)
def test_what_the_house_allows_is_not_reported(path: str, source: str, stock: set[str]) -> None:
    assert violations(path, source, stock) == []


FORBIDDEN = [
    ("kassa/payment/batch.py", "from kassa.app.sale import Sale", "not below it"),
    ("kassa/payment/batch.py", "from kassa import app", "not below it"),
    ("kassa/payment/batch.py", "import kassa.ui.screens", "not below it"),
    ("kassa/ui/screens.py", "from kassa.payment.transaction import Transaction", "not below it"),
    ("kassa/emv/entry_point.py", "from kassa.drivers.pn532 import PN532", "does not know drivers"),
    ("kassa/emv/entry_point.py", "from kassa.ui.screens import Screens", "not below it"),
    ("kassa/emv/outcome.py", "from kassa.host import iso8583", "not below it"),
    ("kassa/host/link.py", "from kassa.journal.flash_log import FlashLog", "not below it"),
    ("kassa/journal/sealed.py", "from kassa.host.link import HostLink", "not below it"),
    ("kassa/drivers/pn532.py", "from kassa.payment import limits", "not below it"),
    ("kassa/drivers/pn532.py", "from kassa.security import aes", "not below it"),
    ("kassa/system/tasks.py", "from kassa.drivers import keypad", "not below it"),
    ("kassa/shop/till.py", "from kassa.system import log", "shop is on no floor"),
    ("kassa/app/sale.py", "import kassa.shop", "on no floor"),
    ("main.py", "from simulator.bench import Bench", "does not know simulator"),
    ("kassa/app/sale.py", "import host_tools.board", "does not know host_tools"),
    ("kassa/app/sale.py", "from dataclasses import dataclass", "no such module"),
    ("kassa/app/sale.py", "import functools", "no such module"),
    ("kassa/app/sale.py", "import os.path", "not a package"),
    ("kassa/app/sale.py", "from collections.abc import Callable", "not a package"),
    ("kassa/app/sale.py", "from .receipts import lines", "relative import"),
    (
        "kassa/app/sale.py",
        "def f():\n    from kassa.app import x\n    import hmac",
        "no such module",
    ),
    (
        "kassa/drivers/keypad.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from kassa.ui.screens import S",
        "not below it",
    ),
    ("main.py", "import sys\nif sys.platform == 'linux':\n    pass", "asks where it runs"),
    ("main.py", "x = 1 if is_simulator else 2", "asks where it runs"),
    ("main.py", "while SIMULATED:\n    pass", "asks where it runs"),
    ("main.py", "try:\n    import ssl\nexcept ImportError:\n    ssl = None", "papers over"),
    ("main.py", "try:\n    f()\nexcept:\n    pass", "bare except"),
]


@pytest.mark.parametrize(("path", "source", "told"), FORBIDDEN)
def test_a_planted_violation_is_caught(path: str, source: str, told: str, stock: set[str]) -> None:
    found = violations(path, source, stock)
    assert any(told in line for line in found), found
