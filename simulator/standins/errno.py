"""`errno`: the numbers of lwIP and newlib on the ESP32, which are not Linux's."""

from simulator.standins.errors import NAMES, NUMBERS

globals().update(NUMBERS)
errorcode = dict(NAMES)

__all__ = ["errorcode", *NUMBERS]
