"""`kassa logs`: lines of a terminal, for a person and for a machine."""

from __future__ import annotations

import json

import pytest

from host_tools import logs

TOLD = [
    (
        b'{"at": "host", "is": "bad answer", "error": "BadAnswer", "message": "no DE 39", '
        b'"boot": 12, "utc": "2026-11-27T03:31:05Z", "times": 40}',
        "2026-11-27T03:31:05Z  host     bad answer  BadAnswer: no DE 39  (40 times)",
    ),
    (
        b'{"t": 81234, "at": "ui", "is": "screen", "name": "approved", "words": ["APPROVED"]}',
        "              81.234  ui       screen  name approved, words APPROVED",
    ),
    (
        b'{"up_ms": 5, "at": "main", "is": "restart", "task": "keypad", "lost": 3}',
        "               0.005  main     restart  task keypad  (3 more were not kept)",
    ),
    (b"MemoryError: ", "MemoryError: "),
    (b'{"at": "half a', '{"at": "half a'),
    (b'{"answer": 42}', '{"answer": 42}'),
    (b"\xff\xfe", "\ufffd\ufffd"),
]


@pytest.mark.parametrize(("line", "told"), TOLD)
def test_a_line_says_when_where_what_and_why(line: bytes, told: str) -> None:
    assert logs.readable(logs.parse(line)) == told


def test_a_machine_gets_every_line_as_an_object() -> None:
    for line, _ in TOLD:
        json.loads(logs.as_json(logs.parse(line)))
    assert json.loads(logs.as_json(logs.parse(TOLD[0][0]))) == json.loads(TOLD[0][0])
    assert json.loads(logs.as_json("Traceback")) == {"text": "Traceback"}


def test_lines_come_out_as_soon_as_they_are_whole() -> None:
    seen: list[object] = []

    def pieces():
        for piece in (b"", b'{"at": "a", ', b'"is": "x"}\r', b"\nsec", b"ond\r\n\r\nre"):
            yield piece
            seen.append(piece)

    for line in logs.split(pieces()):
        seen.append(line)
    assert seen == [
        b"",
        b'{"at": "a", ',
        b'"is": "x"}\r',
        {"at": "a", "is": "x"},
        b"\nsec",
        "second",
        b"ond\r\n\r\nre",
    ]
