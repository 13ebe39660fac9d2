"""Each part on its wires, as far as it can be told without a person."""

from __future__ import annotations

from tests.device.bench import Bench

PROGRAM = """\
import asyncio
import time
import on_device

async def main():
{body}

asyncio.run(main())
"""


def program(*lines: str) -> str:
    """Asynchronous code for the board."""
    return PROGRAM.format(body="\n".join(f"    {line}" for line in lines))


def test_the_panel_starts(device: Bench) -> None:
    size, ms = device.run(
        program(
            "panel = on_device.panel()",
            "began = time.ticks_ms()",
            "await panel.start()",
            "print(((panel.width, panel.height), time.ticks_diff(time.ticks_ms(), began)))",
        )
    )
    assert sorted(size) == [240, 320]
    # Two rests of 120 ms between its commands, and 150 KB on the bus.
    assert ms >= 240


def test_the_reader_has_the_firmware_that_its_manual_describes(device: Bench) -> None:
    version, card = device.run(
        program(
            "reader = on_device.reader()",
            "version = await reader.start()",
            "card = await reader.discover(200)",
            "await reader.stop()",
            "print((version, card is not None))",
        )
    )
    assert version[:3] == (0x32, 1, 6)
    assert not card, "take the card off the reader"


def test_no_key_is_down(device: Bench) -> None:
    pressed, stuck, typed = device.run(
        program(
            "keypad = on_device.keypad()",
            "task = asyncio.create_task(keypad.run())",
            "await asyncio.sleep_ms(300)",
            "print((keypad.pressed(), keypad.stuck(), keypad._down))",
        )
    )
    assert (pressed, stuck, typed) == ([], [], 0)


def test_the_printer_is_ready_and_has_paper(device: Bench) -> None:
    assert device.run(
        program(
            "status = await on_device.printer().status()",
            "print((status.online, status.cover_open, status.paper != 'out'))",
        )
    ) == (True, False, True)


def test_the_case_is_closed(device: Bench) -> None:
    assert device.run(program("print(on_device.tamper().is_open)")) is False


def test_lamps_and_buzzer_end_dark_and_silent(device: Bench) -> None:
    values, duty = device.run(
        program(
            "lamps, buzzer = on_device.lamps(), on_device.buzzer()",
            "lamps.show(4)",
            "lit = [pin.value() for pin in lamps._pins]",
            "await buzzer.play(((1500, 50),))",
            "lamps.off()",
            "print(((lit, [pin.value() for pin in lamps._pins]), buzzer._pwm.duty_u16()))",
        )
    )
    assert values == ([1, 1, 1, 1], [0, 0, 0, 0])
    assert duty == 0
