"""Line editing at the friendly prompt: cursor keys, history, the control keys of readline.c."""

# MicroPython, like the firmware:

from micropython import const

_CTRL_A = const(1)
_CTRL_C = const(3)
_CTRL_E = const(5)
_BACKSPACE = const(8)
_TAB = const(9)
_NEWLINE = const(10)
_CTRL_K = const(11)
_RETURN = const(13)
_CTRL_U = const(21)
_ESCAPE = const(27)
_DELETE = const(127)
_KEPT = const(8)


class Lines:
    """Reads lines from a console (`read() -> int`, `write(bytes)`)."""

    def __init__(self, console):
        self._read = console.read
        self._write = console.write
        self._history = []

    def read(self, prompt):
        """(line, 0), or ("", n) where Ctrl-A to Ctrl-E (n is 1 to 5) ended it."""
        self._line = bytearray()
        self._cursor = 0
        self._back = -1
        self._write(prompt.encode())
        while True:
            byte = self._read()
            if byte <= _CTRL_E and (not self._line or byte == _CTRL_C):
                if byte:
                    return "", byte
            elif byte in (_RETURN, _NEWLINE):
                self._write(b"\r\n")
                return self._done(), 0
            elif byte == _ESCAPE:
                self._escape()
            elif byte in (_BACKSPACE, _DELETE):
                if self._cursor:
                    start = self._before(self._cursor)
                    self._replace(start, self._cursor, b"")
            elif byte == _CTRL_A:
                self._to(0)
            elif byte == _CTRL_E:
                self._to(len(self._line))
            elif byte == _CTRL_U:
                self._replace(0, self._cursor, b"")
            elif byte == _CTRL_K:
                self._replace(self._cursor, len(self._line), b"")
            elif byte == _TAB:
                self._replace(self._cursor, self._cursor, b"    ")
            elif byte >= 32:
                self._replace(self._cursor, self._cursor, bytes((byte,)))

    def _done(self):
        try:
            line = str(self._line, "utf-8")
        except UnicodeError:
            line = ""
        if line and (not self._history or self._history[-1] != line):
            self._history.append(line)
            if len(self._history) > _KEPT:
                del self._history[0]
        return line

    def _before(self, at):
        """Where the character that ends at `at` begins; UTF-8 has continuation bytes."""
        at -= 1
        while at and self._line[at] & 0xC0 == 0x80:
            at -= 1
        return at

    def _after(self, at):
        """Where the character that begins at `at` ends."""
        at += 1
        while at < len(self._line) and self._line[at] & 0xC0 == 0x80:
            at += 1
        return at

    def _to(self, at):
        """Move the cursor."""
        self._move(self._width(at, self._cursor) if at < self._cursor else 0, b"D")
        self._move(self._width(self._cursor, at) if at > self._cursor else 0, b"C")
        self._cursor = at

    def _replace(self, start, end, new):
        """Put `new` in the place of what is between, with the cursor behind it."""
        self._to(start)
        tail = self._line[end:]
        self._line = self._line[:start] + new + tail
        self._cursor = start + len(new)
        self._write(new + bytes(tail) + (b"\x1b[K" if end > start else b""))
        self._move(self._width(self._cursor, len(self._line)), b"D")

    def _width(self, start, end):
        """Characters between two places of the line."""
        return sum(1 for byte in self._line[start:end] if byte & 0xC0 != 0x80)

    def _move(self, columns, way):
        if columns:
            self._write(b"\x1b[%d" % columns + way)

    def _escape(self):
        if self._read() != 0x5B:
            return
        key = self._read()
        number = 0
        while 0x30 <= key <= 0x39:
            number = number * 10 + key - 0x30
            key = self._read()
        if key == 0x41 or key == 0x42:
            self._recall(1 if key == 0x41 else -1)
        elif key == 0x43 and self._cursor < len(self._line):
            self._to(self._after(self._cursor))
        elif key == 0x44 and self._cursor:
            self._to(self._before(self._cursor))
        elif key == 0x48 or (key == 0x7E and number in (1, 7)):
            self._to(0)
        elif key == 0x46 or (key == 0x7E and number in (4, 8)):
            self._to(len(self._line))
        elif key == 0x7E and number == 3 and self._cursor < len(self._line):
            self._replace(self._cursor, self._after(self._cursor), b"")

    def _recall(self, step):
        back = self._back + step
        if not -1 <= back < len(self._history):
            return
        self._back = back
        line = "" if back < 0 else self._history[-1 - back]
        self._replace(0, len(self._line), line.encode())
