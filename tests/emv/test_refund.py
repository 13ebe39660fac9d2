"""Refunds (transaction type 20): the card is read to its end, and the host decides."""

from typing import Any

import pytest
from kassa.emv import outcome

from simulator import cards
from tests.emv.reader import Scripted, Terminal, sale
from tests.emv.scripts import AC, GPO, mastercard, sent, visa

REFUND = 0x20


def refund(card: Any, amount_minor: int = 1_250) -> outcome.Outcome:
    terminal = Terminal()
    assert terminal.entry_point.prepare(sale(amount_minor, type=REFUND)) is None
    return terminal.tap(card)


@pytest.mark.parametrize("cid", [b"\x00", b"\x40", b"\x80", None])
def test_C3_3_a_refund_asks_the_host_whatever_cryptogram_the_card_gave(
    cid: bytes | None,
) -> None:
    found = refund(visa({0x9F27: cid}))
    assert (found.kind, found.start, found.cvm, found.receipt) == (
        "online_request",
        None,
        "none",
        True,
    )
    assert (found.pan, found.track2.hex()[:16]) == ("4761739001010119", "4761739001010119")
    assert found.data[0x9C] == b"\x20" and found.data.get(0x9F27) == cid


def test_C3_6_nobody_is_verified_for_a_refund() -> None:
    card = visa({0x9F6C: bytes.fromhex("C000")})
    found = refund(card, amount_minor=5_000)
    assert (found.kind, found.cvm) == ("online_request", "none")
    assert sent(card, GPO)[0][8] & 0x40 == 0


def test_C3_2_a_refund_needs_an_account() -> None:
    assert refund(visa({0x57: None})).discretionary["error"] == "card data missing"


@pytest.mark.parametrize("interaction", [{}, {0xDF4B: bytes.fromhex("000100")}])
def test_C2_8_a_refund_asks_for_an_aac_and_takes_it(interaction: dict[int, bytes | None]) -> None:
    card = mastercard(ac={0x9F27: b"\0", **interaction})
    found = refund(card)
    assert sent(card, AC)[0][2] == 0x00
    assert (found.kind, found.start, found.cvm, found.receipt) == (
        "online_request",
        None,
        "none",
        True,
    )
    assert found.cvm_results == bytes.fromhex("3F0000")
    assert found.pan == "5413330089020011" and found.cid == 0


@pytest.mark.parametrize("cid", [b"\x40", b"\x80"])
def test_C2_9_nor_may_the_card_go_up_in_a_refund(cid: bytes) -> None:
    assert refund(mastercard(ac={0x9F27: cid})).kind == "end_application"


@pytest.mark.parametrize("amount", [1, 1_250, 5_001, 100_000])
@pytest.mark.parametrize("name", ["visa_credit", "visa_phone", "mastercard_credit"])
def test_the_wallets_cards_take_refunds_of_any_size(name: str, amount: int) -> None:
    found = refund(cards.load(name), amount)
    assert (found.kind, found.cvm) == ("online_request", "none")
    assert found.pan and found.cryptogram


@pytest.mark.parametrize("sw", ["6984", "6985", "6986", "6A81"])
def test_a_card_that_gives_no_account_gets_no_refund(sw: str) -> None:
    for card in (visa(gpo=sw), mastercard(GPO=sw)):
        assert isinstance(card, Scripted)
        assert refund(card).kind != "online_request"
