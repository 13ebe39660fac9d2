"""Buzzer, lamps and tamper switch."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.clock import NS_PER_MS
from simulator.standins.world import World


def let(world: World, ms: int) -> None:
    world.run_until(lambda: False, world.clock.now_ns + ms * NS_PER_MS)


def tones_ms(world: World) -> list[tuple[int, float]]:
    """(frequency, duration to 10 ms) of what was heard."""
    tones = world.wiring.buzzer.tones
    return [(hz, round((end - start) / NS_PER_MS, -1)) for start, end, hz in tones]


@pytest.fixture
def buzzer(world: World) -> Any:
    machine = world.load("machine")
    pwm = machine.PWM(machine.Pin(world.mcu.board["buzzer"]["pin"]), freq=1000, duty_u16=0)
    return world.load("kassa.drivers.buzzer").Buzzer(pwm)


@pytest.fixture
def lamps(world: World) -> Any:
    machine = world.load("machine")
    pins = [machine.Pin(gpio, machine.Pin.OUT) for gpio in world.mcu.board["lamps"]["pins"]]
    return world.load("kassa.drivers.lamps").Lamps(pins)


@pytest.fixture
def tamper(world: World) -> Any:
    part = world.mcu.board["tamper"]
    pin = world.load("machine").Pin(part["pin"])
    return world.load("kassa.drivers.tamper").TamperSwitch(pin, part["closed_level"])


def test_success_and_failure_sound_as_emv_wants(world, buzzer):
    module = world.load("kassa.drivers.buzzer")
    world.run(buzzer.play(module.SUCCESS))
    assert tones_ms(world) == [(1500, 500)]
    world.wiring.buzzer.tones.clear()
    world.run(buzzer.play(module.FAILURE))
    assert tones_ms(world) == [(750, 200), (750, 200)]
    first, second = world.wiring.buzzer.tones
    assert round((second[0] - first[1]) / NS_PER_MS, -1) == 200


def test_a_tune_that_begins_ends_the_one_before(world, buzzer):
    buzzer.start(((400, 1000), (500, 1000)))
    let(world, 300)
    buzzer.start(((1500, 100),))
    let(world, 5000)
    assert tones_ms(world) == [(400, 300), (1500, 100)]
    assert world.wiring.buzzer.sounding_hz == 0


def test_a_cancelled_tune_is_silent(world, buzzer):
    asyncio = world.load("asyncio")
    with pytest.raises(asyncio.TimeoutError):
        world.run(asyncio.wait_for_ms(buzzer.play(((400, 10_000),)), 50))
    assert world.wiring.buzzer.sounding_hz == 0


def test_lamps_light_from_the_left(world, lamps):
    for count in (0, 1, 3, 4, 2):
        lamps.show(count)
        assert world.wiring.lamps.states() == tuple(i < count for i in range(4))
    lamps.off()
    assert not any(world.wiring.lamps.states())


def test_idle_flashes_the_first_lamp_every_5_s_and_stops_dark(world, lamps):
    changes = []
    world.wiring.lamps.on_change = lambda states: changes.append((world.clock.now_ns, states))
    start_ns = world.clock.now_ns
    task = world.load("asyncio").create_task(lamps.idle_blink())
    let(world, 10_100)
    assert [round((at - start_ns) / NS_PER_MS, -1) for at, _ in changes] == [
        0, 200, 5000, 5200, 10_000,
    ]  # fmt: skip
    assert changes[0][1] == (True, False, False, False)
    task.cancel()
    let(world, 1)
    assert not any(world.wiring.lamps.states())


def test_an_opened_case_is_noticed_and_not_forgotten(world, tamper):
    assert not tamper.is_open and not tamper.tripped
    opened = world.load("asyncio").create_task(tamper.opened())
    let(world, 1000)
    assert not opened.done()
    world.wiring.tamper.open()
    world.wiring.tamper.close()
    let(world, 1)
    assert opened.done() and tamper.tripped and not tamper.is_open
    world.run(tamper.opened(), timeout_s=1)


def test_a_case_that_is_open_at_the_start_has_tripped(world):
    world.wiring.tamper.open()
    part = world.mcu.board["tamper"]
    pin = world.load("machine").Pin(part["pin"])
    tamper = world.load("kassa.drivers.tamper").TamperSwitch(pin, part["closed_level"])
    assert tamper.is_open and tamper.tripped
    world.run(tamper.opened(), timeout_s=1)
