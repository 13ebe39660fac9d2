"""From the board's description to the chip's pins and buses.

The description is the dict BOARD of the generated module `board` (the board's TOML file, table by table).
Buses are made once and shared: two chips that name the same bus get the same object.
"""

from typing import TYPE_CHECKING

from machine import I2C, PWM, SPI, UART, Pin

from kassa.system.errors import KassaError

if TYPE_CHECKING:
    from typing import Any

_UART_RING = 1024


class BoardError(KassaError):
    """The board's description names something it does not describe; the message names the key."""


class Board:
    """Pins and buses by the names the description gives them."""

    def __init__(self, description: "dict[str, Any]") -> None:
        self.description = description
        self._buses = {}  # type: dict[str, Any]

    def table(self, name: str) -> "dict[str, Any]":
        """One table of the description; an empty one when the board lacks that part."""
        return self.description.get(name, {})

    def spi(self, name: str, lsb_first: bool = False) -> SPI:
        """The SPI bus `name`, mode 0.  `lsb_first` as the chip on it wants its bits."""
        key = "spi." + name
        if key not in self._buses:
            bus = self._bus("spi", name)
            self._buses[key] = SPI(
                bus["id"],
                baudrate=bus["baudrate"],
                polarity=0,
                phase=0,
                firstbit=SPI.LSB if lsb_first else SPI.MSB,
                sck=Pin(bus["sck"]),
                mosi=Pin(bus["mosi"]),
                miso=Pin(bus["miso"]) if "miso" in bus else None,
            )
        return self._buses[key]

    def i2c(self, name: str) -> I2C:
        """The I2C bus `name`."""
        key = "i2c." + name
        if key not in self._buses:
            bus = self._bus("i2c", name)
            self._buses[key] = I2C(
                bus["id"], scl=Pin(bus["scl"]), sda=Pin(bus["sda"]), freq=bus["freq"]
            )
        return self._buses[key]

    def uart(self, name: str) -> UART:
        """The serial port `name`, 8N1."""
        key = "uart." + name
        if key not in self._buses:
            bus = self._bus("uart", name)
            self._buses[key] = UART(
                bus["id"],
                baudrate=bus["baudrate"],
                tx=Pin(bus["tx"]),
                rx=Pin(bus["rx"]),
                txbuf=_UART_RING,
                rxbuf=_UART_RING,
            )
        return self._buses[key]

    def baudrate(self, kind: str, name: str) -> int:
        return self._bus(kind, name)["baudrate"]

    def _bus(self, kind: str, name: str) -> "dict[str, Any]":
        try:
            return self.description[kind][name]
        except KeyError:
            raise BoardError("board: " + kind + "." + name + " is not described")


def output(gpio: "int | None", value: int = 0) -> "Pin | None":
    """An output pin, or None where the board has not wired it."""
    return None if gpio is None else Pin(gpio, Pin.OUT, value=value)


def pwm(gpio: int) -> PWM:
    """A PWM channel that starts silent."""
    return PWM(Pin(gpio), freq=1000, duty_u16=0)
