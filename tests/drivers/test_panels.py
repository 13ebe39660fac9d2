"""The panel drivers against both controllers: the data sheets are kept, and the picture is
upright.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from simulator.clock import NS_PER_MS
from simulator.standins.world import World
from tests.conftest import new_world

BOARDS = {"st7789": "esp32s3_devkitc", "ili9341": "esp32_wrover"}
PICTURES = Path(__file__).parents[2] / "build" / "pictures"


def powered(controller: str, rotation: int = 0, **changes: Any) -> World:
    """A terminal with this panel, mounted with `rotation`; `changes` to the board's [panel]."""
    from host_tools.board import load as load_board
    from simulator.clock import VirtualClock
    from simulator.wiring import Wiring

    board = load_board(BOARDS[controller])
    board["panel"].update(rotation=rotation, **changes)
    return new_world(wiring=Wiring(board, VirtualClock()))


def driver(world: World) -> Any:
    """The driver of the world's panel, made as main.py makes it."""
    part = world.mcu.board["panel"]
    bus = world.mcu.board["spi"][part["spi"]]
    machine = world.load("machine")
    spi = machine.SPI(
        bus["id"],
        baudrate=bus["baudrate"],
        sck=machine.Pin(bus["sck"]),
        mosi=machine.Pin(bus["mosi"]),
    )

    def output(key: str, value: int) -> Any:
        return machine.Pin(part[key], machine.Pin.OUT, value=value) if key in part else None

    backlight = None
    if "backlight" in part:
        backlight = machine.PWM(machine.Pin(part["backlight"]), freq=1000, duty_u16=0)
    name = {"st7789": "ST7789", "ili9341": "ILI9341"}[part["driver"]]
    make = getattr(world.load(f"kassa.drivers.{part['driver']}"), name)
    return make(
        spi, output("cs", 1), output("dc", 0), output("reset", 1), backlight,
        part["width"], part["height"], part["rotation"],
    )  # fmt: skip


def test_picture(width: int, height: int) -> np.ndarray:
    """Something in which every turn, mirror and exchange of colours shows (height, width, RGB)."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 0] = np.linspace(0, 255, width, dtype=np.uint8)
    picture[..., 2] = np.linspace(0, 255, height, dtype=np.uint8)[:, None]
    picture[10:30, 10:60] = (255, 0, 0)
    picture[40:60, 10:60] = (0, 255, 0)
    picture[70:90, 10:60] = (0, 0, 255)
    return picture


test_picture.__test__ = False  # type: ignore[attr-defined]


def rgb565(picture: np.ndarray) -> bytes:
    red, green, blue = (picture[..., i].astype(np.uint16) for i in range(3))
    return (red >> 3 << 11 | green >> 2 << 5 | blue >> 3).astype(">u2").tobytes()


def draw(panel: Any, picture: np.ndarray, rows: int = 16) -> None:
    """In strips, as the display does."""
    height, width, _ = picture.shape
    for y in range(0, height, rows):
        strip = picture[y : y + rows]
        panel.write(0, y, width, len(strip), memoryview(rgb565(strip)))


def seen(world: World) -> np.ndarray:
    return np.asarray(world.wiring.panel.image()).astype(int)


@pytest.mark.parametrize("rotation", range(4))
@pytest.mark.parametrize("controller", BOARDS)
def test_the_picture_is_upright_in_its_colours_on_both_controllers(controller, rotation):
    world = powered(controller, rotation)
    panel = driver(world)
    world.run(panel.start(), timeout_s=1)
    picture = test_picture(panel.width, panel.height)
    assert picture.shape[:2] == ((240, 320) if rotation % 2 else (320, 240))
    draw(panel, picture)
    # A controller keeps 5 or 6 bits of a colour.
    assert np.abs(seen(world) - picture).max() < 8
    if rotation == 0:
        PICTURES.mkdir(parents=True, exist_ok=True)
        Image.fromarray(seen(world).astype(np.uint8)).save(PICTURES / f"panel_{controller}.png")


@pytest.mark.parametrize("controller", BOARDS)
def test_nothing_is_to_be_seen_before_the_frame_memory_is_clear(controller):
    world = powered(controller)
    panel = driver(world)
    shown: list[bool] = []

    async def watch() -> None:
        sleep_ms = world.load("asyncio").sleep_ms
        while True:
            shown.append(bool(seen(world).any()))
            await sleep_ms(1)

    world.load("asyncio").create_task(watch())
    world.run(panel.start(), timeout_s=1)
    assert len(shown) > 200 and not any(shown)
    assert world.wiring.panel.lit and not seen(world).any()


@pytest.mark.parametrize("controller", BOARDS)
def test_a_rectangle_changes_nothing_around_it(controller):
    world = powered(controller)
    panel = driver(world)
    world.run(panel.start(), timeout_s=1)
    updates = []
    world.wiring.panel.on_update = lambda *box: updates.append(box)
    panel.write(7, 300, 3, 20, b"\xff\xff" * 60)
    panel.write(239, 319, 1, 1, b"\xf8\x00")
    picture = seen(world)
    assert (picture[300:320, 7:10] == 255).all()
    assert picture[319, 239].tolist() == [255, 0, 0]
    assert picture.sum() == 60 * 3 * 255 + 255
    assert updates == [(7, 300, 9, 319), (239, 319, 239, 319)]


def test_pixels_cost_two_bytes_each_and_a_dozen_for_the_window():
    world = powered("st7789")
    panel = driver(world)
    world.run(panel.start(), timeout_s=1)
    before, start_ns = world.wiring.panel.bytes_received, world.clock.now_ns
    panel.write(0, 0, 240, 24, bytes(240 * 24 * 2))
    assert world.wiring.panel.bytes_received - before == 11 + 240 * 24 * 2
    assert world.clock.now_ns - start_ns < 3 * NS_PER_MS, "11.5 KB at 40 MHz"


@pytest.mark.parametrize(
    "rectangle", [(0, 0, 241, 1), (-1, 0, 1, 1), (0, 319, 1, 2), (0, 0, 0, 1)]
)
def test_a_rectangle_outside_the_panel_never_reaches_it(rectangle):
    world = powered("st7789")
    panel = driver(world)
    invariant = world.load("kassa.system.ensure").InvariantError
    with pytest.raises(invariant):
        panel.write(*rectangle, bytes(2 * abs(rectangle[2]) * rectangle[3]))
    with pytest.raises(invariant):
        panel.write(0, 0, 2, 2, bytes(7))
    assert world.wiring.panel.bytes_received == 0


@pytest.mark.parametrize("controller", BOARDS)
def test_sleep_is_dark_and_wake_brings_the_picture_back_however_soon(controller):
    world = powered(controller)
    panel = driver(world)
    world.run(panel.start(), timeout_s=1)
    panel.write(0, 0, 1, 1, b"\xff\xff")
    for pause_ms in (0, 60, 500):
        panel.sleep()
        assert not world.wiring.panel.lit
        world.clock.spend(pause_ms * NS_PER_MS)
        world.run(panel.wake(), timeout_s=1)
        assert seen(world)[0, 0].tolist() == [255, 255, 255]


def test_backlight_goes_from_dark_to_full_and_comes_back_after_sleep():
    world = powered("st7789")
    panel = driver(world)
    pin = world.mcu.line(world.mcu.board["panel"]["backlight"])
    assert pin.level == 0, "dark until the panel is ready"
    world.run(panel.start(), timeout_s=1)
    assert pin.level == 1
    panel.set_backlight(0)
    assert pin.level == 0
    panel.set_backlight(30)
    panel.sleep()
    assert pin.level == 0
    world.run(panel.wake(), timeout_s=1)
    assert pin.level == 1


def test_a_reset_wire_is_used_where_there_is_one():
    world = powered("st7789", reset=43)
    panel = driver(world)
    pulses = []
    world.mcu.line(43).listen(lambda level: pulses.append((level, world.clock.now_ns)))
    world.run(panel.start(), timeout_s=1)
    (low, fell_ns), (high, rose_ns) = pulses
    assert (low, high) == (0, 1) and rose_ns - fell_ns >= 10_000
    assert world.wiring.panel.lit


@pytest.mark.parametrize("died_after_ms", [0, 125, 245, 300])
@pytest.mark.parametrize("controller", BOARDS)
def test_a_restart_of_the_chip_at_any_moment_finds_the_panel_again(controller, died_after_ms):
    world = powered(controller)
    world.load("asyncio").create_task(driver(world).start())
    world.run_until(lambda: False, world.clock.now_ns + died_after_ms * NS_PER_MS)
    world.close()
    again = new_world(wiring=world.wiring)
    panel = driver(again)
    again.run(panel.start(), timeout_s=1)
    assert again.wiring.panel.lit


# -- asking the controller


def askable(controller: str, wired: bool = True) -> tuple[World, Any]:
    """A terminal whose panel's data output is wired, and its driver as the terminal makes it."""
    from host_tools.board import load as load_board

    board = load_board(BOARDS[controller])
    board["spi"][board["panel"]["spi"]]["miso"] = 4
    board["panel"]["sdo"] = wired
    world = new_world(board)
    make_panel = world.load("kassa.drivers.panel").make_panel
    return world, make_panel(world.load("kassa.system.board").Board(board))


@pytest.mark.parametrize("controller", BOARDS)
def test_a_panel_answers_once_it_is_started_and_goes_on_drawing(controller: str) -> None:
    world, panel = askable(controller)
    world.run(panel.start())
    assert panel.answers() is True
    panel.write(0, 0, 1, 1, b"\xff\xff")  # at its full speed again
    assert panel.answers() is True
    panel.sleep()
    world.run(world.load("asyncio").sleep_ms(10))
    assert panel.answers() is False
    world.close()


@pytest.mark.parametrize("controller", BOARDS)
def test_a_panel_whose_plug_is_off_does_not_answer(controller: str) -> None:
    world, panel = askable(controller)
    world.wiring.panel.absent = True
    world.run(panel.start())
    assert panel.answers() is False
    world.close()


def test_a_panel_whose_data_output_is_not_wired_cannot_be_asked() -> None:
    world, panel = askable("st7789", wired=False)
    world.run(panel.start())
    assert panel.answers() is None
    world.close()
