"""The parts of a terminal but for its panel, made from the board's description.

The terminal's wiring and a technician's tools make them here alike.  A part's driver is imported
when the part is made: a tool that looks at one part needs no heap for the others.
"""

from typing import TYPE_CHECKING

from machine import Pin

from kassa.system.board import optional_output, output, pwm

if TYPE_CHECKING:
    from collections.abc import Callable

    from kassa.drivers.buzzer import Buzzer
    from kassa.drivers.keypad import Keypad
    from kassa.drivers.lamps import Lamps
    from kassa.drivers.pn532 import PN532
    from kassa.drivers.printer import Printer
    from kassa.drivers.tamper import TamperSwitch
    from kassa.system.board import Board
    from kassa.system.log import Log


def make_reader(board: "Board", log: "Log") -> "PN532":
    """The card reader over the transport the board has wired."""
    from kassa.drivers.pn532 import PN532

    table = board.table("nfc")
    irq = Pin(table["irq"], Pin.IN, Pin.PULL_UP) if "irq" in table else None
    reset = optional_output(table.get("reset"), 1)
    transport = table["transport"]
    if transport == "spi":
        from kassa.drivers.pn532_spi import Pn532Spi

        link = Pn532Spi(
            board.spi(table["spi"], lsb_first=True), output(table["cs"], 1), irq, reset
        )
    elif transport == "i2c":
        from kassa.drivers.pn532_i2c import Pn532I2c

        link = Pn532I2c(board.i2c(table["i2c"]), irq, reset)
    else:
        from kassa.drivers.pn532_hsu import Pn532Hsu

        link = Pn532Hsu(board.uart(table["uart"]), reset)
    return PN532(link, log)


def make_keypad(board: "Board") -> "Keypad":
    """The keypad, its columns pulled up by the chip or, where the board says so, by resistors."""
    from kassa.drivers.keypad import Keypad

    table = board.table("keypad")
    columns = [Pin(gpio, Pin.IN) for gpio in table["columns"]]
    if not table.get("external_pull_ups"):
        for column in columns:
            column.init(Pin.IN, Pin.PULL_UP)
    return Keypad([Pin(gpio) for gpio in table["rows"]], columns, table["layout"])


def printer_maker(board: "Board") -> "Callable[[], Printer]":
    """What makes the receipt printer.  Its serial port is driven from now on: a line that floats
    prints rubbish."""
    table = board.table("printer")
    uart = board.uart(table["uart"])
    baudrate = board.baudrate("uart", table["uart"])

    def make_printer() -> "Printer":
        from kassa.drivers.printer import Printer

        return Printer(uart, baudrate, table["width_dots"], table["cutter"])

    return make_printer


def make_lamps(board: "Board") -> "Lamps":
    """The contactless lamps, dark."""
    from kassa.drivers.lamps import Lamps

    return Lamps([output(gpio) for gpio in board.table("lamps")["pins"]])


def make_buzzer(board: "Board") -> "Buzzer":
    """The buzzer, silent."""
    from kassa.drivers.buzzer import Buzzer

    return Buzzer(pwm(board.table("buzzer")["pin"]))


def make_case_switch(board: "Board") -> "TamperSwitch":
    """The switch that opens with the case."""
    from kassa.drivers.tamper import TamperSwitch

    table = board.table("tamper")
    return TamperSwitch(Pin(table["pin"]), table["closed_level"])
