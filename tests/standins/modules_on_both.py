"""Lines for `test_modules.py`: what the narrow standard modules answer, here and on
MicroPython.
"""

import binascii
import collections
import io
import json
import math
import random
import re
import select
import struct
import sys
import time


def attempt(name, call):
    try:
        print(name, call())
    except Exception as error:  # noqa: BLE001 - its class is the answer
        print(name, type(error).__name__)


attempt("json text", lambda: json.dumps('äß中\n"\\'))
attempt("json list", lambda: json.dumps([1, -2, True, None, "x", {"a": []}]))
attempt("json tight", lambda: json.dumps({"a": [1, 2]}, separators=(",", ":")))
attempt("json back", lambda: json.loads('{"a": [1, 2.5, null, "\\u0061"]}'))
attempt("json bytes", lambda: json.loads(b"[1]"))
attempt("json stream", lambda: json.load(io.StringIO("[2]")))
attempt("json broken", lambda: json.loads("[1"))
attempt("json empty", lambda: json.loads(""))
attempt("json indent", lambda: json.dumps([], indent=2))

attempt("struct", lambda: struct.unpack(">BHI", struct.pack(">BHI", 1, 2, 3)))
attempt("struct longer", lambda: struct.unpack("<H", b"\1\2\3"))
attempt("struct short", lambda: struct.unpack("<I", b"\1"))
attempt("struct from", lambda: struct.unpack_from(">H", b"\0\1\2\3", 2))
attempt("struct outside", lambda: struct.unpack_from(">H", b"\0\1\2\3", 3))
attempt("struct size", lambda: struct.calcsize("<BHI"))
attempt("struct bool", lambda: struct.pack("?", 1))

attempt("hex", lambda: binascii.hexlify(b"\x01\xab"))
attempt("hex with", lambda: binascii.hexlify(b"\x01\xab\xcd", b":"))
attempt("unhex", lambda: binascii.unhexlify("01ab"))
attempt("unhex odd", lambda: binascii.unhexlify("01a"))
attempt("unhex bad", lambda: binascii.unhexlify("zz"))
attempt("base64", lambda: binascii.b2a_base64(b"hello"))
attempt("base64 bare", lambda: binascii.b2a_base64(b"hello", newline=False))
attempt("base64 back", lambda: binascii.a2b_base64("aGVsbG8="))
attempt("crc32", lambda: binascii.crc32(b"123456789"))


def queue():
    d = collections.deque((1, 2), 3)
    d.append(3)
    d.append(4)
    return list(d), d.popleft(), len(d), bool(d)


def full_queue():
    d = collections.deque((), 1, 1)
    d.append(1)
    d.append(2)


attempt("deque", queue)
attempt("deque full", full_queue)
attempt("deque empty", lambda: collections.deque(maxlen=1).popleft())
attempt("deque bare", lambda: collections.deque())
Point = collections.namedtuple("Point", "x y")
attempt("namedtuple", lambda: (Point(1, 2).y, Point(x=1, y=2) == (1, 2)))
attempt("namedtuple replace", lambda: Point(1, 2)._replace(x=3))
attempt("ordered", lambda: list(collections.OrderedDict([("b", 1), ("a", 2)])))

attempt("re", lambda: re.match("(a+)(b*)", "aabx").group(2))
attempt("re groups", lambda: re.match("(a+)(b*)", "aabx").groups())
attempt("re search", lambda: re.search("[0-9]+", "ab12").group(0))
attempt("re sub", lambda: re.sub("[aeiou]", "-", "terminal"))
attempt("re named", lambda: re.compile("(?P<x>a)"))
attempt("re split", lambda: re.compile(",").split("a,b,c"))
attempt("re none", lambda: re.match("x", "y"))

attempt("random range", lambda: 0 <= random.randrange(10) < 10 and 3 <= random.randint(3, 5) <= 5)
attempt("random bits", lambda: 0 <= random.getrandbits(32) < 2**32)
attempt("random none", lambda: random.getrandbits(0))


def seeded():
    random.seed(5)
    a = random.getrandbits(30), random.randrange(1000)
    random.seed(5)
    return a == (random.getrandbits(30), random.randrange(1000))


attempt("random seed", seeded)
attempt("random empty", lambda: random.randrange(0))

attempt(
    "ticks", lambda: time.ticks_diff(time.ticks_add(time.ticks_ms(), 100), time.ticks_ms()) > 90
)
attempt("ticks back", lambda: time.ticks_diff(5, time.ticks_add(5, -7)))
attempt("date", lambda: time.gmtime(time.mktime((2026, 11, 22, 10, 30, 59, 0, 0)))[:8])
attempt("date carries", lambda: time.gmtime(time.mktime((2026, 14, 35, 25, 61, 61, 0, 0)))[:6])
attempt("leap day", lambda: time.gmtime(time.mktime((2028, 2, 29, 0, 0, 0, 0, 0)))[:8])

attempt("math", lambda: (math.floor(2.7), math.ceil(2.1), math.sqrt(16), math.factorial(5)))


def lines():
    stream = io.StringIO("a\nb\n")
    return stream.readline(), stream.read()


def memory():
    stream = io.BytesIO()
    stream.write(b"abc")
    return stream.getvalue(), stream.seek(1), stream.read(1)


attempt("string stream", lines)
attempt("bytes stream", memory)


def polled():
    class Always(io.IOBase):
        def ioctl(self, request, flags):
            return flags & 1

    poller = select.poll()
    stream = Always()
    poller.register(stream, select.POLLIN)
    return [events for _, events in poller.poll(10)]


attempt("poll", polled)


def traceback():
    stream = io.StringIO()
    try:
        raise ValueError("a word")
    except ValueError as error:
        sys.print_exception(error, stream)
    text = stream.getvalue().split("\n")
    return text[0], text[-2]


attempt("traceback", traceback)
attempt("name", lambda: sys.implementation.name)


def device_error():
    try:
        raise OSError(5)
    except OSError as error:
        return error.errno, error.args, str(error)


attempt("error", device_error)
attempt("exit", lambda: issubclass(SystemExit, Exception))
attempt("from_bytes", lambda: int.from_bytes(b"\1\2", "big"))
