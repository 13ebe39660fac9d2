"""What the supported chips are able to do, and which of their pins are spoken for.

Sources: the data sheets of ESP32, ESP32-WROVER-E and ESP32-S3, chapters on pins and on boot
configurations; bus numbers as MicroPython's `machine` gives them out.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Chip:
    """One chip: pins by GPIO number, buses by MicroPython's id, limits in hertz or baud."""

    title: str
    pins: frozenset[int]
    flash: frozenset[int]
    psram: dict[str, frozenset[int]]  # by the PSRAM's mode
    straps: dict[int, str]
    console: dict[int, str]
    input_only: frozenset[int] = frozenset()
    adc1: frozenset[int] = frozenset()
    adc2: frozenset[int] = frozenset()
    bus_ids: dict[str, tuple[int, ...]] = field(default_factory=dict)
    bus_limits: dict[str, int] = field(default_factory=dict)


CHIPS = {
    "esp32": Chip(
        title="ESP32",
        pins=frozenset((*range(20), 21, 22, 23, 25, 26, 27, *range(32, 40))),
        flash=frozenset(range(6, 12)),
        psram={"quad": frozenset((16, 17))},
        straps={
            0: "high starts from flash, low enters download mode",
            2: "must not be high in download mode",
            5: "SDIO timing",
            12: "high selects 1.8 V for the flash, and 3.3 V flash then fails",
            15: "low silences the ROM's messages",
        },
        console={1: "TX of the console UART", 3: "RX of the console UART"},
        input_only=frozenset(range(34, 40)),
        adc1=frozenset(range(32, 40)),
        adc2=frozenset((0, 2, 4, 12, 13, 14, 15, 25, 26, 27)),
        bus_ids={"spi": (1, 2), "i2c": (0, 1), "uart": (1, 2)},
        bus_limits={"spi": 80_000_000, "i2c": 400_000, "uart": 5_000_000},
    ),
    "esp32s3": Chip(
        title="ESP32-S3",
        pins=frozenset((*range(22), *range(26, 49))),
        flash=frozenset(range(26, 33)),
        psram={"quad": frozenset((26,)), "octal": frozenset(range(33, 38))},
        straps={
            0: "high starts from flash, low enters download mode",
            3: "selects the JTAG port where an eFuse says so",
            45: "high selects 1.8 V for the flash",
            46: "must not be high in download mode",
        },
        console={
            19: "D- of native USB",
            20: "D+ of native USB",
            43: "TX of the console UART",
            44: "RX of the console UART",
        },
        adc1=frozenset(range(1, 11)),
        adc2=frozenset(range(11, 21)),
        bus_ids={"spi": (1, 2), "i2c": (0, 1), "uart": (1, 2)},
        bus_limits={"spi": 80_000_000, "i2c": 800_000, "uart": 5_000_000},
    ),
}

# The fastest clock of a part's own data sheet, by driver and bus.  ST7789VW, 4-line serial timing:
# write cycle 16 ns; ILI9341, same table: 100 ns; PN532 data sheet, host interfaces.
PART_LIMITS = {
    ("st7789", "spi"): 62_500_000,
    ("ili9341", "spi"): 10_000_000,
    ("pn532", "spi"): 5_000_000,
    ("pn532", "i2c"): 400_000,
    ("pn532", "uart"): 1_288_000,
}
# The PN532 wakes up at 115 200 baud (user manual UM0701-02); printers are set by switch.
PART_RATES = {
    ("pn532", "uart"): (115_200,),
    ("escpos", "uart"): (9_600, 19_200, 38_400, 57_600, 115_200),
}


def chip_of(machine: str) -> str:
    """The chip, as board files call it, of what `os.uname().machine` says: "Generic ESP32S3 module
    with ESP32S3".  "" for nothing.
    """
    return machine.rsplit(" with ", 1)[-1].strip().lower()
