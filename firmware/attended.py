"""What `kassa doctor --attended` runs on the board: parts that only a person can judge, or must
lend a hand to.  Run by `doctor.attend`.
"""

import asyncio
import time

from board import BOARD  # pyright: ignore[reportMissingImports] - made from the board file
from doctor import quiet, started_panel
from kassa.app.checks import FAIL, OK, Check
from kassa.drivers import parts
from kassa.system.board import Board
from micropython import const

_REST_MS = const(300)
_LOOK_MS = const(100)
_KEYS_WITHIN_MS = const(60_000)
_CARD_WITHIN_MS = const(20_000)
_CASE_WITHIN_MS = const(20_000)
_SLIP = "KASSA\nTEST SLIP\n"


async def _pattern() -> "list[Check]":
    await started_panel()
    return []


async def _keys() -> "list[Check]":
    """Every key once, in any order; each is confirmed by a tone."""
    from kassa.drivers.buzzer import KEY

    keypad = parts.make_keypad(Board(BOARD))
    buzzer = parts.make_buzzer(Board(BOARD))
    missing = [name for row in BOARD["keypad"]["layout"] for name in row]
    count = len(missing)
    task = asyncio.create_task(keypad.run())
    began = time.ticks_ms()
    while missing:
        left_ms = _KEYS_WITHIN_MS - time.ticks_diff(time.ticks_ms(), began)
        try:
            name = await asyncio.wait_for_ms(keypad.next(), max(0, left_ms))
        except asyncio.TimeoutError:
            break
        await buzzer.play(KEY)
        if name in missing:
            missing.remove(name)
    task.cancel()
    if missing:
        detail = "never felt: " + ", ".join(missing)
        return [Check("keys", FAIL, detail, "remedy.keypad")]
    return [Check("keys", OK, "all %d were felt" % count, "")]


async def _card() -> "list[Check]":
    reader = parts.make_reader(Board(BOARD), quiet())
    await reader.start()
    card = await reader.discover(_CARD_WITHIN_MS)
    await reader.stop()
    if card is None:
        return [Check("card", FAIL, "no card was found", "remedy.reader")]
    return [Check("card", OK, "found, its number has %d bytes" % len(card.uid), "")]


async def _slip() -> "list[Check]":
    printer = parts.printer_maker(Board(BOARD))()
    await printer.style(bold=True, align="center")
    await printer.text(_SLIP)
    await printer.style()
    await printer.text(BOARD["name"] + "\n" + "".join(chr(code) for code in range(33, 65)) + "\n")
    await printer.cut()
    return []


async def _signals() -> "list[Check]":
    """The lamps one after the other, from left to right, with the two tones of a payment."""
    from kassa.drivers.buzzer import FAILURE, SUCCESS

    board = Board(BOARD)
    lamps, buzzer = parts.make_lamps(board), parts.make_buzzer(board)
    for count in range(1, 5):
        lamps.show(count)
        await asyncio.sleep_ms(_REST_MS)
    await buzzer.play(SUCCESS)
    await asyncio.sleep_ms(_REST_MS)
    await buzzer.play(FAILURE)
    lamps.off()
    return []


async def _opening() -> "list[Check]":
    switch = parts.make_case_switch(Board(BOARD))
    switch.tripped = False
    waited_ms = 0
    while waited_ms < _CASE_WITHIN_MS and not switch.tripped:
        await asyncio.sleep_ms(_LOOK_MS)
        waited_ms += _LOOK_MS
    if not switch.tripped:
        return [Check("opening", FAIL, "no opening was noticed", "remedy.case")]
    return [Check("opening", OK, "noticed", "")]


STEPS = {
    "pattern": (_pattern, "remedy.panel"),
    "signals": (_signals, "remedy.seen"),
    "keys": (_keys, "remedy.keypad"),
    "card": (_card, "remedy.reader"),
    "slip": (_slip, "remedy.printer"),
    "opening": (_opening, "remedy.case"),
}
"""What each does, and what helps when its part fails."""
