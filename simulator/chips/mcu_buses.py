"""The ESP32's SPI and I2C controllers, and the wires from their pins to the chips."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.chips.buses import DataSheetViolation, I2cDevice, Line, SpiDevice
from simulator.chips.mcu_pins import Pins
from simulator.clock import NS_PER_S, NS_PER_US, Clock

# ports/esp32/machine_hw_spi.c: 80 MHz APB divided; a call costs some 15 us, each further DMA part
# 5 us.
_APB_HZ = 80_000_000
_DMA_PART = 4092
_SPI_CALL_NS = 15 * NS_PER_US
_SPI_PART_NS = 5 * NS_PER_US
_I2C_CALL_NS = 30 * NS_PER_US

_ENODEV = 19
_EIO = 5
_ETIMEDOUT = 116

_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass
class _SpiChip:
    sck: int
    mosi: int | None
    miso: int | None
    device: SpiDevice
    selected: bool = False


@dataclass
class _SpiController:
    baudrate: int
    mode: tuple[int, int]
    lsb_first: bool
    sck: int
    mosi: int | None
    miso: int | None

    @property
    def real_baudrate(self) -> int:
        """The APB clock divided by a whole number, not faster than asked."""
        return _APB_HZ // -(-_APB_HZ // self.baudrate)


class Spi:
    """Both controllers.  Which chip hears a transfer is decided by its chip-select wire and by the
    pins.
    """

    def __init__(self, clock: Clock, pins: Pins) -> None:
        self._clock = clock
        self._pins = pins
        self._controllers: dict[int, _SpiController] = {}
        self._chips: list[_SpiChip] = []

    def attach(
        self, device: SpiDevice, sck: int, mosi: int | None, miso: int | None, cs: int | None
    ) -> None:
        """Wire a chip to these pins; without `cs` it is always selected."""
        chip = _SpiChip(sck, mosi, miso, device)
        self._chips.append(chip)
        if cs is None:
            chip.selected = True
            device.select()
            return
        line: Line = self._pins.line(cs)
        line.pull(
            self, 1
        )  # modules have a pull-up, so that a chip is left alone while the ESP32 starts

        def changed(level: int) -> None:
            chip.selected = not level
            if level:
                device.deselect()
            else:
                device.select()

        line.listen(changed)

    def release(self) -> None:
        self._controllers.clear()

    # -- the firmware's side

    def init(
        self,
        id: int,
        baudrate: int,
        polarity: int,
        phase: int,
        bits: int,
        firstbit: int,
        sck: int,
        mosi: int | None,
        miso: int | None,
    ) -> None:
        """Configure a controller.  ValueError for what the chip refuses."""
        if id not in (1, 2):
            raise ValueError(f"SPI({id}) doesn't exist")
        if not 0 < baudrate <= _APB_HZ:
            raise ValueError("baudrate out of range")
        if bits != 8:
            raise ValueError("bits must be 8")
        if firstbit not in (0, 1):
            raise ValueError("firstbit must be MSB or LSB")
        self._pins.check(sck, output=True)
        if mosi is not None:
            self._pins.check(mosi, output=True)
        if miso is not None:
            self._pins.check(miso)
        for other, controller in self._controllers.items():
            if other != id and sck == controller.sck:
                raise ValueError(f"GPIO{sck} is already the clock of SPI({other})")
        self._controllers[id] = _SpiController(
            baudrate, (polarity, phase), firstbit == 1, sck, mosi, miso
        )

    def deinit(self, id: int) -> None:
        self._controllers.pop(id, None)

    def transfer(self, id: int, data: bytes) -> bytes:
        """Clock `data` out and as many bytes in."""
        controller = self._controllers.get(id)
        if controller is None:
            raise OSError(_EIO)
        parts = max(1, -(-len(data) // _DMA_PART))
        bits_ns = len(data) * 8 * NS_PER_S // controller.real_baudrate
        self._clock.spend(_SPI_CALL_NS + (parts - 1) * _SPI_PART_NS + bits_ns)
        heard = [chip for chip in self._chips if chip.selected and chip.sck == controller.sck]
        if len(heard) > 1:
            names = " and ".join(type(chip.device).__name__ for chip in heard)
            raise DataSheetViolation(f"{names} are selected at once on one SPI bus")
        if not heard or not data:
            return bytes(len(data))
        chip = heard[0]
        self._check(controller, chip.device)
        sent = data if chip.mosi == controller.mosi else bytes(len(data))
        if controller.lsb_first:
            sent = sent.translate(_REVERSED)
        received = chip.device.transfer(bytes(sent))
        if len(received) != len(data):
            raise DataSheetViolation(
                f"{type(chip.device).__name__}: {len(received)} bytes came back for {len(data)}"
            )
        if chip.miso is None or chip.miso != controller.miso:
            return bytes(len(data))
        return received.translate(_REVERSED) if controller.lsb_first else received

    def write(self, id: int, data: bytes) -> None:
        """`transfer` whose answer nobody wants."""
        self.transfer(id, data)

    @staticmethod
    def _check(controller: _SpiController, device: SpiDevice) -> None:
        name = type(device).__name__
        if controller.mode not in device.spi_modes:
            raise DataSheetViolation(f"{name}: clocked in SPI mode {controller.mode}")
        if controller.real_baudrate > device.max_baudrate:
            raise DataSheetViolation(
                f"{name}: clocked at {controller.real_baudrate} Hz, above {device.max_baudrate}"
            )


@dataclass
class _I2cController:
    scl: int
    sda: int
    freq: int


@dataclass
class _I2cWires:
    scl: int
    sda: int
    devices: dict[int, I2cDevice] = field(default_factory=dict)


class I2c:
    """Both I2C controllers.  A chip that is not there does not acknowledge: OSError(ENODEV)."""

    def __init__(self, clock: Clock, pins: Pins) -> None:
        self._clock = clock
        self._pins = pins
        self._controllers: dict[int, _I2cController] = {}
        self._wires: list[_I2cWires] = []

    def attach(self, device: I2cDevice, scl: int, sda: int, address: int) -> None:
        """Wire a chip to these pins under a 7-bit address."""
        for wires in self._wires:
            if (wires.scl, wires.sda) == (scl, sda):
                break
        else:
            wires = _I2cWires(scl, sda)
            self._wires.append(wires)
        if address in wires.devices:
            raise ValueError(f"two chips with the I2C address 0x{address:02X}")
        wires.devices[address] = device

    def release(self) -> None:
        self._controllers.clear()

    def init(self, id: int, scl: int, sda: int, freq: int) -> None:
        if id not in (0, 1):
            raise ValueError(f"I2C({id}) doesn't exist")
        if not 0 < freq <= 1_000_000:
            raise ValueError("freq out of range")
        self._pins.check(scl, output=True)
        self._pins.check(sda, output=True)
        if scl == sda:
            raise ValueError("invalid pin")
        self._controllers[id] = _I2cController(scl, sda, freq)

    def deinit(self, id: int) -> None:
        self._controllers.pop(id, None)

    def _device(self, id: int, address: int, count: int) -> I2cDevice | None:
        """Spend the time of a transfer of `count` bytes and find who answers."""
        controller = self._controllers.get(id)
        if controller is None:
            raise OSError(_EIO)
        for wires in self._wires:
            if (wires.scl, wires.sda) == (controller.scl, controller.sda):
                device = wires.devices.get(address)
                bytes_on_wire = 1 + (count if device is not None else 0)
                break
        else:
            device, bytes_on_wire = None, 1
        bits = 9 * bytes_on_wire + 2
        self._clock.spend(_I2C_CALL_NS + bits * NS_PER_S // controller.freq)
        return device

    def write(self, id: int, address: int, data: bytes) -> int:
        """Bytes acknowledged.  OSError(ENODEV) when the address is not."""
        device = self._device(id, address, len(data))
        acknowledged = None if device is None else device.i2c_write(data)
        if acknowledged is None:
            raise OSError(_ENODEV)
        return acknowledged

    def read(self, id: int, address: int, count: int) -> bytes:
        """`count` bytes.  OSError(ENODEV) when the address is not acknowledged."""
        device = self._device(id, address, count)
        data = None if device is None else device.i2c_read(count)
        if data is None:
            raise OSError(_ENODEV)
        if len(data) != count:
            raise DataSheetViolation(
                f"{type(device).__name__}: {len(data)} bytes came back for {count}"
            )
        return data

    def scan(self, id: int) -> tuple[int, ...]:
        """Addresses from 0x08 to 0x77 that acknowledge an empty write."""
        found = []
        for address in range(0x08, 0x78):
            device = self._device(id, address, 0)
            if device is not None and device.i2c_write(b"") is not None:
                found.append(address)
        return tuple(found)
