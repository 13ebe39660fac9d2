"""UART of `machine`."""

# MicroPython, like the firmware:

import io
from time import sleep_us

from _machine_pins import pin_number
from _mcu import call as _call
from _mcu import on_irq as _on_irq

_UART_IRQ = 0x200
_POLL = 3
_POLL_READ = 1
_POLL_WRITE = 4
_STEP_US = 100


class _UartIrq:
    def __init__(self, uart):
        self._uart = uart
        self._trigger = 0
        self._flags = 0
        self.handler = None

    def fired(self, flags):
        self._flags = flags
        self()

    def __call__(self):
        if self.handler is not None:
            self.handler(self._uart)

    def flags(self):
        return self._flags

    def trigger(self, trigger=None):
        before = self._trigger
        if trigger is not None:
            self._trigger = trigger
            _call("uart_irq", self._uart._id, trigger)
        return before


class UART(io.IOBase):
    INV_TX = 32
    INV_RX = 4
    INV_RTS = 64
    INV_CTS = 8
    RTS = 1
    CTS = 2
    IRQ_RX = 1
    IRQ_BREAK = 2
    IRQ_RXIDLE = 4096

    def __init__(
        self,
        id,
        baudrate=115200,
        bits=8,
        parity=None,
        stop=1,
        *,
        tx=None,
        rx=None,
        rts=None,
        cts=None,
        txbuf=256,
        rxbuf=256,
        timeout=0,
        timeout_char=0,
        invert=0,
        flow=0,
    ):
        self._id = id
        self._irq = None
        self._set(
            baudrate, bits, parity, stop, tx, rx, txbuf, rxbuf, timeout, timeout_char, invert, flow
        )

    def init(
        self,
        baudrate=115200,
        bits=8,
        parity=None,
        stop=1,
        *,
        tx=None,
        rx=None,
        rts=None,
        cts=None,
        txbuf=256,
        rxbuf=256,
        timeout=0,
        timeout_char=0,
        invert=0,
        flow=0,
    ):
        self._set(
            baudrate,
            bits,
            parity,
            stop,
            self._tx if tx is None else tx,
            self._rx if rx is None else rx,
            txbuf,
            rxbuf,
            timeout,
            timeout_char,
            invert,
            flow,
        )

    def _set(
        self,
        baudrate,
        bits,
        parity,
        stop,
        tx,
        rx,
        txbuf,
        rxbuf,
        timeout,
        timeout_char,
        invert,
        flow,
    ):
        if tx is None or rx is None:
            # The chip has default pins, which flash or PSRAM use on common modules: always say
            # which.
            raise ValueError("UART needs its pins")
        if invert or flow:
            raise ValueError("nothing on the boards needs inverted lines or flow control")
        self._tx = pin_number(tx)
        self._rx = pin_number(rx)
        self._timeout_us = timeout * 1000
        self._timeout_char_us = timeout_char * 1000
        _call(
            "uart_init", self._id, baudrate, bits, parity, stop, self._tx, self._rx, txbuf, rxbuf
        )

    def deinit(self):
        _call("uart_deinit", self._id)

    def any(self):
        return _call("uart_any", self._id)

    def _wait(self, count):
        """How many bytes of `count` are there once the time-outs have had their say."""
        there = _call("uart_any", self._id)
        waited = 0
        limit = self._timeout_us
        while there < count and waited < limit:
            sleep_us(_STEP_US)
            waited += _STEP_US
            now = _call("uart_any", self._id)
            if now > there:
                there = now
                waited = 0
                limit = self._timeout_char_us
        return min(there, count)

    def read(self, nbytes=-1):
        """At most `nbytes` of what has come; None when nothing has."""
        if nbytes is None or nbytes < 0:
            count = self._wait(1) and _call("uart_any", self._id)
        else:
            count = self._wait(nbytes)
        if not count:
            return None
        return _call("uart_read", self._id, count)

    def readinto(self, buf, nbytes=-1):
        data = self.read(len(buf) if nbytes < 0 else min(nbytes, len(buf)))
        if data is None:
            return None
        buf[: len(data)] = data
        return len(data)

    def readline(self):
        count = _call("uart_line_length", self._id) or self._wait(1)
        if not count:
            return None
        return _call("uart_read", self._id, _call("uart_line_length", self._id) or self.any())

    def write(self, buf):
        """Blocks until all of `buf` is in the transmit ring."""
        data = memoryview(buf.encode() if isinstance(buf, str) else buf)
        sent = 0
        while True:
            sent += _call("uart_write", self._id, bytes(data[sent:]))
            if sent >= len(data):
                return sent
            sleep_us(_call("uart_room_after_us", self._id, len(data) - sent))

    def flush(self):
        while _call("uart_pending", self._id):
            sleep_us(_STEP_US)

    def txdone(self):
        return _call("uart_pending", self._id) == 0

    def sendbreak(self):
        self.flush()

    def irq(self, handler=None, trigger=0, hard=False):
        """Soft interrupt: `handler(uart)` for IRQ_RX, IRQ_RXIDLE."""
        if hard:
            raise ValueError("hard IRQ is not supported")
        if self._irq is None:
            self._irq = _UartIrq(self)
        self._irq.handler = handler
        _on_irq(_UART_IRQ + self._id, self._irq.fired if handler is not None else None)
        self._irq.trigger(trigger if handler is not None else 0)
        return self._irq

    def ioctl(self, request, flags):
        """MicroPython's stream protocol; on the device it is below Python.  Always writable, as
        there.
        """
        if request != _POLL:
            return -1
        ready = flags & _POLL_WRITE
        if flags & _POLL_READ and _call("uart_any", self._id):
            ready |= _POLL_READ
        return ready
