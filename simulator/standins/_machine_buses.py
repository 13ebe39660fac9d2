"""SPI and I2C of `machine`."""

# MicroPython, like the firmware:
# ruff: noqa: B905, UP

from _machine_pins import pin_number
from _mcu import call as _call


class SPI:
    MSB = 0
    LSB = 1

    def __init__(
        self,
        id,
        baudrate=500000,
        *,
        polarity=0,
        phase=0,
        bits=8,
        firstbit=0,
        sck=None,
        mosi=None,
        miso=None,
    ):
        if sck is None or mosi is None:
            # The chip has default pins, which flash or PSRAM use on common modules: always say
            # which.
            raise ValueError("SPI needs its pins")
        self._id = id
        self._sck = pin_number(sck)
        self._mosi = pin_number(mosi)
        self._miso = pin_number(miso)
        self._settings = (baudrate, polarity, phase, bits, firstbit)
        self._start()

    def _start(self):
        _call("spi_init", self._id, *self._settings, self._sck, self._mosi, self._miso)

    def init(
        self,
        baudrate=None,
        *,
        polarity=None,
        phase=None,
        bits=None,
        firstbit=None,
        sck=None,
        mosi=None,
        miso=None,
    ):
        new = (baudrate, polarity, phase, bits, firstbit)
        self._settings = tuple(
            old if value is None else value for old, value in zip(self._settings, new)
        )
        if sck is not None:
            self._sck = pin_number(sck)
        if mosi is not None:
            self._mosi = pin_number(mosi)
        if miso is not None:
            self._miso = pin_number(miso)
        self._start()

    def deinit(self):
        _call("spi_deinit", self._id)

    def read(self, nbytes, write=0x00):
        return _call("spi_transfer", self._id, bytes([write]) * nbytes)

    def readinto(self, buf, write=0x00):
        buf[:] = _call("spi_transfer", self._id, bytes([write]) * len(buf))

    def write(self, buf):
        _call("spi_write", self._id, bytes(buf))

    def write_readinto(self, write_buf, read_buf):
        if len(write_buf) != len(read_buf):
            raise ValueError("buffers must be the same length")
        read_buf[:] = _call("spi_transfer", self._id, bytes(write_buf))


class I2C:
    def __init__(self, id=0, *, scl=None, sda=None, freq=400000, timeout=50000):
        if scl is None or sda is None:
            raise ValueError("I2C needs its pins")
        self._id = id
        self._scl = pin_number(scl)
        self._sda = pin_number(sda)
        _call("i2c_init", id, self._scl, self._sda, freq)

    def init(self, *, scl=None, sda=None, freq=400000):
        if scl is not None:
            self._scl = pin_number(scl)
        if sda is not None:
            self._sda = pin_number(sda)
        _call("i2c_init", self._id, self._scl, self._sda, freq)

    def deinit(self):
        _call("i2c_deinit", self._id)

    def scan(self):
        return list(_call("i2c_scan", self._id))

    def readfrom(self, addr, nbytes, stop=True):
        return _call("i2c_read", self._id, addr, nbytes)

    def readfrom_into(self, addr, buf, stop=True):
        buf[:] = _call("i2c_read", self._id, addr, len(buf))

    def writeto(self, addr, buf, stop=True):
        return _call("i2c_write", self._id, addr, bytes(buf))

    def writevto(self, addr, vector, stop=True):
        return _call("i2c_write", self._id, addr, b"".join([bytes(part) for part in vector]))

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        _call("i2c_write", self._id, addr, memaddr.to_bytes(addrsize // 8, "big"))
        return _call("i2c_read", self._id, addr, nbytes)

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        buf[:] = self.readfrom_mem(addr, memaddr, len(buf), addrsize=addrsize)

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        _call("i2c_write", self._id, addr, memaddr.to_bytes(addrsize // 8, "big") + bytes(buf))
