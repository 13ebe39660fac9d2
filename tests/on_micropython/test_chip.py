"""Pins, buses, interrupts and storage of the modelled chip, reached from the real binary."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from simulator.chips.buses import DataSheetViolation, UartWire
from simulator.wiring import Wiring
from tests.on_micropython.run import Terminal


def after(main: str, prepare: Callable[[Wiring], None] | None = None, **settings: Any) -> Terminal:
    """Run a script to its end; the terminal as it was then."""

    async def run() -> Terminal:
        async with Terminal(main, prepare=prepare, **settings) as terminal:
            await asyncio.wait_for(terminal.end(), 30)
            return terminal

    return asyncio.run(run())


def during(main: str, action: Callable[[Terminal], Awaitable[None]]) -> Terminal:
    """Start a script, do something once it has printed "ready", wait for its end."""

    async def run() -> Terminal:
        async with Terminal(main) as terminal:
            while "ready" not in terminal.lines:
                assert terminal.process.running, terminal.lines
                await asyncio.sleep(0.005)
            await action(terminal)
            await asyncio.wait_for(terminal.end(), 30)
            return terminal

    return asyncio.run(run())


class Inverter:
    """An SPI chip that answers each byte with its complement."""

    spi_modes = frozenset({(0, 0)})
    max_baudrate = 10_000_000

    def __init__(self) -> None:
        self.selected = 0

    def select(self) -> None:
        self.selected += 1

    def deselect(self) -> None:
        pass

    def transfer(self, mosi: bytes) -> bytes:
        return bytes(255 - byte for byte in mosi)


class Echo:
    """A device that sends back what it hears, in capitals."""

    uart: UartWire

    def uart_receive(self, data: bytes) -> None:
        self.uart.send(data.upper())


SPI = """
from machine import Pin, SPI
cs = Pin(45, Pin.OUT, value=1)
spi = SPI(2, baudrate={baudrate}, sck=Pin(39), mosi=Pin(40), miso=Pin(41))
"""


def with_inverter(wiring: Wiring) -> None:
    wiring.mcu.spi.attach(Inverter(), 39, 40, 41, 45)


def test_pins_drive_wires_and_read_them() -> None:
    terminal = after(
        "from machine import Pin\n"
        "lamp = Pin(1, Pin.OUT, value=1)\n"
        "print(lamp.value(), Pin(3, Pin.IN, Pin.PULL_UP).value())\n"
    )
    assert terminal.lines == ["1 0"]  # the case is closed: the switch holds its wire low
    assert terminal.wiring.mcu.line(1).level == 1


def test_spi_carries_bytes_both_ways_whatever_their_number() -> None:
    main = SPI.format(baudrate=10_000_000) + (
        "for size in (0, 1, 7, 255, 256, 257, 600, 5000, 40000):\n"
        "    out = bytes(i * 7 & 255 for i in range(size))\n"
        "    back = bytearray(size)\n"
        "    cs(0)\n"
        "    spi.write_readinto(out, back)\n"
        "    cs(1)\n"
        "    print(size, all(a + b == 255 for a, b in zip(out, back)))\n"
    )
    terminal = after(main, with_inverter)
    sizes = (0, 1, 7, 255, 256, 257, 600, 5000, 40000)
    assert terminal.lines == [f"{size} True" for size in sizes]


def test_a_data_sheet_violation_ends_the_run_and_is_told() -> None:
    main = SPI.format(baudrate=20_000_000) + (
        "cs(0)\ntry:\n    spi.write(b'x')\nfinally:\n    print('went on')\n"
    )
    terminal = after(main, with_inverter)
    assert terminal.lines == []
    assert terminal.process.ended and terminal.process.ended.kind == "violation"
    assert isinstance(terminal.process.failure, DataSheetViolation)
    assert "Inverter: clocked at 20000000 Hz" in str(terminal.process.failure)


def test_the_chips_errors_are_raised_where_they_happen() -> None:
    terminal = after(
        "from machine import I2C, Pin, SPI\n"
        "try:\n    SPI(3, sck=Pin(39), mosi=Pin(40))\n"
        "except ValueError as error:\n    print(error)\n"
        "i2c = I2C(0, scl=Pin(39), sda=Pin(40))\n"
        "try:\n    i2c.writeto(0x24, b'x')\n"
        "except OSError as error:\n    print(error.errno, error.args)\n"
        "from esp32 import NVS\n"
        "try:\n    NVS('ns').get_i32('none')\n"
        "except OSError as error:\n    print(error.errno)\n"
    )
    assert terminal.lines == ["SPI(3) doesn't exist", "19 (19,)", "-4354"]


def test_a_serial_line_goes_both_ways() -> None:
    terminal = after(
        "import asyncio\n"
        "from machine import Pin, UART\n"
        "uart = UART(2, 115200, tx=Pin(40), rx=Pin(41))\n"
        "async def main():\n"
        "    reader = asyncio.StreamReader(uart)\n"
        "    uart.write('hello, chip')\n"
        "    print(await asyncio.wait_for(reader.readexactly(11), 5))\n"
        "asyncio.run(main())\n",
        lambda wiring: wiring.mcu.uarts.attach(Echo(), 40, 41),
    )
    assert terminal.lines == ["b'HELLO, CHIP'"]


def test_the_printer_prints() -> None:
    async def printed(terminal: Terminal) -> None:
        while "12.50" not in terminal.wiring.printer.text:
            await asyncio.sleep(0.01)

    terminal = during(
        "from machine import Pin, UART\n"
        "import time\n"
        "uart = UART(1, 115200, tx=Pin(17), rx=Pin(18))\n"
        "uart.write('TOTAL 12.50\\n')\n"
        "uart.flush()\n"
        "print('ready')\n"
        "time.sleep_ms(400)\n",
        printed,
    )
    assert "TOTAL 12.50" in terminal.wiring.printer.text


async def open_the_case(terminal: Terminal) -> None:
    terminal.wiring.tamper.open()


def test_an_interrupt_wakes_an_asyncio_task() -> None:
    terminal = during(
        "import asyncio\n"
        "from machine import Pin\n"
        "flag = asyncio.ThreadSafeFlag()\n"
        "pin = Pin(3, Pin.IN, Pin.PULL_UP)\n"
        "pin.irq(lambda pin: flag.set(), Pin.IRQ_RISING)\n"
        "async def main():\n"
        "    print('ready')\n"
        "    await asyncio.wait_for(flag.wait(), 5)\n"
        "    print('opened', pin.value())\n"
        "asyncio.run(main())\n",
        open_the_case,
    )
    assert terminal.lines == ["ready", "opened 1"]


def test_an_interrupt_comes_while_the_program_sleeps() -> None:
    terminal = during(
        "import time\n"
        "from machine import Pin\n"
        "pin = Pin(3, Pin.IN, Pin.PULL_UP)\n"
        "pin.irq(lambda pin: print('opened', pin.value()), Pin.IRQ_RISING)\n"
        "print('ready')\n"
        "begin = time.ticks_ms()\n"
        "time.sleep_ms(300)\n"
        "print(300 <= time.ticks_diff(time.ticks_ms(), begin) < 450)\n",
        open_the_case,
    )
    assert terminal.lines == ["ready", "opened 1", "True"]


def test_an_interrupt_is_served_before_the_call_that_caused_it_returns() -> None:
    terminal = after(
        "from machine import Pin\n"
        "seen = []\n"
        "pin = Pin(14, Pin.OUT, value=0)\n"
        "pin.irq(lambda pin: seen.append(pin.value()), Pin.IRQ_RISING | Pin.IRQ_FALLING)\n"
        "for level in (1, 0, 1):\n"
        "    pin.value(level)\n"
        "    print(seen)\n"
    )
    assert terminal.lines == ["[1]", "[1, 0]", "[1, 0, 1]"]


def test_an_error_in_a_handler_is_printed_and_the_program_goes_on() -> None:
    terminal = after(
        "from machine import Pin\n"
        "def handler(pin):\n    raise ValueError('in handler')\n"
        "pin = Pin(14, Pin.OUT, value=0)\n"
        "pin.irq(handler, Pin.IRQ_RISING)\n"
        "pin.value(1)\n"
        "print('on')\n"
    )
    assert terminal.lines[0] == "Unhandled exception in callback"
    assert terminal.lines[-2:] == ["ValueError: in handler", "on"]


def test_a_timer_calls_back() -> None:
    terminal = after(
        "import time\n"
        "from machine import Timer\n"
        "ticks = []\n"
        "timer = Timer(0, period=20, mode=Timer.PERIODIC, callback=lambda t: ticks.append(1))\n"
        "time.sleep_ms(210)\n"
        "timer.deinit()\n"
        "print(5 <= len(ticks) <= 11)\n"
    )
    assert terminal.lines == ["True"]


def test_the_raw_partition_is_programmed_and_erased() -> None:
    terminal = after(
        "from esp32 import Partition\n"
        "journal = Partition.find(Partition.TYPE_DATA, label='journal')[0]\n"
        "print(journal.info()[2:5], journal.ioctl(4, 0), journal.ioctl(5, 0))\n"
        "journal.writeblocks(1, b'record', 256)\n"
        "data = bytearray(8)\n"
        "journal.readblocks(1, data, 255)\n"
        "print(bytes(data))\n"
        "journal.ioctl(6, 1)\n"
        "journal.writeblocks(1, b'again', 256)\n"
        "try:\n    journal.readblocks(256, data)\n"
        "except OSError as error:\n    print(error.errno)\n"
    )
    assert terminal.lines == [
        f"({0xF00000}, {0x100000}, 'journal') 256 4096",
        "b'\\xffrecord\\xff'",
        "22",
    ]
    assert terminal.flash.image(0xF01100, 6) == b"again\xff"


def test_writing_without_an_erase_ends_the_run() -> None:
    terminal = after(
        "from esp32 import Partition\n"
        "journal = Partition.find(Partition.TYPE_DATA, label='journal')[0]\n"
        "journal.writeblocks(0, b'\\x00', 0)\n"
        "journal.writeblocks(0, b'\\x01', 0)\n"
        "print('went on')\n"
    )
    assert terminal.lines == []
    assert "needs an erase first" in str(terminal.process.failure)


def test_non_volatile_storage_keeps_numbers_and_blobs() -> None:
    terminal = after(
        "from esp32 import NVS\n"
        "nvs = NVS('kassa')\n"
        "nvs.set_i32('n', -7)\n"
        "nvs.set_blob('b', bytes(range(256)) * 8)\n"
        "nvs.commit()\n"
        "buffer = bytearray(2048)\n"
        "print(nvs.get_i32('n'), nvs.get_blob('b', buffer), buffer == bytes(range(256)) * 8)\n"
    )
    assert terminal.lines == ["-7 2048 True"]
    assert terminal.wiring.nvs.get_i32("kassa", "n") == -7


def test_the_clock_counts_from_2000_and_is_the_chips() -> None:
    terminal = after(
        "import machine, time\n"
        "rtc = machine.RTC()\n"
        "print(rtc.datetime()[0], time.time() < 5)\n"
        "rtc.datetime((2026, 11, 22, 0, 10, 20, 30, 0))\n"
        "print(rtc.datetime()[:7], time.localtime()[:6], time.time())\n"
        "print(time.mktime((2000, 1, 1, 0, 0, 0, 0, 0)), time.gmtime(86400)[:3])\n"
    )
    assert terminal.lines == [
        "2000 True",
        "(2026, 11, 22, 6, 10, 20, 30) (2026, 11, 22, 10, 20, 30) 848658030",
        "0 (2000, 1, 2)",
    ]
    assert terminal.wiring.rtc.get().year == 2026


def test_wireless_joins() -> None:
    terminal = after(
        "import network, time\n"
        "wlan = network.WLAN(network.WLAN.IF_STA)\n"
        "wlan.active(True)\n"
        "wlan.connect('kassa', 'secret')\n"
        "while not wlan.isconnected():\n    time.sleep_ms(20)\n"
        "print(wlan.status() == network.STAT_GOT_IP, wlan.ifconfig()[0])\n"
    )
    assert terminal.lines == ["True 192.168.4.23"]


def test_calls_are_quick_enough_for_a_terminal() -> None:
    """A screen is a hundred strips of 9,600 bytes; a key press is a few dozen pin calls."""
    main = SPI.format(baudrate=10_000_000) + (
        "import time\n"
        "strip = bytearray(9600)\n"
        "begin = time.ticks_us()\n"
        "for _ in range(1000):\n    spi.write(strip)\n"
        "print(1000 * 1000000 // time.ticks_diff(time.ticks_us(), begin))\n"
        "begin = time.ticks_us()\n"
        "for _ in range(2000):\n    cs.value()\n"
        "print(2000 * 1000000 // time.ticks_diff(time.ticks_us(), begin))\n"
    )
    strips, small = map(int, after(main).lines)
    print(f"{strips} transfers of 9,600 bytes a second, {small} small calls a second")
    assert strips > 300
    assert small > 1000
