"""The REPL of a board: what shared/runtime/pyexec.c and readline.c say over the console.

Friendly REPL, paste mode, raw REPL and raw paste, by MicroPython's documentation ("The MicroPython
Interactive Interpreter Mode") and by what the C sources print.  It is here because the binary's
own leaves the process at Ctrl-D and dies of a Ctrl-C in the wrong moment.
"""

# MicroPython, like the firmware:
# ruff: noqa: BLE001

import io
import select
import sys

import _mcu
from _lines import Lines
from micropython import const

_CTRL_A = const(1)
_CTRL_B = const(2)
_CTRL_C = const(3)
_CTRL_D = const(4)
_CTRL_E = const(5)
_RETURN = const(13)

# MICROPY_REPL_STDIN_BUFFER_MAX is 256, and the window is half of it.
_WINDOW = const(128)

_FRAMES = ('  File "_repl', '  File "start_board')


class SoftReset(Exception):
    """The interpreter is to start again."""


class Console:
    """The chip's console, read byte by byte; events of the chip are served meanwhile."""

    def __init__(self):
        self._poll = select.poll()
        self._poll.register(sys.stdin, select.POLLIN)
        self._poll.register(_mcu.link(), select.POLLIN)
        self._in = sys.stdin.buffer

    def write(self, data):
        _mcu.call("console_write", data)

    def read(self):
        """The next byte, as a number."""
        while True:
            ready = None
            for stream, _ in self._poll.poll():
                ready = stream
                if stream is not sys.stdin:
                    _mcu.take()
            if ready is sys.stdin:
                byte = self._in.read(1)
                if not byte:
                    raise _mcu.BridgeIsGone
                return byte[0]


def run(source, name, mode, namespace):
    """Compile and run; None when it went well, else the traceback as MicroPython prints it.

    Ctrl-C works from here to the end.  Raises SoftReset at SystemExit.
    """
    try:
        try:
            _mcu.kbd_intr(_CTRL_C)
            exec(compile(source, name, mode), namespace)
        finally:
            _mcu.kbd_intr(-1)
    except SystemExit:
        raise SoftReset from None
    except _mcu.BridgeIsGone:
        raise
    except BaseException as error:
        _mcu.kbd_intr(-1)  # a Ctrl-C may have come in the `finally`
        return _traceback(error)
    return None


def _traceback(error):
    text = io.StringIO()
    sys.print_exception(error, text)
    lines = text.getvalue().split("\n")
    kept = [line for line in lines if not line.startswith(_FRAMES)]
    if len(kept) > 1 and kept[0].startswith("Traceback") and not kept[1].startswith("  File"):
        del kept[0]
    return "\n".join(kept)


class Repl:
    """Talks over the console until the interpreter is to start again."""

    def __init__(self, console, namespace, banner):
        self._console = console
        self._write = console.write
        self._namespace = namespace
        self._banner = banner
        self._lines = Lines(console)

    def serve(self, raw):
        """Raises SoftReset.  raw: begin in the raw REPL."""
        _mcu.kbd_intr(-1)
        while True:
            _mcu.tell("raw", raw)
            if raw:
                self._raw()
            else:
                self._friendly()
            raw = not raw

    # -- friendly

    def _friendly(self):
        """Until Ctrl-A asks for the raw one."""
        self._greet()
        while True:
            line, control = self._lines.read(">>> ")
            if control == _CTRL_A:
                self._write(b"\r\n")
                return
            if control == _CTRL_B:
                self._write(b"\r\n")
                self._greet()
            elif control == _CTRL_C:
                self._write(b"\r\n")
            elif control == _CTRL_D:
                self._write(b"\r\n")
                raise SoftReset
            elif control == _CTRL_E:
                self._paste()
            elif line:
                self._statement(line)

    def _greet(self):
        self._write(self._banner.encode() + b"\r\n")
        self._write(b'Type "help()" for more information.\r\n')

    def _statement(self, text):
        while wants_more(text):
            line, control = self._lines.read("... ")
            if control == _CTRL_C:
                self._write(b"\r\n")
                return
            if control == _CTRL_D:
                break
            text += "\n" + line
        self._show(run(text, "<stdin>", "single", self._namespace))

    def _paste(self):
        self._write(b"\r\npaste mode; Ctrl-C to cancel, Ctrl-D to finish\r\n=== ")
        text = bytearray()
        while True:
            byte = self._console.read()
            if byte == _CTRL_C:
                self._write(b"\r\n")
                return
            if byte == _CTRL_D:
                self._write(b"\r\n")
                break
            if byte == _RETURN:
                text.append(10)
                self._write(b"\r\n=== ")
            else:
                text.append(byte)
                self._write(bytes((byte,)))
        self._show(run(_text(text), "<stdin>", "exec", self._namespace))

    def _show(self, traceback):
        if traceback is not None:
            print(traceback, end="")

    # -- raw

    def _raw(self):
        """Until Ctrl-B asks for the friendly one."""
        write, read = self._write, self._console.read
        write(b"raw REPL; CTRL-B to exit\r\n>")
        line = bytearray()
        while True:
            byte = read()
            if byte == _CTRL_A:
                if len(line) == 2 and line[0] == _CTRL_E:
                    self._raw_paste(line[1])
                    write(b">")
                else:
                    write(b"raw REPL; CTRL-B to exit\r\n>")
                line = bytearray()
            elif byte == _CTRL_B:
                write(b"\r\n")
                return
            elif byte == _CTRL_C:
                line = bytearray()
            elif byte == _CTRL_D:
                write(b"OK")
                if not line:
                    write(b"\r\n")
                    raise SoftReset
                self._execute(line)
                write(b">")
                line = bytearray()
            else:
                line.append(byte)

    def _raw_paste(self, version):
        """The source comes in windows, so that nothing is lost where the console is slow."""
        write, read = self._write, self._console.read
        if version != 0x41:
            write(b"R\x00")
            return
        write(b"R\x01" + bytes((_WINDOW & 0xFF, _WINDOW >> 8, 1)))
        source = bytearray()
        left = _WINDOW
        while True:
            byte = read()
            if byte in (_CTRL_C, _CTRL_D):
                break
            source.append(byte)
            left -= 1
            if not left:
                write(b"\x01")
                left = _WINDOW
        write(b"\x04")
        if byte == _CTRL_C:
            write(b"\x04Traceback (most recent call last):\r\nKeyboardInterrupt: \r\n\x04")
        else:
            self._execute(source)

    def _execute(self, source):
        """Run it: what it prints, EOT, the traceback if any, EOT."""
        try:
            traceback = run(_text(source), "<stdin>", "exec", self._namespace)
        except SoftReset:
            self._write(b"\x04\x04")
            raise
        self._write(b"\x04")
        self._show(traceback)
        self._write(b"\x04")


def _text(source):
    """Source as it came; what is no UTF-8 is for the compiler to refuse."""
    try:
        return str(source, "utf-8")
    except UnicodeError:
        return "\x00"


_COMPOUND = ("@", "if", "while", "for", "try", "with", "def", "class", "async")


def wants_more(text):
    """Whether a statement goes on in the next line (py/repl.c)."""
    depth = 0
    quote = ""
    at = 0
    while at < len(text):
        here = text[at]
        if quote:
            if here == "\\":
                at += 1
            elif text[at : at + len(quote)] == quote:
                at += len(quote) - 1
                quote = ""
        elif here in "'\"":
            quote = here * 3 if text[at : at + 3] == here * 3 else here
            at += len(quote) - 1
        elif here == "#":
            while at + 1 < len(text) and text[at + 1] != "\n":
                at += 1
        elif here in "([{":
            depth += 1
        elif here in ")]}":
            depth -= 1
        at += 1
    if len(quote) == 3 or (depth > 0 and len(quote) != 1):
        return True
    if text.endswith("\\"):
        return True
    return _begins_compound(text) and not text.endswith("\n")


def _begins_compound(text):
    for word in _COMPOUND:
        if text.startswith(word):
            rest = text[len(word) : len(word) + 1]
            if word == "@" or not rest or not (rest.isalpha() or rest.isdigit() or rest == "_"):
                return True
    return False
