"""The Sitronix ST7789 (V2, VW) on a 240 x 320 IPS glass; SPI mode 0, up to 62.5 MHz (write cycle
16 ns).

The values after a reset suit the common glasses, so only what differs from them is set.  An IPS
glass shows the complement of the frame memory: inversion puts that right.
"""

from kassa.drivers.panel_bus import PanelDriver

# MADCTL: 80 MY, 40 MX, 20 MV; colour filters in the order red, green, blue.
_MADCTL = b"\x00\x60\xc0\xa0"


class ST7789(PanelDriver):
    """See PanelDriver."""

    MADCTL = _MADCTL
    INVERTED = True
