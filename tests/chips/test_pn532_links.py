"""The PN532 model towards its host: three links, the dialogue, power, misbehaviour on demand."""

from __future__ import annotations

import pytest

from simulator.chips.buses import DataSheetViolation
from simulator.chips.pn532_link import ACK, NACK, SYNTAX_ERROR, information_frame
from simulator.clock import NS_PER_MS
from tests.chips.pn532_cards import EchoCard
from tests.chips.pn532_host import SAM, Host, mirrored

TRANSPORTS = ("spi", "i2c", "hsu")
VERSION = information_frame(bytes.fromhex("0332010607"))


@pytest.fixture(params=TRANSPORTS)
def host(request: pytest.FixtureRequest) -> Host:
    """A chip that is awake and in normal mode."""
    host = Host(request.param)
    host.wake()
    assert host.command(SAM) == b"\x15"
    return host


def test_every_link_gives_the_version_of_the_manual(host: Host) -> None:
    assert host.command("02").hex() == "0332010607"


def test_a_frame_with_a_wrong_check_sum_is_not_acknowledged(host: Host) -> None:
    frame = bytearray(information_frame(b"\x02", 0xD4))
    frame[-2] ^= 1
    host.write(bytes(frame))
    assert not host.wait(50)


def test_a_frame_with_a_wrong_length_check_is_not_acknowledged(host: Host) -> None:
    frame = bytearray(information_frame(b"\x02", 0xD4))
    frame[4] ^= 1
    host.write(bytes(frame))
    assert not host.wait(50)
    assert host.command("02")


def test_a_nack_brings_the_last_response_again(host: Host) -> None:
    host.begin(b"\x02")
    first = host.answer()
    host.write(NACK)
    assert host.answer() == first == VERSION


def test_an_ack_from_the_host_aborts_the_command_that_runs(host: Host) -> None:
    host.begin(bytes.fromhex("4a0100"))  # polls for ever, as after reset
    host.clock.spend(20 * NS_PER_MS)
    host.write(ACK)
    assert not host.wait(200)
    assert host.command("02")


def test_a_new_command_takes_the_place_of_the_one_that_runs(host: Host) -> None:
    host.begin(bytes.fromhex("4a0100"))
    host.clock.spend(20 * NS_PER_MS)
    assert host.command("02").hex() == "0332010607"
    assert not host.wait(200)


def test_an_extended_frame_is_taken_even_for_a_short_command(host: Host) -> None:
    body = b"\xd4\x02"
    head = b"\x00\x00\xff\xff\xff\x00\x02\xfe"
    host.write(head + body + bytes([-sum(body) & 0xFF, 0]))
    assert host.wait(15)
    assert host.fetch(6) == ACK
    assert host.answer() == VERSION


@pytest.mark.parametrize(
    "command",
    [
        "0201",  # GetFirmwareVersion takes no parameters
        "12",  # SetParameters takes one
        "1405",  # no such SAM mode
        "3201",  # RF field without its value
        "320301",  # no such item
        "4a",
        "4a0300",  # three targets
        "4a0003",  # none
        "4a0103",  # type B without AFI
        "4a0109",  # no such type
        "40",
        "44",
        "0009",  # no such test
        "ee",  # no such command
    ],
)
def test_what_the_manual_does_not_allow_is_a_syntax_error(command: str) -> None:
    host = Host()
    host.wake()
    host.command(SAM)
    host.begin(bytes.fromhex(command))
    assert host.answer() == SYNTAX_ERROR


def test_a_command_that_is_not_modelled_says_so() -> None:
    host = Host()
    host.wake()
    host.command(SAM)
    with pytest.raises(NotImplementedError, match="InAutoPoll"):
        host.command("60010100")


def test_the_communication_line_test_echoes(host: Host) -> None:
    assert host.command("0000cafe").hex() == "0100cafe"


# Power


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_unwoken_chip_acknowledges_nothing(transport: str) -> None:
    host = Host(transport)
    if transport == "i2c":
        assert host.chip.i2c_write(information_frame(b"\x02", 0xD4)) is None
    else:
        host.write(information_frame(b"\x02", 0xD4))
        assert not host.wait(1)


def test_nothing_goes_on_the_air_before_sam_configuration(host: Host) -> None:
    host.chip.reset()
    host.wake()
    assert host.command("320101") == b""
    assert not host.chip.field_on
    host.command(SAM)
    assert host.command("320101") == b"\x33"
    assert host.chip.field_on


def test_the_reset_line_forgets_everything() -> None:
    host = Host("spi", reset=True)
    host.set_up()
    host.reset_line.drive(host, 0)
    assert not host.chip.field_on
    host.wake()
    host.write(information_frame(b"\x02", 0xD4))
    assert not host.wait(20), "it is held in reset"
    host.reset_line.drive(host, 1)
    host.wake()
    assert host.command("320101") == b"", "in low battery mode again"


def test_power_down_sleeps_until_the_link_wakes_it(host: Host) -> None:
    host.set_up()
    assert host.command("16b0").hex() == "1700"
    assert not host.chip.field_on
    host.clock.spend(3 * NS_PER_MS)
    assert not host.chip.answering
    host.wake()
    assert host.command("320101") == b"\x33", "normal mode is kept"


def test_a_chip_told_not_to_be_woken_by_this_link_stays_asleep() -> None:
    host = Host("hsu")
    host.set_up()
    host.command("1620")
    host.clock.spend(3 * NS_PER_MS)
    host.wake()
    assert not host.chip.answering


# SPI


def test_spi_sends_the_least_significant_bit_first() -> None:
    host = Host("spi")
    host.wake()
    host.chip.select()
    with pytest.raises(DataSheetViolation, match="least significant"):
        host.chip.transfer(b"\x01")


def test_spi_is_mode_0_at_5_mhz() -> None:
    chip = Host("spi").chip
    assert chip.spi_modes == {(0, 0)}
    assert chip.max_baudrate == 5_000_000


def test_reading_data_that_is_not_ready_is_a_violation() -> None:
    host = Host("spi")
    host.wake()
    with pytest.raises(DataSheetViolation, match="not ready"):
        host.fetch()


def test_spi_data_read_in_pieces_under_one_chip_select_is_one_frame() -> None:
    host = Host("spi")
    host.wake()
    host.begin(b"\x02")
    assert host.wait()
    host.chip.select()
    host.chip.transfer(mirrored(b"\x03"))
    pieces = [mirrored(host.chip.transfer(bytes(count))) for count in (6, 7)]
    host.chip.deselect()
    assert b"".join(pieces) == VERSION
    assert not host.ready()


# I2C


def test_i2c_leaves_its_address_unacknowledged_for_a_moment_after_a_command() -> None:
    host = Host("i2c")
    host.wake()
    host.write(information_frame(b"\x02", 0xD4))
    assert host.chip.i2c_read(1) is None
    host.clock.spend(NS_PER_MS)
    assert host.chip.i2c_read(1) == b"\x01"


def test_i2c_status_alone_does_not_use_the_frame_up() -> None:
    host = Host("i2c")
    host.wake()
    host.begin(b"\x02")
    assert host.wait()
    assert host.ready() and host.ready()
    assert host.fetch(len(VERSION)) == VERSION


def test_i2c_a_read_that_stops_inside_a_frame_loses_the_rest_until_a_nack() -> None:
    host = Host("i2c")
    host.wake()
    host.begin(b"\x02")
    assert host.wait()
    assert host.fetch(6) == VERSION[:6]
    assert not host.wait(20)
    host.write(NACK)
    assert host.answer() == VERSION


# HSU


def test_hsu_bytes_before_the_oscillator_runs_are_lost() -> None:
    host = Host("hsu")
    host.chip.uart_receive(b"\x55" + information_frame(b"\x02", 0xD4))
    assert not host.wait(50)
    host.write(information_frame(b"\x02", 0xD4))
    assert host.wait(15)


def test_hsu_one_zero_byte_does_not_wake_the_chip() -> None:
    host = Host("hsu")
    host.chip.uart_receive(b"\x00")
    host.clock.spend(5 * NS_PER_MS)
    assert not host.chip.answering


def test_hsu_at_another_speed_understands_nothing() -> None:
    host = Host("hsu")
    host.wake()
    host.baudrate = 9_600
    host.write(information_frame(b"\x02", 0xD4))
    assert not host.wait(50)


# Interrupt line


@pytest.mark.parametrize("transport", ["spi", "i2c"])
def test_the_interrupt_line_is_low_while_a_frame_waits(transport: str) -> None:
    host = Host(transport)
    host.wake()
    assert host.irq.level == 1
    host.write(information_frame(b"\x02", 0xD4))
    host.clock.spend(NS_PER_MS)
    assert host.irq.level == 0
    assert host.fetch(6) == ACK
    assert host.irq.level == 1
    host.clock.spend(NS_PER_MS)
    assert host.irq.level == 0
    host.fetch()
    assert host.irq.level == 1


def test_sam_configuration_can_leave_the_interrupt_line_alone() -> None:
    host = Host("spi")
    host.wake()
    host.command("14011400")
    host.begin(b"\x02")
    assert host.wait()
    assert host.irq.level == 1


# Misbehaviour


def test_a_dropped_ack_does_not_keep_the_chip_from_its_work(host: Host) -> None:
    host.chip.faults.next("ack", "drop")
    host.write(information_frame(b"\x02", 0xD4))
    assert host.answer() == VERSION


def test_a_dropped_response_comes_after_a_nack(host: Host) -> None:
    host.chip.faults.next("response", "drop")
    host.begin(b"\x02")
    assert not host.wait(100)
    host.write(NACK)
    assert host.answer() == VERSION


@pytest.mark.parametrize("kind", ["flip", "checksum", "truncate"])
def test_a_damaged_response_is_damaged_once(host: Host, kind: str) -> None:
    host.chip.faults.next("response", kind)
    host.begin(b"\x02")
    assert host.wait()
    assert host.fetch(len(VERSION)) != VERSION
    host.clock.spend(5 * NS_PER_MS)
    host.write(NACK)
    assert host.answer() == VERSION


def test_spurious_bytes_stand_before_the_frame(host: Host) -> None:
    host.chip.faults.next("response", "spurious", value=b"\x5a\x5a")
    host.begin(b"\x02")
    assert host.wait()
    assert host.fetch(len(VERSION) + 2) == b"\x5a\x5a" + VERSION


def test_a_late_response_is_late(host: Host) -> None:
    host.chip.faults.next("response", "late", value=400)
    start_ns = host.clock.now_ns
    host.command("02")
    assert host.clock.now_ns - start_ns > 400 * NS_PER_MS


def test_a_damaged_command_is_not_acknowledged(host: Host) -> None:
    host.chip.faults.next("command", "flip")
    host.write(information_frame(b"\x02", 0xD4))
    assert not host.wait(50)
    assert host.command("02")


def test_a_hung_chip_answers_again_after_reset(host: Host) -> None:
    host.chip.faults.hang()
    if host.transport != "i2c":
        host.write(information_frame(b"\x02", 0xD4))
        assert not host.wait(50)
    else:
        assert host.chip.i2c_read(1) is None
    host.chip.reset()
    host.wake()
    assert host.command("02")


@pytest.mark.parametrize("floating", [0x00, 0xFF])
def test_an_absent_chip_leaves_the_wires_alone(floating: int) -> None:
    host = Host("spi")
    host.chip.faults.absent = True
    host.chip.faults.floating = floating
    host.wake()
    assert host.spi(b"\x02\x00") == mirrored(bytes([floating])) * 2
    assert Host("i2c").chip.i2c_read(1) is None


def test_a_brown_out_turns_the_field_off_and_forgets_the_mode(host: Host) -> None:
    host.set_up()
    card = EchoCard()
    host.chip.present(card)
    resets = card.resets
    host.chip.faults.brown_out()
    assert not host.chip.field_on
    assert card.resets == resets + 1
    assert not host.chip.answering


def test_an_unknown_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="no such fault"):
        Host().chip.faults.next("response", "explode")
