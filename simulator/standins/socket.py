"""`socket` of the ESP32 (lwIP): TCP connections from the terminal, through the world's network.

Names are not resolved: `getaddrinfo` gives back what it got, and the network knows its hosts by
the names the terminal uses.  The network carries no connection *to* the terminal and no datagrams;
asking for them raises EOPNOTSUPP.
"""

from __future__ import annotations

from simulator.clock import NS_PER_S
from simulator.standins.connection import Connection
from simulator.standins.seam import here

__all__ = [
    "AF_INET",
    "AF_INET6",
    "IPPROTO_IP",
    "IPPROTO_TCP",
    "IPPROTO_UDP",
    "IP_ADD_MEMBERSHIP",
    "MSG_DONTWAIT",
    "MSG_PEEK",
    "SOCK_DGRAM",
    "SOCK_RAW",
    "SOCK_STREAM",
    "SOL_SOCKET",
    "SO_BINDTODEVICE",
    "SO_BROADCAST",
    "SO_REUSEADDR",
    "TCP_NODELAY",
    "getaddrinfo",
    "socket",
]

AF_INET = 2
AF_INET6 = 10
SOCK_STREAM = 1
SOCK_DGRAM = 2
SOCK_RAW = 3
IPPROTO_IP = 0
IPPROTO_TCP = 6
IPPROTO_UDP = 17
SOL_SOCKET = 4095
SO_REUSEADDR = 4
SO_BROADCAST = 32
SO_BINDTODEVICE = 4107
IP_ADD_MEMBERSHIP = 3
TCP_NODELAY = 1
MSG_PEEK = 1
MSG_DONTWAIT = 8

_EAGAIN = 11
_EOPNOTSUPP = 95
_ETIMEDOUT = 116
_EINPROGRESS = 119
_ENOTCONN = 128


def getaddrinfo(host, port, af=0, type=0, proto=0, flags=0, /):
    """[(family, type, protocol, "", (host, port))]"""
    return [(AF_INET, type or SOCK_STREAM, proto, "", (host, port))]


class socket:
    """A TCP client socket, blocking until `setblocking` or `settimeout` says otherwise."""

    def __init__(self, af=AF_INET, type=SOCK_STREAM, proto=IPPROTO_TCP, /):
        if type != SOCK_STREAM:
            raise OSError(_EOPNOTSUPP)
        self._connection = None
        self._timeout_s = None

    def connect(self, address, /):
        """OSError EINPROGRESS when it does not block; then `ioctl` tells."""
        self._connection = Connection(*address)
        if self._timeout_s == 0:
            raise OSError(_EINPROGRESS)
        self._wait(lambda: self._connection.settled)
        self._connection.check()

    def start_tls(self, tls):
        """For the stand-in `ssl`."""
        self._open().start_tls(tls)
        if self._timeout_s != 0:
            self._wait(lambda: self._connection.settled)
            self._connection.check()

    def send(self, bytes, /):
        return self._open().write(bytes)

    sendall = write = send

    def recv(self, bufsize, /):
        """What has come, at most `bufsize` bytes; b"" at the end."""
        self._wait(lambda: self._open().readable)
        part = self._open().read(bufsize)
        if part is None:
            raise OSError(_EAGAIN)
        return part

    def recvfrom(self, bufsize, /):
        return self.recv(bufsize), ("0.0.0.0", 0)

    def read(self, size=-1, /):
        """`size` bytes, or all until the end; None when none can be had without blocking."""
        if self._timeout_s == 0:
            return self._open().read(size)
        collected = b""
        while size < 0 or len(collected) < size:
            part = self.recv(4096 if size < 0 else size - len(collected))
            if not part:
                break
            collected += part
        return collected

    def readinto(self, buf, nbytes=-1, /):
        part = self.read(len(buf) if nbytes < 0 else min(nbytes, len(buf)))
        if part is None:
            return None
        memoryview(buf)[: len(part)] = part
        return len(part)

    def readline(self):
        if self._timeout_s == 0:
            return self._open().readline()
        line = b""
        while not line.endswith(b"\n"):
            part = self.recv(1)
            if not part:
                break
            line += part
        return line

    def ioctl(self, request, flags, /):
        return self._open().ioctl(request, flags)

    def makefile(self, mode="rb", buffering=0, /):
        return self

    def setblocking(self, value, /):
        self._timeout_s = None if value else 0

    def settimeout(self, value, /):
        self._timeout_s = value

    def setsockopt(self, level, optname, value, /):
        """Accepted; nothing in this network depends on it."""

    def fileno(self):
        return 0

    def close(self):
        if self._connection is not None:
            self._connection.close()

    def bind(self, address, /):
        raise OSError(_EOPNOTSUPP)

    def listen(self, backlog=2, /):
        raise OSError(_EOPNOTSUPP)

    def accept(self):
        raise OSError(_EOPNOTSUPP)

    def sendto(self, bytes, address, /):
        raise OSError(_EOPNOTSUPP)

    def _open(self):
        if self._connection is None:
            raise OSError(_ENOTCONN)
        return self._connection

    def _wait(self, done):
        """Let the world go on until `done()`; OSError ETIMEDOUT when the time-out comes first."""
        clock = here.clock
        limit_ns = None
        if self._timeout_s is not None:
            limit_ns = clock.now_ns + int(self._timeout_s * NS_PER_S)
        while not done():
            due_ns = clock.next_due_ns()
            if due_ns is None or (limit_ns is not None and due_ns > limit_ns):
                here.wait(max(0, (limit_ns or clock.now_ns) - clock.now_ns))
                if self._timeout_s == 0:
                    return
                raise OSError(_ETIMEDOUT)
            here.wait(due_ns - clock.now_ns)
