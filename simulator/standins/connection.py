"""A connection through the world's network, as the stream that asyncio reads and writes."""

from __future__ import annotations

from typing import Any

from simulator.standins.seam import here

_POLL = 3
_READABLE = 1
_WRITABLE = 4
_ERROR = 8
_HANG_UP = 16
_ENOTCONN = 128
_EHOSTUNREACH = 118


class Connection:
    """A socket in non-blocking mode.  The network calls back; what came is kept until it is
    read.
    """

    def __init__(self, host: str, port: int, tls: Any = None) -> None:
        if here.network is None:
            raise OSError(_EHOSTUNREACH)
        self._open = False
        self._ended = False
        self._error: int | Exception | None = None
        self._received = bytearray()
        self._connection: Any = here.guard(here.network.connect, host, port, tls)
        self._connection.on_open(self._opened)
        self._connection.on_data(self._data)
        self._connection.on_close(self._closed)

    def _opened(self) -> None:
        self._open = True

    def start_tls(self, tls: Any) -> None:
        """Speak TLS from here on; writable again when the handshake is over."""
        self._open = False
        here.guard(self._connection.secure, tls)

    @property
    def settled(self) -> bool:
        """Whether it is open, or has failed."""
        return self._open or self._ended

    @property
    def readable(self) -> bool:
        """Whether reading gives something: bytes, the end, or an error."""
        return bool(self._received) or self._ended

    def _data(self, data: bytes) -> None:
        self._received += data

    def _closed(self, error: int | Exception | None) -> None:
        self._ended = True
        self._error = error

    def check(self) -> None:
        """Raises OSError if the connection has failed, or has ended before it was open; what TLS
        rejects is a ValueError, as mbedTLS has it.
        """
        if isinstance(self._error, Exception):
            raise self._error
        if self._ended and (self._error is not None or not self._open):
            raise OSError(_ENOTCONN if self._error is None else self._error)

    def ioctl(self, request: int, flags: int) -> int:
        if request != _POLL:
            return -1
        ready = 0
        if self._received or self._ended:
            ready |= flags & _READABLE
        if self._open:
            ready |= flags & _WRITABLE
        if self._ended:
            ready |= _HANG_UP if self._error is None else _ERROR | _HANG_UP
        return ready

    def read(self, n: int = -1) -> bytes | None:
        """Bytes received so far, at most `n`; None when none have come yet, b"" at the end."""
        if not self._received:
            self.check()
            return b"" if self._ended else None
        count = len(self._received) if n < 0 else n
        taken = bytes(self._received[:count])
        del self._received[:count]
        return taken

    def readinto(self, buf: Any) -> int | None:
        taken = self.read(len(buf))
        if taken is None:
            return None
        memoryview(buf)[: len(taken)] = taken
        return len(taken)

    def readline(self) -> bytes | None:
        return self.read(self._received.find(b"\n") + 1 or -1)

    def write(self, buf: Any) -> int | None:
        self.check()
        if self._ended:
            raise OSError(_ENOTCONN)
        data = buf.encode() if isinstance(buf, str) else bytes(memoryview(buf))
        here.guard(self._connection.send, data)
        return len(data)

    def close(self) -> None:
        if not self._ended:
            self._ended = True
            here.guard(self._connection.close)
