"""Everything a host or a network can do to the link: each ends in one definite error, in time, and
the next sale works.
"""

from __future__ import annotations

import pytest

from simulator.acquirer.pki import Pki
from tests.host.bench import HostBench, route


def assert_the_next_sale_works(bench: HostBench, stan: int = 99) -> None:
    bench.acquirer.faults.clear()
    bench.until_online(within_s=40)
    assert bench.exchange(bench.sale(stan))[39] == "00"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("drop_request", "NoAnswer"),
        ("drop_response", "NoAnswer"),
        ("stall", "NoAnswer"),
        ("late", "NoAnswer"),
        ("wrong_stan", "NoAnswer"),
        ("wrong_mac", "BadAnswer"),
        ("garbage", "NoAnswer"),
        ("close", "ConnectionLost"),
    ],
)
def test_an_awkward_host_gives_a_definite_error(bench: HostBench, fault: str, error: str) -> None:
    bench.until_online()
    bench.acquirer.faults.next(fault)
    with pytest.raises(bench.errors.NoAnswer) as caught:
        bench.exchange(bench.sale())
    assert type(caught.value).__name__ == error
    assert_the_next_sale_works(bench)


def test_an_answer_that_stops_half_way_ends_the_connection_at_once(bench: HostBench) -> None:
    bench.until_online()
    bench.acquirer.faults.next("stall")
    with pytest.raises(bench.errors.NoAnswer):
        bench.exchange(bench.sale())
    assert bench.until_online() < 2000
    assert len(bench.wire.attempts_ns) == 2
    assert not any(entry["fields"].get("70") == "301" for entry in bench.acquirer.messages)


def test_an_answer_that_never_comes_is_followed_by_an_echo_not_by_a_new_connection(
    bench: HostBench,
) -> None:
    bench.until_online()
    bench.acquirer.faults.next("drop_response")
    with pytest.raises(bench.errors.NoAnswer):
        bench.exchange(bench.sale())
    assert not bench.link.online
    assert bench.until_online() < 300
    assert len(bench.wire.attempts_ns) == 1


def test_a_lost_connection_is_followed_by_a_rest_whatever_routes_there_are(pki: Pki) -> None:
    routes = [route("first", 8583), route("second", 8584)]
    listening = (("10.0.0.1", 8583), ("10.0.0.1", 8584))
    bench = HostBench(pki, listening=listening, routes=routes)
    bench.until_online()
    lost_ns = bench.clock.now_ns
    bench.network._connections[0]._host_closes()
    bench.wait(0.1)
    assert not bench.link.online
    bench.until_online()
    assert bench.wire.attempts_ns[-1] - lost_ns >= 250_000_000


def test_an_amount_that_is_never_answered_is_an_unknown_outcome(bench: HostBench) -> None:
    with pytest.raises(bench.errors.NoAnswer):
        bench.exchange(bench.sale(amount_minor=1268))
    assert_the_next_sale_works(bench)


@pytest.mark.parametrize("garbage", ["0000", "FFFF", "00050200", "0004DEADBEEF" * 3])
def test_garbage_in_any_framing_gives_the_connection_up(bench: HostBench, garbage: str) -> None:
    bench.until_online()
    waiting = bench.start_exchange(bench.sale())
    bench.wait(0.01)
    connection = bench.network._connections[0]
    bench.acquirer.faults.drop_next("request")
    connection._host_sends(bytes.fromhex(garbage))
    if garbage == "00050200":  # the rest of that one never comes
        with pytest.raises(bench.errors.NoAnswer):
            bench.finish(waiting)
    else:
        with pytest.raises(bench.errors.NoAnswer):
            bench.finish(waiting, within_s=1)
    assert_the_next_sale_works(bench)


def test_a_late_answer_is_reported_with_its_fields(bench: HostBench) -> None:
    late: list[dict[int, object]] = []
    bench.link.on_late(late.append)
    bench.until_online()
    bench.acquirer.faults.next("late", delay_s=12)
    with pytest.raises(bench.errors.NoAnswer):
        bench.exchange(bench.sale(stan=5))
    bench.wait(5)
    assert [(answer[11], answer[39]) for answer in late] == [("000005", "00")]


def test_a_late_answer_with_a_wrong_mac_is_not_believed(bench: HostBench) -> None:
    late: list[dict[int, object]] = []
    bench.link.on_late(late.append)
    bench.until_online()
    bench.acquirer.faults.next("late", delay_s=12)
    original = bench.network._connections[0]._host_sends

    def spoil(data: bytes) -> None:
        original(data[:-1] + bytes([data[-1] ^ 1]) if b"\x02\x10" in data[:6] else data)

    bench.network._connections[0]._session._send = spoil  # type: ignore[union-attr]
    with pytest.raises(bench.errors.NoAnswer):
        bench.exchange(bench.sale(stan=5))
    bench.wait(5)
    assert late == []
    assert bench.happened("unmatched answer")


def test_a_cancelled_exchange_leaves_the_link_in_order(bench: HostBench) -> None:
    late: list[dict[int, object]] = []
    bench.link.on_late(late.append)
    bench.until_online()
    task = bench.start_exchange(bench.sale(stan=5))
    bench.wait(0.05)
    task.cancel()
    bench.wait(1)
    assert [answer[11] for answer in late] == ["000005"]
    assert bench.exchange(bench.sale(stan=6))[39] == "00"
    assert len(bench.wire.attempts_ns) == 1


def test_without_a_network_nothing_is_sent(bench: HostBench) -> None:
    bench.network.down()
    with pytest.raises(bench.errors.NotConnected):
        bench.exchange(bench.sale())
    assert bench.wire.sent == []
    bench.network.up()
    assert_the_next_sale_works(bench)


def test_without_wifi_the_answer_comes_at_once(pki: Pki) -> None:
    bench = HostBench(pki)
    bench.network.link = lambda: False
    start_ns = bench.clock.now_ns
    with pytest.raises(bench.errors.NotConnected):
        bench.exchange(bench.sale())
    assert (bench.clock.now_ns - start_ns) / 1e9 < 2
    bench.network.link = lambda: True
    assert_the_next_sale_works(bench)


def test_a_network_that_fails_during_a_sale_leaves_its_outcome_unknown(
    bench: HostBench,
) -> None:
    bench.until_online()
    task = bench.start_exchange(bench.sale())
    bench.wait(0.05)
    bench.network.down()
    with pytest.raises(bench.errors.NoAnswer):
        bench.finish(task)
    bench.network.up()
    assert_the_next_sale_works(bench)


def test_a_host_that_falls_silent_is_noticed_by_the_echo_and_left(bench: HostBench) -> None:
    bench.until_online()
    bench.network.down()
    bench.wait(70)
    assert not bench.link.online
    bench.network.up()
    bench.until_online(within_s=40)


def test_loss_delays_and_does_no_harm(bench: HostBench) -> None:
    bench.network.loss = 0.2
    approved = 0
    for stan in range(1, 11):
        try:
            approved += bench.exchange(bench.sale(stan), 20_000)[39] == "00"
        except bench.errors.HostError:
            bench.wait(1)
    assert approved >= 8


def test_attempts_become_rare_and_stay_so(pki: Pki) -> None:
    bench = HostBench(pki, listening=())
    bench.wait(600)
    gaps = [
        (later - earlier) / 1e9
        for earlier, later in zip(bench.wire.attempts_ns, bench.wire.attempts_ns[1:], strict=False)
    ]
    assert gaps[0] < 1
    assert max(gaps) <= 30.5
    assert all(gap >= 15 for gap in gaps[8:])
    assert len(set(gaps[8:])) > 1, "there is jitter"


def test_a_sale_does_not_wait_for_a_rest_between_attempts_to_end(pki: Pki) -> None:
    bench = HostBench(pki)
    bench.network.down()
    bench.wait(120)
    bench.network.up()
    start_ns = bench.clock.now_ns
    assert bench.exchange(bench.sale(), 10_000)[39] == "00"
    assert (bench.clock.now_ns - start_ns) / 1e9 < 7


def test_a_second_route_takes_over_when_the_first_is_dead(pki: Pki) -> None:
    routes = [route("dead", 9999), route("alive", 8583)]
    bench = HostBench(pki, routes=routes)
    bench.until_online(within_s=20)
    assert bench.happened("connected")[-1]["route"] == "alive"


def test_the_link_fails_over_within_a_sale(pki: Pki) -> None:
    routes = [route("first", 8583), route("second", 8584)]
    listening = (("10.0.0.1", 8583), ("10.0.0.1", 8584))
    bench = HostBench(pki, listening=listening, routes=routes)
    bench.until_online()
    assert bench.happened("connected")[-1]["route"] == "first"
    # The first host goes away while the terminal is idle, and its address is silent after that.
    connection = bench.network._connections[0]
    connection._host_closes()
    del bench.network._listeners["10.0.0.1", 8583]
    bench.wait(0.2)
    assert bench.exchange(bench.sale())[39] == "00"
    assert bench.happened("connected")[-1]["route"] == "second"


def test_a_route_that_failed_is_preferred_again_when_that_is_long_ago(pki: Pki) -> None:
    routes = [route("first", 8583), route("second", 8584)]
    listening = (("10.0.0.1", 8583), ("10.0.0.1", 8584))
    bench = HostBench(pki, listening=listening, routes=routes)
    bench.until_online()
    for expected, wait_s in (("second", 10), ("first", 400)):
        bench.wait(wait_s)
        bench.network._connections[0]._host_closes()
        bench.wait(0.2)
        bench.until_online()
        assert bench.happened("connected")[-1]["route"] == expected


def test_a_terminal_without_keys_sends_nothing(pki: Pki) -> None:
    bench = HostBench(pki, keys=False)
    bench.wait(5)
    assert not bench.link.online
    assert bench.wire.sent == []


def test_a_host_that_signs_wrongly_at_sign_on_is_not_believed(bench: HostBench) -> None:
    bench.acquirer.faults.next("wrong_mac", mti="0800")
    bench.wait(0.7)
    assert not bench.link.online
    assert_the_next_sale_works(bench)


def test_a_host_of_another_ca_never_gets_a_byte(pki: Pki, tmp_path_factory) -> None:  # type: ignore[no-untyped-def]
    other = Pki(tmp_path_factory.mktemp("other"))
    bench = HostBench(other, credentials=pki)
    bench.wait(20)
    assert not bench.link.online
    assert bench.wire.sent == []


def test_a_host_by_another_name_never_gets_a_byte(pki: Pki) -> None:
    bench = HostBench(pki, routes=[route("other", 8583, server_name="acquirer.example")])
    bench.wait(20)
    assert not bench.link.online
    assert bench.wire.sent == []


def test_a_clock_that_was_never_set_makes_every_certificate_one_of_the_future(pki: Pki) -> None:
    bench = HostBench(pki, utc=(2000, 1, 1, 0, 0, 0))
    bench.wait(20)
    assert not bench.link.online


@pytest.mark.parametrize("path", ["/tls/ca.der", "/tls/client.der", "/tls/key.der"])
def test_missing_or_broken_certificates_end_the_task_by_name(pki: Pki, path: str) -> None:
    bench = HostBench(pki)
    bench.world.root.remove(path)
    with pytest.raises(bench.errors.NotProvisioned, match=path):
        bench.finish(bench.running)
    bench = HostBench(pki)
    bench.world.root.write_file(path, b"not a certificate")
    with pytest.raises(bench.errors.NotProvisioned):
        bench.finish(bench.running)


@pytest.mark.parametrize(
    "host",
    [
        {"routes": []},
        {"routes": None},
        {"routes": [{"name": "a", "host": "h", "port": 0, "server_name": "s"}]},
        {"routes": [{"name": "a", "port": 1, "server_name": "s"}]},
        {"echo_s": 0},
        {"connect_timeout_ms": "5"},
    ],
)
def test_a_wrong_configuration_is_refused_at_once(pki: Pki, host: dict[str, object]) -> None:
    with pytest.raises(Exception, match=r"host\.") as caught:
        HostBench(pki, **host)
    assert type(caught.value).__name__ == "NotProvisioned"
