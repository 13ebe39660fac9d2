"""The Sitronix ST7789 (V2, VW) on a 240 x 320 IPS glass; SPI mode 0, up to 62.5 MHz (write cycle
16 ns).

The values after a reset suit the common glasses, so only what differs from them is set.  An IPS
glass shows the complement of the frame memory: inversion puts that right.
"""

from typing import TYPE_CHECKING

from kassa.drivers.panel_bus import PanelDriver

if TYPE_CHECKING:
    from machine import PWM, SPI, Pin

# MADCTL: 80 MY, 40 MX, 20 MV; colour filters in the order red, green, blue.
_MADCTL = b"\x00\x60\xc0\xa0"


class ST7789(PanelDriver):
    """See PanelDriver."""

    def __init__(
        self,
        spi: "SPI",
        cs: "Pin | None",
        dc: "Pin",
        reset: "Pin | None" = None,
        backlight: "PWM | None" = None,
        width: int = 240,
        height: int = 320,
        rotation: int = 0,
        sdo_baudrate: int = 0,
    ) -> None:
        super().__init__(
            spi,
            cs,
            dc,
            reset,
            backlight,
            width,
            height,
            rotation,
            sdo_baudrate,
            _MADCTL,
            inverted=True,
        )
