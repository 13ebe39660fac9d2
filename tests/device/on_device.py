"""Runs on the board: its parts, made from the board's description as `main.py` makes them.

`mount`ed beside the drivers of this very checkout, whatever else is on the board.
"""

# MicroPython, like the firmware:

from board import BOARD
from kassa.drivers.buzzer import Buzzer
from kassa.drivers.keypad import Keypad
from kassa.drivers.lamps import Lamps
from kassa.drivers.panel import make_panel
from kassa.drivers.pn532 import PN532
from kassa.drivers.pn532_hsu import Pn532Hsu
from kassa.drivers.pn532_i2c import Pn532I2c
from kassa.drivers.pn532_spi import Pn532Spi
from kassa.drivers.printer import Printer
from kassa.drivers.tamper import TamperSwitch
from kassa.system.board import Board, optional_output, output, pwm
from kassa.system.log import Log
from machine import Pin

board = Board(BOARD)


def panel():
    return make_panel(board)


def reader():
    table = board.table("nfc")
    irq = Pin(table["irq"], Pin.IN, Pin.PULL_UP) if "irq" in table else None
    reset = optional_output(table.get("reset"), 1)
    if table["transport"] == "spi":
        bus = board.spi(table["spi"], lsb_first=True)
        link = Pn532Spi(bus, output(table["cs"], 1), irq, reset)
    elif table["transport"] == "i2c":
        link = Pn532I2c(board.i2c(table["i2c"]), irq, reset)
    else:
        link = Pn532Hsu(board.uart(table["uart"]), reset)
    return PN532(link, Log())


def keypad():
    table = board.table("keypad")
    columns = [Pin(gpio, Pin.IN) for gpio in table["columns"]]
    if not table.get("external_pull_ups"):
        for column in columns:
            column.init(Pin.IN, Pin.PULL_UP)
    return Keypad([Pin(gpio) for gpio in table["rows"]], columns, table["layout"])


def printer():
    table = board.table("printer")
    rate = board.baudrate("uart", table["uart"])
    return Printer(board.uart(table["uart"]), rate, table["width_dots"], table["cutter"])


def lamps():
    return Lamps([output(gpio) for gpio in board.table("lamps")["pins"]])


def buzzer():
    return Buzzer(pwm(board.table("buzzer")["pin"]))


def tamper():
    table = board.table("tamper")
    return TamperSwitch(Pin(table["pin"]), table["closed_level"])
