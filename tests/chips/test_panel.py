"""The panel model, driven command by command: what a person would see, and what the data sheets
forbid.
"""

from __future__ import annotations

import numpy as np
import pytest

from simulator.chips.buses import DataSheetViolation, Line
from simulator.chips.panel import Panel
from simulator.clock import NS_PER_MS, VirtualClock

RED, GREEN, BLUE, WHITE = b"\xf8\x00", b"\x07\xe0", b"\x00\x1f", b"\xff\xff"


class Bench:
    """A panel with its wires and a hand that clocks bytes into it."""

    def __init__(self, controller: str = "st7789", rotation: int = 0) -> None:
        self.clock = VirtualClock()
        self.dc = Line("dc")
        self.reset = Line("reset")
        self.backlight = Line("backlight")
        self.backlight.drive(self, 1)
        self.panel = Panel(
            self.clock, controller, 240, 320, self.dc, self.reset, self.backlight, rotation
        )
        self.panel.select()

    def wait(self, ms: int) -> None:
        self.clock.spend(ms * NS_PER_MS)

    def command(self, command: int, data: bytes = b"") -> None:
        self.dc.drive(self, 0)
        self.panel.transfer(bytes((command,)))
        if data:
            self.dc.drive(self, 1)
            self.panel.transfer(data)

    def window(self, x0: int, y0: int, x1: int, y1: int) -> None:
        self.command(0x2A, x0.to_bytes(2, "big") + x1.to_bytes(2, "big"))
        self.command(0x2B, y0.to_bytes(2, "big") + y1.to_bytes(2, "big"))

    def start(self, madctl: int = 0, inverted: bool = True) -> None:
        self.wait(120)
        self.command(0x11)
        self.wait(120)
        self.command(0x3A, b"\x55")
        self.command(0x36, bytes((madctl,)))
        self.command(0x21 if inverted else 0x20)
        self.command(0x29)

    def fill(self, x0: int, y0: int, x1: int, y1: int, colour: bytes) -> None:
        self.window(x0, y0, x1, y1)
        self.command(0x2C, colour * ((x1 - x0 + 1) * (y1 - y0 + 1)))

    def seen(self, x: int, y: int) -> tuple[int, ...]:
        return self.panel.image().getpixel((x, y))


def test_a_window_is_filled_row_by_row_and_seen_in_its_colours():
    bench = Bench()
    bench.start()
    bench.window(10, 20, 11, 21)
    bench.command(0x2C, RED + GREEN + BLUE + WHITE)
    assert [bench.seen(x, y) for y in (20, 21) for x in (10, 11)] == [
        (255, 0, 0),
        (0, 255, 0),
        (0, 0, 255),
        (255, 255, 255),
    ]


def test_the_address_counter_returns_to_the_start_of_the_window():
    bench = Bench()
    bench.start()
    bench.window(0, 0, 1, 1)
    bench.command(0x2C, RED * 4 + GREEN * 3)
    assert [bench.seen(x, y) for y in (0, 1) for x in (0, 1)] == [(0, 255, 0)] * 3 + [(255, 0, 0)]


def test_memory_write_starts_over_and_memory_write_continue_goes_on():
    bench = Bench()
    bench.start()
    bench.window(0, 0, 3, 0)
    bench.command(0x2C, RED * 2)
    bench.command(0x3C, GREEN * 2)
    assert [bench.seen(x, 0) for x in range(4)] == [(255, 0, 0)] * 2 + [(0, 255, 0)] * 2
    bench.command(0x2C, BLUE)
    assert bench.seen(0, 0) == (0, 0, 255)


def test_a_pixel_may_be_split_between_transfers():
    bench = Bench()
    bench.start()
    bench.window(0, 0, 1, 0)
    bench.command(0x2C, RED + GREEN[:1])
    bench.panel.transfer(GREEN[1:])
    assert bench.seen(1, 0) == (0, 255, 0)


def test_eighteen_bit_pixels_take_three_bytes():
    bench = Bench()
    bench.start()
    bench.command(0x3A, b"\x66")
    bench.window(0, 0, 1, 0)
    bench.command(0x2C, b"\xfc\x00\x00\x00\xfc\x00")
    assert bench.seen(0, 0) == (255, 0, 0) and bench.seen(1, 0) == (0, 255, 0)


def test_an_ips_glass_shows_the_complement_until_inversion_is_on():
    bench = Bench()
    bench.start(inverted=False)
    bench.fill(0, 0, 239, 319, RED)
    assert bench.seen(5, 5) == (0, 255, 255)
    bench.command(0x21)
    assert bench.seen(5, 5) == (255, 0, 0)


def test_the_ili9341s_glass_is_mirrored_and_has_blue_first():
    bench = Bench("ili9341")
    bench.start(0x48, inverted=False)
    bench.fill(0, 0, 239, 319, WHITE)
    bench.fill(0, 0, 0, 0, RED)
    assert bench.seen(0, 0) == (255, 0, 0)
    bench.command(0x36, b"\x00")
    assert bench.seen(0, 0) == (0, 0, 255), "colours at once"
    bench.fill(0, 0, 0, 0, GREEN)
    assert bench.seen(239, 0) == (0, 255, 0), "mirror for what is written from now on"


@pytest.mark.parametrize(("rotation", "madctl"), [(0, 0x00), (1, 0x60), (2, 0xC0), (3, 0xA0)])
def test_a_turned_panel_shows_upright_what_is_written_with_the_same_turn(rotation, madctl):
    bench = Bench(rotation=rotation)
    bench.start(madctl)
    width, height = bench.panel.width, bench.panel.height
    assert (width, height) == ((320, 240) if rotation % 2 else (240, 320))
    bench.fill(0, 0, width - 1, height - 1, WHITE)
    bench.fill(3, 1, 4, 1, RED + BLUE)
    assert bench.seen(3, 1) == (255, 0, 0) and bench.seen(4, 1) == (0, 0, 255)
    assert np.asarray(bench.panel.image()).shape == (height, width, 3)


@pytest.mark.parametrize("controller", ["st7789", "ili9341"])
def test_updates_are_told_in_the_coordinates_of_the_picture(controller):
    bench = Bench(controller, rotation=1)
    bench.start(0x60 if controller == "st7789" else 0x28)
    updates = []
    bench.panel.on_update = lambda *box: updates.append(box)
    bench.window(100, 50, 149, 69)
    bench.command(0x2C, WHITE * 50 * 2)
    bench.panel.deselect()
    assert updates == [(100, 50, 149, 51)]


def test_nothing_is_seen_asleep_off_or_without_backlight():
    bench = Bench()
    bench.start()
    bench.fill(0, 0, 239, 319, WHITE)
    assert bench.panel.lit and bench.seen(0, 0) == (255, 255, 255)
    bench.backlight.drive(bench, 0)
    assert not bench.panel.lit and bench.seen(0, 0) == (0, 0, 0)
    bench.backlight.drive(bench, 1)
    bench.command(0x28)
    assert bench.seen(0, 0) == (0, 0, 0)
    bench.command(0x29)
    bench.wait(120)
    bench.command(0x10)
    assert bench.seen(0, 0) == (0, 0, 0)
    bench.wait(120)
    bench.command(0x11)
    assert bench.seen(0, 0) == (255, 255, 255), "memory keeps its content asleep"


def test_frame_memory_holds_noise_after_power_on():
    bench = Bench()
    bench.start()
    assert len(bench.panel.image().getcolors(76_800)) > 1000


def test_bytes_are_ignored_while_not_selected():
    bench = Bench()
    bench.start()
    received = bench.panel.bytes_received
    bench.panel.deselect()
    bench.command(0x28)
    assert bench.panel.lit and bench.panel.bytes_received == received


def violations() -> dict[str, object]:
    def too_soon(bench: Bench) -> None:
        bench.command(0x01)
        bench.command(0x36, b"\x00")

    def sleep_out_too_soon_after_reset(bench: Bench) -> None:
        bench.command(0x01)
        bench.wait(119)
        bench.command(0x11)

    def sleep_in_too_soon(bench: Bench) -> None:
        bench.command(0x10)
        bench.wait(119)
        bench.command(0x11)

    def reset_in_sleep_out(bench: Bench) -> None:
        bench.command(0x10)
        bench.wait(120)
        bench.command(0x11)
        bench.wait(100)
        bench.command(0x01)

    def column_outside(bench: Bench) -> None:
        bench.window(0, 0, 240, 0)

    def row_outside_when_turned(bench: Bench) -> None:
        bench.command(0x36, b"\x20")
        bench.window(0, 0, 319, 240)

    def window_backwards(bench: Bench) -> None:
        bench.window(10, 0, 9, 0)

    def half_a_window(bench: Bench) -> None:
        bench.command(0x2A, b"\x00\x00\x00")
        bench.command(0x2B)

    def parameter_too_many(bench: Bench) -> None:
        bench.command(0x36, b"\x00\x00")

    def unknown_command(bench: Bench) -> None:
        bench.command(0xFD)

    def short_reset(bench: Bench) -> None:
        bench.reset.drive(bench, 0)
        bench.reset.drive(bench, 1)

    def clocked_in_reset(bench: Bench) -> None:
        bench.reset.drive(bench, 0)
        bench.command(0x00)

    def stale_window(bench: Bench) -> None:
        bench.window(0, 300, 0, 310)
        bench.command(0x36, b"\x20")
        bench.command(0x2C, WHITE)

    return {name: case for name, case in locals().items() if callable(case)}


@pytest.mark.parametrize(("name", "case"), violations().items(), ids=violations())
@pytest.mark.parametrize("controller", ["st7789", "ili9341"])
def test_what_the_data_sheet_forbids_is_refused(controller, name, case):
    bench = Bench(controller)
    bench.start()
    bench.wait(120)
    with pytest.raises(DataSheetViolation):
        case(bench)


def test_a_hardware_reset_of_10_us_brings_the_defaults_back():
    bench = Bench()
    bench.start()
    bench.reset.drive(bench, 0)
    bench.clock.spend(10_000)
    bench.reset.drive(bench, 1)
    assert not bench.panel.lit
    bench.wait(120)
    bench.command(0x11)
