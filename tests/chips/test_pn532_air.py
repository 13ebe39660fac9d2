"""The PN532 model towards cards: finding them, talking to them, losing them, and how long it
takes.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from simulator.chips.buses import DataSheetViolation
from simulator.chips.pn532_link import ACK
from simulator.chips.pn532_rf import frame_ns
from simulator.clock import NS_PER_MS
from tests.chips.pn532_cards import EchoCard, TypeBCard
from tests.chips.pn532_host import SAM, Host

LIST_A, LIST_TWO, LIST_B = "4a0100", "4a0200", "4a010300"
FWT_7_MS = 38.66
OK = b"\x90\x00"


@pytest.fixture
def host() -> Host:
    """A chip with its field on for long enough."""
    return Host().set_up()


def found(host: Host, *cards: EchoCard) -> Host:
    """Present `cards` and activate one of them as target 1."""
    for card in cards:
        host.chip.present(card)
    host.clock.spend(6 * NS_PER_MS)
    assert host.command(LIST_A)[1] == 1
    return host


def send(host: Host, data: bytes) -> bytes:
    """InDataExchange with target 1: status and data."""
    return host.command(b"\x40\x01" + data)[1:]


def later(host: Host, ms: float, call: Callable[[], None]) -> None:
    host.clock.call_later(int(ms * NS_PER_MS), call)


# Finding cards


def test_a_standard_frame_takes_its_bits_at_106_kbit() -> None:
    assert frame_ns(10) / 1000 == pytest.approx(92 * 128 / 13.56, abs=0.1)


def test_nobody_there_takes_one_attempt(host: Host) -> None:
    answer, ms = host.timed(LIST_A)
    assert answer == b"\x4b\x00"
    assert 5 < ms < 6.5


def test_more_retries_listen_longer(host: Host) -> None:
    host.command("3205ff0103")
    assert 20 < host.timed(LIST_A)[1] < 23


@pytest.mark.parametrize("uid", ["04a1b2c3", "04a1b2c3d4e5f6", "04a1b2c3d4e5f6071829"])
def test_a_type_a_card_is_reported_as_the_manual_says(host: Host, uid: str) -> None:
    host.chip.present(EchoCard(uid))
    host.clock.spend(6 * NS_PER_MS)
    answer, ms = host.timed(LIST_A)
    size = len(uid) // 2
    assert answer.hex() == f"4b0101004420{size:02x}{uid}0578807002"
    assert ms < 13


def test_a_card_needs_five_milliseconds_of_power(host: Host) -> None:
    host.chip.present(EchoCard())
    host.clock.spend(2 * NS_PER_MS)
    assert host.command(LIST_A) == b"\x4b\x00"
    assert host.command(LIST_A)[1] == 1


def test_listing_turns_the_field_on() -> None:
    host = Host()
    host.wake()
    host.command(SAM)
    host.command("3205ff0102")
    seen: list[bool] = []
    host.chip.on_field = seen.append
    host.chip.present(EchoCard())
    assert host.command(LIST_A)[1] == 1
    assert seen == [True]


def test_without_automatic_rats_the_card_stays_on_the_lower_layer(host: Host) -> None:
    host.command("1200")
    host.chip.present(EchoCard())
    host.clock.spend(6 * NS_PER_MS)
    assert host.command(LIST_A).hex() == "4b010100442007" + "04a1b2c3d4e5f6"


def test_a_card_without_iso_dep_gets_no_rats(host: Host) -> None:
    found(host, EchoCard("01020304", ats="", sak=0x08))


def test_two_cards_are_told_apart(host: Host) -> None:
    one, two = EchoCard("04000000000001"), EchoCard("04000000000002")
    host.chip.present(one)
    host.chip.present(two)
    host.clock.spend(6 * NS_PER_MS)
    answer = host.command(LIST_TWO)
    assert answer[1] == 2
    assert one.uid in answer and two.uid in answer


def test_one_of_two_cards_is_found_when_one_is_asked_for(host: Host) -> None:
    assert found(host, EchoCard("04000000000001"), EchoCard("04000000000002"))


def test_cards_with_one_uid_and_different_ats_collide(host: Host) -> None:
    host.chip.present(EchoCard())
    host.chip.present(EchoCard(ats="0578807003"))
    host.clock.spend(6 * NS_PER_MS)
    assert host.command(LIST_TWO) == b"\x4b\x00"


def test_cards_with_one_uid_collide_where_their_answers_differ(host: Host) -> None:
    found(host, EchoCard(), EchoCard(answers={b"\x02": b"\x6a\x82"}))
    assert send(host, b"\x01") == b"\x00\x01" + OK
    assert send(host, b"\x02") == b"\x01"


def test_an_activated_card_is_not_found_again_before_the_field_was_off(host: Host) -> None:
    found(host, EchoCard())
    assert host.command(LIST_A) == b"\x4b\x00"
    host.command("320100")
    host.command("320101")
    host.clock.spend(6 * NS_PER_MS)
    assert host.command(LIST_A)[1] == 1


def test_type_b_is_found_with_its_atqb_and_only_by_type_b(host: Host) -> None:
    card = TypeBCard()
    host.chip.present(card)
    host.clock.spend(6 * NS_PER_MS)
    assert host.command(LIST_A) == b"\x4b\x00"
    assert host.command(LIST_B).hex() == "4b0101" + card.atqb.hex() + "0100"
    assert send(host, b"\x01") == b"\x00\x01" + OK


def test_an_ats_of_the_wrong_length_is_a_mistake_in_the_card(host: Host) -> None:
    with pytest.raises(DataSheetViolation, match="ATS"):
        host.chip.present(EchoCard(ats="0678807002"))


def test_a_card_that_leaves_during_activation_is_not_listed(host: Host) -> None:
    card = EchoCard()
    host.chip.present(card)
    host.clock.spend(6 * NS_PER_MS)
    later(host, 3.5, host.chip.remove)
    assert host.command(LIST_A) == b"\x4b\x00"


# Talking


def test_an_exchange_takes_the_cards_time_and_the_airs(host: Host) -> None:
    found(host, EchoCard(thinking_ms=15))
    answer, ms = host.timed(b"\x40\x01" + bytes(20))
    assert answer == b"\x41\x00" + bytes(20) + OK
    air_ms = (frame_ns(23) + frame_ns(25)) / NS_PER_MS
    assert 15 + air_ms < ms < 15 + air_ms + 1.5


def test_a_card_that_does_not_say_takes_15_ms(host: Host) -> None:
    class Plain:
        uid, atqa, sak, ats = bytes(4), 0x0004, 0x20, bytes.fromhex("0578807002")

        def transceive(self, command: bytes) -> bytes:
            return OK

    host.chip.present(Plain())
    host.clock.spend(6 * NS_PER_MS)
    assert host.command(LIST_A)[3:5] == b"\x00\x04"
    assert 15.5 < host.timed(b"\x40\x01\x00")[1] < 17


def test_long_commands_and_answers_cross_in_blocks_of_the_frame_size(host: Host) -> None:
    found(host, EchoCard())
    _, whole_ms = host.timed(b"\x40\x01" + bytes(250))
    small = Host().set_up()
    found(small, EchoCard(ats="0573807002"))  # FSCI 3: 40 bytes a frame
    answer, chained_ms = small.timed(b"\x40\x01" + bytes(250))
    assert answer == b"\x41\x00" + bytes(250) + OK
    assert chained_ms > whole_ms + 3


def test_the_longest_answer_of_one_host_frame_is_262_bytes(host: Host) -> None:
    found(host, EchoCard(answers={b"\x01": bytes(262), b"\x02": bytes(263)}))
    assert send(host, b"\x01") == b"\x00" + bytes(262)
    assert send(host, b"\x02") == b"\x40" + bytes(262)
    assert send(host, b"") == b"\x00\x00"


def test_a_command_in_two_parts_reaches_the_card_as_one(host: Host) -> None:
    card = EchoCard()
    found(host, card)
    assert host.command(b"\x40\x41" + bytes(262)) == b"\x41\x00"
    assert card.commands == []
    assert send(host, b"\x01")[0] == 0x40
    assert card.commands == [bytes(262) + b"\x01"]


def test_a_slow_card_asks_for_time(host: Host) -> None:
    found(host, EchoCard(thinking_ms=200))
    answer, ms = host.timed(b"\x40\x01\x01")
    assert answer[1] == 0
    assert 200 < ms < 205, "five waiting time extensions fit beside its thinking"


def test_a_slow_card_that_does_not_ask_for_time_is_given_up(host: Host) -> None:
    card = EchoCard(thinking_ms=200)
    card.wtx = False  # type: ignore[attr-defined]
    found(host, card)
    answer, ms = host.timed(b"\x40\x01\x01")
    assert answer == b"\x41\x01"
    assert FWT_7_MS < ms < FWT_7_MS + 3


def test_a_silent_card_times_out_after_its_frame_waiting_time(host: Host) -> None:
    card = EchoCard()
    found(host, card)
    card.gone = True
    answer, ms = host.timed(b"\x40\x01\x01")
    assert answer == b"\x41\x01"
    assert FWT_7_MS < ms < FWT_7_MS + 3


def test_repetitions_wait_again_each_time(host: Host) -> None:
    host.command("320402")
    card = EchoCard()
    found(host, card)
    card.gone = True
    assert 3 * FWT_7_MS < host.timed(b"\x40\x01\x01")[1] < 3 * FWT_7_MS + 5


def test_a_damaged_answer_is_a_crc_error_without_repetition(host: Host) -> None:
    card = EchoCard()
    found(host, card)
    host.chip.faults.rf_errors = 1
    assert send(host, b"\x01") == b"\x02"


def test_a_damaged_answer_is_repeated_by_the_card_and_the_command_not(host: Host) -> None:
    host.command("320402")
    card = EchoCard()
    found(host, card)
    host.chip.faults.rf_errors = 2
    assert send(host, b"\x01") == b"\x00\x01" + OK
    assert card.commands == [b"\x01"]


def test_an_unknown_target_number_is_refused(host: Host) -> None:
    assert send(host, b"\x01") == b"\x27"


def test_another_error_of_a_card_is_not_hidden(host: Host) -> None:
    class Broken(EchoCard):
        def transceive(self, command: bytes) -> bytes:
            raise KeyError("a bug in the card")

    found(host, Broken())
    with pytest.raises(KeyError):
        send(host, b"\x01")


# Losing a card


def test_a_card_removed_before_it_heard_the_command_never_saw_it(host: Host) -> None:
    card = EchoCard(thinking_ms=15)
    found(host, card)
    later(host, 1.5, host.chip.remove)  # in the middle of the command's frame
    assert send(host, bytes(100)) == b"\x01"
    assert card.commands == []


def test_a_card_removed_while_it_thinks_has_seen_the_command(host: Host) -> None:
    card = EchoCard(thinking_ms=15)
    found(host, card)
    later(host, 10, host.chip.remove)
    answer, ms = host.timed(b"\x40\x01\x01")
    assert answer == b"\x41\x01"
    assert card.commands == [b"\x01"]
    assert FWT_7_MS < ms < FWT_7_MS + 3


def test_a_card_torn_out_of_its_answer_is_a_crc_error(host: Host) -> None:
    card = EchoCard(thinking_ms=15, answers={b"\x01": bytes(60)})
    found(host, card)
    later(host, 18.5, host.chip.remove)
    assert send(host, b"\x01") == b"\x02"


def test_a_card_removed_between_the_blocks_of_its_answer_times_out(host: Host) -> None:
    card = EchoCard(answers={b"\x01": bytes(250)})
    found(host, card)
    later(host, 9, host.chip.remove)
    assert send(host, b"\x01")[0] in (0x01, 0x02)
    assert send(host, b"\x01") == b"\x01"


def test_a_card_that_comes_back_has_to_be_activated_again(host: Host) -> None:
    card = EchoCard()
    found(host, card)
    host.chip.remove(card)
    host.chip.present(card)
    assert send(host, b"\x01") == b"\x01"


def test_the_field_going_off_resets_the_card_and_forgets_the_target(host: Host) -> None:
    card = EchoCard()
    found(host, card)
    resets = card.resets
    host.command("320100")
    assert card.resets == resets + 1
    assert send(host, b"\x01") == b"\x27"


def test_an_abort_during_an_exchange_leaves_the_card_without_an_answer(host: Host) -> None:
    card = EchoCard(thinking_ms=15)
    found(host, card)
    host.begin(b"\x40\x01\x01")
    host.clock.spend(10 * NS_PER_MS)
    host.write(ACK)
    assert not host.wait(100)
    assert send(host, b"\x02") == b"\x00\x02" + OK


def test_exchanges_are_reported_with_their_times(host: Host) -> None:
    seen: list[tuple[bytes, bytes | None, int, int]] = []
    host.chip.on_exchange = lambda *exchange: seen.append(exchange)
    card = EchoCard(thinking_ms=15, answers={b"\x02": bytes(300)})
    found(host, card)
    send(host, b"\x01")
    send(host, b"\x02")
    assert len(seen) == 1, "the rest of the second answer is still in the card"
    send(host, b"")
    host.chip.remove()
    send(host, b"\x03")
    assert [(command, response) for command, response, _, _ in seen] == [
        (b"\x01", b"\x01" + OK),
        (b"\x02", bytes(300)),
        (b"\x03", None),
    ]
    assert 15 < (seen[0][3] - seen[0][2]) / NS_PER_MS < 17


# The other commands


def test_the_attention_request_tells_whether_the_card_is_there(host: Host) -> None:
    assert host.command("0006") == b"\x01\x27"
    card = EchoCard()
    found(host, card)
    assert host.command("0006") == b"\x01\x00"
    assert card.commands == []
    host.chip.remove()
    assert host.command("0006") == b"\x01\x01"


def test_a_deselected_card_is_selected_again(host: Host) -> None:
    found(host, EchoCard())
    assert host.command("4401") == b"\x45\x00"
    assert send(host, b"\x01") == b"\x27"
    assert host.command("5401") == b"\x55\x00"
    assert send(host, b"\x01") == b"\x00\x01" + OK


def test_selecting_a_card_that_left_fails(host: Host) -> None:
    found(host, EchoCard())
    host.command("4401")
    host.chip.remove()
    assert host.command("5401") == b"\x55\x01"


def test_a_released_card_is_forgotten(host: Host) -> None:
    found(host, EchoCard())
    assert host.command("5200") == b"\x53\x00"
    assert host.command("5401") == b"\x55\x27"
    assert host.command("5201") == b"\x53\x27"


def test_the_general_status_knows_field_targets_and_the_last_error(host: Host) -> None:
    assert host.command("04").hex() == "0500010000"
    found(host, EchoCard())
    host.chip.remove()
    send(host, b"\x01")
    assert host.command("04").hex() == "050101010100000000"


def test_the_same_run_takes_the_same_time() -> None:
    def run() -> int:
        host = Host().set_up()
        found(host, EchoCard())
        send(host, bytes(100))
        return host.clock.now_ns

    assert run() == run()
