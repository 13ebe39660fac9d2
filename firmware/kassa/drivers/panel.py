"""Which panel a board has, and how it is wired."""

from typing import TYPE_CHECKING

from kassa.drivers.ili9341 import ILI9341
from kassa.drivers.st7789 import ST7789
from kassa.system.board import optional_output, output, pwm

if TYPE_CHECKING:
    from kassa.system.board import Board


def make_panel(board: "Board") -> "ILI9341 | ST7789":
    """The panel's driver, as the board names it."""
    table = board.table("panel")
    driver = {"st7789": ST7789, "ili9341": ILI9341}[table["driver"]]
    return driver(
        board.spi(table["spi"]),
        optional_output(table.get("cs"), 1),
        output(table["dc"]),
        optional_output(table.get("reset"), 1),
        pwm(table["backlight"]) if "backlight" in table else None,
        table["width"],
        table["height"],
        table["rotation"],
        board.baudrate("spi", table["spi"]) if table.get("sdo") else 0,
    )
