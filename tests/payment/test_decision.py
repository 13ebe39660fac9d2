"""The reasons of an offline approval, packed and told again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kassa.payment import decision as reasons
from kassa.payment import records
from kassa.payment import transaction as life
from kassa.payment.decision import Decision, DecisionError
from kassa.payment.transaction import Transaction

TYPICAL = Decision(
    "fdda",
    "EP-4 C3-3 C3-4 C3-5 ODA-7 C3-6",
    floor_minor=2500,
    unsigned_cap_minor=0,
    drawn=57,
    percent=12,
    today=2,
    per_day=5,
    list_age_days=3,
    stored=4,
    stored_most=75,
    stored_minor=5000,
    stored_most_minor=50000,
)
NUMBER = st.none() | st.integers(0, 10**12)


@given(
    st.sampled_from(["", "sda", "dda", "cda", "fdda"]),
    st.lists(NUMBER, min_size=11, max_size=11),
)
def test_R_3_a_decision_reads_back_as_it_was(method: str, numbers: list[int | None]) -> None:
    names = [name for name in vars(TYPICAL) if name not in ("method", "rules")]
    kept = Decision(method, "C3-5 ODA-7", **dict(zip(names, numbers, strict=True)))
    assert vars(reasons.decode(kept.encode())) == vars(kept)


@given(st.binary(max_size=60))
def test_R_3_bytes_that_are_no_decision_are_an_error_of_the_family(data: bytes) -> None:
    try:
        reasons.decode(data)
    except DecisionError:
        return
    # Whatever else was read is a decision that can be told.
    assert reasons.decode(data).describe()["signature"] in ("none", "SDA", "DDA", "CDA", "fDDA")


@pytest.mark.parametrize("length", range(len(TYPICAL.encode()) - len(TYPICAL.rules)))
def test_R_3_a_decision_that_is_cut_short_is_not_believed(length: int) -> None:
    with pytest.raises(DecisionError):
        reasons.decode(TYPICAL.encode()[:length])


def test_R_3_the_numbers_take_twenty_bytes_and_the_rules_no_more_than_their_room() -> None:
    assert len(TYPICAL.encode()) - len(TYPICAL.rules) <= 20
    trail = [(f"C3-{n % 30}", "what") for n in range(90)]
    assert len(reasons.rules_of(trail)) <= 48


def test_R_3_each_rule_is_named_once_in_the_order_it_fired() -> None:
    assert reasons.rules_of([("C3-3", "a"), ("ODA-7", "b"), ("C3-3", "c")]) == "C3-3 ODA-7"


def test_R_3_a_stored_record_keeps_the_reasons_and_tools_tell_them() -> None:
    sale = Transaction("sale", 1250, "EUR", 42, 7, (2026, 11, 22, 10, 0, 0))
    sale.offline_reason, sale.decision, sale.card_token = life.BY_CARD, TYPICAL.encode(), b"\x5a"
    payload = records.encode(records.STORED, sale)
    told = records.describe(records.STORED, payload)
    assert told["offline_reason"] == "by_card"
    assert told["decision"] == {
        "signature": "fDDA",
        "floor_minor": 2500,
        "unsigned_cap_minor": 0,
        "drawn": 57,
        "percent": 12,
        "today": 2,
        "per_day": 5,
        "list_age_days": 3,
        "stored": 4,
        "stored_most": 75,
        "stored_minor": 5000,
        "stored_most_minor": 50000,
        "rules": ["EP-4", "C3-3", "C3-4", "C3-5", "ODA-7", "C3-6"],
    }
    name, facts = records.decode(payload)
    found = records.transaction_of(name, facts)
    assert found.by_card and found.card_token == b"\x5a"
    assert reasons.decode(found.decision).today == 2


def test_R_3_a_record_with_reasons_of_a_later_version_is_still_told() -> None:
    sale = Transaction("sale", 1250, "EUR", 42, 7, (2026, 11, 22, 10, 0, 0))
    sale.decision = b"\x09\x00"
    told = records.describe(records.STORED, records.encode(records.STORED, sale))
    assert told["decision"] == "not a decision of this version"
