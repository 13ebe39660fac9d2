"""The reader misbehaves: a fault ends in recovery or a named error, in time, on every wiring."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulator.chips.pn532_link import information_frame
from tests.chips.pn532_cards import EchoCard
from tests.drivers.pn532_bench import WIRINGS, ReaderBench

OK = b"\x90\x00"
DAMAGE = ("drop", "flip", "checksum", "length", "truncate", "spurious", "nack", "error")


@pytest.fixture(params=WIRINGS)
def bench(request: pytest.FixtureRequest) -> Iterator[ReaderBench]:
    """A started reader on each wiring in turn."""
    bench = ReaderBench(request.param).started()
    yield bench
    bench.world.close()


@pytest.fixture
def spi() -> Iterator[ReaderBench]:
    bench = ReaderBench("spi").started()
    yield bench
    bench.world.close()


def still_works(bench: ReaderBench) -> None:
    """The next customer can pay."""
    bench.chip.remove()
    card = bench.tap(EchoCard())
    assert bench.run(card.transceive(b"\x01")) == b"\x01" + OK


# One damaged frame


@pytest.mark.parametrize("frame", ["ack", "response", "command"])
@pytest.mark.parametrize("kind", DAMAGE)
def test_one_damaged_frame_is_not_noticed_by_the_customer(
    bench: ReaderBench, frame: str, kind: str
) -> None:
    bench.run(bench.reader.discover(20))
    bench.chip.faults.next(frame, kind)
    bench.chip.present(EchoCard())
    card, ms = bench.timed(bench.reader.discover(1_000))
    assert card is not None
    assert ms < 400
    assert bench.run(card.transceive(b"\x01")) == b"\x01" + OK


@pytest.mark.parametrize("kind", ["flip", "checksum", "length", "truncate", "spurious"])
def test_a_torn_answer_is_asked_for_again_and_the_card_is_not(
    bench: ReaderBench, kind: str
) -> None:
    card = EchoCard()
    found = bench.tap(card)
    bench.chip.faults.next("response", kind)
    answer, ms = bench.timed(found.transceive(bytes(30)))
    assert answer == bytes(30) + OK
    assert card.commands == [bytes(30)]
    assert ms < 250


@pytest.mark.parametrize("kind", ["flip", "checksum", "length", "truncate"])
def test_a_torn_long_answer_is_asked_for_again(bench: ReaderBench, kind: str) -> None:
    card = EchoCard()
    found = bench.tap(card)
    bench.chip.faults.next("response", kind, times=2)
    assert bench.run(found.transceive(bytes(255))) == bytes(255) + OK
    assert card.commands == [bytes(255)]


@pytest.mark.parametrize("kind", ["drop", "flip", "truncate", "spurious", "nack"])
def test_a_lost_acknowledgement_never_sends_an_apdu_twice(bench: ReaderBench, kind: str) -> None:
    card = EchoCard(thinking_ms=40)
    found = bench.tap(card)
    bench.chip.faults.next("ack", kind)
    outcome, ms = bench.timed(found.transceive(b"\x01"))
    lost = (bench.card_errors.CardLost, bench.card_errors.TransmissionError)
    assert outcome == b"\x01" + OK or isinstance(outcome, lost)
    assert card.commands == [b"\x01"]
    assert ms < 700


def test_an_apdu_that_never_reached_the_reader_is_a_transmission_error(bench: ReaderBench) -> None:
    card = EchoCard()
    found = bench.tap(card)
    bench.chip.faults.next("command", "flip")
    error, ms = bench.timed(found.transceive(b"\x01"))
    assert isinstance(error, bench.card_errors.TransmissionError)
    assert card.commands == []
    assert ms < 700
    still_works(bench)


# Damage that does not end


@pytest.mark.parametrize("kind", ["flip", "checksum", "truncate", "drop", "error"])
def test_answers_that_stay_damaged_are_a_transmission_error(bench: ReaderBench, kind: str) -> None:
    found = bench.tap()
    bench.chip.faults.next("response", kind, times=4)
    error, ms = bench.timed(found.transceive(b"\x01"))
    assert isinstance(error, bench.card_errors.TransmissionError)
    assert ms < 3_500
    bench.chip.faults.calm()
    still_works(bench)


def test_a_late_answer_is_waited_for_within_reason(bench: ReaderBench) -> None:
    found = bench.tap()
    bench.chip.faults.next("response", "late", value=400)
    answer, ms = bench.timed(found.transceive(b"\x01"))
    assert answer == b"\x01" + OK
    assert ms < 450
    bench.chip.faults.next("response", "late", value=20_000)
    error, ms = bench.timed(found.transceive(b"\x01"))
    assert isinstance(error, bench.card_errors.TransmissionError)
    assert ms < 3_500
    still_works(bench)


def test_a_late_answer_is_not_taken_for_the_next_one(bench: ReaderBench) -> None:
    bench.run(bench.reader.field(True))
    bench.chip.faults.next("response", "late", value=130)
    bench.run(bench.reader.field(False))  # gives up after 100 ms, and never raises
    still_works(bench)


def test_an_answer_to_an_older_command_is_passed_over() -> None:
    bench = ReaderBench("hsu").started()
    found = bench.tap()
    older = information_frame(b"\x33")
    bench.chip.faults.next("response", "spurious", value=older)
    assert bench.run(found.transceive(b"\x01")) == b"\x01" + OK


# A reader that is gone


def test_a_reader_that_hangs_during_an_exchange_costs_the_card_and_not_the_terminal(
    bench: ReaderBench,
) -> None:
    found = bench.tap()
    bench.chip.faults.hang()
    error, ms = bench.timed(found.transceive(b"\x01"))
    assert isinstance(error, bench.card_errors.TransmissionError)
    assert ms < 3_500
    bench.chip.reset()  # a person pulls the plug, where there is no reset line
    still_works(bench)


@pytest.mark.parametrize("wiring", ["spi", "hsu"])
def test_a_hung_reader_is_reset_by_its_line(wiring: str) -> None:
    bench = ReaderBench(wiring).started()
    bench.run(bench.reader.discover(20))
    bench.chip.faults.hang()
    bench.chip.present(EchoCard())
    card, ms = bench.timed(bench.reader.discover(1_000))
    assert card is not None
    assert ms < 400


@pytest.mark.parametrize("after_ms", range(0, 16, 2))
def test_a_brown_out_at_any_moment_is_survived(bench: ReaderBench, after_ms: int) -> None:
    bench.later(after_ms, bench.chip.faults.brown_out)
    bench.later(80, lambda: bench.chip.present(EchoCard()))
    card, ms = bench.timed(bench.reader.discover(1_000))
    assert card is not None
    assert ms < 500


def test_a_brown_out_between_two_apdus_is_a_named_error(bench: ReaderBench) -> None:
    found = bench.tap()
    bench.chip.faults.brown_out()
    error, ms = bench.timed(found.transceive(b"\x01"))
    assert isinstance(error, bench.card_errors.CardError)
    assert ms < 700
    still_works(bench)


@pytest.mark.parametrize("wiring", WIRINGS)
@pytest.mark.parametrize("floating", [0x00, 0xFF])
def test_no_reader_at_all_is_told_soon(wiring: str, floating: int) -> None:
    bench = ReaderBench(wiring)
    bench.chip.faults.absent = True
    bench.chip.faults.floating = floating
    for use in (bench.reader.start, lambda: bench.reader.discover(1_000)):
        error, ms = bench.timed(use())
        assert isinstance(error, bench.errors.ReaderNotFound)
        assert ms < 500
    bench.chip.faults.absent = False
    still_works(bench)


def test_a_reader_that_dies_while_it_polls_is_told(bench: ReaderBench) -> None:
    bench.later(50, lambda: setattr(bench.chip.faults, "absent", True))
    error, ms = bench.timed(bench.reader.discover(5_000))
    assert isinstance(error, bench.errors.ReaderNotFound)
    assert ms < 700
    assert '"at": "reader"' in bench.log()


def test_turning_the_field_off_never_raises(bench: ReaderBench) -> None:
    bench.run(bench.reader.field(True))
    bench.chip.faults.absent = True
    _, ms = bench.timed(bench.reader.field(False))
    assert ms < 700
    with pytest.raises(bench.errors.ReaderFault):
        bench.run(bench.reader.field(True))
    bench.run(bench.reader.stop())


def test_a_field_that_could_not_be_turned_off_is_off_after_the_restart(spi: ReaderBench) -> None:
    spi.run(spi.reader.field(True))
    spi.chip.faults.next("response", "drop", times=1)
    spi.run(spi.reader.field(False))
    spi.run(spi.reader.field(False))
    assert not spi.chip.field_on


@pytest.mark.parametrize("wiring", ["spi", "i2c"])
def test_a_broken_interrupt_wire_makes_it_slower_and_not_deaf(wiring: str) -> None:
    bench = ReaderBench(wiring)
    bench.chip.faults.irq_broken = True
    _, ms = bench.timed(bench.reader.start())
    assert ms < 200
    found = bench.tap(EchoCard(thinking_ms=15))
    _, ms = bench.timed(found.transceive(b"\x01"))
    assert ms < 25, "the wire is not waited for any more"


def test_a_shorted_interrupt_wire_does_not_matter(spi: ReaderBench) -> None:
    # The wire lies at ground: the chip's own output is too weak to lift it.
    line = spi.wiring.mcu.line(spi.wiring.board["nfc"]["irq"])
    line.drive(spi.chip, None)
    line.drive("short", 0)
    spi.chip.faults.irq_broken = True
    spi.chip._irq = None
    still_works(spi)


def test_faults_are_logged_without_card_data(spi: ReaderBench) -> None:
    found = spi.tap(EchoCard())
    spi.chip.faults.next("response", "flip", times=4)
    with pytest.raises(spi.card_errors.TransmissionError):
        spi.run(found.transceive(b"\xde\xad\xbe\xef"))
    assert "exchange failed" in spi.log()
    assert "deadbeef" not in spi.log().replace(" ", "").lower()


def test_noise_on_the_serial_line_does_not_matter() -> None:
    bench = ReaderBench("hsu").started()
    for ms in range(0, 300, 7):
        bench.later(ms, lambda: bench.chip.uart.send(b"\x00\xff\x13\x37"))
    bench.later(120, lambda: bench.chip.present(EchoCard()))
    found, ms = bench.timed(bench.reader.discover(2_000))
    assert found is not None
    assert ms < 1_000


def test_a_reader_that_floods_its_serial_line_ends_in_a_named_error() -> None:
    bench = ReaderBench("hsu").started()

    def babble() -> None:
        bench.chip.uart.send(b"\x5a" * 20)
        bench.later(1, babble)

    babble()
    error, ms = bench.timed(bench.reader.discover(2_000))
    assert isinstance(error, bench.errors.ReaderFault)
    assert ms < 2_000
