"""The reader's driver, the same on every wiring: start, cards, exchanges, losses, recovery."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from simulator.clock import NS_PER_MS
from tests.chips.pn532_cards import EchoCard, TypeBCard
from tests.conftest import new_world
from tests.drivers.pn532_bench import WIRINGS, ReaderBench

OK = b"\x90\x00"
FOUND_WITHIN_MS = 60


@pytest.fixture(params=WIRINGS)
def bench(request: pytest.FixtureRequest) -> Iterator[ReaderBench]:
    """A started reader on each wiring in turn."""
    bench = ReaderBench(request.param).started()
    yield bench
    bench.world.close()


@pytest.fixture
def spi() -> Iterator[ReaderBench]:
    """A started reader on the reference board, for what does not depend on the link."""
    bench = ReaderBench("spi").started()
    yield bench
    bench.world.close()


# Start and stop


@pytest.mark.parametrize("wiring", WIRINGS)
def test_start_gives_the_version_and_leaves_the_field_off(wiring: str) -> None:
    bench = ReaderBench(wiring)
    version, ms = bench.timed(bench.reader.start())
    assert version == (0x32, 1, 6, 7)
    assert ms < 100
    assert not bench.chip.field_on


def test_a_reader_that_already_runs_starts_again(bench: ReaderBench) -> None:
    bench.run(bench.reader.field(True))
    assert bench.run(bench.reader.start())[0] == 0x32
    assert not bench.chip.field_on


def test_the_esp32_alone_restarts_while_the_reader_polls(bench: ReaderBench) -> None:
    bench.asyncio.create_task(bench.reader.discover(60_000))
    bench.rest(103)
    bench.world.close()
    again = ReaderBench(world=new_world(wiring=bench.wiring)).started()
    again.tap()


def test_a_stopped_reader_sleeps_and_wakes_with_the_next_use(bench: ReaderBench) -> None:
    bench.tap()
    bench.run(bench.reader.stop())
    bench.clock.spend(5 * NS_PER_MS)
    assert not bench.chip.field_on
    assert not bench.chip.answering
    assert bench.run(bench.reader.discover(500)) is not None


def test_an_unknown_version_is_told(spi: ReaderBench) -> None:
    for version in ((0x33, 2, 7, 7), (0x32, 9, 0, 7)):
        spi.chip.firmware = version
        with pytest.raises(spi.errors.ReaderNotFound, match="unknown card reader"):
            spi.run(spi.reader.start())


# Field and discovery


def test_the_field_follows_its_switch(bench: ReaderBench) -> None:
    for on in (True, False, True):
        bench.run(bench.reader.field(on))
        assert bench.chip.field_on == on


def test_nobody_there_is_none_after_the_time_and_the_field_stays_on(bench: ReaderBench) -> None:
    found, ms = bench.timed(bench.reader.discover(300))
    assert found is None
    assert 300 <= ms < 330
    assert bench.chip.field_on


@pytest.mark.parametrize("at_ms", [60, 63, 67, 71, 74, 78])
def test_a_card_is_found_soon_after_it_came(bench: ReaderBench, at_ms: int) -> None:
    card = EchoCard()
    came: list[int] = []
    bench.later(at_ms, lambda: came.append(bench.clock.now_ns))
    bench.later(at_ms, lambda: bench.chip.present(card))
    found = bench.run(bench.reader.discover(1000))
    assert found.uid == card.uid
    assert (bench.clock.now_ns - came[0]) / NS_PER_MS < FOUND_WITHIN_MS


def test_a_card_that_waits_already_is_found(bench: ReaderBench) -> None:
    bench.chip.present(EchoCard())
    found, ms = bench.timed(bench.reader.discover(1000))
    assert found is not None
    assert ms < FOUND_WITHIN_MS


def test_a_card_says_who_it_is(bench: ReaderBench) -> None:
    found = bench.tap(EchoCard("04a1b2c3"))
    assert (found.uid.hex(), found.atqa, found.sak, found.ats.hex()) == (
        "04a1b2c3",
        0x0044,
        0x20,
        "0578807002",
    )


def test_a_type_b_card_is_found_too(bench: ReaderBench) -> None:
    card = TypeBCard()
    came_ns = bench.clock.now_ns
    found = bench.tap(card)
    assert found.uid == card.uid
    assert (bench.clock.now_ns - came_ns) / NS_PER_MS < 2 * FOUND_WITHIN_MS
    assert bench.run(found.transceive(b"\x01")) == b"\x01" + OK


@pytest.mark.parametrize(
    "cards",
    [
        (EchoCard("04000000000001"), EchoCard("04000000000002")),
        (EchoCard("04000000000001"), EchoCard("05000001")),
        (EchoCard("04000000000001"), TypeBCard()),
    ],
)
def test_two_cards_are_one_too_many(spi: ReaderBench, cards: tuple[EchoCard, ...]) -> None:
    spi.run(spi.reader.discover(50))
    for card in cards:
        spi.chip.present(card)
    spi.rest(10)
    with pytest.raises(spi.card_errors.TwoCards):
        spi.run(spi.reader.discover(500))
    spi.chip.remove(cards[1])
    assert spi.run(spi.reader.discover(500)).uid == cards[0].uid


def test_two_cards_are_noticed_on_every_wiring(bench: ReaderBench) -> None:
    bench.chip.present(EchoCard("04000000000001"))
    bench.chip.present(EchoCard("04000000000002"))
    with pytest.raises(bench.card_errors.TwoCards):
        bench.run(bench.reader.discover(500))


def test_cards_that_collide_for_good_are_like_none(spi: ReaderBench) -> None:
    spi.chip.present(EchoCard())
    spi.chip.present(EchoCard(ats="0578807003"))
    assert spi.run(spi.reader.discover(200)) is None


def test_the_same_card_is_found_again_by_the_next_discovery(bench: ReaderBench) -> None:
    card = EchoCard()
    first = bench.tap(card)
    resets = card.resets
    second = bench.run(bench.reader.discover(500))
    assert second.uid == card.uid
    assert card.resets >= resets + 2, "it lost its power in between"
    assert bench.run(second.transceive(b"\x01")) == b"\x01" + OK
    with pytest.raises(bench.card_errors.CardLost):
        bench.run(first.transceive(b"\x01"))


def test_a_card_without_iso_dep_is_found_and_refuses_apdus(spi: ReaderBench) -> None:
    found = spi.tap(EchoCard("01020304", ats="", sak=0x08))
    assert found.ats == b""
    with pytest.raises(spi.card_errors.ProtocolError):
        spi.run(found.transceive(b"\x00\xa4"))


@pytest.mark.parametrize("after_ms", range(0, 30, 3))
def test_a_cancelled_discovery_leaves_the_reader_usable(bench: ReaderBench, after_ms: int) -> None:
    async def cancelled() -> None:
        task = bench.asyncio.create_task(bench.reader.discover(60_000))
        await bench.asyncio.sleep_ms(40 + after_ms)
        task.cancel()
        with contextlib.suppress(bench.asyncio.CancelledError):
            await task

    _, ms = bench.timed(cancelled())
    assert ms < 40 + after_ms + 10, "cancelling is not waited for"
    bench.clock.spend(10 * NS_PER_MS)
    found = bench.tap()
    assert bench.run(found.transceive(b"\x01")) == b"\x01" + OK


def test_a_discovery_cancelled_just_as_it_finds_a_card_finds_it_the_next_time(
    bench: ReaderBench,
) -> None:
    card = EchoCard()
    bench.run(bench.reader.discover(30))
    bench.chip.present(card)
    for after_ms in range(1, 24, 2):

        async def cancelled(after_ms: int = after_ms) -> None:
            task = bench.asyncio.create_task(bench.reader.discover(60_000))
            await bench.asyncio.sleep_ms(after_ms)
            task.cancel()
            await bench.asyncio.sleep_ms(0)

        bench.run(cancelled())
        assert bench.run(bench.reader.discover(200)) is not None


def test_a_cancelled_discovery_stops_the_readers_polling(spi: ReaderBench) -> None:
    spi.run(spi.reader.discover(30))

    async def cancelled() -> None:
        task = spi.asyncio.create_task(spi.reader.discover(60_000))
        await spi.asyncio.sleep_ms(3)
        task.cancel()
        await spi.asyncio.sleep_ms(50)

    spi.run(cancelled())
    assert spi.chip.outgoing is None


# Exchanges


def test_a_cancelled_exchange_is_aborted_and_the_card_has_to_come_again(
    bench: ReaderBench,
) -> None:
    card = EchoCard(thinking_ms=100)
    found = bench.tap(card)
    seen: list[bytes] = []
    bench.chip.on_exchange = lambda command, *_: seen.append(command)

    async def cancelled() -> None:
        task = bench.asyncio.create_task(found.transceive(b"\x01"))
        await bench.asyncio.sleep_ms(50)
        task.cancel()
        await bench.asyncio.sleep_ms(200)

    bench.run(cancelled())
    assert seen == []
    with pytest.raises(bench.card_errors.CardLost):
        bench.run(found.transceive(b"\x02"))
    again = bench.run(bench.reader.discover(500))
    assert bench.run(again.transceive(b"\x03")) == b"\x03" + OK


@pytest.mark.parametrize("size", [0, 1, 60, 61, 62, 248, 249, 250, 251, 252, 253, 254, 255, 256])
def test_answers_of_every_length_come_whole(bench: ReaderBench, size: int) -> None:
    command = b"\x00\xb2\x01\x0c\x00"
    data = bytes(range(256))[:size]
    found = bench.tap(EchoCard(answers={command: data + OK}))
    assert bench.run(found.transceive(command)) == data + OK


@pytest.mark.parametrize("size", [1, 5, 57, 58, 247, 248, 252, 253, 254, 255, 261, 262])
def test_commands_of_every_length_arrive_whole(bench: ReaderBench, size: int) -> None:
    command = (bytes(range(256)) * 2)[:size]
    card = EchoCard(answers={command: OK})
    found = bench.tap(card)
    assert bench.run(found.transceive(command)) == OK
    assert card.commands == [command]


def test_a_command_longer_than_a_frame_goes_in_parts(bench: ReaderBench) -> None:
    command = bytes(range(256)) + bytes(60)
    card = EchoCard(answers={command: OK})
    found = bench.tap(card)
    assert bench.run(found.transceive(command)) == OK
    assert card.commands == [command]


def test_the_longest_answer_is_263_bytes(bench: ReaderBench) -> None:
    found = bench.tap(EchoCard(answers={b"\x01": bytes(263), b"\x02": bytes(264)}))
    assert bench.run(found.transceive(b"\x01")) == bytes(263)
    with pytest.raises(bench.card_errors.ProtocolError):
        bench.run(found.transceive(b"\x02"))


def test_an_answer_without_end_is_a_protocol_error(spi: ReaderBench) -> None:
    found = spi.tap(EchoCard(answers={b"\x01": bytes(100_000)}))
    error, ms = spi.timed(found.transceive(b"\x01"))
    assert isinstance(error, spi.card_errors.ProtocolError)
    assert ms < 200


def test_answers_do_not_share_a_buffer(spi: ReaderBench) -> None:
    found = spi.tap()
    first = spi.run(found.transceive(b"\x01\x02\x03"))
    spi.run(found.transceive(b"\xff\xff\xff"))
    assert first == b"\x01\x02\x03" + OK
    assert type(first) is bytes


def test_a_slow_card_is_waited_for(bench: ReaderBench) -> None:
    found = bench.tap(EchoCard(thinking_ms=700))
    answer, ms = bench.timed(found.transceive(b"\x01"))
    assert answer == b"\x01" + OK
    assert 700 < ms < 740


def test_a_card_that_asks_for_time_without_end_is_given_up(spi: ReaderBench) -> None:
    found = spi.tap(EchoCard(thinking_ms=60_000))
    error, ms = spi.timed(found.transceive(b"\x01"))
    assert isinstance(error, spi.card_errors.TransmissionError)
    assert ms < 3_300
    spi.chip.remove()
    assert spi.tap()


def test_damage_on_the_air_is_mended_by_repetition(spi: ReaderBench) -> None:
    card = EchoCard()
    found = spi.tap(card)
    spi.chip.faults.rf_errors = 2
    assert spi.run(found.transceive(b"\x01")) == b"\x01" + OK
    assert card.commands == [b"\x01"]


def test_damage_beyond_repetition_is_a_transmission_error(bench: ReaderBench) -> None:
    found = bench.tap()
    bench.chip.faults.rf_errors = 3
    with pytest.raises(bench.card_errors.TransmissionError):
        bench.run(found.transceive(b"\x01"))
    bench.chip.faults.rf_errors = 0
    assert bench.run(bench.reader.discover(500)) is not None


def test_two_tasks_at_once_are_a_programming_error(spi: ReaderBench) -> None:
    found = spi.tap()
    ensure = spi.world.load("kassa.system.ensure")
    with pytest.raises(ensure.InvariantError):
        spi.run(spi.asyncio.gather(found.transceive(b"\x01"), found.transceive(b"\x02")))


# A card leaving, at every step


def test_a_card_that_left_before_the_exchange_is_lost(bench: ReaderBench) -> None:
    found = bench.tap()
    bench.chip.remove()
    error, ms = bench.timed(found.transceive(b"\x01"))
    assert isinstance(error, bench.card_errors.CardLost)
    assert ms < 150, "three frame waiting times of 39 ms"


@pytest.mark.parametrize("after_ms", range(0, 66, 4))
def test_a_card_leaving_at_any_moment_ends_in_a_named_error_and_the_next_one_works(
    after_ms: int,
) -> None:
    bench = ReaderBench("spi").started()
    long_answer = {bytes(100): bytes(200) + OK}
    bench.run(bench.reader.discover(20))
    bench.later(after_ms, bench.chip.remove)
    bench.chip.present(EchoCard(thinking_ms=10, answers=long_answer))

    async def taken_away() -> Any:
        card = await bench.reader.discover(100)
        if card is None:
            return None
        while True:
            await card.transceive(bytes(100))

    outcome, ms = bench.timed(taken_away())
    lost = (bench.card_errors.CardLost, bench.card_errors.TransmissionError)
    assert outcome is None or isinstance(outcome, lost)
    assert ms < 400
    card = bench.tap()
    assert bench.run(card.transceive(b"\x01")) == b"\x01" + OK


def test_presence_is_told_without_disturbing_the_card(bench: ReaderBench) -> None:
    card = EchoCard()
    found = bench.tap(card)
    assert bench.run(found.present())
    assert card.commands == []
    assert bench.run(found.transceive(b"\x01")) == b"\x01" + OK
    bench.chip.remove()
    assert not bench.run(found.present())
    assert not bench.run(found.present())
    with pytest.raises(bench.card_errors.CardLost):
        bench.run(found.transceive(b"\x01"))


def test_removal_is_noticed_soon(bench: ReaderBench) -> None:
    bench.tap()
    left_at = bench.clock.now_ns + 400 * NS_PER_MS
    bench.later(400, bench.chip.remove)
    assert bench.run(bench.reader.removed(5_000))
    assert (bench.clock.now_ns - left_at) / NS_PER_MS < 350


def test_a_card_that_stays_is_not_removed(bench: ReaderBench) -> None:
    found = bench.tap()
    removed, ms = bench.timed(bench.reader.removed(500))
    assert removed is False
    assert 500 <= ms < 650
    assert bench.run(found.transceive(b"\x01")) == b"\x01" + OK


def test_removal_is_told_for_cards_without_a_session_too(spi: ReaderBench) -> None:
    for card in (EchoCard("04000000000001"), EchoCard("04000000000002"), TypeBCard()):
        spi.chip.present(card)
    assert not spi.run(spi.reader.removed(300))
    spi.later(100, spi.chip.remove)
    assert spi.run(spi.reader.removed(2_000))


# How long it takes


@pytest.mark.parametrize("wiring", WIRINGS)
def test_a_plausible_exchange_is_quick_enough(
    wiring: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Six APDUs as in a sale; the card thinks 15 ms for each and 60 ms for the cryptogram."""
    exchange = [(20, 50, 15), (13, 90, 15), (35, 140, 60), (5, 40, 15), (5, 250, 15), (40, 70, 15)]

    class Card(EchoCard):
        def response_time_ns(self, command: bytes) -> int:
            return exchange[command[0]][2] * NS_PER_MS

    answers = {bytes([n]) * size: bytes(answer) for n, (size, answer, _) in enumerate(exchange)}
    bench = ReaderBench(wiring).started()
    bench.run(bench.reader.discover(40))
    came_ns = bench.clock.now_ns
    card = bench.tap(Card(answers=answers))
    found_ms = (bench.clock.now_ns - came_ns) / NS_PER_MS

    async def all_six() -> None:
        for command in answers:
            await card.transceive(command)

    _, exchange_ms = bench.timed(all_six())
    with capsys.disabled():
        print(f"\n{wiring}: found {found_ms:.1f} ms, six APDUs {exchange_ms:.1f} ms", end="")
    assert found_ms < FOUND_WITHIN_MS
    assert exchange_ms < 135 + 200
