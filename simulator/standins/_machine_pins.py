"""Pins of `machine`: Pin, Signal, PWM, ADC."""

# MicroPython, like the firmware:

from _mcu import call as _call
from _mcu import on_irq as _on_irq


def pin_number(pin):
    """GPIO of a Pin or of a number; None stays None."""
    if pin is None:
        return None
    if isinstance(pin, Pin):
        return pin._gpio
    _call("pin_check", pin)
    return pin


class _PinIrq:
    def __init__(self, pin):
        self._pin = pin
        self._trigger = 0

    def __call__(self):
        if self._pin._handler is not None:
            self._pin._handler(self._pin)

    def trigger(self, trigger=None):
        before = self._trigger
        if trigger is not None:
            self._trigger = trigger
            _call("pin_irq", self._pin._gpio, trigger)
        return before


class Pin:
    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_DOWN = 1
    PULL_UP = 2
    IRQ_RISING = 1
    IRQ_FALLING = 2
    WAKE_LOW = 4
    WAKE_HIGH = 5
    DRIVE_0 = 0
    DRIVE_1 = 1
    DRIVE_2 = 2
    DRIVE_3 = 3

    class board:
        pass

    def __init__(self, id, mode=-1, pull=-1, *, value=None, drive=None, hold=None):
        if isinstance(id, Pin):
            id = id._gpio
        _call("pin_check", id)
        self._gpio = id
        self._handler = None
        self._irq = None
        self._set(mode, pull, value, drive)

    def init(self, mode=-1, pull=-1, *, value=None, drive=None, hold=None):
        self._set(mode, pull, value, drive)

    def _set(self, mode, pull, value, drive):
        if drive is not None and drive not in (0, 1, 2, 3):
            raise ValueError("invalid drive strength")
        if mode is None:
            mode = -1
        if mode == -1 and pull == -1 and value is None:
            return
        _call("pin_init", self._gpio, mode, pull, -1 if value is None else int(bool(value)))

    def value(self, x=None):
        if x is None:
            return _call("pin_read", self._gpio)
        _call("pin_write", self._gpio, 1 if x else 0)

    def __call__(self, x=None):
        return self.value(x)

    def on(self):
        _call("pin_write", self._gpio, 1)

    def off(self):
        _call("pin_write", self._gpio, 0)

    def toggle(self):
        _call("pin_write", self._gpio, 1 - _call("pin_latch", self._gpio))

    def irq(self, handler=None, trigger=3, wake=None):
        """Soft interrupt: `handler(pin)` runs between two steps of the program."""
        if wake is not None:
            raise ValueError("wake needs a sleeping chip")
        if self._irq is None:
            self._irq = _PinIrq(self)
        self._handler = handler
        if handler is None:
            trigger = 0
            _on_irq(self._gpio, None)
        else:
            _on_irq(self._gpio, lambda level: self._irq())
        self._irq.trigger(trigger)
        return self._irq

    def __repr__(self):
        return "Pin(" + str(self._gpio) + ")"


class Signal:
    def __init__(self, pin_obj, *args, invert=False, **kwargs):
        self._pin = pin_obj if isinstance(pin_obj, Pin) else Pin(pin_obj, *args, **kwargs)
        self._invert = invert

    def value(self, x=None):
        if x is None:
            return self._pin.value() ^ (1 if self._invert else 0)
        self._pin.value(not x if self._invert else x)

    def __call__(self, x=None):
        return self.value(x)

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)


class PWM:
    def __init__(self, dest, freq=None, *, duty=None, duty_u16=None, duty_ns=None, invert=False):
        self._gpio = pin_number(dest)
        self._freq = 5000
        self._duty = 32768
        self._on = True
        self._set(freq, duty, duty_u16, duty_ns, invert)

    def init(self, freq=None, *, duty=None, duty_u16=None, duty_ns=None, invert=False):
        self._on = True
        self._set(freq, duty, duty_u16, duty_ns, invert)

    def _set(self, freq, duty, duty_u16, duty_ns, invert):
        if sum(x is not None for x in (duty, duty_u16, duty_ns)) > 1:
            raise ValueError("only one of parameters 'duty', 'duty_u16' or 'duty_ns' is allowed")
        if freq is not None:
            if freq < 1 or freq > 40000000:
                raise ValueError("frequency must be from 1Hz to 40MHz")
            self._freq = freq
        if duty is not None:
            if duty < 0 or duty > 1023:
                raise ValueError("duty must be from 0 to 1023")
            self._duty = duty * 65535 // 1023
        elif duty_u16 is not None:
            if duty_u16 < 0 or duty_u16 > 65535:
                raise ValueError("duty_u16 must be from 0 to 65535")
            self._duty = duty_u16
        elif duty_ns is not None:
            self._duty = min(65535, duty_ns * self._freq * 65535 // 1000000000)
        self._invert = invert
        _call("pwm", self._gpio, self._freq, 65535 - self._duty if invert else self._duty)

    def _check(self):
        if not self._on:
            raise RuntimeError("PWM is inactive")

    def freq(self, value=None):
        self._check()
        if value is None:
            return self._freq
        self._set(value, None, None, None, self._invert)

    def duty(self, value=None):
        self._check()
        if value is None:
            return self._duty * 1023 // 65535
        self._set(None, value, None, None, self._invert)

    def duty_u16(self, value=None):
        self._check()
        if value is None:
            return self._duty
        self._set(None, None, value, None, self._invert)

    def duty_ns(self, value=None):
        self._check()
        if value is None:
            return self._duty * 1000000000 // 65535 // self._freq
        self._set(None, None, None, value, self._invert)

    def deinit(self):
        if self._on:
            self._on = False
            _call("pwm_off", self._gpio)


class ADC:
    ATTN_0DB = 0
    ATTN_2_5DB = 1
    ATTN_6DB = 2
    ATTN_11DB = 3
    WIDTH_9BIT = 9
    WIDTH_10BIT = 10
    WIDTH_11BIT = 11
    WIDTH_12BIT = 12

    def __init__(self, id, *, atten=0):
        self._gpio = pin_number(id)
        _call("adc_check", self._gpio)
        self._bits = 12
        self.atten(atten)

    def init(self, *, atten=0):
        self.atten(atten)

    def atten(self, atten):
        if atten not in (0, 1, 2, 3):
            raise ValueError("invalid atten")
        self._atten = atten

    def width(self, bits):
        if bits not in (9, 10, 11, 12):
            raise ValueError("invalid bits")
        self._bits = bits

    def read_uv(self):
        return _call("adc_read", self._gpio, self._atten)

    def read_u16(self):
        return self.read_uv() * 65535 // (950000, 1250000, 1750000, 3100000)[self._atten]

    def read(self):
        return self.read_u16() >> (16 - self._bits)
