"""The virtual network: time, loss, outages, and what TLS would refuse."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from simulator.acquirer.pki import SERVER_NAME, Pki
from simulator.clock import NS_PER_MS, NS_PER_S, VirtualClock
from simulator.network import ClientTls, Network, ServerTls

NOW = datetime.datetime(2026, 1, 5, tzinfo=datetime.UTC)


class Echo:
    """A host that sends back what it gets, and remembers."""

    def __init__(
        self,
        send: Callable[[bytes], None],
        close: Callable[[], None],
        call_later: Callable[[float, Callable[[], None]], object],
        terminal: str | None,
    ) -> None:
        self.send, self.close, self.call_later = send, close, call_later
        self.terminal = terminal
        self.got = b""
        self.ended = False
        sessions.append(self)

    def received(self, data: bytes) -> None:
        self.got += data
        self.send(data)

    def closed(self) -> None:
        self.ended = True


sessions: list[Echo] = []


class Caller:
    """The terminal's end, with the time of everything that happens to it."""

    def __init__(self, network: Network, tls: ClientTls | None = None, port: int = 1) -> None:
        self.clock = network.clock
        self.events: list[tuple[float, str, Any]] = []
        self.connection = network.connect("host", port, tls)
        self.connection.on_open(lambda: self._note("open", None))
        self.connection.on_data(lambda data: self._note("data", data))
        self.connection.on_close(lambda error: self._note("close", error))

    def _note(self, what: str, value: Any) -> None:
        self.events.append((self.clock.now_ns / NS_PER_MS, what, value))

    @property
    def happened(self) -> list[tuple[str, Any]]:
        return [(what, value) for _, what, value in self.events]


@pytest.fixture
def clock() -> VirtualClock:
    sessions.clear()
    return VirtualClock()


@pytest.fixture
def network(clock: VirtualClock) -> Network:
    network = Network(clock, seed=3)
    network.listen("host", 1, Echo)
    return network


def advance(network: Network, seconds: float) -> None:
    clock = network.clock
    assert isinstance(clock, VirtualClock)
    clock.advance_to(clock.now_ns + int(seconds * NS_PER_S))


def test_connecting_and_asking_take_a_round_trip_each(network: Network) -> None:
    caller = Caller(network)
    advance(network, 0.2)
    caller.connection.send(b"hello")
    advance(network, 0.2)
    assert caller.events == [(150, "open", None), (350, "data", b"hello")]


def test_tls_takes_two_round_trips_more(network: Network, pki: Pki) -> None:
    network.listen("host", 2, Echo, ServerTls(pki.server, pki.ca))
    caller = Caller(network, client(pki), 2)
    advance(network, 1)
    assert caller.events == [(450, "open", None)]
    assert sessions[-1].terminal == "KASSA001"


def test_latency_can_be_changed_while_it_runs(network: Network) -> None:
    caller = Caller(network)
    advance(network, 0.2)
    network.latency_ms = 1000
    caller.connection.send(b"a")
    advance(network, 2)
    assert caller.events[-1] == (1200, "data", b"a")


def test_nobody_at_the_port_refuses_and_an_unjoined_terminal_reaches_nobody(
    network: Network,
) -> None:
    caller = Caller(network, port=9)
    advance(network, 1)
    assert caller.happened == [("close", 104)]
    network.link = lambda: False
    caller = Caller(network)
    advance(network, 1)
    assert caller.happened == [("close", 118)]


def test_while_it_is_down_nothing_passes_and_afterwards_everything_does(
    network: Network,
) -> None:
    caller = Caller(network)
    advance(network, 1)
    network.down()
    caller.connection.send(b"one")
    caller.connection.send(b"two")
    advance(network, 10)
    assert sessions[0].got == b""
    network.up()
    advance(network, 10)
    assert sessions[0].got == b"onetwo"
    assert b"".join(value for what, value in caller.happened if what == "data") == b"onetwo"


def test_what_cannot_be_delivered_for_a_minute_breaks_the_connection(network: Network) -> None:
    caller = Caller(network)
    advance(network, 1)
    network.down()
    caller.connection.send(b"x")
    advance(network, 130)
    assert caller.happened[-1] == ("close", 116)
    assert sessions[0].ended


def test_loss_delays_and_keeps_order(network: Network) -> None:
    network.loss = 0.4
    caller = Caller(network)
    advance(network, 60)
    for number in range(20):
        caller.connection.send(bytes([number]))
    advance(network, 300)
    assert sessions[0].got == bytes(range(20))
    assert max(at for at, what, _ in caller.events if what == "data") > 60_000 + 1_000


def test_the_same_seed_loses_the_same(clock: VirtualClock) -> None:
    runs = []
    for _ in range(2):
        sessions.clear()
        network = Network(VirtualClock(), seed=5)
        network.listen("host", 1, Echo)
        network.loss = 0.3
        caller = Caller(network)
        advance(network, 30)
        caller.connection.send(b"x")
        advance(network, 60)
        runs.append(caller.events)
    assert runs[0] == runs[1]


def test_closing_is_heard_at_the_other_end(network: Network) -> None:
    ours, theirs = Caller(network), Caller(network)
    advance(network, 1)
    ours.connection.close()
    sessions[1].close()
    advance(network, 1)
    assert sessions[0].ended
    assert ours.happened == [("open", None)]
    assert theirs.happened == [("open", None), ("close", None)]


def test_a_terminal_without_power_hears_nothing_more(network: Network) -> None:
    caller = Caller(network)
    advance(network, 1)
    caller.connection.send(b"x")
    network.hang_up()
    advance(network, 10)
    assert caller.happened == [("open", None)]
    assert sessions[0].ended


def test_a_host_does_things_later_in_the_networks_time(network: Network) -> None:
    caller = Caller(network)
    advance(network, 0.2)
    sessions[0].call_later(2, lambda: sessions[0].send(b"late"))
    advance(network, 3)
    assert caller.events[-1] == (2275, "data", b"late")


def test_whole_messages_are_lost_by_those_who_know_them(network: Network) -> None:
    asked: list[str] = []
    network.listen("host", 3, Echo, drop_next=asked.append)
    network.drop_next("response")
    assert asked == ["response"]


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


def client(pki: Pki, **changes: Any) -> ClientTls:
    files = pki.terminal("KASSA001")
    values = {"ca": files.ca, "certificate": files.client, "server_hostname": SERVER_NAME}
    return ClientTls(**(values | {"now": NOW} | changes))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"server_hostname": "acquirer.example"}, ValueError),
        ({"now": datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)}, ValueError),
        ({"now": datetime.datetime(2050, 1, 1, tzinfo=datetime.UTC)}, ValueError),
        ({"certificate": None}, -0x7780),
    ],
)
def test_a_handshake_that_tls_would_refuse_fails(
    network: Network, pki: Pki, changes: dict[str, Any], error: Any
) -> None:
    network.listen("host", 2, Echo, ServerTls(pki.server, pki.ca))
    caller = Caller(network, client(pki, **changes), 2)
    advance(network, 1)
    [(what, got)] = caller.happened
    assert what == "close"
    assert got == error or isinstance(got, error)
    assert sessions == []


def test_another_ca_is_refused_on_either_side(
    network: Network, pki: Pki, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Pki(tmp_path_factory.mktemp("other"))
    network.listen("host", 2, Echo, ServerTls(pki.server, pki.ca))
    for tls in (
        client(pki, ca=other.terminal("KASSA001").ca),
        client(pki, certificate=other.terminal("KASSA001").client),
    ):
        caller = Caller(network, tls, 2)
        advance(network, 1)
        assert caller.happened[0][0] == "close"
    assert sessions == []


def test_clear_text_to_a_tls_host_is_reset(network: Network, pki: Pki) -> None:
    network.listen("host", 2, Echo, ServerTls(pki.server, pki.ca))
    caller = Caller(network, None, 2)
    advance(network, 1)
    caller.connection.send(b"hello")
    advance(network, 1)
    assert caller.happened == [("open", None), ("close", 104)]
    assert sessions == []
