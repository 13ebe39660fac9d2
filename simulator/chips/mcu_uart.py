"""The ESP32's UARTs: rings on both sides, and bytes that take the wire's time.

`write` takes what fits into the transmit ring; the device module blocks until the rest fits too,
as ESP-IDF's `uart_write_bytes` does.  Received bytes that find the ring full are lost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from simulator.chips.buses import UartDevice
from simulator.chips.mcu_pins import Pins
from simulator.clock import NS_PER_S, NS_PER_US, Clock, Timer

IRQ_RX = 1
IRQ_BREAK = 2
IRQ_RXIDLE = 4096

# Bytes handed to the device at once; a receipt's raster would otherwise be an event a byte.
_DELIVERY = 32
_IDLE_CHARACTERS = 10
_CALL_NS = 5 * NS_PER_US
_EIO = 5


class Wire:
    """The far end of a serial line as its device sees it."""

    def __init__(self, uarts: Uarts, tx: int, rx: int | None) -> None:
        self._uarts = uarts
        self._tx = tx
        self._rx = rx

    @property
    def baudrate(self) -> int:
        """What the ESP32's side is set to now; 0 while it is off."""
        port = self._uarts.port_at(tx=self._tx) or self._uarts.port_at(rx=self._rx)
        return port.baudrate if port is not None else 0

    def send(self, data: bytes) -> None:
        """Bytes to the ESP32, one after the other behind those already on the wire."""
        port = self._uarts.port_at(rx=self._rx)
        if port is not None:
            port.arrive(bytes(data))


@dataclass
class _Settings:
    baudrate: int
    bits: int
    parity: int | None
    stop: int
    tx: int | None
    rx: int | None
    txbuf: int
    rxbuf: int

    @property
    def character_ns(self) -> int:
        bits = 1 + self.bits + (self.parity is not None) + self.stop
        return bits * NS_PER_S // self.baudrate


class Port:
    """One UART while it is switched on."""

    def __init__(
        self,
        clock: Clock,
        settings: _Settings,
        device: UartDevice | None,
        interrupt: Callable[[int], None],
    ) -> None:
        self.trigger = 0
        self.overruns = 0
        self._clock = clock
        self._settings = settings
        self._device = device
        self._interrupt = interrupt
        self._outgoing = bytearray()  # from the first byte whose delivery is not done
        self._delivery: Timer | None = None
        self._delivery_start_ns = 0
        self._coming: deque[tuple[int, int]] = deque()  # (when it has arrived, byte)
        self._wire_free_ns = 0
        self._ring = bytearray()
        self._wake: Timer | None = None

    @property
    def baudrate(self) -> int:
        return self._settings.baudrate

    # -- to the device

    def _sent(self) -> int:
        """How many of the outgoing bytes have left since the delivery began."""
        if self._delivery is None:
            return 0
        passed = self._clock.now_ns - self._delivery_start_ns
        return min(len(self._outgoing), passed // self._settings.character_ns)

    def pending(self) -> int:
        """Bytes in the transmit ring or on the wire."""
        return len(self._outgoing) - self._sent()

    def write(self, data: bytes) -> int:
        """Take as many bytes as fit."""
        room = self._settings.txbuf - self.pending()
        taken = data[: max(0, room)]
        self._outgoing += taken
        if taken and self._delivery is None:
            self._start_delivery()
        return len(taken)

    def room_after_us(self, count: int) -> int:
        """Microseconds until `count` bytes (at most the whole ring) fit."""
        room = self._settings.txbuf - self.pending()
        missing = min(count, self._settings.txbuf) - room
        return max(0, -(-missing * self._settings.character_ns // NS_PER_US))

    def _start_delivery(self) -> None:
        count = min(_DELIVERY, len(self._outgoing))
        self._delivery_start_ns = self._clock.now_ns
        self._delivery = self._clock.call_later(
            count * self._settings.character_ns, lambda: self._deliver(count)
        )

    def _deliver(self, count: int) -> None:
        data = bytes(self._outgoing[:count])
        del self._outgoing[:count]
        self._delivery = None
        if self._outgoing:
            self._start_delivery()
        if self._device is not None:
            self._device.uart_receive(data)

    # -- from the device

    def arrive(self, data: bytes) -> None:
        """The device sends; the bytes arrive one by one."""
        now = self._clock.now_ns
        self._collect()
        at_ns = max(now, self._wire_free_ns)
        for byte in data:
            at_ns += self._settings.character_ns
            self._coming.append((at_ns, byte))
        self._wire_free_ns = at_ns
        self._watch()

    def _watch(self) -> None:
        """Be called when the next byte is there: somebody may wait for it."""
        if self._wake is None and self._coming:
            self._wake = self._clock.call_at(self._coming[0][0], self._arrived)

    def _arrived(self) -> None:
        self._wake = None
        self._collect()
        if self.trigger & IRQ_RX:
            self._interrupt(IRQ_RX)
        if self._coming:
            self._watch()
        elif self.trigger & IRQ_RXIDLE:
            last_ns = self._wire_free_ns
            self._clock.call_later(
                _IDLE_CHARACTERS * self._settings.character_ns,
                lambda: self._idle(last_ns),
            )

    def _idle(self, last_ns: int) -> None:
        if last_ns == self._wire_free_ns and self.trigger & IRQ_RXIDLE:
            self._interrupt(IRQ_RXIDLE)

    def _collect(self) -> None:
        """Move what has arrived into the ring; what finds it full is lost."""
        now = self._clock.now_ns
        while self._coming and self._coming[0][0] <= now:
            byte = self._coming.popleft()[1]
            if len(self._ring) < self._settings.rxbuf:
                self._ring.append(byte)
            else:
                self.overruns += 1

    def available(self) -> int:
        self._collect()
        return len(self._ring)

    def read(self, count: int) -> bytes:
        """At most `count` bytes of those that have arrived."""
        self._collect()
        taken = bytes(self._ring[:count])
        del self._ring[:count]
        return taken

    def peek_line(self) -> int:
        """Length of the first line in the ring with its newline, or 0."""
        self._collect()
        return self._ring.find(b"\n") + 1

    def close(self) -> None:
        for timer in (self._delivery, self._wake):
            if timer is not None:
                timer.cancel()
        self._coming.clear()
        self.trigger = 0


class Uarts:
    """The UARTs and the devices wired to pins."""

    def __init__(self, clock: Clock, pins: Pins, count: int) -> None:
        self.on_interrupt: Callable[[int, int], None] | None = None
        self._clock = clock
        self._pins = pins
        self._count = count
        self._ports: dict[int, Port] = {}
        self._settings: dict[int, _Settings] = {}
        self._devices: list[tuple[int, int | None, UartDevice]] = []

    def attach(self, device: UartDevice, tx: int, rx: int | None) -> None:
        """Wire a device: `tx` and `rx` are the ESP32's pins."""
        device.uart = Wire(self, tx, rx)
        self._devices.append((tx, rx, device))

    def port_at(self, tx: int | None = None, rx: int | None = None) -> Port | None:
        """The UART that is switched on at a pin."""
        for id, settings in self._settings.items():
            if (tx is not None and settings.tx == tx) or (rx is not None and settings.rx == rx):
                return self._ports[id]
        return None

    def release(self) -> None:
        for id in list(self._ports):
            self.deinit(id)

    # -- the firmware's side

    def init(
        self,
        id: int,
        baudrate: int,
        bits: int,
        parity: int | None,
        stop: int,
        tx: int | None,
        rx: int | None,
        txbuf: int,
        rxbuf: int,
    ) -> None:
        """Switch a UART on, or on again with other settings (which empties its rings)."""
        if not 0 <= id < self._count:
            raise ValueError(f"UART({id}) does not exist")
        if not 0 < baudrate <= 5_000_000:
            raise ValueError("invalid baudrate")
        if bits not in (5, 6, 7, 8):
            raise ValueError("invalid data bits")
        if stop not in (1, 2):
            raise ValueError("invalid stop bits")
        if tx is not None:
            self._pins.check(tx, output=True)
        if rx is not None:
            self._pins.check(rx)
        self.deinit(id)
        settings = _Settings(baudrate, bits, parity, stop, tx, rx, max(txbuf, 1), max(rxbuf, 129))
        device = next((d for device_tx, _, d in self._devices if device_tx == tx), None)
        self._settings[id] = settings
        self._ports[id] = Port(self._clock, settings, device, lambda flags: self._fire(id, flags))

    def _fire(self, id: int, flags: int) -> None:
        if self.on_interrupt is not None:
            self.on_interrupt(id, flags)

    def deinit(self, id: int) -> None:
        port = self._ports.pop(id, None)
        self._settings.pop(id, None)
        if port is not None:
            port.close()

    def _port(self, id: int) -> Port:
        port = self._ports.get(id)
        if port is None:
            raise OSError(_EIO)
        return port

    def write(self, id: int, data: bytes) -> int:
        self._clock.spend(_CALL_NS)
        return self._port(id).write(data)

    def room_after_us(self, id: int, count: int) -> int:
        return self._port(id).room_after_us(count)

    def pending(self, id: int) -> int:
        self._clock.spend(_CALL_NS)
        return self._port(id).pending()

    def available(self, id: int) -> int:
        return self._port(id).available()

    def read(self, id: int, count: int) -> bytes:
        self._clock.spend(_CALL_NS)
        return self._port(id).read(count)

    def line_length(self, id: int) -> int:
        return self._port(id).peek_line()

    def irq(self, id: int, trigger: int) -> None:
        self._port(id).trigger = trigger
