"""What a transaction leaves in the journal, and that it can be read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kassa.payment import records, totals
from kassa.payment import transaction as life
from kassa.payment.totals import Totals
from kassa.payment.transaction import Transaction

STARTED = (2026, 11, 22, 10, 0, 0)
TEXT = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789* ", max_size=40)


def transaction(**changes: object) -> Transaction:
    made = Transaction("sale", 1250, "EUR", 42, 7, STARTED)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_every_state_but_the_harmless_ones_leaves_a_record_of_its_own() -> None:
    harmless = {life.NEW, life.CARD_READ, life.CANCELLED}
    assert set(records.KIND_OF) == set(life.TRANSITIONS) - harmless
    assert len(set(records.KIND_OF.values())) == len(records.KIND_OF)
    assert set(records.KIND_OF.values()) <= set(records.NAMES)


@given(
    amount=st.integers(1, 10**12 - 1),
    label=TEXT,
    pan=TEXT,
    emv=st.binary(max_size=400),
    card=st.binary(max_size=300),
)
def test_a_stored_sale_reads_back_as_it_was(
    amount: int, label: str, pan: str, emv: bytes, card: bytes
) -> None:
    kept = transaction(
        amount_minor=amount, label=label, masked_pan=pan, emv_data=emv, sealed_card=card
    )
    name, facts = records.decode(records.encode(records.STORED, kept))
    found = records.transaction_of(name, facts)
    assert name == (7, 42)
    for attribute in [
        "kind",
        "amount_minor",
        "currency",
        "stan",
        "batch",
        "started",
        "label",
        "masked_pan",
        "emv_data",
        "sealed_card",
    ]:
        assert getattr(found, attribute) == getattr(kept, attribute), attribute


def test_a_short_record_carries_the_answer_and_not_the_facts_again() -> None:
    approved = transaction(
        state=life.REQUESTED, response_code="00", approval_code="A1B2C3", rrn="632610000042"
    )
    payload = records.encode(records.APPROVED, approved)
    assert len(payload) < 40
    _, facts = records.decode(payload)
    assert not records.has_all_facts(facts)
    other = transaction()
    records.update(other, facts)
    assert (other.response_code, other.approval_code, other.rrn) == (
        "00",
        "A1B2C3",
        "632610000042",
    )


def test_a_decline_without_a_request_tells_all_and_one_after_it_does_not() -> None:
    alone = transaction(decline_reason="offline_total")
    _, facts = records.decode(records.encode(records.DECLINED, alone))
    assert records.has_all_facts(facts)
    answered = transaction(state=life.REQUESTED, decline_reason="insufficient_funds")
    _, facts = records.decode(records.encode(records.DECLINED, answered))
    assert not records.has_all_facts(facts)


@given(st.binary(max_size=60))
def test_garbage_is_refused_and_nothing_else_happens(data: bytes) -> None:
    try:
        name, facts = records.decode(data)
    except records.RecordError:
        return
    assert 0 <= name[0] < 1 << 24 and all(isinstance(value, bytes) for value in facts.values())


@pytest.mark.parametrize("cut", range(1, 30))
def test_a_record_that_is_cut_short_is_refused_or_lacks_its_end(cut: int) -> None:
    whole = records.encode(records.REQUESTED, transaction(masked_pan="476173******0010"))
    try:
        _, facts = records.decode(whole[:-cut])
    except records.RecordError:
        return
    assert len(facts) < len(records.decode(whole)[1])


def test_a_record_without_an_amount_makes_no_transaction() -> None:
    name, facts = records.decode(records.encode(records.REQUESTED, transaction()))
    del facts[2]
    with pytest.raises(records.RecordError):
        records.transaction_of(name, facts)


counts = st.builds(
    Totals,
    st.integers(0, 10**6),
    st.integers(0, 10**12),
    st.integers(0, 10**6),
    st.integers(0, 10**12),
)


@given(st.dictionaries(st.sampled_from(["", "visa", "mastercard", "jcb"]), counts))
def test_totals_read_back_as_they_were(by_scheme: dict[str, Totals]) -> None:
    found = totals.decode(totals.encode(by_scheme))
    assert {s: t.as_tuple() for s, t in found.items()} == {
        s: t.as_tuple() for s, t in by_scheme.items()
    }


def test_tools_see_a_record_in_words_and_no_card_data() -> None:
    told = records.describe(
        records.STORED,
        records.encode(records.STORED, transaction(sealed_card=bytes(100), masked_pan="4***1")),
    )
    assert told["record"] == "stored" and told["amount_minor"] == 1250
    assert told["sealed_card_bytes"] == 100
