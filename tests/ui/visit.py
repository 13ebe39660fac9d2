"""A walk through the user interface that runs on both interpreters, on a panel that is a
bytearray.

Prints what the log says and, after each step, a check sum of all pixels.  `CASES`, `ROWS` and
`KEYS` are set by the test; on MicroPython `heap` lines tell what is in use.
"""

import asyncio
import binascii
import gc
import json

from kassa.drivers.buzzer import Buzzer
from kassa.system.log import Log
from kassa.ui.display import Display
from kassa.ui.language import Catalogue
from kassa.ui.paper import Paper
from kassa.ui.screens import Screens
from kassa.ui.type import Fonts


class Panel:
    width = 240
    height = 320

    def __init__(self):
        self.pixels = bytearray(240 * 320 * 2)

    def write(self, x, y, width, height, pixels):
        for row in range(height):
            at = 2 * ((y + row) * 240 + x)
            self.pixels[at : at + 2 * width] = pixels[2 * width * row : 2 * width * (row + 1)]


class Keypad:
    def __init__(self, keys):
        self.keys = keys

    async def next(self, beat=None):
        while not self.keys:
            await asyncio.sleep_ms(10)
        return self.keys.pop(0)


class Pwm:
    def freq(self, hz):
        pass

    def duty_u16(self, duty):
        pass


class Lamps:
    def show(self, count):
        pass

    def off(self):
        pass

    async def idle_blink(self):
        while True:
            await asyncio.sleep_ms(100)


class Printer:
    width_dots = 384
    columns = 32

    def __init__(self):
        self.check = 0

    def encodable(self, text):
        return all(ord(letter) < 0x2E80 for letter in text)

    async def style(self, bold=False, double_width=False, double_height=False, align="left"):
        pass

    async def text(self, text):
        self.check = binascii.crc32(text.encode(), self.check)

    async def raster(self, width_dots, height, rows):
        for block in rows:
            self.check = binascii.crc32(block, self.check)

    async def feed(self, lines):
        pass

    async def cut(self):
        pass


def show_line(line):
    event = json.loads(line)
    if event["is"] in ("screen", "printed"):
        print(json.dumps([event["is"], event.get("words") or event.get("text")]))


def heap(what):
    gc.collect()
    if hasattr(gc, "mem_alloc"):
        print(json.dumps(["heap", what, gc.mem_alloc()]))


async def main():
    heap("modules")
    panel = Panel()
    strip = bytearray(240 * 24 * 2)
    heap("panel")
    log = Log(show_line)
    display = Display(panel, strip, log, Fonts(FONTS))  # noqa: F821
    keypad = Keypad([])
    catalogue = Catalogue(WORDS, "en")  # noqa: F821
    printer = Printer()
    screens = Screens(display, keypad, Buzzer(Pwm()), Lamps(), catalogue, log)
    paper = Paper(printer, display.fonts, log)
    for language in ("en", "zh"):
        catalogue.use(language)
        for name, facts in CASES:  # noqa: F821
            await screens.show(name, **facts)
            print(json.dumps(["pixels", name, binascii.crc32(panel.pixels)]))
        for row in ROWS:  # noqa: F821
            await paper.print([row])
            print(json.dumps(["paper", printer.check]))
        heap(language)
    keypad.keys.extend(KEYS)  # noqa: F821
    print(json.dumps(["key", await screens.welcome({"merchant": "Kassa", "online": True})]))
    print(json.dumps(["typed", await screens.amount("EUR", "1")]))
    print(json.dumps(["pixels", "amount", binascii.crc32(panel.pixels)]))
    print(json.dumps(["chosen", await screens.choose("menu.title", ["receipt.refund"])]))
    print(json.dumps(["nobody", await screens.acknowledge("cancelled", 50)]))
    print(json.dumps(["sent", display.bytes_sent]))
    heap("end")
