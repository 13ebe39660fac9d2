"""SPI, I2C and UART as the firmware uses them: wire order, time, and what a data sheet forbids."""

from __future__ import annotations

import pytest

from simulator.chips.buses import DataSheetViolation, UartWire
from simulator.clock import NS_PER_US
from simulator.standins.world import Ended, World
from tests.conftest import bare_board, new_world

SCK, MOSI, MISO, CS = 1, 2, 14, 46


@pytest.fixture
def world() -> World:
    """A chip with a flash and nothing on its pins."""
    return new_world(bare_board())


class Echo:
    """An SPI chip that answers each byte with its complement."""

    spi_modes = frozenset({(0, 0)})
    max_baudrate = 10_000_000

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.selections: list[str] = []

    def select(self) -> None:
        self.selections.append("select")

    def deselect(self) -> None:
        self.selections.append("deselect")

    def transfer(self, mosi: bytes) -> bytes:
        self.heard.append(mosi)
        return bytes(byte ^ 0xFF for byte in mosi)


class Memory:
    """An I2C chip with a register pointer."""

    def __init__(self) -> None:
        self.content = bytearray(range(16))
        self.at = 0
        self.awake = True

    def i2c_write(self, data: bytes) -> int | None:
        if not self.awake:
            return None
        if data:
            self.at = data[0]
            self.content[self.at : self.at + len(data) - 1] = data[1:]
        return len(data)

    def i2c_read(self, count: int) -> bytes | None:
        return bytes(self.content[self.at : self.at + count]) if self.awake else None


class Terminal:
    """A serial device that keeps what it got, and when."""

    uart: UartWire

    def __init__(self, world: World) -> None:
        self.clock = world.clock
        self.got = b""
        self.last_ns = 0

    def uart_receive(self, data: bytes) -> None:
        self.got += data
        self.last_ns = self.clock.now_ns


def run(world: World, text: str):
    return world.execute("import machine, time\nfrom machine import I2C, SPI, UART, Pin\n" + text)


def spi(world: World, settings: str = "", **wires: int | None):
    """An SPI chip on pins that the reference board leaves alone, and the firmware's SPI."""
    chip = Echo()
    world.wiring.mcu.spi.attach(chip, SCK, MOSI, MISO, wires.get("cs", CS))
    names = run(
        world,
        f"cs = Pin({CS}, Pin.OUT, value=1)\n"
        f"spi = SPI(1, 1_000_000, sck=Pin({SCK}), mosi=Pin({MOSI}), miso=Pin({MISO}){settings})\n",
    )
    return chip, names.spi, names.cs


# -- SPI


def test_a_selected_chip_hears_and_answers(world: World):
    chip, bus, cs = spi(world)
    cs.off()
    answer = bytearray(3)
    bus.write_readinto(b"\x01\x02\x03", answer)
    cs.on()
    assert chip.heard == [b"\x01\x02\x03"]
    assert answer == b"\xfe\xfd\xfc"
    assert chip.selections[-2:] == ["select", "deselect"]


def test_a_chip_that_is_not_selected_hears_nothing(world: World):
    chip, bus, _ = spi(world)
    assert bus.read(2) == b"\x00\x00"
    assert chip.heard == []


def test_reading_clocks_the_fill_byte_out_and_fills_the_callers_buffer(world: World):
    chip, bus, cs = spi(world)
    cs.off()
    buffer = bytearray(4)
    bus.readinto(memoryview(buffer)[1:3], 0x55)
    assert chip.heard == [b"\x55\x55"]
    assert buffer == b"\x00\xaa\xaa\x00"
    assert bus.read(1, 0x0F) == b"\xf0"


def test_lsb_first_turns_the_bits_round_on_the_wire_and_back(world: World):
    chip, bus, cs = spi(world, ", firstbit=SPI.LSB")
    cs.off()
    assert bus.read(1, 0x01) == b"\xfe"
    assert chip.heard == [b"\x80"]


def test_a_wrong_mode_is_a_violation(world: World):
    _, bus, cs = spi(world, ", polarity=1")
    cs.off()
    with pytest.raises(Ended):
        bus.write(b"x")
    with pytest.raises(DataSheetViolation, match=r"Echo: clocked in SPI mode \(1, 0\)"):
        world.run_until(lambda: False, 0)


def test_too_fast_a_clock_is_a_violation(world: World):
    _, bus, cs = spi(world)
    bus.init(baudrate=20_000_000)
    cs.off()
    with pytest.raises(Ended):
        bus.write(b"x")
    with pytest.raises(DataSheetViolation, match="20000000 Hz"):
        world.run_until(lambda: False, 0)


def test_the_clock_is_a_whole_division_and_never_faster_than_asked(world: World):
    _, bus, cs = spi(world)
    bus.init(baudrate=11_000_000)
    cs.off()
    bus.write(b"x")  # 80 MHz / 8 = 10 MHz, which the chip can take


def test_two_chips_selected_at_once_is_a_violation(world: World):
    _, bus, cs = spi(world)
    world.wiring.mcu.spi.attach(Echo(), SCK, MOSI, MISO, None)
    cs.off()
    with pytest.raises(Ended):
        bus.write(b"x")
    with pytest.raises(DataSheetViolation, match="selected at once"):
        world.run_until(lambda: False, 0)


def test_a_transfer_takes_the_time_of_its_bits(world: World):
    _, bus, cs = spi(world)
    cs.off()
    before = world.clock.now_ns
    bus.write(bytes(10_000))
    took_us = (world.clock.now_ns - before) / NS_PER_US
    assert 80_000 <= took_us < 80_100


def test_the_pins_decide_which_chip_is_on_the_bus(world: World):
    chip, _, cs = spi(world)
    elsewhere = run(world, "spi = SPI(2, 1_000_000, sck=Pin(45), mosi=Pin(2), miso=Pin(14))").spi
    cs.off()
    assert elsewhere.read(1) == b"\x00"
    assert chip.heard == []


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ("SPI(3, sck=Pin(1), mosi=Pin(2))", "doesn't exist"),
        ("SPI(1)", "needs its pins"),
        ("SPI(1, 0, sck=Pin(1), mosi=Pin(2))", "baudrate"),
        ("SPI(1, bits=16, sck=Pin(1), mosi=Pin(2))", "bits"),
        ("SPI(1, firstbit=2, sck=Pin(1), mosi=Pin(2))", "firstbit"),
        ("SPI(1, sck=33, mosi=2)", "invalid pin"),
    ],
)
def test_spi_refuses_what_the_chip_refuses(world: World, call: str, why: str):
    with pytest.raises(ValueError, match=why):
        run(world, call)


def test_an_input_only_pin_is_no_clock():
    with pytest.raises(ValueError, match="only be input"):
        run(new_world("esp32_wrover"), "SPI(1, sck=Pin(34), mosi=Pin(4))")


def test_buffers_of_different_length_are_refused(world: World):
    _, bus, _ = spi(world)
    with pytest.raises(ValueError, match="same length"):
        bus.write_readinto(b"12", bytearray(3))


# -- I2C


def i2c(world: World):
    chip = Memory()
    world.wiring.mcu.i2c.attach(chip, 1, 2, 0x50)
    return chip, run(world, "bus = I2C(0, scl=Pin(1), sda=Pin(2), freq=100_000)").bus


def test_i2c_reads_and_writes_registers(world: World):
    chip, bus = i2c(world)
    assert bus.scan() == [0x50]
    assert bus.writeto(0x50, b"\x04") == 1
    assert bus.readfrom(0x50, 3) == b"\x04\x05\x06"
    buffer = bytearray(2)
    bus.readfrom_mem_into(0x50, 8, buffer)
    assert buffer == b"\x08\x09"
    bus.writeto_mem(0x50, 8, b"ab")
    assert bus.writevto(0x50, (b"\x0a", b"cd")) == 3
    assert bus.readfrom_mem(0x50, 8, 4) == b"abcd"
    assert chip.content[8:12] == b"abcd"


def test_an_address_that_nobody_acknowledges_is_enodev(world: World):
    chip, bus = i2c(world)
    for address, awake in ((0x51, True), (0x50, False)):
        chip.awake = awake
        for call in (lambda a=address: bus.writeto(a, b"x"), lambda a=address: bus.readfrom(a, 1)):
            with pytest.raises(OSError, match="ENODEV") as caught:
                call()
            assert caught.value.errno == 19


def test_i2c_takes_nine_bits_a_byte(world: World):
    _, bus = i2c(world)
    before = world.clock.now_ns
    bus.writeto(0x50, bytes(100))
    took_us = (world.clock.now_ns - before) / NS_PER_US
    assert 9_090 <= took_us <= 9_200


# -- UART


def uart(world: World, settings: str = ""):
    device = Terminal(world)
    world.wiring.mcu.uarts.attach(device, tx=1, rx=2)
    port = run(world, f"port = UART(2, 115200, tx=Pin(1), rx=Pin(2){settings})").port
    return device, port


BYTE_US = 10 / 115_200 * 1e6


def test_bytes_take_the_wires_time(world: World):
    device, port = uart(world)
    started = world.clock.now_ns
    assert port.write(b"x" * 100) == 100
    assert not port.txdone()
    assert (world.clock.now_ns - started) / NS_PER_US < 50
    port.flush()
    assert port.txdone()
    assert device.got == b"x" * 100
    assert 100 * BYTE_US <= (device.last_ns - started) / NS_PER_US <= 101 * BYTE_US + 10


def test_write_blocks_until_the_rest_fits_into_the_ring(world: World):
    device, port = uart(world)
    started = world.clock.now_ns
    port.write(bytes(1000))
    blocked_us = (world.clock.now_ns - started) / NS_PER_US
    assert (1000 - 256 - 2) * BYTE_US <= blocked_us <= (1000 - 256 + 3) * BYTE_US
    port.flush()
    assert len(device.got) == 1000


def test_a_larger_ring_blocks_less(world: World):
    _, port = uart(world, ", txbuf=2048")
    started = world.clock.now_ns
    port.write(bytes(1000))
    assert (world.clock.now_ns - started) / NS_PER_US < 50


def test_bytes_arrive_one_by_one(world: World):
    device, port = uart(world)
    assert port.read() is None
    device.uart.send(b"hello\nworld")
    world.wait(int(3.5 * BYTE_US * NS_PER_US))
    assert port.any() == 3
    world.wait(20_000_000)
    assert port.readline() == b"hello\n"
    buffer = bytearray(3)
    assert port.readinto(buffer) == 3
    assert (bytes(buffer), port.read(10), port.read(1)) == (b"wor", b"ld", None)


def test_what_finds_the_ring_full_is_lost(world: World):
    device, port = uart(world)
    device.uart.send(bytes(range(200)) + bytes(range(100)))
    world.wait(100_000_000)
    assert port.any() == 256
    assert port.read() == bytes(range(200)) + bytes(range(56))


def test_a_time_out_waits_for_the_first_byte_and_then_between_bytes(world: World):
    device, port = uart(world, ", timeout=20, timeout_char=2")
    world.clock.call_later(10_000_000, lambda: device.uart.send(b"abc"))
    started = world.clock.now_ns
    assert port.read(5) == b"abc"
    waited_ms = (world.clock.now_ns - started) / 1e6
    assert 12 <= waited_ms < 13.5
    assert port.read(1) is None


def test_a_stream_over_a_uart_wakes_when_bytes_come(world: World):
    device, _ = uart(world)
    parts = run(
        world,
        "import asyncio\n"
        "async def main():\n"
        "    port = UART(2, 115200, tx=Pin(1), rx=Pin(2))\n"
        "    reader = asyncio.StreamReader(port)\n"
        "    return await reader.readexactly(4), time.ticks_us()\n"
        "now = time.ticks_us\n",
    )
    task = parts.main()
    world.clock.call_later(50_000_000, lambda: device.uart.send(b"ping"))
    before = parts.now()
    data, at = world.run(task)
    assert data == b"ping"
    assert 50_000 + 4 * BYTE_US <= (at - before) % 2**30 <= 51_000


def test_a_uart_interrupt_tells_of_idle_after_bytes(world: World):
    device, _ = uart(world)
    names = run(
        world,
        "seen = []\n"
        "port = UART(2, 115200, tx=Pin(1), rx=Pin(2))\n"
        "irq = port.irq(lambda u: seen.append((u.any(), irq.flags())), UART.IRQ_RXIDLE)\n",
    )
    device.uart.send(b"abc")
    world.wait(int(8 * BYTE_US * NS_PER_US))
    device.uart.send(b"de")
    world.wait(50_000_000)
    assert names.seen == [(5, 4096)]


def test_the_device_sees_the_baudrate_of_the_chip(world: World):
    device, port = uart(world)
    assert device.uart.baudrate == 115_200
    port.init(9600)
    assert device.uart.baudrate == 9600
    port.deinit()
    assert device.uart.baudrate == 0
    with pytest.raises(OSError, match="EIO"):
        port.write(b"x")


@pytest.mark.parametrize(
    "call",
    [
        "UART(3, tx=1, rx=2)",
        "UART(1)",
        "UART(1, 0, tx=1, rx=2)",
        "UART(1, bits=9, tx=1, rx=2)",
        "UART(1, stop=3, tx=1, rx=2)",
    ],
)
def test_a_uart_refuses_what_the_chip_refuses(world: World, call: str):
    with pytest.raises(ValueError):
        run(world, call)
