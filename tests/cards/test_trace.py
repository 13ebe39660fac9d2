"""Recordings answer as they were recorded, and say where the terminal differs."""

from pathlib import Path
from typing import Any

import pytest

from simulator import cards
from simulator.cards import trace
from simulator.cards.card import CardLost
from tests.emv.reader import Present, Terminal

HEAD = {"uid": "04A1B2C3D4E580", "ats": "0B788091024B4153534101"}


def record(name: str) -> dict[str, Any]:
    """A sale with the card `name` as a trace."""
    terminal, present = Terminal(), Present(cards.load(name))
    terminal.prepare()
    found = terminal.tap(present)
    exchange = [[c.hex(), (a or b"").hex()] for c, a in present.exchanges]
    number = found.unpredictable_number
    numbers = [number.hex()] if number else []
    return {
        **HEAD,
        "amount": 1250,
        "date": "261122",
        "unpredictable_numbers": numbers,
        "exchange": exchange,
    }


@pytest.mark.parametrize("name", ["visa_credit", "visa_phone", "mastercard_credit"])
@pytest.mark.parametrize("match", ["order", "command"])
def test_a_recorded_sale_can_be_played_again(name: str, match: str) -> None:
    card = trace.from_dict({**record(name), "match": match})
    terminal = Terminal()
    numbers = iter(card.unpredictable_numbers or [])
    terminal.prepare(card.amount_minor or 0, date=card.date, random=lambda n: next(numbers))
    assert terminal.tap(card).kind == "online_request"
    assert card.finished and card.mismatch is None


def test_a_terminal_that_differs_fails_the_run_and_hears_where() -> None:
    card = trace.from_dict(record("visa_credit"))
    terminal = Terminal()
    terminal.prepare(1251)
    with pytest.raises(trace.TraceMismatch, match=r"command 3 .*\(byte \d+"):
        terminal.tap(card)
    assert card.mismatch and not card.finished


def test_a_terminal_that_goes_on_after_the_end_fails_the_run() -> None:
    source = record("visa_credit")
    source["exchange"] = source["exchange"][:1]
    with pytest.raises(trace.TraceMismatch, match="over"):
        terminal = Terminal()
        terminal.prepare()
        terminal.tap(trace.from_dict(source))


def test_by_command_only_what_was_recorded_is_answered() -> None:
    card = trace.from_dict(
        {**HEAD, "match": "command", "exchange": [["0001", "9000"], ["0002", "6A82"]]}
    )
    assert [card.transceive(c).hex() for c in (b"\0\2", b"\0\1", b"\0\2")] == [
        "6a82",
        "9000",
        "6a82",
    ]
    with pytest.raises(trace.TraceMismatch):
        card.transceive(b"\0\3")


def test_an_empty_answer_is_a_card_that_was_lost() -> None:
    card = trace.from_dict({**HEAD, "exchange": [["0001", ""]]})
    with pytest.raises(CardLost):
        card.transceive(b"\0\1")


def test_hexadecimal_that_looks_like_a_number_is_still_text(tmp_path: Path) -> None:
    path = tmp_path / "trace.yaml"
    path.write_text(
        "uid: 04112233\nats: 0578809102\nexchange:\n  - [00A40400, 9000]\n  - [00010203, 6985]\n"
    )
    card = trace.load(path)
    assert (card.uid.hex(), card.ats.hex()) == ("04112233", "0578809102")
    assert card.transceive(bytes.fromhex("00A40400")).hex() == "9000"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"exchange": []}, "exchange"),
        ({"exchange": [["00"]]}, "exchange 1"),
        ({"exchange": [["00", "9000"], ["zz", "9000"]]}, "exchange 2"),
        ({"match": "loosely"}, "match"),
        ({"uid": "xx"}, "uid"),
        ({"date": "2026"}, "date"),
        ({"date": "261322"}, "date"),
        ({"time": "1423"}, "time"),
        ({"time": "246000"}, "time"),
        ({"amount": "12.50"}, "amount"),
        ({"unpredictable_numbers": "01"}, "unpredictable_numbers"),
        ({"unpredictable_numbers": ["010203"]}, "unpredictable_numbers"),
        ({"apdus": []}, "apdus"),
    ],
)
def test_a_file_that_is_no_trace_is_said_to_be_none(change: dict[str, Any], words: str) -> None:
    with pytest.raises(trace.TraceError, match=words):
        trace.from_dict({**HEAD, "exchange": [["00", "9000"]], **change})


def test_a_file_that_cannot_be_read_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("exchange: [")
    for name in ("bad.yaml", "missing.yaml"):
        with pytest.raises(trace.TraceError, match=name):
            trace.load(tmp_path / name)
