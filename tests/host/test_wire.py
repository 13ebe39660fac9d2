"""What is on the wire, and what of it is believed."""

from __future__ import annotations

import re
from typing import Any

import iso8583
import pytest

from host_tools.iso8583_fields import specification
from simulator.acquirer import key_material, messages
from simulator.acquirer.pki import Pki
from tests.host.bench import PAN, STARTED, TRACK2, HostBench


def leaks(data: bytes) -> list[str]:
    """Pieces of the card that stand in `data` in clear, as text or packed in nibbles."""
    found = []
    text = data.hex()
    for piece in (PAN, PAN[:12], PAN[4:], TRACK2.hex(), TRACK2.hex()[16:]):
        if piece.encode() in data or piece.lower() in text:
            found.append(piece)
    return found


def test_the_search_would_find_a_card_in_any_packing() -> None:
    assert leaks(b"..." + PAN.encode())
    assert leaks(b"\x01" + bytes.fromhex(PAN))
    assert leaks(bytes.fromhex("0" + PAN + "0"))
    assert leaks(TRACK2)
    assert not leaks(PAN[:6].encode() + b"******" + PAN[-4:].encode())


def test_no_card_number_and_no_track_is_in_any_byte_on_the_wire(pki: Pki) -> None:
    bench = HostBench(pki)
    sale = bench.sale(stan=1)
    bench.exchange(sale)
    bench.exchange(bench.builder.reversal(1, 1250, 978, 1, STARTED))
    bench.exchange(
        bench.builder.authorisation(2, 1250, 978, 1, STARTED, sale.fields[55], sale.card)
    )
    totals = bench.messages.Totals
    bench.exchange(bench.builder.settlement(3, 1, 978, totals(), totals()))
    bench.wait(70)
    everything = b"".join(bench.wire.sent + bench.wire.received)
    assert len(bench.wire.sent) >= 6 and len(everything) > 1000
    assert leaks(everything) == []


def test_no_card_number_is_in_the_log_or_in_flash(bench: HostBench) -> None:
    for fault in (None, "wrong_mac", "garbage"):
        if fault:
            bench.acquirer.faults.next(fault)
        try:
            bench.exchange(bench.sale(stan=2))
        except bench.errors.NoAnswer:
            bench.until_online()
    assert leaks("\n".join(bench.lines).encode()) == []
    assert leaks(bench.wiring.flash.image()) == []


def test_every_message_on_the_wire_is_read_by_pyiso8583(bench: HostBench) -> None:
    bench.exchange(bench.sale())
    bench.exchange(bench.builder.reversal(1, 1250, 978, 1, STARTED, rrn="010511000001"))
    bench.wait(70)
    types = []
    for frame in bench.wire.sent + bench.wire.received:
        assert int.from_bytes(frame[:2]) == len(frame) - 2
        decoded, _ = iso8583.decode(frame[2:], specification())
        types.append(decoded["t"])
    assert sorted(types) == ["0200", "0210", "0400", "0410", "0800", "0800", "0810", "0810"]


def test_a_sale_has_the_fields_of_the_table(bench: HostBench) -> None:
    bench.exchange(bench.sale(stan=7))
    sale = next(entry for entry in bench.acquirer.messages if entry["mti"] == "0200")
    fields: dict[str, str] = sale["fields"]
    assert re.fullmatch("[0-9A-F]{16}", fields.pop("128"))
    assert fields.pop("110").startswith("C10C")
    assert fields.pop("55").startswith("9F0206000000001250")
    assert fields == {
        "3": "000000",
        "4": "000000001250",
        "7": "0105100000",
        "11": "000007",
        "12": "110000",
        "13": "0105",
        "18": "5812",
        "22": "072",
        "25": "00",
        "41": "KASSA001",
        "42": "000000000012345",
        "49": "978",
        "60": "000001",
    }


def test_a_reversal_names_its_original(bench: HostBench) -> None:
    bench.exchange(bench.builder.reversal(7, 1250, 978, 3, STARTED, rrn="010511000007"))
    reversal = next(entry for entry in bench.acquirer.messages if entry["mti"] == "0400")
    fields = reversal["fields"]
    assert fields["90"] == "0200" + "000007" + "0105110000" + "0" * 22
    assert (fields["11"], fields["60"], fields["13"]) == ("000007", "000003", "0105")
    assert (fields["39"], fields["37"]) == ("68", "010511000007")
    assert "card" not in reversal


def test_the_card_block_opens_at_the_host_to_what_went_in(bench: HostBench) -> None:
    bench.exchange(bench.sale())
    frame = next(frame for frame in bench.wire.sent if frame[2:4] == b"\x02\x00")
    card = messages.open_card(messages.decode(frame[2:]), key_material.BASE_KEY)
    assert card == messages.Card(PAN, "2812", 1, TRACK2)


@pytest.mark.parametrize("pan", ["4761739001010119", "476173900101011", "6" * 19, "1" * 8])
def test_card_numbers_of_any_length_go_through_the_card_block(bench: HostBench, pan: str) -> None:
    request = bench.sale()
    request.card = bench.card_block.Card(pan)
    bench.exchange(request)
    frame = next(frame for frame in bench.wire.sent if frame[2:4] == b"\x02\x00")
    card = messages.open_card(messages.decode(frame[2:]), key_material.BASE_KEY)
    assert card == messages.Card(pan, "", None, b"")


def test_a_wiped_card_is_empty(bench: HostBench) -> None:
    track2 = bytearray(TRACK2)
    card = bench.card_block.Card(PAN, "2812", 1, track2)
    card.wipe()
    assert (card.pan, card.expiry, card.psn, card.track2) == ("", "", None, b"")
    assert not any(track2)


class Answers:
    """Answers to one sale, right or changed, checked by the firmware."""

    KEY = bytes(range(16))

    def __init__(self, bench: HostBench) -> None:
        self.bench = bench
        self.request = bench.sale(stan=7)
        self.wire = bench.world.load("kassa.host.wire")
        self.codec = bench.world.load("kassa.host.iso8583")

    def check(self, key: bytes = KEY, **changes: str) -> None:
        fields = {3: "000000", 4: "000000001250", 11: "000007", 39: "00", 41: "KASSA001"}
        fields |= {42: "000000000012345", 49: "978", 60: "000001"}
        for name, value in changes.items():
            fields[int(name[1:])] = value
        fields = {number: value for number, value in fields.items() if value}
        message = messages.encode("0210", fields, key)
        _, answer = self.codec.decode(message)
        self.wire.check_answer(self.request, message, answer, self.KEY)


def test_a_right_answer_is_believed(bench: HostBench) -> None:
    Answers(bench).check()


@pytest.mark.parametrize(
    "changes",
    [
        {"f4": "000000000125"},
        {"f41": "KASSA002"},
        {"f42": "000000000012346"},
        {"f49": "840"},
        {"f60": "000002"},
        {"f39": ""},
        {"key": bytes(16)},
    ],
)
def test_an_authentic_answer_to_something_else_is_not_believed(
    bench: HostBench, changes: dict[str, Any]
) -> None:
    with pytest.raises(bench.errors.BadAnswer):
        Answers(bench).check(**changes)


def test_an_answer_without_a_mac_is_not_believed(bench: HostBench) -> None:
    answers = Answers(bench)
    message = messages.encode("0210", {11: "000007", 39: "00"}, None)
    _, answer = answers.codec.decode(message)
    with pytest.raises(bench.errors.BadAnswer, match="no MAC"):
        answers.wire.check_answer(answers.request, message, answer, Answers.KEY)


@pytest.mark.parametrize(
    ("told", "moment"),
    [
        ("20260105100000", (2026, 1, 5, 10, 0, 0)),
        ("20261305100000", None),
        ("20260105250000", None),
        ("2026010510000", None),
        ("2026010510000x", None),
        (None, None),
    ],
)
def test_the_hosts_time_is_taken_only_if_it_is_one(
    bench: HostBench, told: str | None, moment: tuple[int, ...] | None
) -> None:
    assert bench.messages.host_time({} if told is None else {62: told}) == moment


def test_answers_have_the_message_type_after_the_request(bench: HostBench) -> None:
    pairs = {"0100": "0110", "0200": "0210", "0220": "0230", "0400": "0410"}
    pairs |= {"0401": "0410", "0500": "0510", "0800": "0810"}
    request = bench.messages.Request
    assert {mti: request(mti, {}).answer_mti for mti in pairs} == pairs
