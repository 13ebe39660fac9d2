"""How the device modules reach the chip from the real MicroPython binary: calls over a socket.

The same two functions as the `_mcu` of the stand-ins on CPython.  The socket's other end is
`simulator.bridge`, which describes the frames; its descriptor is the program's first argument.
Interrupts come over the same socket, in order with the answers: their handlers run before the
call that caused them returns, while the program sleeps, or from an asyncio task.
"""

# MicroPython, like the firmware:
# ruff: noqa: B904, BLE001, RUF006, SIM102, SIM109, SIM113, SIM115

import gc
import select
import sys

from micropython import const
from ustruct import pack_into, unpack_from
from utime import ticks_add, ticks_diff, ticks_ms

_HEAD = const(8)
_FIRST_ROOM = const(512)
_DIRECT = const(256)  # a last argument of bytes longer than this is not copied

_NONE = const(0)
_INT = const(1)
_BYTES = const(2)
_TRUE = const(3)
_FALSE = const(4)
_VALUE = const(5)
_OS_ERROR = const(6)
_VALUE_ERROR = const(7)
_INTERRUPT = const(8)
_MEASURE = const(9)
_KEYBOARD = const(10)

_SCHEDULE_DEPTH = const(8)  # MICROPY_SCHEDULER_DEPTH of the ESP32

_POLLIN = const(1)


class BridgeIsGone(BaseException):
    """The bench has ended without ending this process."""


_link = open(int(sys.argv[1]), "r+b")
_measure_every = int(sys.argv[2])
_poll = select.poll()
_poll.register(_link, _POLLIN)
_head = bytearray(_HEAD)
_out = bytearray(_FIRST_ROOM)
_view = memoryview(_out)
_handlers = {}
_pending = []
_handling = False
_serving = None
_interrupted = False
_held = 0
_calls = 0
_peak = 0


def call(operation, *arguments):
    """One operation of the chip.  Raises OSError and ValueError as the chip does."""
    _send(operation, arguments)
    while True:
        if _link.readinto(_head) != _HEAD:
            raise BridgeIsGone
        kind = _head[0]
        if kind < _INTERRUPT:
            break
        _event()
    if kind == _NONE:
        answer = None
    elif kind == _INT:
        answer = unpack_from("<i", _head, 4)[0]
    elif kind == _BYTES:
        answer = _link.read(unpack_from("<I", _head, 4)[0])
    elif kind == _TRUE or kind == _FALSE:
        answer = kind == _TRUE
    else:
        answer = _decode(_link.read(unpack_from("<I", _head, 4)[0]), 0)[0]
    if _pending:
        _handle()
    if _measure_every and not operation.startswith("partition"):
        _count()  # not inside littlefs, which a finaliser must not enter again
    if _interrupted and not _held:
        _interrupt()
    if kind == _OS_ERROR:
        raise OSError(*answer)
    if kind == _VALUE_ERROR:
        raise ValueError(answer)
    return answer


def on_irq(source, handler):
    """`handler(level)` is called whenever that source of interrupts fires; None for nobody."""
    global _serving
    _handlers[source] = handler
    import asyncio

    # A program may begin with a new event loop, which forgets the tasks of the one before.
    if _serving is not asyncio.core._io_queue:
        _serving = asyncio.core._io_queue
        asyncio.create_task(_serve(asyncio.core))


def wait_ms(duration):
    """Sleep; soft interrupts run as they come."""
    end = ticks_add(ticks_ms(), duration)
    while True:
        left = ticks_diff(end, ticks_ms())
        if left <= 0:
            return
        if _poll.poll(left):
            take()


def kbd_intr(character):
    """The character that interrupts the program from the console, -1 for none."""
    call("console_interrupt_by", character)


def hold():
    """From now on the console interrupts nothing, until `release`: for what must be done whole."""
    global _held
    _held += 1


def release():
    global _held
    _held -= 1


def check():
    """Stop here if the console wants it: for what makes no calls, or only held ones."""
    while _poll.poll(0):
        take()
    if _interrupted and not _held:
        _interrupt()


def link():
    """What to poll for events, beside other streams; then call `take`."""
    return _link


def tell(what, *facts):
    """Something for the bridge itself; there is no answer."""
    _send("@" + what, facts)


async def _serve(core):
    while True:
        yield core._io_queue.queue_read(_link)
        while _poll.poll(0):  # a call may have taken it meanwhile
            take()


def take():
    """One event, which must be there.  Raises KeyboardInterrupt if that is what it is."""
    if _link.readinto(_head) != _HEAD:
        raise BridgeIsGone
    _event()
    _handle()
    if _interrupted and not _held:
        _interrupt()


def _interrupt():
    """The console wants the program to stop, unless that has come to pass otherwise."""
    global _interrupted
    _interrupted = False
    if call("console_interrupted"):
        raise KeyboardInterrupt


def _event():
    global _interrupted
    if _head[0] == _MEASURE:
        _measure(True)
    elif _head[0] == _KEYBOARD:
        _interrupted = True
    elif len(_pending) < _SCHEDULE_DEPTH:  # a full queue loses the interrupt, as on the device
        source = _head[1] | _head[2] << 8 | _head[3] << 16
        _pending.append((source, unpack_from("<i", _head, 4)[0]))


def _handle():
    """Run the handlers of what has come, one after the other, as soft interrupts do."""
    global _handling
    if _handling:
        return
    _handling = True
    try:
        while _pending:
            source, level = _pending.pop(0)
            handler = _handlers.get(source)
            if handler is not None:
                try:
                    handler(level)
                except Exception as error:
                    print("Unhandled exception in callback")
                    sys.print_exception(error)
    finally:
        _handling = False


def _count():
    global _calls
    _calls += 1
    if _calls >= _measure_every:
        _calls = 0
        _measure(False)


def _measure(always):
    """Tell the heap in use after a collection: at its highest, or whenever asked."""
    global _peak
    gc.collect()
    used = gc.mem_alloc()
    if used > _peak or always:
        _peak = max(_peak, used)
        tell("heap", used, gc.mem_free())


def _send(name, arguments):
    at = 5 + len(name)
    pack_into("<B", _out, 4, len(name))
    _view[5:at] = name.encode()
    last = len(arguments) - 1
    direct = None
    index = 0
    for value in arguments:
        if index == last and type(value) in (bytes, bytearray, memoryview):
            if len(value) > _DIRECT:
                at = _room(at, 5)
                pack_into("<BI", _out, at, 0x62, len(value))
                at += 5
                direct = value
                break
        at = _encode(at, value)
        index += 1
    pack_into("<I", _out, 0, at - 4 + (0 if direct is None else len(direct)))
    try:
        _link.write(_view[:at])
        if direct is not None:
            _link.write(direct)
    except OSError:
        raise BridgeIsGone


def _encode(at, value):
    """Put one value into the buffer; where the next goes."""
    if value is None or value is True or value is False:
        at = _room(at, 1)
        _out[at] = 0x4E if value is None else 0x54 if value else 0x46
        return at + 1
    if isinstance(value, int):
        at = _room(at, 9)
        if -0x80000000 <= value <= 0x7FFFFFFF:
            pack_into("<Bi", _out, at, 0x69, value)
            return at + 5
        if not -0x8000000000000000 <= value <= 0x7FFFFFFFFFFFFFFF:
            raise OverflowError("more than 64 bits")
        pack_into("<Bq", _out, at, 0x71, value)
        return at + 9
    if isinstance(value, str):
        data = value.encode()
        tag = 0x73
    elif isinstance(value, (bytes, bytearray, memoryview)):
        data = value
        tag = 0x62
    else:
        raise TypeError("not for the chip")
    at = _room(at, 5 + len(data))
    pack_into("<BI", _out, at, tag, len(data))
    at += 5
    _view[at : at + len(data)] = data
    return at + len(data)


def _room(at, count):
    """Make the buffer longer where `count` bytes do not fit."""
    global _out, _view
    if at + count > len(_out):
        longer = bytearray((at + count) * 2)
        longer[:at] = _view[:at]
        _out = longer
        _view = memoryview(longer)
    return at


def _decode(data, at):
    """(value, where the next one begins)"""
    tag = data[at]
    at += 1
    if tag == 0x69:
        return unpack_from("<i", data, at)[0], at + 4
    if tag == 0x71:
        return unpack_from("<q", data, at)[0], at + 8
    if tag == 0x62 or tag == 0x73:
        end = at + 4 + unpack_from("<I", data, at)[0]
        value = data[at + 4 : end]
        return (value if tag == 0x62 else value.decode()), end
    if tag == 0x74:
        count = data[at]
        at += 1
        values = []
        for _ in range(count):
            value, at = _decode(data, at)
            values.append(value)
        return tuple(values), at
    return (None if tag == 0x4E else tag == 0x54), at
