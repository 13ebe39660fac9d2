"""The link to the host: one long-lived connection, kept up by one task, used by any number.

    link = HostLink(config, keys, clock, log)
    supervisor.start_beating("host link", link.run, link.beats_within_ms)
    answer = await link.exchange(builder.sale(...), timeout_ms)

`exchange` ends within its time-out in one of three ways: with the fields of an authentic answer,
with NotSent (nothing left the terminal) or with NoAnswer (the outcome is unknown, and somebody
owes a reversal).  Answers are matched to requests by message type and STAN.
"""

import asyncio
import random
import time
from typing import TYPE_CHECKING

from micropython import const

from kassa.host import connection as connections
from kassa.host import iso8583, messages, wire
from kassa.host.deadline import Deadline
from kassa.host.errors import (
    BadAnswer,
    ConnectionLost,
    HostError,
    NoAnswer,
    NotConnected,
    NotProvisioned,
    NotSealed,
    NotSent,
)
from kassa.host.matching import Matcher, Waiting
from kassa.host.routes import Routes
from kassa.host.tls import client_context
from kassa.security.errors import SecurityError
from kassa.system.tasks import LOOK_AGAIN_MS, set_within, unwatched

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from kassa.host.connection import Connection
    from kassa.host.messages import Request
    from kassa.host.routes import Route
    from kassa.security.key_store import KeyStore
    from kassa.system.clock import Clock
    from kassa.system.config import TerminalConfig
    from kassa.system.log import Log

    Answer = dict[int, str | bytes]

__all__ = [
    "BadAnswer",
    "ConnectionLost",
    "HostError",
    "HostLink",
    "NoAnswer",
    "NotConnected",
    "NotProvisioned",
    "NotSealed",
    "NotSent",
]

_SHORTEST_REST_MS = const(500)
_LONGEST_REST_MS = const(30_000)
_NEVER_SOONER_MS = const(250)
# A sale is over for good this long after its answer; then the next keys may cost a flash erase.
_IDLE_AFTER_MS = const(3_000)
_LAST_STAN = const(999999)
_ACCEPTED = "00"


class HostLink:
    """The terminal's link to its host.

    online    whether the host has accepted our sign-on on the connection that is open now
    routes    the configured ways to the host, with their health
    beats_within_ms   the longest time between two beats of `run`, with a good margin

    `config.host` has routes, connect_timeout_ms, answer_timeout_ms and echo_s.  NotProvisioned is
    raised here when they are wrong, and by `run` when the certificates are.
    """

    def __init__(
        self, config: "TerminalConfig", keys: "KeyStore", clock: "Clock", log: "Log"
    ) -> None:
        self.online = False
        self.routes = Routes(config.host.get("routes"))
        self._builder = messages.Builder(config, clock)
        self._connect_timeout_ms = _number(config.host, "connect_timeout_ms", 5_000)
        self._echo_ms = _number(config.host, "echo_s", 60) * 1000
        self._keys = keys
        self._clock = clock
        self._log = log
        self._buffer = bytearray(wire.LARGEST_MESSAGE)
        self._matcher = Matcher(log)
        self._connection: "Connection | None" = None
        self._stan = 0
        self._heard_at = 0
        self._doubted = False
        self._attend = asyncio.Event()  # for run(): the connection has changed, or is in doubt
        self._hurry = asyncio.Event()  # for run(): somebody wants to send
        self._news = asyncio.Event()  # from run(): connected, or every route has failed
        self._passes_begun = 0
        self._passes_over = 0
        self._been_online = False  # in this pass
        self._beat = unwatched
        # Connecting, an exchange and a rest are the longest that it is silent in a row.
        self.beats_within_ms = 2 * (2 * self._connect_timeout_ms + LOOK_AGAIN_MS)

    def on_late(self, listener: "Callable[[Answer], None] | None") -> None:
        """Call `listener(fields)` when an authentic answer comes to a request that gave up."""
        self._matcher.on_late = listener

    def hurry(self) -> None:
        """Try to connect now rather than after the rest between attempts (Wi-Fi is back, say)."""
        self._hurry.set()

    async def exchange(self, request: "Request", timeout_ms: int) -> "Answer":
        """Send `request` and give the fields of its answer, all within `timeout_ms`.

        Raises NotSent (NotConnected, NotSealed) or NoAnswer (ConnectionLost, BadAnswer).  A caller
        that is cancelled must take the outcome for unknown.
        """
        deadline = Deadline(timeout_ms)
        connection = await self._open_connection(deadline)
        return await self._exchange_on(connection, request, deadline)

    async def tell_health(self, text: str) -> bool:
        """Tell the host how the terminal is; whether it has taken note.  Raises HostError."""
        request = self._builder.health(self._next_stan(), text)
        answer = await self.exchange(request, self._connect_timeout_ms)
        return answer[39] == _ACCEPTED

    async def run(self, beat: "Callable[[], None]" = unwatched) -> None:
        """Keep the connection up.  A critical task: only an error or cancellation ends it."""
        self._beat = beat
        context = client_context()
        failed_passes = 0
        while True:
            self._passes_begun += 1
            self._been_online = False
            for route in self.routes.in_order():
                await self._use(route, context)
                if self._been_online:
                    break
            self._passes_over = self._passes_begun
            self._tell()
            failed_passes = 0 if self._been_online else failed_passes + 1
            await self._rest(failed_passes)

    async def _rest(self, failed_passes: int) -> None:
        """Wait before the next attempt: twice as long each time, with jitter, but not if urged."""
        rest_ms = _SHORTEST_REST_MS
        while failed_passes > 1 and rest_ms < _LONGEST_REST_MS:
            rest_ms *= 2
            failed_passes -= 1
        rest_ms = min(rest_ms, _LONGEST_REST_MS) // 2
        # Half of it is jitter: a host that restarts shall not meet all its terminals at once.
        rest_ms += rest_ms * random.getrandbits(8) // 255
        await asyncio.sleep_ms(_NEVER_SOONER_MS)
        await set_within(self._hurry, rest_ms - _NEVER_SOONER_MS)
        self._hurry.clear()

    async def _use(self, route: "Route", context: "Any") -> None:
        """Connect through `route` and stay while it works."""
        self._beat()
        connection = None
        reader = None
        since = Deadline(self._connect_timeout_ms)
        try:
            connection = await asyncio.wait_for_ms(
                connections.connect(route, context, self._buffer), self._connect_timeout_ms
            )
            self._attend.clear()
            self._doubted = False
            reader = asyncio.create_task(self._receive(connection))
            await self._sign_on(connection, route)
            self._prefetch()
            self._been_online = True
            self._log.event("host", "connected", route=route.name, ms=since.passed_ms)
            self._offer(connection)
            await self._watch(connection)
        except asyncio.TimeoutError:
            self._log.event("host", "no connection", route=route.name, why="time-out")
        except connections.BROKEN as error:
            self._log.event(
                "host",
                "no connection",
                route=route.name,
                why=type(error).__name__,
                message=str(error),
            )
        except HostError as error:
            self._log.trouble("host", "connection given up", error, route=route.name)
        finally:
            self._offer(None)
            if reader is not None:
                reader.cancel()
            self._matcher.fail_all(ConnectionLost("the connection ended"))
            if connection is not None:
                await connection.close()
        route.failed()

    async def _sign_on(self, connection: "Connection", route: "Route") -> None:
        request = self._builder.sign_on(self._next_stan())
        deadline = Deadline(self._connect_timeout_ms)
        answer = await self._exchange_on(connection, request, deadline)
        if answer[39] != _ACCEPTED:
            raise HostError("the host refuses us with code " + str(answer[39]))
        route.worked(deadline.passed_ms)
        moment = messages.host_time(answer)
        if moment is not None:
            self._clock.set_utc(moment)

    async def _watch(self, connection: "Connection") -> None:
        """Return when the connection has ended.  Silence and doubt are answered with an echo."""
        while connection.usable:
            self._beat()
            silent_ms = time.ticks_diff(time.ticks_ms(), self._heard_at)
            rest_ms = self._echo_ms - silent_ms
            if not self._keys.prefetched:
                rest_ms = min(rest_ms, _IDLE_AFTER_MS - silent_ms)
            if await set_within(self._attend, max(0, min(rest_ms, LOOK_AGAIN_MS))):
                self._attend.clear()
            if not connection.usable:
                return
            silent_ms = time.ticks_diff(time.ticks_ms(), self._heard_at)
            if self._doubted or silent_ms >= self._echo_ms:
                echo = self._builder.echo(self._next_stan())
                await self._exchange_on(connection, echo, Deadline(self._connect_timeout_ms))
                self._doubted = False
                self._offer(connection)
            elif silent_ms >= _IDLE_AFTER_MS and self._matcher.idle:
                self._prefetch()

    def _prefetch(self) -> None:
        """Pay for the next transaction's keys now.  Trouble shows when they are asked for."""
        try:
            self._keys.prefetch()
        except (SecurityError, OSError) as error:
            self._log.trouble("host", "no keys ahead", error)

    def _offer(self, connection: "Connection | None") -> None:
        """What exchanges may use from now on."""
        self._connection = connection
        self.online = connection is not None
        self._tell()

    async def _open_connection(self, deadline: Deadline) -> "Connection":
        """The open connection; else wait for one attempt on every route, if `deadline` allows."""
        if self._connection is None:
            attempt = self._passes_begun
            if attempt == self._passes_over or self._been_online:
                # None is under way, or it had a connection that is just ending: the next counts.
                attempt += 1
            self._hurry.set()
            while self._connection is None and self._passes_over < attempt:
                try:
                    await asyncio.wait_for_ms(self._news.wait(), deadline.left_ms)
                except asyncio.TimeoutError:
                    raise NotConnected("no route to the host within the time-out")
        if self._connection is None:
            raise NotConnected("no route to the host")
        return self._connection

    async def _exchange_on(
        self, connection: "Connection", request: "Request", deadline: Deadline
    ) -> "Answer":
        keys = None
        if request.signed:
            try:
                keys = await self._keys.next_keys()
            except (SecurityError, OSError) as error:
                raise NotSealed(str(error))
        frame = wire.seal(request, keys)
        if keys is not None:
            keys.wipe_request_keys()
        waiting = Waiting(request, keys)
        self._matcher.expect(waiting)
        since = Deadline(0)
        try:
            await asyncio.wait_for_ms(
                self._send_and_wait(connection, frame, waiting), deadline.left_ms
            )
        except asyncio.TimeoutError:
            self._doubt(connection)
            raise NoAnswer("no answer within the time-out")
        finally:
            self._matcher.give_up(waiting)
            if not connection.usable and connection is self._connection:
                self._offer(None)
            # The connection may have ended, and the next keys will be wanted: run() shall look.
            self._attend.set()
        answer = waiting.answer
        if answer is None:
            raise waiting.error or NoAnswer("no answer")
        self._log.event(
            "host", "answer", mti=request.answer_mti, code=answer[39], ms=since.passed_ms
        )
        return answer

    def _doubt(self, connection: "Connection") -> None:
        """No answer came.  Nobody uses the connection again before an echo has come back; one that
        has stopped in the middle of a message is no use at all.
        """
        if connection.mid_message:
            connection.usable = False
        self._doubted = True
        if connection is self._connection:
            self._offer(None)

    async def _send_and_wait(
        self, connection: "Connection", frame: bytes, waiting: Waiting
    ) -> None:
        await connection.send(frame)
        await waiting.done.wait()

    async def _receive(self, connection: "Connection") -> None:
        """Hand messages to whoever waits for them, until the connection ends."""
        try:
            while True:
                message = await connection.receive()
                self._heard_at = time.ticks_ms()
                self._matcher.hand_out(message)
        except (connections.OversizedMessage, iso8583.FormatError) as error:
            self._log.trouble("host", "garbage received", error)
            self._give_up(connection, BadAnswer("garbage received"))
        except connections.BROKEN as error:
            self._log.event("host", "disconnected", why=type(error).__name__, message=str(error))
            self._give_up(connection, ConnectionLost("the connection ended"))

    def _give_up(self, connection: "Connection", error: HostError) -> None:
        """Nobody uses the connection any more, and whoever waits for an answer hears of it."""
        connection.usable = False
        if connection is self._connection:
            self._offer(None)
        self._matcher.fail_all(error)
        self._attend.set()

    def _tell(self) -> None:
        self._news.set()
        self._news.clear()

    def _next_stan(self) -> int:
        """STANs of our own for network management; the host keeps no books on them."""
        self._stan = self._stan % _LAST_STAN + 1
        return self._stan


def _number(values: "dict[str, Any]", key: str, default: int) -> int:
    value = values.get(key, default)
    if not isinstance(value, int) or value <= 0:
        raise NotProvisioned("host." + key + " must be a whole number above 0")
    return value
