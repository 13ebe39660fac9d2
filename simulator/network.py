"""The network between terminal and host, in virtual time.

Bytes take half a round trip each way.  Loss is TCP's: nothing is lost for good, but a lost segment
comes again after a retransmission time-out that doubles each time, and holds up those behind it.
While the network is down every segment is lost.  A connection that cannot get a segment across for
`GIVE_UP_NS` breaks with ETIMEDOUT.

A handshake costs round trips: one for TCP, two more for TLS 1.2; what TLS itself would check is in
`simulator.network_tls`.  `simulator.network_proxy` does the same to real sockets.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from simulator.clock import NS_PER_MS, NS_PER_S, Clock, Timer
from simulator.network_proxy import NetworkProxy
from simulator.network_tls import ClientTls, HandshakeFailed, ServerTls, handshake

__all__ = ["ClientTls", "Connection", "Network", "NetworkProxy", "ServerTls", "SessionFactory"]

ROUND_TRIP_MS = 150.0
RETRANSMIT_NS = 1 * NS_PER_S  # lwIP counts in ticks of 500 ms and seldom waits for less than two
GIVE_UP_NS = 60 * NS_PER_S
_TCP_CROSSINGS = 2  # SYN, SYN ACK; data travels with the ACK
_TLS_CROSSINGS = 4  # hello, certificates, keys, finished (TLS 1.2, no resumption)

# The numbers of lwIP.
ECONNRESET = 104
ETIMEDOUT = 116
EHOSTUNREACH = 118


class Session(Protocol):
    """The host's end of a connection."""

    def received(self, data: bytes) -> None: ...

    def closed(self) -> None: ...


class SessionFactory(Protocol):
    """Makes the host's end: ways to send, to close and to do something later (in seconds), and
    whom the client's certificate names.
    """

    def __call__(
        self,
        send: Callable[[bytes], None],
        close: Callable[[], None],
        call_later: Callable[[float, Callable[[], None]], object],
        terminal: str | None,
    ) -> Session: ...


@dataclass
class _Listener:
    factory: SessionFactory
    tls: ServerTls | None
    drop_next: Callable[[str], None] | None


@dataclass
class _Segment:
    """Something on its way: what happens when it arrives."""

    arrive: Callable[[], None]
    sent_ns: int
    timeout_ns: int = RETRANSMIT_NS
    there: bool = False


@dataclass
class _Direction:
    """Segments of one direction, in order; each arrives only after those before it."""

    under_way: deque[_Segment] = field(default_factory=deque)


class Connection:
    """The terminal's end of a connection.

    `on_open`, `on_data` and `on_close` take who is to be called: when the handshake is over, with
    bytes, and at the end with None (closed by the host) or an error (a number for OSError, or an
    exception).
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._opened: Callable[[], None] = lambda: None
        self._received: Callable[[bytes], None] = lambda data: None
        self._ended: Callable[[Exception | int | None], None] = lambda error: None
        self._listener: _Listener | None = None
        self._session: Session | None = None
        self._out = _Direction()
        self._in = _Direction()
        self._timers: set[Timer] = set()
        self._alive = True

    def on_open(self, call: Callable[[], None]) -> None:
        self._opened = call

    def on_data(self, call: Callable[[bytes], None]) -> None:
        self._received = call

    def on_close(self, call: Callable[[Exception | int | None], None]) -> None:
        self._ended = call

    def send(self, data: bytes) -> None:
        """Bytes for the host."""
        if self._alive:
            self._transmit(self._out, lambda: self._at_host(data))

    def secure(self, tls: ClientTls) -> None:
        """Speak TLS over an open connection; `on_open` is called (again) when that is done."""
        self._cross(_TLS_CROSSINGS, lambda: self._open_securely(tls))

    def close(self) -> None:
        """The terminal closes; `on_close` is not called."""
        if self._alive:
            self._transmit(self._out, self._host_sees_end)
            self._alive = False
            self._network.forget(self)

    def vanish(self) -> None:
        """The terminal has lost its power: nothing is sent, nothing arrives any more."""
        self._alive = False
        self._cancel_timers()
        self._host_sees_end()
        self._network.forget(self)

    # -- called by the network

    def start(self, listener: _Listener | None, tls: ClientTls | None) -> None:
        """Cross the network for TCP's handshake; with `tls` go on with TLS's."""
        self._listener = listener
        if listener is None:
            self._transmit(self._out, lambda: self._answer(lambda: self._fail(ECONNRESET)))
        elif tls is not None:
            self._cross(_TCP_CROSSINGS, lambda: self.secure(tls))
        else:
            self._cross(_TCP_CROSSINGS, self._open_plainly)

    def fail_soon(self, error: int) -> None:
        """Nobody can be reached at all."""
        self._later(0, lambda: self._fail(error))

    def _cross(self, crossings: int, then: Callable[[], None]) -> None:
        """Cross the network so many times, to and fro, then go on."""
        if crossings == 0:
            then()
            return
        direction = self._in if crossings % 2 else self._out
        self._transmit(direction, lambda: self._cross(crossings - 1, then))

    def _open_plainly(self) -> None:
        assert self._listener is not None
        if self._listener.tls is None:
            self._open_session(None)
        self._opened()

    def _open_securely(self, tls: ClientTls) -> None:
        assert self._listener is not None
        try:
            terminal = handshake(tls, self._listener.tls)
        except HandshakeFailed as failure:
            self._fail(failure.error)
            return
        self._open_session(terminal)
        self._opened()

    def _open_session(self, terminal: str | None) -> None:
        assert self._listener is not None
        self._session = self._listener.factory(
            self._host_sends, self._host_closes, self._host_later, terminal
        )

    def _at_host(self, data: bytes) -> None:
        if self._session is not None:
            self._session.received(data)
        elif self._listener is not None and self._listener.tls is not None:
            # Something that is no TLS record, to a host that speaks nothing else.
            self._answer(lambda: self._fail(ECONNRESET))

    def _host_sends(self, data: bytes) -> None:
        self._answer(lambda: self._received(data))

    def _host_closes(self) -> None:
        self._session = None
        self._listener = None
        self._answer(lambda: self._fail(None))

    def _host_later(self, delay_s: float, call: Callable[[], None]) -> Timer:
        return self._network.clock.call_later(int(delay_s * NS_PER_S), call)

    def _host_sees_end(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.closed()

    def _answer(self, arrive: Callable[[], None]) -> None:
        """Something for the terminal, if it is still there by then."""
        self._transmit(self._in, lambda: arrive() if self._alive else None)

    def _fail(self, error: Exception | int | None) -> None:
        if self._alive:
            self._alive = False
            self._cancel_timers()
            self._host_sees_end()
            self._network.forget(self)
            self._ended(error)

    # -- segments

    def _transmit(self, direction: _Direction, arrive: Callable[[], None]) -> None:
        segment = _Segment(arrive, self._network.clock.now_ns)
        direction.under_way.append(segment)
        self._try(direction, segment)

    def _try(self, direction: _Direction, segment: _Segment) -> None:
        network = self._network
        if network.loses():
            if network.clock.now_ns - segment.sent_ns >= GIVE_UP_NS:
                self._fail(ETIMEDOUT)
                return
            timeout_ns, segment.timeout_ns = segment.timeout_ns, 2 * segment.timeout_ns
            self._later(timeout_ns, lambda: self._try(direction, segment))
        else:
            self._later(network.one_way_ns, lambda: self._arrive(direction, segment))

    def _arrive(self, direction: _Direction, segment: _Segment) -> None:
        segment.there = True
        while direction.under_way and direction.under_way[0].there:
            direction.under_way.popleft().arrive()

    def _later(self, delay_ns: int, call: Callable[[], None]) -> None:
        def fire() -> None:
            self._timers.discard(timer)
            call()

        timer = self._network.clock.call_later(delay_ns, fire)
        self._timers.add(timer)

    def _cancel_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()


class Network:
    """Everything between the terminal's antenna and its hosts.

    latency_ms   a round trip
    loss         probability that a segment is lost, 0 to 1
    link         asked whether the terminal is joined to a network at all; None: it always is
    is_up        False between `down()` and `up()`
    """

    def __init__(
        self, clock: Clock, seed: int = 0, link: Callable[[], bool] | None = None
    ) -> None:
        self.clock = clock
        self.latency_ms = ROUND_TRIP_MS
        self.loss = 0.0
        self.link = link
        self.is_up = True
        self._random = random.Random(seed)
        self._listeners: dict[tuple[str, int], _Listener] = {}
        self._connections: list[Connection] = []

    @property
    def one_way_ns(self) -> int:
        return int(self.latency_ms * NS_PER_MS / 2)

    def listen(
        self,
        host: str,
        port: int,
        factory: SessionFactory,
        tls: ServerTls | None = None,
        drop_next: Callable[[str], None] | None = None,
    ) -> None:
        """Have a host at that address; `drop_next` loses its next "request" or "response"."""
        self._listeners[host, port] = _Listener(factory, tls, drop_next)

    def connect(self, host: str, port: int, tls: ClientTls | None = None) -> Connection:
        """Start connecting; the connection tells how it went."""
        connection = Connection(self)
        self._connections.append(connection)
        if self.link is not None and not self.link():
            connection.fail_soon(EHOSTUNREACH)
        else:
            connection.start(self._listeners.get((host, port)), tls)
        return connection

    def up(self) -> None:
        """The network works again."""
        self.is_up = True

    def down(self) -> None:
        """From now on nothing gets through."""
        self.is_up = False

    def drop_next(self, direction: str) -> None:
        """Lose the next whole "request" or "response" on its way, as a dying host would."""
        for listener in self._listeners.values():
            if listener.drop_next is not None:
                listener.drop_next(direction)

    def hang_up(self) -> None:
        """The terminal has lost its power: its connections are gone without a word."""
        for connection in list(self._connections):
            connection.vanish()

    # -- called by connections

    def loses(self) -> bool:
        """Whether a segment that starts now is lost."""
        if not self.is_up or (self.link is not None and not self.link()):
            return True
        return self.loss > 0 and self._random.random() < self.loss

    def forget(self, connection: Connection) -> None:
        if connection in self._connections:
            self._connections.remove(connection)
