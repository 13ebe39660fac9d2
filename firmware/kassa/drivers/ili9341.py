"""The Ilitek ILI9341 on a 240 x 320 TN glass; SPI mode 0, up to 10 MHz (write cycle 100 ns,
19.3.4).

The glass is scanned from right to left and has its colour filters in the order blue, green, red,
hence MX and BGR at rotation 0.
"""

from kassa.drivers.panel_bus import PanelDriver

# MADCTL: 80 MY, 40 MX, 20 MV, 08 BGR.
_MADCTL = b"\x48\x28\x88\xe8"

# Supply and flicker for the usual 2.8 inch glass (data sheet 8.3); the rest keeps its reset value.
_SETTINGS = (
    (0xC0, b"\x23"),  # power control 1: GVDD 4.60 V
    (0xC1, b"\x10"),  # power control 2: AVDD = 2 VCI
    (0xC5, b"\x3e\x28"),  # VCOM control 1: VCOMH 4.25 V, VCOML -1.5 V
    (0xC7, b"\x86"),  # VCOM control 2: offset -58
    (0xB1, b"\x00\x18"),  # frame rate 79 Hz
    (0x26, b"\x01"),  # gamma curve 2.2
)


class ILI9341(PanelDriver):
    """See PanelDriver."""

    MADCTL = _MADCTL
    SETTINGS = _SETTINGS
