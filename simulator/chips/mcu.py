"""The ESP32 as its firmware sees it: every operation that `machine`, `esp32` and `network` ask of
the chip.

`Mcu.operations` maps the name of an operation to what does it.  Arguments and results are ints,
bytes, str, bool, None and tuples of them, so that a call can also come over a socket.  Errors are
OSError(errno) and ValueError; a `DataSheetViolation` of a chip ends the run.

Interrupts go to `on_irq(source, level)`; a source is a GPIO number, `TIMER_IRQ` + timer or
`UART_IRQ` + UART (whose "level" are the IRQ flags).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from simulator.chips.buses import Line
from simulator.chips.mcu_buses import I2c, Spi
from simulator.chips.mcu_pins import CHIPS, Pins
from simulator.chips.mcu_storage import Partitions
from simulator.chips.mcu_timers import Timers
from simulator.chips.mcu_uart import Uarts
from simulator.chips.nor_flash import NorFlash
from simulator.chips.nvs import Nvs
from simulator.chips.rtc import Rtc
from simulator.chips.watchdog import Watchdog
from simulator.chips.wlan import Wlan
from simulator.clock import NS_PER_US, Clock

TIMER_IRQ = 0x100
UART_IRQ = 0x200

# machine.*_RESET
PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
SOFT_RESET = 5

_FREQUENCIES = (20_000_000, 40_000_000, 80_000_000, 160_000_000, 240_000_000)
# What is left of the internal RAM for MicroPython's heap, with Wi-Fi and one TLS connection.
_INTERNAL_HEAP = 111_936
_MIB = 1 << 20
_MOST_MAPPED = {"esp32": 4 * _MIB, "esp32s3": 32 * _MIB}
# ESP-IDF's own heap with Wi-Fi and one TLS connection: (bytes, free, largest free, least ever).
_IDF_HEAP = ((7_288, 0, 0, 0), (15_072, 15_036, 15_036, 15_036), (204_800, 61_440, 40_960, 32_768))
_UART_COUNT = 3
_TIMER_COUNT = 4
_SCAN_NS = 2_200_000_000
_ENODEV = 19


class Mcu:
    """One ESP32 on a board.  `board` is the content of a board file; the chips are attached by the
    wiring.

    on_irq(source, level): who runs the firmware hears of interrupts.
    on_end(cause): who runs the firmware must stop it, because the chip was reset.
    on_reset(cause): the bench hears the same afterwards, and may start the firmware again.
    on_draw(count): the bench may say which random bytes are drawn; None leaves it to `rng`.
    temperature_c, idf_heap: what its sensors and ESP-IDF tell; the bench may change them.
    heap_taken: bytes of MicroPython's heap in use, on CPython, where nothing measures it.
    """

    def __init__(
        self,
        clock: Clock,
        board: dict[str, Any],
        seed: int = 0,
        flash: NorFlash | None = None,
        nvs: Nvs | None = None,
        rtc: Rtc | None = None,
        watchdog: Watchdog | None = None,
        wlan: Wlan | None = None,
    ) -> None:
        psram = board.get("psram") or {}
        self.clock = clock
        self.board = board
        self.chip: str = board["chip"]
        self.rng = random.Random(seed)
        # Apart from the hardware's: not every runtime asks for it, and both shall draw alike.
        self.soft_rng = random.Random(seed + 1)
        self.title = f"{board.get('title', board.get('name', self.chip))} with {self.chip.upper()}"
        self.build_name = "ESP32_GENERIC_S3" if self.chip == "esp32s3" else "ESP32_GENERIC"
        size = min(psram.get("size_mib", 0) * _MIB, _MOST_MAPPED[self.chip])
        self.heap_bytes = size or _INTERNAL_HEAP
        self.heap_taken = self.heap_bytes // 4
        self.temperature_c = 35
        self.idf_heap = _IDF_HEAP
        self.pins = Pins(clock, CHIPS[self.chip], psram.get("mode", "quad") if size else None)
        self.spi = Spi(clock, self.pins)
        self.i2c = I2c(clock, self.pins)
        self.uarts = Uarts(clock, self.pins, _UART_COUNT)
        self.timers = Timers(clock, _TIMER_COUNT)
        self.partitions = Partitions(clock, flash, board.get("partitions", []))
        self.flash = flash
        self.nvs = nvs
        self.rtc = rtc or Rtc(clock)
        self.watchdog = watchdog or Watchdog(clock)
        self.wlan = wlan or Wlan(clock, seed)
        self.on_irq: Callable[[int, int], None] | None = None
        self.on_end: Callable[[int], None] | None = None
        self.on_reset: Callable[[int], None] | None = None
        self.on_draw: Callable[[int], bytes | None] | None = None
        self.unique_id = bytes((0x7C, 0xDF, 0xA1)) + self.rng.randbytes(3)
        self._frequency = 160_000_000
        self._next_cause = PWRON_RESET
        self._cause = PWRON_RESET
        self.pins.on_edge = self._interrupt
        self.timers.on_alarm = lambda id: self._interrupt(TIMER_IRQ + id, 1)
        self.uarts.on_interrupt = lambda id, flags: self._interrupt(UART_IRQ + id, flags)
        self.watchdog.on_bite = lambda: self.reset(WDT_RESET)
        self.operations: dict[str, Callable[..., Any]] = self._operations()

    def line(self, gpio: int) -> Line:
        """The wire at a pin."""
        return self.pins.line(gpio)

    # -- power and reset

    def power_on(self) -> None:
        """The firmware starts: after a reset, or because the power has come."""
        end, self.on_end = self.on_end, None
        if end is not None:
            end(PWRON_RESET)  # two firmwares cannot run on one chip
        self._cause, self._next_cause = self._next_cause, PWRON_RESET
        self._silence()
        if self.flash is not None:
            self.flash.power_on()
        if self._cause == SOFT_RESET:
            return
        self.pins.release()
        self.watchdog.power_on()
        self.wlan.power_on()
        if self.nvs is not None:
            self.nvs.power_on()
        self._frequency = 160_000_000
        if self.nvs is not None:
            self.nvs.power_on()

    def power_off(self) -> None:
        """The power goes: the firmware stops, every pin lets go of its wire, the clock is lost."""
        end, self.on_end = self.on_end, None
        self.on_irq = None
        self._next_cause = PWRON_RESET
        self._silence()
        self.pins.release()
        self.watchdog.power_on()
        self.wlan.power_on()
        self.rtc.power_on()
        if end is not None:
            end(PWRON_RESET)

    def reset(self, cause: int) -> None:
        """The chip restarts: whoever runs the firmware stops it, then the bench hears of it."""
        self._next_cause = cause
        self._silence()
        if cause != SOFT_RESET:
            self.pins.release()
            self.watchdog.power_on()
        end, self.on_end = self.on_end, None
        self.on_irq = None
        if end is not None:
            end(cause)
        if self.on_reset is not None:
            self.on_reset(cause)

    def _silence(self) -> None:
        self.spi.release()
        self.i2c.release()
        self.uarts.release()
        self.timers.release()
        self.pins.disable_interrupts()

    def _interrupt(self, source: int, level: int) -> None:
        if self.on_irq is not None:
            self.on_irq(source, level)

    # -- operations

    def _operations(self) -> dict[str, Callable[..., Any]]:
        pins, spi, i2c, uarts, timers = self.pins, self.spi, self.i2c, self.uarts, self.timers
        flash, rtc, wlan = self.partitions, self.rtc, self.wlan
        return {
            "pin_check": pins.check,
            "pin_init": pins.init,
            "pin_read": pins.read,
            "pin_write": pins.write,
            "pin_latch": pins.latch,
            "pin_irq": pins.irq,
            "pwm": pins.pwm,
            "pwm_off": pins.pwm_off,
            "adc_check": pins.adc_check,
            "adc_read": pins.adc_read,
            "spi_init": spi.init,
            "spi_deinit": spi.deinit,
            "spi_transfer": spi.transfer,
            "spi_write": spi.write,
            "i2c_init": i2c.init,
            "i2c_deinit": i2c.deinit,
            "i2c_write": i2c.write,
            "i2c_read": i2c.read,
            "i2c_scan": i2c.scan,
            "uart_init": uarts.init,
            "uart_deinit": uarts.deinit,
            "uart_write": uarts.write,
            "uart_room_after_us": uarts.room_after_us,
            "uart_pending": uarts.pending,
            "uart_any": uarts.available,
            "uart_read": uarts.read,
            "uart_line_length": uarts.line_length,
            "uart_irq": uarts.irq,
            "timer_check": timers.check,
            "timer_start": timers.start,
            "timer_stop": timers.stop,
            "timer_value": timers.value,
            "wdt_start": self.watchdog.start,
            "wdt_feed": self.watchdog.feed,
            "rtc_get": rtc.get_ns,
            "rtc_set": rtc.set,
            "rtc_memory": lambda: rtc.memory,
            "rtc_set_memory": self._set_rtc_memory,
            "random": self._random,
            "unique_id": lambda: self.unique_id,
            "freq": lambda: self._frequency,
            "set_freq": self._set_frequency,
            "reset": lambda: self.reset(HARD_RESET),
            "soft_reset": lambda: self.reset(SOFT_RESET),
            "reset_cause": lambda: self._cause,
            "about": lambda: (self.title, self.build_name),
            "heap_bytes": lambda: self.heap_bytes,
            "heap_taken": lambda: self.heap_taken,
            "chip": lambda: self.chip,
            "temperature": lambda: self.temperature_c,
            "idf_heap": lambda capabilities: self.idf_heap,
            "flash_size": lambda: self.flash.size if self.flash is not None else 0,
            "partition_find": flash.find,
            "partition_get": flash.get,
            "partition_read": flash.read,
            "partition_program": flash.program,
            "partition_erase": flash.erase,
            "nvs_get_i32": self._nvs("get_i32"),
            "nvs_set_i32": self._nvs("set_i32"),
            "nvs_get_blob": self._nvs("get_blob"),
            "nvs_set_blob": self._nvs("set_blob"),
            "nvs_erase_key": self._nvs("erase_key"),
            "nvs_commit": self._nvs("commit"),
            "wlan_active": self._wlan_active,
            "wlan_connect": self._wlan_connect,
            "wlan_disconnect": wlan.disconnect,
            "wlan_isconnected": wlan.isconnected,
            "wlan_status": wlan.status,
            "wlan_rssi": wlan.rssi,
            "wlan_scan": self._wlan_scan,
            "wlan_ifconfig": wlan.ifconfig,
            "wlan_reconnects": self._wlan_reconnects,
        }

    def _nvs(self, operation: str) -> Callable[..., Any]:
        if self.nvs is None:
            return _no_storage
        return getattr(self.nvs, operation)

    def _set_rtc_memory(self, content: bytes) -> None:
        self.rtc.memory = content

    def _random(self, count: int) -> bytes:
        self.clock.spend(count * 2 * NS_PER_US)
        given = self.on_draw(count) if self.on_draw is not None else None
        return self.rng.randbytes(count) if given is None else given

    def _set_frequency(self, hz: int) -> None:
        if hz not in _FREQUENCIES:
            raise ValueError("frequency must be 20MHz, 40MHz, 80Mhz, 160MHz or 240MHz")
        self._frequency = hz

    def _wlan_active(self, on: bool | None = None) -> bool:
        return self.wlan.active(on)

    def _wlan_connect(self, ssid: str, key: str) -> None:
        try:
            self.wlan.connect(ssid, key)
        except RuntimeError as error:
            raise OSError(str(error)) from None

    def _wlan_scan(self) -> tuple[Any, ...]:
        if not self.wlan.active():
            raise OSError("STA must be active")
        self.clock.spend(_SCAN_NS)
        return tuple(self.wlan.scan())

    def _wlan_reconnects(self, count: int | None = None) -> int:
        if count is not None:
            self.wlan.reconnects = count
        return self.wlan.reconnects


def _no_storage(*arguments: Any) -> None:
    raise OSError(_ENODEV)
