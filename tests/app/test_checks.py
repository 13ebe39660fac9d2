"""Each part of the terminal is looked at by itself, and what is wrong comes with its remedy."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from simulator.acquirer.pki import Pki
from simulator.clock import NS_PER_S
from simulator.filesystem import Littlefs
from simulator.standins.world import World
from tests.conftest import new_world
from tests.drivers.pn532_bench import ReaderBench
from tests.drivers.test_printer import Bench as PrinterBench
from tests.on_micropython.run import run_script
from tests.security import test_certificate

WORDS = Path(__file__).parents[2] / "firmware" / "assets" / "words" / "en.json"


def checks(world: World) -> Any:
    return world.load("kassa.app.checks")


def verdict(check: Any) -> tuple[str, str]:
    """Verdict and remedy; the remedy must be words that a person can be shown."""
    if check.remedy:
        assert check.remedy in json.loads(WORDS.read_text(encoding="utf-8"))
    assert check.detail and (check.verdict == "ok") == (check.remedy == "")
    return check.verdict, check.remedy


@pytest.mark.parametrize(
    ("free_kib", "expected"),
    [(200, "ok"), (20, "warn"), (10, "fail")],
)
def test_a_heap_that_runs_low_is_seen(world: World, free_kib: int, expected: str) -> None:
    world.mcu.heap_taken = world.mcu.heap_bytes - free_kib * 1024
    found = checks(world).heap()
    assert found.verdict == expected
    assert f"{free_kib} KiB free" in found.detail


@pytest.mark.micropython
def test_crumbs_are_told_from_a_heap_in_one_piece_on_micropython() -> None:
    printed = run_script(
        "import sys\n"
        "class Esp32: pass\n"
        "sys.modules['esp32'] = Esp32\n"
        "from kassa.system import health\n"
        "print(health.largest_block() // 1024)\n"
        "crumbs = []\n"
        "try:\n"
        "    while True: crumbs.append((bytearray(4096), bytearray(4096)))\n"
        "except MemoryError: pass\n"
        "crumbs = [first for first, _ in crumbs]\n"
        "print(health.free_bytes() > 100_000, health.largest_block() // 1024 < 16)\n",
        heap=600_000,
    )
    assert printed == "64\nTrue True\n"


def test_little_memory_for_wifi_and_tls_is_seen(world: World) -> None:
    assert verdict(checks(world).system_heap())[0] == "ok"
    world.mcu.idf_heap = ((200_000, 30_000, 16_000, 9_000),)
    assert verdict(checks(world).system_heap()) == ("warn", "remedy.memory")
    world.mcu.idf_heap = ((200_000, 30_000, 7_000, 6_000), (15_000, 5_000, 5_000, 0))
    assert verdict(checks(world).system_heap()) == ("fail", "remedy.memory")


@pytest.mark.parametrize("board", ["esp32s3_devkitc", "esp32_wrover"])
@pytest.mark.parametrize(("degrees", "expected"), [(35, "ok"), (90, "warn"), (105, "fail")])
def test_either_chip_tells_its_temperature(board: str, degrees: int, expected: str) -> None:
    world = new_world(board)
    world.mcu.temperature_c = degrees
    found = checks(world).temperature()
    assert found.verdict == expected
    assert found.detail.startswith(f"{degrees} ")
    world.close()


def test_a_full_or_missing_file_system_is_seen(world: World, wiring: Any) -> None:
    assert verdict(checks(world).flash()) == ("fail", "remedy.flash")
    place = wiring.partition("vfs")
    root = Littlefs(wiring.flash, place["offset"], place["size"])
    full = new_world(wiring=wiring, root=root)
    free = root.statvfs("/")[0] * root.statvfs("/")[3]
    assert verdict(checks(full).flash())[0] == "ok"
    root.write_file("/large", bytes(free - 40 * 1024))
    assert verdict(checks(full).flash()) == ("warn", "remedy.flash")
    full.close()


def test_a_clock_that_is_not_set_or_only_remembered_is_seen(world: World) -> None:
    machine = world.load("machine")
    clock = world.load("kassa.system.clock").Clock(machine.RTC(), Memory([2026, 1, 5, 10, 0, 0]))
    assert verdict(checks(world).clock(clock)) == ("fail", "remedy.clock")
    clock.restore()
    assert verdict(checks(world).clock(clock)) == ("warn", "remedy.clock")
    clock.set_utc((2026, 1, 5, 10, 0, 0))
    assert verdict(checks(world).clock(clock)) == ("ok", "")


class Memory:
    def __init__(self, value: Any) -> None:
        self.value = value

    def load(self) -> Any:
        return self.value

    def save(self, value: Any) -> None:
        self.value = value


def test_a_reader_is_named_with_its_firmware_or_missed() -> None:
    bench = ReaderBench()
    look = checks(bench.world).reader
    found = bench.run(look(bench.reader))
    assert verdict(found) == ("ok", "") and found.detail == "PN532, firmware 1.6"
    bench.chip.firmware = (0x32, 1, 9, 7)
    assert verdict(bench.run(look(bench.reader))) == ("fail", "remedy.reader")
    bench.chip.firmware = (0x33, 1, 6, 7)
    assert verdict(bench.run(look(bench.reader))) == ("fail", "remedy.reader")
    bench.chip.faults.absent = True
    assert verdict(bench.run(look(bench.reader))) == ("fail", "remedy.reader")


def test_the_printers_paper_cover_and_cable_are_told_apart(world: World) -> None:
    bench = PrinterBench(world)
    look = checks(world).printer

    def now() -> tuple[str, str]:
        return verdict(bench.run(look(bench.driver)))

    assert now() == ("ok", "")
    bench.chip.paper = "near_end"
    assert now() == ("warn", "remedy.paper")
    bench.chip.paper = "out"
    assert now() == ("fail", "remedy.paper")
    bench.chip.paper = "ok"
    bench.chip.cover_open = True
    assert now() == ("fail", "remedy.printer")
    bench.chip.powered = False
    assert now() == ("fail", "remedy.printer")


def test_a_stuck_key_is_named(world: World) -> None:
    world.execute(
        "from board import BOARD\n"
        "from machine import Pin\n"
        "import asyncio\n"
        "from kassa.drivers.keypad import Keypad\n"
        "part = BOARD['keypad']\n"
        "rows = [Pin(gpio) for gpio in part['rows']]\n"
        "columns = [Pin(gpio, Pin.IN, Pin.PULL_UP) for gpio in part['columns']]\n"
        "keypad = Keypad(rows, columns, part['layout'])\n"
        "task = asyncio.create_task(keypad.run())\n",
        name="bench",
    )
    keypad = world.modules["bench"].keypad
    assert verdict(checks(world).keypad(keypad)) == ("ok", "")
    world.wiring.keypad.press("7")
    world.run_until(lambda: False, world.clock.now_ns + 40 * NS_PER_S)
    found = checks(world).keypad(keypad)
    assert verdict(found) == ("fail", "remedy.keypad") and "7" in found.detail


def test_a_case_that_was_opened_is_not_forgotten(world: World) -> None:
    part = world.mcu.board["tamper"]
    pin = world.load("machine").Pin(part["pin"])
    switch = world.load("kassa.drivers.tamper").TamperSwitch(pin, part["closed_level"])
    assert verdict(checks(world).case(switch)) == ("ok", "")
    world.wiring.tamper.open()
    assert checks(world).case(switch).detail == "the case is open"
    world.wiring.tamper.close()
    assert verdict(checks(world).case(switch)) == ("fail", "remedy.case")


UNTIL = ((2026, 1, 1, 0, 0, 0), (2027, 1, 1, 0, 0, 0))


@pytest.mark.parametrize(
    ("now", "trusted", "expected", "said"),
    [
        ((2026, 6, 1, 12, 0, 0), True, ("ok", ""), "ca until 2049-12-31, client until 2027-01-01"),
        ((2026, 12, 2, 0, 0, 0), True, ("ok", ""), "client until 2027-01-01"),
        ((2026, 12, 3, 0, 0, 0), True, ("warn", "remedy.certificates"), "until 2027-01-01"),
        ((2027, 1, 1, 0, 0, 1), True, ("fail", "remedy.certificates"), "expired on 2027-01-01"),
        ((2025, 12, 31, 23, 59, 59), True, ("fail", "remedy.certificates"), "not valid before"),
        ((2027, 1, 1, 0, 0, 1), False, ("warn", "remedy.clock"), "the time is not certain"),
    ],
)
def test_certificates_that_end_are_told_in_time(
    wiring: Any, now: tuple[int, ...], trusted: bool, expected: tuple[str, str], said: str
) -> None:
    world, root = with_certificates(wiring)
    found = checks(world).certificates(Told(now, trusted))
    assert verdict(found) == expected and said in found.detail, found
    for name, content, problem in (
        ("client", b"no certificate", "client.der is no certificate"),
        ("ca", b"", "ca.der is no certificate"),
    ):
        root.write_file(f"/tls/{name}.der", content)
        found = checks(world).certificates(Told(now, trusted))
        assert verdict(found) == ("fail", "remedy.certificates") and problem in found.detail
    root.remove("/tls/ca.der")
    found = checks(world).certificates(Told(now, trusted))
    assert found.verdict == "fail" and found.detail == "ca.der is missing"
    world.close()


class Told:
    """A clock that says what it is told to."""

    def __init__(self, now: tuple[int, ...], trusted: bool) -> None:
        self.trusted = trusted
        self._now = now

    def utc(self) -> tuple[int, ...]:
        return self._now


def with_certificates(wiring: Any) -> tuple[World, Littlefs]:
    """A terminal with the sandbox's CA, whose own certificate holds for the year UNTIL."""
    place = wiring.partition("vfs")
    root = Littlefs(wiring.flash, place["offset"], place["size"])
    first, last = (datetime.datetime(*moment, tzinfo=datetime.UTC) for moment in UNTIL)
    root.mkdir("/tls")
    root.write_file("/tls/ca.der", Pki().terminal("KASSA001").ca)
    root.write_file("/tls/client.der", test_certificate.made(first, last))
    return new_world(wiring=wiring, root=root), root


def test_missing_and_damaged_keys_are_told_apart(wiring: Any) -> None:
    place = wiring.partition("vfs")
    root = Littlefs(wiring.flash, place["offset"], place["size"])
    world = new_world(wiring=wiring, root=root)
    store = world.load("kassa.security.key_store").KeyStore
    missing = checks(world).keys(store())
    assert verdict(missing) == ("fail", "remedy.keys") and "no keys" in missing.detail
    store().inject(bytes(16), bytes(8))
    assert verdict(checks(world).keys(store())) == ("ok", "")
    root.write_file("/state/keys.bin", b"KDK1 and nothing after it")
    damaged = checks(world).keys(store())
    assert verdict(damaged) == ("fail", "remedy.keys") and "damaged" in damaged.detail
    world.close()
