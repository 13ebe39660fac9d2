"""The service screen, when boot.py has found nothing to start.

It needs nothing but this file system, so that a damaged main file system still says what is the
matter: to customers in both languages, to the technician in English.  Afterwards the REPL is free
for `kassa doctor` and its sisters.  The journal is not touched.
"""

import asyncio

import framebuf
from board import BOARD  # pyright: ignore[reportMissingImports] - made from the board file
from kassa.drivers.panel import make_panel
from kassa.system.board import Board
from kassa.system.log import Log
from kassa.ui.colour import Ink, panel_colour
from kassa.ui.layout import wrap
from kassa.ui.type import Fonts
from micropython import const

_SIZE = const(20)  # the one font of this file system
_MARGIN = const(12)
_GROUND = const(0x000000)
_LETTERS = const(0xFFFFFF)

# No catalogue here; these two are the catalogues' words.
CUSTOMER = ("Out of order", "暂停服务", "Please ask the staff", "请联系工作人员", "")
TECHNICIAN = ("", "Payments taken are safe. On a computer: kassa doctor")


async def show(reason: str) -> None:
    """Start the panel and write the text, line by line."""
    panel = make_panel(Board(BOARD))
    await panel.start()
    font = Fonts("assets/fonts").font(_SIZE)
    ink = Ink(_LETTERS, _GROUND)
    width = panel.width - 2 * _MARGIN
    pixels = bytearray(width * font.line * 2)
    sheet = framebuf.FrameBuffer(pixels, width, font.line, framebuf.RGB565)
    y = _MARGIN
    for paragraph in CUSTOMER + (reason,) + TECHNICIAN:
        for line in wrap(font, paragraph, width):
            if y + font.line <= panel.height:
                sheet.fill(panel_colour(_GROUND))
                font.draw(sheet, font.line, 0, 0, line, ink)
                panel.write(_MARGIN, y, width, font.line, pixels)
                y += font.line


def main(reason: str) -> None:
    """Tell the console and the panel."""
    log = Log()
    log.event("boot", "service", why=reason)
    try:
        asyncio.run(show(reason))
    except Exception as error:  # noqa: BLE001 - the console has it already; the REPL must come
        log.trouble("boot", "no panel", error)
