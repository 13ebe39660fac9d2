"""Pins, PWM and ADC: levels on real wires, what the chip refuses, interrupts as soft callbacks."""

from __future__ import annotations

import pytest

from simulator.chips.buses import DataSheetViolation
from simulator.standins.world import World
from tests.conftest import bare_board, new_world

SPARE = 46
OTHER = 45


@pytest.fixture
def world() -> World:
    """A chip with a flash and nothing on its pins."""
    return new_world(bare_board())


def on(world: World, text: str, **names: object):
    """Run a few lines of firmware that have machine, Pin and time."""
    given = "".join(f"{name} = {value!r}\n" for name, value in names.items())
    head = "import machine, time\nfrom machine import ADC, PWM, Pin, Signal\n"
    return world.execute(head + given + text)


def test_an_output_drives_its_wire_and_an_input_lets_go(world: World):
    line = world.wiring.mcu.line(SPARE)
    line.pull("board", 1)
    pin = on(world, "p = Pin(N, Pin.OUT, value=0)", N=SPARE).p
    assert line.level == 0
    pin.on()
    assert (line.level, pin.value()) == (1, 1)
    pin.toggle()
    assert (line.level, pin()) == (0, 0)
    pin(1)
    assert line.level == 1
    pin.value(0)
    pin.init(pin.IN)
    assert line.level == 1
    assert pin.value() == 1


def test_an_open_drain_output_only_pulls_low(world: World):
    line = world.wiring.mcu.line(SPARE)
    line.pull("board", 1)
    pin = on(world, "p = Pin(N, Pin.OPEN_DRAIN, value=1)", N=SPARE).p
    line.drive("somebody else", 0)
    assert pin.value() == 0
    line.drive("somebody else", None)
    assert pin.value() == 1
    pin.off()
    assert line.level == 0


@pytest.mark.parametrize(("pull", "level"), [("PULL_UP", 1), ("PULL_DOWN", 0)])
def test_a_pull_decides_while_nobody_drives(world: World, pull: str, level: int):
    line = world.wiring.mcu.line(SPARE)
    pin = on(world, f"p = Pin(N, Pin.IN, Pin.{pull})", N=SPARE).p
    assert pin.value() == level
    line.drive("somebody else", 1 - level)
    assert pin.value() == 1 - level


def test_driving_against_another_output_is_a_short_circuit(world: World):
    world.wiring.mcu.line(SPARE).drive("a chip", 1)
    with pytest.raises(DataSheetViolation, match=f"GPIO{SPARE}"):
        world.run(on(world, "async def f():\n    Pin(N, Pin.OUT, value=0)\n", N=SPARE).f())


@pytest.mark.parametrize(
    ("board", "gpio", "why"),
    [
        ("esp32s3_devkitc", 22, "does not exist"),
        ("esp32s3_devkitc", 49, "does not exist"),
        ("esp32s3_devkitc", 27, "flash"),
        ("esp32s3_devkitc", 33, "octal PSRAM"),
        ("esp32_wrover", 6, "flash"),
        ("esp32_wrover", 16, "PSRAM"),
        ("esp32_wrover", 20, "does not exist"),
    ],
)
def test_a_pin_that_is_not_free_is_refused(board: str, gpio: int, why: str):
    with pytest.raises(ValueError, match="invalid pin"):
        on(new_world(board), f"Pin({gpio})")


def test_without_psram_its_pins_are_free():
    on(new_world("esp32_devkitc"), "Pin(16, Pin.OUT)\nPin(17, Pin.IN)")


def test_an_input_only_pin_drives_nothing_and_has_no_pull():
    world = new_world("esp32_wrover")
    with pytest.raises(ValueError, match="only be input"):
        on(world, "Pin(34, Pin.OUT)")
    with pytest.raises(ValueError, match="pull-up"):
        on(world, "Pin(34, Pin.IN, Pin.PULL_UP)")
    on(world, "Pin(34, Pin.IN)")


def test_a_signal_inverts(world: World):
    line = world.wiring.mcu.line(SPARE)
    signal = on(world, "s = Signal(Pin(N, Pin.OUT), invert=True)\ns.on()", N=SPARE).s
    assert (line.level, signal.value()) == (0, 1)
    signal.off()
    assert line.level == 1


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        ("Pin.IRQ_RISING", [1]),
        ("Pin.IRQ_FALLING", [0]),
        ("Pin.IRQ_RISING | Pin.IRQ_FALLING", [1, 0]),
    ],
)
def test_an_edge_calls_the_handler_with_its_pin(world: World, trigger: str, expected: list[int]):
    line = world.wiring.mcu.line(SPARE)
    names = on(
        world,
        "seen = []\n"
        "p = Pin(N, Pin.IN)\n"
        f"p.irq(lambda pin: seen.append((pin is p, pin.value())), trigger={trigger})\n",
        N=SPARE,
    )
    for level in (1, 0):
        line.drive("somebody", level)
        world.wait(1_000_000)
    assert names.seen == [(True, level) for level in expected]


def test_an_interrupt_waits_for_the_bus_and_comes_in_a_sleep(world: World):
    line = world.wiring.mcu.line(SPARE)
    names = on(
        world,
        "from machine import SPI\n"
        "seen = []\n"
        "p = Pin(N, Pin.IN)\n"
        "p.irq(lambda pin: seen.append(time.ticks_us()), Pin.IRQ_RISING)\n"
        "spi = SPI(2, 1_000_000, sck=Pin(39), mosi=Pin(40))\n"
        "def transfer():\n"
        "    before = time.ticks_us()\n"
        "    spi.write(bytes(1000))\n"
        "    return before\n"
        "def sleep():\n"
        "    before = time.ticks_us()\n"
        "    time.sleep_ms(8)\n"
        "    return before\n",
        N=SPARE,
    )
    for what, at_least_us, at_most_us in (
        (names.transfer, 8_000, 8_100),
        (names.sleep, 990, 1_010),
    ):
        names.seen.clear()
        line.drive("somebody", 0)
        world.clock.call_later(1_000_000, lambda: line.drive("somebody", 1))
        before = what()
        assert at_least_us <= names.seen[0] - before <= at_most_us


def test_a_handler_taken_away_hears_no_more(world: World):
    line = world.wiring.mcu.line(SPARE)
    names = on(world, "seen = []\np = Pin(N, Pin.IN)\np.irq(seen.append)\np.irq(None)\n", N=SPARE)
    line.drive("somebody", 1)
    world.wait(1_000)
    assert names.seen == []


def test_a_storm_of_edges_loses_what_the_queue_cannot_hold(world: World):
    line = world.wiring.mcu.line(SPARE)
    names = on(world, "seen = []\np = Pin(N, Pin.IN)\np.irq(seen.append)\n", N=SPARE)
    for turn in range(40):
        line.drive("somebody", turn % 2)
    world.wait(1_000)
    assert len(names.seen) == 8


def test_a_reset_lets_go_of_every_pin_and_interrupt(world: World):
    mcu = world.wiring.mcu
    on(world, "Pin(N, Pin.OUT, value=1)\nPin(M, Pin.IN, Pin.PULL_UP).irq(print)", N=SPARE, M=OTHER)
    assert (mcu.line(SPARE).level, mcu.line(OTHER).level) == (1, 1)
    again = new_world(wiring=world.wiring)
    assert (mcu.line(SPARE).level, mcu.line(OTHER).level) == (0, 0)
    mcu.line(OTHER).drive("somebody", 1)
    again.wait(1_000)
    assert again.lines == []


# -- PWM and ADC


def test_pwm_reaches_the_buzzer_with_frequency_and_duty():
    world = new_world()
    buzzer = world.wiring.buzzer
    pin = world.wiring.board["buzzer"]["pin"]
    pwm = on(world, "b = PWM(Pin(N), freq=2000, duty_u16=0)", N=pin).b
    assert buzzer.sounding_hz == 0
    pwm.duty_u16(32768)
    assert buzzer.sounding_hz == 2000
    pwm.freq(3000)
    assert (buzzer.sounding_hz, pwm.freq(), pwm.duty_u16()) == (3000, 3000, 32768)
    pwm.deinit()
    assert buzzer.sounding_hz == 0
    with pytest.raises(RuntimeError):
        pwm.freq()


def test_duty_is_the_same_in_its_three_units(world: World):
    pwm = on(world, "b = PWM(Pin(N), freq=1000, duty_ns=500_000)", N=SPARE).b
    assert 32_700 <= pwm.duty_u16() <= 32_800
    assert 510 <= pwm.duty() <= 512
    assert 499_000 <= pwm.duty_ns() <= 500_000
    with pytest.raises(ValueError, match="only one"):
        on(world, "PWM(Pin(N), freq=1000, duty=1, duty_u16=1)", N=SPARE)
    for bad in ("freq=0", "freq=1000, duty=1024", "freq=1000, duty_u16=65536"):
        with pytest.raises(ValueError, match="must be from"):
            on(world, f"PWM(Pin(N), {bad})", N=SPARE)


def test_a_pwm_without_a_buzzer_holds_its_wire_high_while_it_has_duty(world: World):
    line = world.wiring.mcu.line(21)
    pwm = on(world, "b = PWM(Pin(21), freq=1000, duty_u16=100)").b
    assert line.level == 1
    pwm.duty_u16(0)
    assert line.level == 0


def test_an_adc_reads_what_the_board_says_and_cuts_at_full_scale(world: World):
    world.wiring.mcu.pins.voltage_uv[4] = 1_500_000
    names = on(world, "a = ADC(Pin(4), atten=ADC.ATTN_11DB)\nb = ADC(4)")
    assert names.a.read_uv() == 1_500_000
    assert names.a.read_u16() == 1_500_000 * 65535 // 3_100_000
    assert names.a.read() == names.a.read_u16() >> 4
    assert names.b.read_uv() == 950_000
    with pytest.raises(ValueError, match="invalid pin"):
        on(world, "ADC(Pin(48))")
