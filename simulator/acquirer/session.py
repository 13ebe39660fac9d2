"""One terminal's connection to the acquirer: bytes in, bytes out, whatever carries them."""

from __future__ import annotations

from collections.abc import Callable

from simulator.acquirer.acquirer import Acquirer

_LENGTH_SIZE = 2


class Session:
    """Cuts the stream into messages (2-byte big-endian length) and sends the replies.

    send         takes bytes for the terminal
    close        ends the connection
    call_later   runs a callable after so many seconds
    terminal     the common name of the client certificate, or None
    """

    def __init__(
        self,
        acquirer: Acquirer,
        send: Callable[[bytes], None],
        close: Callable[[], None],
        call_later: Callable[[float, Callable[[], None]], object],
        terminal: str | None = None,
    ) -> None:
        self._acquirer = acquirer
        self._send = send
        self._close = close
        self._call_later = call_later
        self._terminal = terminal
        self._received = bytearray()
        self._open = True

    def received(self, data: bytes) -> None:
        """Bytes from the terminal."""
        self._received += data
        while self._open and len(self._received) >= _LENGTH_SIZE:
            end = _LENGTH_SIZE + int.from_bytes(self._received[:_LENGTH_SIZE])
            if len(self._received) < end:
                return
            message = bytes(self._received[_LENGTH_SIZE:end])
            del self._received[:end]
            reply = self._acquirer.handle(message, self._terminal)
            if reply.data:
                if reply.delay_s:
                    self._call_later(reply.delay_s, lambda data=reply.data: self._deliver(data))
                else:
                    self._deliver(reply.data)
            if reply.close:
                self.closed()
                self._close()

    def closed(self) -> None:
        """The connection has ended; late answers go nowhere."""
        self._open = False

    def _deliver(self, data: bytes) -> None:
        if self._open:
            self._send(data)
