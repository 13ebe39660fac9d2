"""EP-1 to EP-5: what an amount means before the field comes on.  Limits are 10, 50 and 100
euro."""

from typing import Any

import pytest
from kassa.emv import config, outcome
from kassa.emv.preprocessing import Indicators, preprocess

from tests.emv.reader import Terminal, visa_of

LIMITS = {"transaction_limit": 10_000, "floor_limit": 1_000, "cvm_limit": 5_000}


def indicators(
    amount_minor: int, ttq: str | None = "20004000", online_only: bool = False, **limits: Any
) -> Indicators:
    source = {"aid": "A0000000031010", "kernel": 9, **LIMITS, **limits}
    combination = config.from_dict({"combinations": [source]}).combinations[0]
    qualifiers = None if ttq is None else bytes.fromhex(ttq)
    floor = combination.terminal_floor_limit
    return preprocess(qualifiers, combination, floor, amount_minor, 100, online_only)


def byte_2(found: Indicators) -> int:
    assert found.ttq is not None
    return found.ttq[1]


def test_EP_1_it_works_on_a_fresh_copy_of_the_ttq_with_two_bits_cleared() -> None:
    ttq = bytes.fromhex("20E04000")
    first = indicators(500, ttq.hex())
    assert bytes(first.ttq or b"") == bytes.fromhex("20204000")
    assert byte_2(indicators(9_999, ttq.hex())) == 0xE0
    assert byte_2(indicators(500, ttq.hex())) == 0x20


def test_EP_1_every_combination_is_prepared_before_a_card_is_there() -> None:
    terminal = Terminal(lambda c: visa_of(c).update(transaction_limit=1_000))
    assert terminal.prepare(1_250) is None
    # The first Visa combination is out, so a Visa credit card finds none that fits it.
    assert terminal.tap("visa_credit").ui.message == outcome.MESSAGE_TRY_ANOTHER_CARD  # type: ignore[union-attr]
    assert terminal.tap("mastercard_credit").kind == outcome.ONLINE_REQUEST


@pytest.mark.parametrize(
    ("flag", "amount", "requested"),
    [
        (True, 100, True),
        (True, 99, False),
        (True, 101, False),
        (False, 100, False),
        (True, 0, False),
    ],
)
def test_EP_2_a_status_check_is_exactly_one_unit(flag: bool, amount: int, requested: bool) -> None:
    found = indicators(amount, status_check=flag, zero_amount_allowed=True)
    assert found.status_check is requested
    if amount:
        assert bool(byte_2(found) & 0x80) is requested


@pytest.mark.parametrize(("flag", "allowed"), [(True, True), (False, False), (None, True)])
def test_EP_2_amount_zero_goes_by_its_flag(flag: bool | None, allowed: bool) -> None:
    limits = {} if flag is None else {"zero_amount_allowed": flag}
    found = indicators(0, **limits)
    assert found.allowed is allowed
    assert found.zero_amount is allowed
    assert indicators(1, **limits).zero_amount is False


@pytest.mark.parametrize(("amount", "allowed"), [(9_999, True), (10_000, False), (10_001, False)])
def test_EP_3_at_the_transaction_limit_is_too_much(amount: int, allowed: bool) -> None:
    assert indicators(amount).allowed is allowed


@pytest.mark.parametrize(("amount", "exceeded"), [(999, False), (1_000, False), (1_001, True)])
def test_EP_3_over_the_floor_limit_is_more_than_it(amount: int, exceeded: bool) -> None:
    assert indicators(amount).floor_limit_exceeded is exceeded


@pytest.mark.parametrize(
    ("reader", "terminal", "exceeded"),
    [
        (1_000, 100, False),
        (100, 1_000, True),
        (None, 100, True),
        (None, 1_000, False),
        (None, None, False),
    ],
)
def test_EP_3_the_readers_floor_limit_comes_before_the_terminals(
    reader: int | None, terminal: int | None, exceeded: bool
) -> None:
    limits = {
        k: v
        for k, v in (("floor_limit", reader), ("terminal_floor_limit", terminal))
        if v is not None
    }
    source = {"aid": "A0000000031010", "kernel": 9, **limits}
    combination = config.from_dict({"combinations": [source]}).combinations[0]
    found = preprocess(None, combination, combination.terminal_floor_limit, 500, 100, False)
    assert found.floor_limit_exceeded is exceeded


@pytest.mark.parametrize(("amount", "required"), [(4_999, False), (5_000, True), (5_001, True)])
def test_EP_3_at_the_cvm_limit_a_method_is_required(amount: int, required: bool) -> None:
    found = indicators(amount)
    assert found.cvm_required is required
    assert bool(byte_2(found) & 0x40) is required


@pytest.mark.parametrize(
    ("amount", "ttq", "online_only", "expected"),
    [
        (500, "20004000", False, 0x00),
        (1_001, "20004000", False, 0x80),
        (5_000, "20004000", False, 0xC0),
        (0, "20004000", False, 0x80),
        (500, "20004000", True, 0x80),  # a terminal that may not approve offline
    ],
)
def test_EP_4_the_ttq_tells_the_card(
    amount: int, ttq: str, online_only: bool, expected: int
) -> None:
    assert byte_2(indicators(amount, ttq, online_only)) == expected


def test_EP_4_an_offline_only_reader_has_no_zero_amount() -> None:
    assert not indicators(0, "28004000").allowed
    assert indicators(500, "28004000").allowed


def test_D_4_an_offline_only_reader_that_may_not_approve_offline_has_nothing_to_offer() -> None:
    assert not indicators(500, "28004000", online_only=True).allowed


def test_a_combination_without_ttq_has_its_indicators_all_the_same() -> None:
    found = indicators(5_000, None)
    assert found.ttq is None
    assert (found.allowed, found.cvm_required, found.floor_limit_exceeded) == (True, True, True)


def test_EP_5_no_combination_left_means_another_interface() -> None:
    def limit_all(source: dict[str, Any]) -> None:
        for combination in source["combinations"]:
            combination["transaction_limit"] = 1_250

    terminal = Terminal(limit_all)
    assert terminal.prepare(1_249) is None
    refused = terminal.prepare(1_250)
    assert refused is not None
    assert refused.kind == outcome.TRY_ANOTHER_INTERFACE
    assert refused.ui is not None and refused.ui.message == 0x18
    assert refused.start is None


def test_D_4_a_clock_that_was_never_set_asks_online() -> None:
    def offline(source: dict[str, Any]) -> None:
        source["terminal"]["offline_approval"] = True
        visa_of(source)["floor_limit"] = 10_000

    sent = {}
    for date in ("261122", None):
        terminal = Terminal(offline)
        terminal.prepare(1_000, date=date)
        sent[date] = terminal.tap("visa_debit").data[0x9F66][1]
    assert sent == {"261122": 0x00, None: 0x80}
