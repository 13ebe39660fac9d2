"""R-1 and R-2 at the card: what the terminal's risk management comes to in kernels 2 and 3."""

from typing import Any

import pytest

from tests.emv.offline import ODA, Risk, both, offline, rules, terminal
from tests.emv.reader import Terminal, mastercard_of, visa_of
from tests.emv.scripts import AC, mastercard, sent

CARDS = ("visa_debit", "mastercard_debit")


def byte(found: Any, number: int) -> int:
    assert found.tvr is not None
    return found.tvr[number - 1]


@pytest.mark.parametrize("name", CARDS)
def test_R_1_a_card_that_is_not_listed_is_approved(name: str) -> None:
    risk = Risk()
    found = terminal(risk).tap(name)
    assert found.kind == "approved"
    assert risk.asked == [
        ("listed", found.pan, found.psn),
        ("select", found.pan, 1_000, 2_000),
    ]


def test_R_1_kernel_2_tells_the_issuer_that_the_card_is_listed() -> None:
    found = terminal(Risk(on_list=True)).tap("mastercard_debit")
    assert found.kind == "online_request"
    assert byte(found, 1) == 0x10 and "R-1" in rules(found)


def test_R_1_a_listed_card_is_denied_where_the_acquirer_says_so() -> None:
    def deny(source: dict[str, Any]) -> None:
        mastercard_of(source)["kernel2"]["tac_denial"] = "1000800000"

    found = terminal(Risk(on_list=True), both(offline, deny)).tap("mastercard_debit")
    assert found.kind == "declined" and byte(found, 1) == 0x10


def test_R_1_no_action_code_lets_a_listed_card_pass() -> None:
    def careless(source: dict[str, Any]) -> None:
        codes = {f"tac_{name}": "0000000000" for name in ("denial", "online", "default")}
        mastercard_of(source)["kernel2"].update(codes, security_capability="00")
        source["risk"]["unsigned_cap"] = 2_000

    for risk, expected in ((Risk(), 0x40), (Risk(on_list=True), 0x80), (Risk(None), 0x80)):
        card = mastercard(ac={0x9F27: bytes([expected])})
        terminal(risk, both(offline, careless)).tap(card)
        assert sent(card, AC)[0][2] == expected


def test_C3_4_a_listed_card_is_declined() -> None:
    found = terminal(Risk(on_list=True)).tap("visa_debit")
    assert (found.kind, found.discretionary["error"]) == (
        "declined",
        "card on the exception list",
    )
    assert {"R-1", "C3-4"} <= set(rules(found))


@pytest.mark.parametrize("name", CARDS)
def test_R_1_where_nobody_can_tell_nothing_is_approved_offline(name: str) -> None:
    found = terminal(Risk(on_list=None)).tap(name)
    assert found.kind == "online_request"
    assert byte(found, 1) & 0x10 == 0


@pytest.mark.parametrize(
    ("reason", "byte_4"), [("random", 0x10), ("velocity", 0x60), ("clock", 0), ("list", 0)]
)
def test_R_2_kernel_2_goes_online_and_the_tvr_says_why(reason: str, byte_4: int) -> None:
    found = terminal(Risk(reason=reason)).tap("mastercard_debit")
    assert (found.kind, byte(found, 4)) == ("online_request", byte_4)
    assert ("R-2", f"terminal risk management: {reason}: must go online") in found.trail


@pytest.mark.parametrize("reason", ["random", "velocity", "clock", "list"])
def test_R_2_kernel_3_goes_online(reason: str) -> None:
    found = terminal(Risk(reason=reason)).tap("visa_debit")
    assert (found.kind, found.cid) == ("online_request", 0x40)


@pytest.mark.parametrize("name", CARDS)
def test_R_2_nobody_taps_until_the_dice_please_him(name: str) -> None:
    risk = Risk(reason="random")
    made = terminal(risk)
    assert made.tap(name).kind == "online_request"
    risk.reason = ""
    assert made.tap(name).kind == "online_request"
    # The next sale is drawn for anew.
    made.prepare(1_000)
    assert made.tap(name).kind == "approved"


@pytest.mark.parametrize("risk", [Risk(on_list=None), Risk(reason="random")])
def test_R_2_a_reader_without_a_line_declines(risk: Risk) -> None:
    def alone(source: dict[str, Any]) -> None:
        source["terminal"]["type"] = "23"
        visa_of(source)["ttq"] = "28004000"

    change = both(offline, alone)
    for name in CARDS:
        assert terminal(risk, change).tap(name).kind == "declined"
        assert terminal(Risk(), change).tap(name).kind == "approved"


@pytest.mark.parametrize("name", CARDS)
@pytest.mark.parametrize(
    "fields", [{"date": None}, {"online_only": True}, {"amount_minor": 2_001}, {"type": 0x20}]
)
def test_R_2_nothing_is_drawn_for_a_tap_that_goes_online_anyway(
    name: str, fields: dict[str, Any]
) -> None:
    risk = Risk()
    made = Terminal(offline, ODA, risk)
    fields = dict(fields)
    assert made.prepare(fields.pop("amount_minor", 1_000), **fields) is None
    assert made.tap(name).kind == "online_request"
    assert not [asked for asked in risk.asked if asked[0] == "select"]
