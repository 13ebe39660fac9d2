"""The PN532 driver in a world of its own, on any wiring: what the reader's tests stand on."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from host_tools.board import load as load_board
from simulator.clock import NS_PER_MS, VirtualClock
from simulator.standins.world import World
from simulator.wiring import Wiring
from tests.chips.pn532_cards import EchoCard
from tests.conftest import new_world

# Wirings of the reader, by name: the board they come from, and what of it is left away.
WIRINGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "spi": ("esp32s3_devkitc", ()),
    "spi without irq": ("esp32s3_devkitc", ("irq", "reset")),
    "i2c": ("esp32_wrover", ()),
    "i2c without irq": ("esp32_wrover", ("irq",)),
    "hsu": ("esp32_devkitc", ()),
    "hsu without reset": ("esp32_devkitc", ("reset",)),
}

# What main.py does with the board file, for the reader alone.
SET_UP = """
from board import BOARD
from machine import I2C, SPI, UART, Pin
from kassa.drivers.pn532 import PN532
from kassa.drivers.pn532_hsu import Pn532Hsu
from kassa.drivers.pn532_i2c import Pn532I2c
from kassa.drivers.pn532_spi import Pn532Spi
from kassa.system.log import Log

nfc = BOARD["nfc"]
irq = Pin(nfc["irq"], Pin.IN, Pin.PULL_UP) if "irq" in nfc else None
reset = Pin(nfc["reset"], Pin.OUT, value=1) if "reset" in nfc else None
if nfc["transport"] == "spi":
    bus = BOARD["spi"][nfc["spi"]]
    spi = SPI(
        bus["id"], baudrate=bus["baudrate"], polarity=0, phase=0, firstbit=SPI.LSB,
        sck=Pin(bus["sck"]), mosi=Pin(bus["mosi"]), miso=Pin(bus["miso"]),
    )
    transport = Pn532Spi(spi, Pin(nfc["cs"], Pin.OUT, value=1), irq, reset)
elif nfc["transport"] == "i2c":
    bus = BOARD["i2c"][nfc["i2c"]]
    i2c = I2C(bus["id"], scl=Pin(bus["scl"]), sda=Pin(bus["sda"]), freq=bus["freq"])
    transport = Pn532I2c(i2c, irq, reset)
else:
    line = BOARD["uart"][nfc["uart"]]
    uart = UART(line["id"], line["baudrate"], tx=line["tx"], rx=line["rx"], rxbuf=512)
    transport = Pn532Hsu(uart, reset)
reader = PN532(transport, Log())
"""


class ReaderBench:
    """A world with a reader in it: `reader` is the driver, `chip` the model."""

    def __init__(self, wiring: str = "spi", world: World | None = None) -> None:
        board_name, left_away = WIRINGS[wiring]
        if world is None:
            board = copy.deepcopy(load_board(board_name))
            for key in left_away:
                del board["nfc"][key]
            world = new_world(wiring=Wiring(board, VirtualClock(), seed=3))
        self.world = world
        self.wiring: Wiring = world.wiring  # type: ignore[attr-defined]
        self.chip = self.wiring.pn532
        self.clock = self.wiring.clock
        self.reader: Any = world.execute(SET_UP).reader
        self.errors: Any = world.load("kassa.drivers.pn532_errors")
        self.card_errors: Any = world.load("kassa.system.card")
        self.asyncio: Any = world.load("asyncio")

    def run(self, coroutine: Any, timeout_s: float = 30) -> Any:
        return self.world.run(coroutine, timeout_s)

    def timed(self, coroutine: Any) -> tuple[Any, float]:
        """Result (an exception is one too) and milliseconds of the world's time."""
        start_ns = self.clock.now_ns
        try:
            result = self.run(coroutine)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            result = error
        return result, (self.clock.now_ns - start_ns) / NS_PER_MS

    def started(self) -> ReaderBench:
        self.run(self.reader.start())
        return self

    def rest(self, ms: int) -> None:
        """Let the world run on for a while."""

        async def rest() -> None:
            await self.asyncio.sleep_ms(ms)

        self.run(rest())

    def later(self, ms: float, call: Callable[[], None]) -> None:
        self.clock.call_later(int(ms * NS_PER_MS), call)

    def tap(self, card: EchoCard | None = None) -> Any:
        """Hold a card to the reader and have it discovered."""
        self.chip.present(card or EchoCard())
        found = self.run(self.reader.discover(500))
        assert found is not None
        return found

    def log(self) -> str:
        return "\n".join(self.world.lines)
