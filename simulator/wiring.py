"""From a board file to chips on wires: what a person with a soldering iron would do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from simulator.chips.mcu import Mcu
from simulator.chips.nor_flash import NorFlash
from simulator.chips.nvs import Nvs
from simulator.chips.rtc import Rtc
from simulator.chips.watchdog import Watchdog
from simulator.chips.wlan import Wlan
from simulator.clock import Clock
from simulator.filesystem import Littlefs

BOARDS = Path(__file__).parent.parent / "board_configs"
PN532_I2C_ADDRESS = 0x24  # PN532 data sheet, 8.3.4: 48h with the write bit


class Wiring:
    """The chips of a board, wired to its ESP32.  What the board does not have is None.

    flash: an existing chip, to go on with its content; default is an empty one of the board's
    size.
    seed: of everything that is random in the chips.
    """

    def __init__(
        self, board: dict[str, Any], clock: Clock, seed: int = 0, flash: NorFlash | None = None
    ) -> None:
        self.board = board
        self.clock = clock
        self.seed = seed
        self.flash = flash or NorFlash(board["flash"]["size_mib"] << 20, clock, seed)
        nvs = self.partition("nvs")
        self.nvs = Nvs(self.flash, nvs["offset"], nvs["size"])
        self.rtc = Rtc(clock)
        self.watchdog = Watchdog(clock)
        self.wlan = Wlan(clock, seed)
        self.mcu = Mcu(
            clock, board, seed, self.flash, self.nvs, self.rtc, self.watchdog, self.wlan
        )
        self.panel = self._panel(board.get("panel"))
        self.pn532 = self._pn532(board.get("nfc"))
        self.keypad = self._keypad(board.get("keypad"))
        self.printer = self._printer(board.get("printer"))
        self.buzzer = self._buzzer(board.get("buzzer"))
        self.lamps = self._lamps(board.get("lamps"))
        self.tamper = self._tamper(board.get("tamper"))

    def filesystem(self, label: str = "kassa") -> Littlefs:
        """The littlefs on a partition, mounted (formatted first when there is none)."""
        self.flash.power_on()
        place = self.partition(label)
        return Littlefs(self.flash, place["offset"], place["size"])

    def power_off(self) -> None:
        """The supply goes: every chip forgets what it only knew under power."""
        self.mcu.power_off()
        if self.pn532 is not None:
            self.pn532.reset()
        if self.panel is not None:
            self.panel.power_on()

    def partition(self, name: str) -> dict[str, Any]:
        """The board's partition of that name: name, type, subtype, offset, size."""
        for entry in self.board["partitions"]:
            if entry["name"] == name:
                return entry
        raise ValueError(f"{self.board['name']}: no partition called {name}")

    def _line(self, part: dict[str, Any], key: str) -> Any:
        return self.mcu.line(part[key]) if key in part else None

    def _attach_spi(self, device: Any, bus: str, cs: int | None, *, answers: bool = True) -> None:
        pins = self.board["spi"][bus]
        miso = pins.get("miso") if answers else None
        self.mcu.spi.attach(device, pins["sck"], pins.get("mosi"), miso, cs)

    def _attach_uart(self, device: Any, line: str) -> None:
        pins = self.board["uart"][line]
        self.mcu.uarts.attach(device, pins["tx"], pins.get("rx"))

    def _panel(self, part: dict[str, Any] | None) -> Any:
        if part is None:
            return None
        from simulator.chips.panel import Panel

        panel = Panel(
            self.clock,
            controller=part["driver"],
            width=part["width"],
            height=part["height"],
            dc=self.mcu.line(part["dc"]),
            reset=self._line(part, "reset"),
            backlight=self._line(part, "backlight"),
            rotation=part.get("rotation", 0),
        )
        self._attach_spi(panel, part["spi"], part.get("cs"), answers=part.get("sdo", False))
        return panel

    def _pn532(self, part: dict[str, Any] | None) -> Any:
        if part is None:
            return None
        from simulator.chips.pn532 import Pn532

        transport = part["transport"]
        irq, reset = self._line(part, "irq"), self._line(part, "reset")
        chip = Pn532(self.clock, transport, irq=irq, reset=reset, seed=self.seed)
        if transport == "spi":
            self._attach_spi(chip, part["spi"], part["cs"])
        elif transport == "i2c":
            pins = self.board["i2c"][part["i2c"]]
            self.mcu.i2c.attach(chip, pins["scl"], pins["sda"], PN532_I2C_ADDRESS)
        else:
            self._attach_uart(chip, part["uart"])
        return chip

    def _keypad(self, part: dict[str, Any] | None) -> Any:
        if part is None:
            return None
        from simulator.chips.keypad import KeypadMatrix

        rows = [self.mcu.line(gpio) for gpio in part["rows"]]
        columns = [self.mcu.line(gpio) for gpio in part["columns"]]
        if part.get("external_pull_ups"):
            for line in columns:
                line.pull(self, 1)
        return KeypadMatrix(self.clock, rows, columns, part["layout"], seed=self.seed)

    def _printer(self, part: dict[str, Any] | None) -> Any:
        if part is None:
            return None
        from simulator.chips.printer import EscPosPrinter

        printer = EscPosPrinter(
            self.clock, width_dots=part["width_dots"], cutter=part.get("cutter", False)
        )
        self._attach_uart(printer, part["uart"])
        return printer

    def _buzzer(self, part: dict[str, Any] | None) -> Any:
        if part is None:
            return None
        from simulator.chips.buzzer import Buzzer

        buzzer = Buzzer(self.clock)
        self.mcu.pins.attach_pwm(part["pin"], buzzer.set_pwm)
        return buzzer

    def _lamps(self, part: dict[str, Any] | None) -> Any:
        if part is None:
            return None
        from simulator.chips.lamps import Lamps

        return Lamps([self.mcu.line(gpio) for gpio in part["pins"]])

    def _tamper(self, part: dict[str, Any] | None) -> Any:
        if part is None:
            return None
        from simulator.chips.tamper import TamperSwitch

        return TamperSwitch(self.mcu.line(part["pin"]), part["closed_level"])
