"""The host link in good weather: connecting, exchanging, keeping the line warm."""

from __future__ import annotations

import pytest

from simulator.acquirer.pki import SERVER_NAME, Pki
from tests.host.bench import STARTED, HostBench, route


def asked(bench: HostBench, mti: str, code: str = "") -> int:
    """How many messages of a type (and network management code) the host has seen."""
    return sum(
        entry["direction"] == "in"
        and entry["mti"] == mti
        and (not code or entry["fields"].get("70") == code)
        for entry in bench.acquirer.messages
    )


def test_it_is_online_after_three_round_trips_of_handshake_and_one_of_sign_on(
    bench: HostBench,
) -> None:
    assert 600 <= bench.until_online() <= 800
    assert asked(bench, "0800", "001") == 1


def test_signing_on_sets_the_clock(pki: Pki) -> None:
    bench = HostBench(pki, utc=(2026, 1, 1, 0, 0, 0))
    bench.until_online()
    assert bench.time.utc()[:5] == (2026, 1, 5, 10, 0)
    assert bench.time.trusted


def test_a_sale_is_answered_within_one_round_trip(bench: HostBench) -> None:
    bench.until_online()
    answer = bench.exchange(bench.sale(stan=7))
    assert (answer[39], answer[37], answer[11]) == ("00", "010511000007", "000007")
    assert bench.happened("answer")[-1]["ms"] <= 160


def test_a_sale_waits_for_a_connection_that_is_being_made(bench: HostBench) -> None:
    assert bench.exchange(bench.sale())[39] == "00"


def test_a_decline_is_an_answer_too(bench: HostBench) -> None:
    assert bench.exchange(bench.sale(amount_minor=1251))[39] == "51"


def test_one_connection_carries_many_sales(bench: HostBench) -> None:
    for stan in range(1, 8):
        assert bench.exchange(bench.sale(stan))[39] == "00"
        bench.wait(20)
    assert len(bench.wire.attempts_ns) == 1


def test_answers_find_their_requests_when_several_are_on_their_way(bench: HostBench) -> None:
    bench.until_online()
    bench.acquirer.faults.next("late", delay_s=3)
    slow = bench.start_exchange(bench.sale(stan=1, amount_minor=1000))
    fast = bench.start_exchange(bench.sale(stan=2, amount_minor=2000))
    assert bench.finish(fast)[4] == "000000002000"
    assert not slow.done()
    assert bench.finish(slow)[4] == "000000001000"


def test_the_same_request_twice_at_once_is_sent_once(bench: HostBench) -> None:
    bench.until_online()
    first = bench.start_exchange(bench.sale(stan=1))
    bench.wait(0.01)
    with pytest.raises(bench.errors.NotSent):
        bench.exchange(bench.sale(stan=1))
    assert bench.finish(first)[39] == "00"


def test_silence_is_filled_with_echoes(bench: HostBench) -> None:
    bench.until_online()
    bench.wait(310)
    assert asked(bench, "0800", "301") == 5
    assert len(bench.wire.attempts_ns) == 1


def test_no_echo_is_needed_while_there_is_traffic(bench: HostBench) -> None:
    for stan in range(1, 6):
        bench.exchange(bench.sale(stan))
        bench.wait(50)
    assert asked(bench, "0800", "301") == 0


def test_an_echo_costs_no_key(bench: HostBench) -> None:
    bench.until_online()
    bench.exchange(bench.sale(stan=1))
    bench.wait(200)
    before = bench.wiring.flash.counters.operations
    bench.wait(200)
    assert bench.wiring.flash.counters.operations == before


def test_the_next_keys_are_there_before_the_next_sale(bench: HostBench) -> None:
    bench.until_online()
    for stan in (1, 2):
        assert bench.keys.prefetched
        before = bench.wiring.flash.counters.operations
        bench.exchange(bench.sale(stan))
        assert bench.wiring.flash.counters.operations == before
        bench.wait(4)


def test_keys_are_wiped_as_soon_as_they_have_done_their_part(bench: HostBench) -> None:
    bench.until_online()
    handed_out = []
    original = bench.keys.next_keys

    async def next_keys() -> object:
        handed_out.append(await original())
        return handed_out[-1]

    bench.keys.next_keys = next_keys
    task = bench.start_exchange(bench.sale())
    bench.wait(0.05)
    [keys] = handed_out
    assert not any(keys.data_key + keys.mac_request_key + keys.pin_key)
    assert any(keys.mac_response_key)
    bench.finish(task)
    assert not any(keys.mac_response_key)


def test_a_reversal_takes_the_sale_back(bench: HostBench) -> None:
    bench.exchange(bench.sale(stan=3))
    answer = bench.exchange(bench.builder.reversal(3, 1250, 978, 1, STARTED))
    assert (answer[39], answer[11]) == ("00", "000003")
    assert bench.acquirer.ledger.summary()["total_minor"] == 0
    again = bench.builder.reversal(3, 1250, 978, 1, STARTED, repeat=True)
    assert bench.exchange(again)[39] == "00"


def test_a_batch_is_settled(bench: HostBench) -> None:
    bench.exchange(bench.sale(1, 1000))
    bench.exchange(bench.sale(2, 2000))
    totals = bench.messages.Totals
    answer = bench.exchange(bench.builder.settlement(3, 1, 978, totals(2, 3000), totals()))
    assert (answer[39], answer[66]) == ("00", "1")
    answer = bench.exchange(bench.builder.settlement(4, 2, 978, totals(1, 1), totals()))
    assert (answer[39], answer[66]) == ("95", "2")


def test_an_offline_sale_sealed_earlier_is_accepted_later(bench: HostBench) -> None:
    keys = bench.world.run(bench.keys.next_keys())
    sale = bench.sale(12)
    sealed = bench.card_block.seal(sale.card, keys, "KASSA001", 12)
    for _ in range(3):
        keys = bench.world.run(bench.keys.next_keys())
    request = bench.builder.advice(
        12, 1250, 978, 1, STARTED, sale.fields[55], sealed, "OFF123", response_code="Y3"
    )
    answer = bench.exchange(request)
    assert (answer[39], answer[38]) == ("00", "OFF123")
    assert bench.acquirer.ledger.summary()["advices"] == 1


def test_an_authorisation_is_answered(bench: HostBench) -> None:
    sale = bench.sale()
    request = bench.builder.authorisation(1, 1250, 978, 1, STARTED, sale.fields[55], sale.card)
    assert bench.exchange(request)[39] == "00"
    assert bench.acquirer.ledger.summary()["total_minor"] == 0


def test_a_route_by_another_name_of_the_certificate_works(pki: Pki) -> None:
    assert SERVER_NAME != "localhost"
    bench = HostBench(pki, routes=[route("local", 8583, server_name="localhost")])
    bench.until_online()
