"""A bench without firmware: a small script behind real chips, to try the page's server on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Self

from PIL import Image, ImageDraw

from host_tools import board as boards
from simulator.chips.buses import Line
from simulator.chips.buzzer import Buzzer
from simulator.chips.lamps import Lamps
from simulator.chips.printer import EscPosPrinter
from simulator.clock import NS_PER_MS, RealClock
from simulator.taps import Taps

SELECT = bytes.fromhex("00A404000E325041592E5359532E444446303100")
FCI = bytes.fromhex(
    "6F2B840E325041592E5359532E4444463031A519BF0C1661144F07A0000000031010500A56495341"
    "2044454249549000"
)


class FakePanel:
    """A panel that shows whatever picture it is given."""

    def __init__(self) -> None:
        self.lit = True
        self.on_update: Callable[..., None] | None = None
        self._picture = Image.new("RGB", (240, 320), (10, 20, 40))

    def image(self) -> Image.Image:
        return self._picture if self.lit else Image.new("RGB", (240, 320))

    def show(self, words: list[str], colour: tuple[int, int, int]) -> None:
        self._picture = Image.new("RGB", (240, 320), colour)
        drawing = ImageDraw.Draw(self._picture)
        for row, word in enumerate(words):
            drawing.text((16, 90 + 44 * row), word, (255, 255, 255), font_size=30)
        if self.on_update is not None:
            self.on_update(0, 0, 239, 319)


class FakeNetwork:
    def __init__(self) -> None:
        self.latency_ms = 150
        self.is_up = True

    def up(self) -> None:
        self.is_up = True

    def down(self) -> None:
        self.is_up = False


class FakeKeypad:
    """A keypad that is scanned whenever somebody asks."""

    def __init__(self) -> None:
        self._scans = 0
        self.held: set[str] = set()
        self.at_rest = False

    def scans(self, name: str) -> int:
        self._scans += 2
        return self._scans


class SilentWire:
    """The terminal's side of the printer's line, to which nobody listens."""

    baudrate = 115_200

    def send(self, data: bytes) -> None:
        pass


class FakeBench:
    """Keys type an amount, ENTER asks for a card, a card is approved, a receipt comes out."""

    runtime = "cpython"

    def __init__(self) -> None:
        self.board = boards.load("esp32s3_devkitc")
        self.network = FakeNetwork()
        self.powered = False
        self.events: list[dict[str, Any]] = []
        self.on_event: list[Callable[[dict[str, Any]], None]] = []
        self.on_apdu: list[Callable[..., None]] = []
        self.on_message: list[Callable[[dict[str, Any]], None]] = []
        self.screen = SimpleNamespace(name="", words=[])
        self.trouble: Exception | None = None
        self.keys: list[tuple[str, bool]] = []
        self.present_cards: list[Any] = []
        self.taps = Taps(self)
        self._digits = ""
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        clock = RealClock()
        lines = [Line(f"line {index}") for index in range(4)]
        printer = EscPosPrinter(clock)
        printer.uart = SilentWire()
        self._lines = lines
        self.wiring = SimpleNamespace(
            clock=clock,
            panel=FakePanel(),
            lamps=Lamps(lines[:4]),
            buzzer=Buzzer(clock),
            printer=printer,
            keypad=FakeKeypad(),
            pn532=SimpleNamespace(field_on=False),
        )
        self.printer = printer
        await self.power_on()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()

    async def power_on(self) -> None:
        self.powered = True
        self.wiring.panel.lit = True
        self._show("welcome", ["KASSA", "Type the amount"], (12, 34, 64))

    async def cut_power(self) -> None:
        self.powered = False
        self.wiring.panel.lit = False
        self._light(0)

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds if self.trouble is None else 0.01)
        if self.trouble is not None and self.powered:
            raise self.trouble

    def timings(self) -> dict[str, float]:
        if self.screen.name != "approved":
            return {}
        return {"ppse": 21.5, "select": 30.25, "gpo": 41.0, "host": 180.0, "approved": 900.0}

    def key_down(self, name: str) -> None:
        self.keys.append((name, True))
        self.wiring.buzzer.set_pwm(2000, 32768)
        if not self.powered:
            return
        if name == "ENTER" and self._digits:
            self.wiring.pn532.field_on = True
            self._light(1)
            self._show("present_card", [self._amount(), "Present card"], (12, 34, 64))
        elif name == "CANCEL":
            self._digits = ""
            self._show("welcome", ["KASSA", "Type the amount"], (12, 34, 64))
        elif name.isdigit():
            self._digits += name
            self._show("amount", [self._amount()], (12, 34, 64))

    def key_up(self, name: str) -> None:
        self.keys.append((name, False))
        self.wiring.buzzer.set_pwm(0, 0)

    def present(self, card: Any) -> None:
        self.present_cards.append(card)
        self.taps.presented(card)
        if self.screen.name == "present_card":
            self._tasks.append(asyncio.create_task(self._pay()))

    def remove(self, card: Any) -> None:
        self.present_cards.remove(card)
        self.taps.removed(card)

    async def _pay(self) -> None:
        self._show("processing", [self._amount(), "Processing"], (12, 34, 64))
        for lit in (2, 3, 4):
            now_ns = self.wiring.clock.now_ns
            await asyncio.sleep(0.05)
            self._light(lit)
            for listener in self.on_apdu:
                listener(SELECT, FCI, now_ns, now_ns + 48 * NS_PER_MS)
        self._tell("emv", "rule", rule="C3-3", what="ARQC: online")
        self._tell("emv", "outcome", kind="online_request", cvm="none", scheme="visa")
        self._show("card_read_ok", ["Card read OK"], (12, 34, 64))
        self._tell("payment", "request", stan=7)
        for listener in self.on_message:
            listener({"direction": "in", "mti": "0200", "fields": {"11": "000007"}})
        await asyncio.sleep(0.1)
        self.wiring.pn532.field_on = False
        self._tell("payment", "answer", stan=7, code="00")
        self._show("approved", ["APPROVED", self._amount()], (16, 128, 67))
        for hz in (1500, 0):
            self.wiring.buzzer.set_pwm(hz, 32768 if hz else 0)
            await asyncio.sleep(0.1)
        lines = f"Kassa Coffee\n\nSALE  {self._amount()}\nAPPROVED\n\n\n\n\n"
        self.wiring.printer.uart_receive(lines.encode() + b"\x1dV\x42\x00")
        self._digits = ""

    def _amount(self) -> str:
        return f"EUR {int(self._digits or '0') / 100:.2f}"

    def _light(self, count: int) -> None:
        for index, line in enumerate(self._lines[:4]):
            line.drive(self, 1 if index < count else 0)

    def _show(self, name: str, words: list[str], colour: tuple[int, int, int]) -> None:
        self.screen.name, self.screen.words = name, words
        self.wiring.panel.show(words, colour)
        self._tell("ui", "screen", name=name, words=words)

    def _tell(self, at: str, happened: str, **facts: Any) -> None:
        for listener in self.on_event:
            listener({"t": 0, "at": at, "is": happened, **facts})
