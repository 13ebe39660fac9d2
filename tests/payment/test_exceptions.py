"""The exception list: found when it is on, and never trusted when it cannot be."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kassa.emv import config
from kassa.emv.config_reader import Record
from kassa.payment import exceptions
from kassa.payment.exceptions import ExceptionList

SALT = bytes(range(16))
# Numbers of published Visa test cards.
PAN, OTHER = "4761739001010119", "4761739001010127"
TODAY = (2026, 11, 22, 10, 0, 0)


def digest(pan: str, psn: str = "") -> bytes:
    return hashlib.sha256(SALT + f"{pan}/{psn}".encode()).digest()[:8]


def settings(*cards: bytes, **changes: Any) -> Record:
    fields = {
        "date": "261122",
        "salt": SALT,
        "digests": b"".join(sorted(cards)),
        "max_age_days": 30,
    }
    return Record(fields | changes)


def test_R_1_a_card_is_found_by_number_and_sequence_or_by_number_alone() -> None:
    known = ExceptionList(settings(digest(PAN, "01"), digest(OTHER)))
    assert known.has(PAN, 1)
    assert not known.has(PAN, 2)
    assert known.has(OTHER, 1) and known.has(OTHER, None)
    assert not known.has("5413330089020011", 1)


def test_R_1_a_card_without_a_sequence_number_is_number_zero() -> None:
    assert ExceptionList(settings(digest(PAN, "00"))).has(PAN, None)


@given(st.sets(st.integers(0, 10**8), max_size=60), st.integers(0, 10**8))
def test_R_1_the_search_agrees_with_looking_at_all(numbers: set[int], wanted: int) -> None:
    known = ExceptionList(settings(*{digest(f"47617390{n:08}", "01") for n in numbers}))
    for number in [*numbers, wanted]:
        assert known.has(f"47617390{number:08}", 1) == (number in numbers)


def test_R_1_the_largest_list_is_kept_and_searched() -> None:
    cards = [digest(f"47617390{n:08}") for n in range(config.MAX_EXCEPTIONS)]
    known = ExceptionList(settings(*cards))
    assert known.trouble(TODAY) == ""
    assert all(known.has(f"47617390{n:08}", 1) for n in range(config.MAX_EXCEPTIONS))
    assert not known.has(PAN, 1)


def test_R_1_without_a_list_no_card_is_on_it_and_nothing_is_wrong() -> None:
    none = ExceptionList(None)
    assert not none.configured
    assert none.trouble(TODAY) == "" and none.trouble(None) == ""
    assert not none.has(PAN, 1)


@pytest.mark.parametrize(
    ("changes", "trouble"),
    [
        ({"digests": None}, exceptions.MISSING),
        ({"salt": None}, exceptions.MISSING),
        ({"salt": bytes(15)}, exceptions.MALFORMED),
        ({"digests": bytes(7)}, exceptions.MALFORMED),
        ({"digests": bytes(16)}, exceptions.MALFORMED),
        ({"digests": b"\x02" + bytes(7) + b"\x01" + bytes(7)}, exceptions.MALFORMED),
        (
            {"digests": b"".join(n.to_bytes(8, "big") for n in range(config.MAX_EXCEPTIONS + 1))},
            exceptions.MALFORMED,
        ),
        ({"date": None}, exceptions.MALFORMED),
        ({"date": "261322"}, exceptions.MALFORMED),
        ({"max_age_days": None}, exceptions.MALFORMED),
        ({"date": "261022"}, exceptions.TOO_OLD),
        ({"date": "261124"}, exceptions.AHEAD),
    ],
)
def test_R_1_a_list_that_cannot_be_relied_on_says_why(
    changes: dict[str, Any], trouble: str
) -> None:
    assert ExceptionList(settings(**changes)).trouble(TODAY) == trouble


def test_R_1_a_list_is_good_to_its_last_day_and_dated_tomorrow_elsewhere() -> None:
    known = ExceptionList(settings(date="261023"))
    assert known.trouble(TODAY) == "" and known.age_days(TODAY) == 30
    assert known.trouble((2026, 11, 23, 0, 0, 0)) == exceptions.TOO_OLD
    ahead = ExceptionList(settings(date="261123"))
    assert ahead.trouble(TODAY) == "" and ahead.age_days(TODAY) == 0


def test_R_1_without_a_date_no_list_can_be_relied_on() -> None:
    assert ExceptionList(settings()).trouble(None) == exceptions.NO_DATE
