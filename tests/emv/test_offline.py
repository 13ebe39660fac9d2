"""Offline approval by kernels 2 and 3, with cards that sign for real and keys that are real."""

from typing import Any

import pytest

from simulator import cards
from simulator.cards.awkward import TornAfter
from tests.emv.mastercards import asked
from tests.emv.offline import ODA, Risk, both, offline, rules, schemes_oda, terminal
from tests.emv.reader import Present, Terminal, commands, mastercard_of, visa_of
from tests.emv.scripts import mastercard

CARDS = ("visa_debit", "mastercard_debit")


def test_C2_10_a_tc_with_cda_verified_is_approved() -> None:
    found = terminal().tap("mastercard_debit")
    assert (found.kind, found.authenticated, found.cid) == ("approved", "cda", 0x40)
    assert found.tvr == bytes(5) and found.cryptogram is not None
    assert {"C2-8", "C2-9", "ODA-6", "C2-10"} <= set(rules(found))


def test_C3_5_a_tc_with_fdda_verified_is_approved() -> None:
    found = terminal().tap("visa_debit")
    assert (found.kind, found.authenticated, found.cid) == ("approved", "fdda", 0x40)
    assert rules(found)[-3:] == ["C3-5", "C3-6", "C3-3"]
    assert ("ODA-7", "fDDA verified") in found.trail


def test_C2_4_an_arqc_is_signed_too() -> None:
    made = terminal()
    assert made.prepare(2_500) is None
    found = made.tap("mastercard_debit")
    assert (found.kind, found.authenticated) == ("online_request", "cda")
    assert found.tvr is not None and found.tvr.hex() == "0000008000"


@pytest.mark.parametrize("name", CARDS)
@pytest.mark.parametrize("oda", [None, schemes_oda(expires="261121")])
def test_ODA_1_without_a_key_nothing_is_approved_offline(name: str, oda: Any) -> None:
    assert terminal(oda=oda).tap(name).kind == "online_request"


@pytest.mark.parametrize("name", CARDS)
def test_D_4_nor_without_a_date(name: str) -> None:
    made = Terminal(offline, ODA)
    made.prepare(1_000, date=None)
    assert made.tap(name).kind == "online_request"


@pytest.mark.parametrize("name", CARDS)
def test_EP_15_the_card_may_leave_before_anything_is_computed(name: str) -> None:
    made = terminal()
    said: list[int] = []

    class Watched:
        def __getattr__(self, what: str) -> Any:
            if what in ("cda", "fdda"):
                said.append(len(made.shown))
            return getattr(ODA, what)

    made = Terminal(offline, Watched())
    made.prepare(1_000)
    assert made.tap(name).kind == "approved"
    assert said == [1]


@pytest.mark.parametrize(("amount", "kind"), [(2_000, "approved"), (2_001, "online_request")])
@pytest.mark.parametrize("name", CARDS)
def test_EP_3_over_the_floor_limit_nothing_is_approved_offline(
    name: str, amount: int, kind: str
) -> None:
    def careless(source: dict[str, Any]) -> None:
        codes = {f"tac_{name}": "0000000000" for name in ("denial", "online", "default")}
        mastercard_of(source)["kernel2"].update(codes)

    made = Terminal(both(offline, careless), ODA)
    made.prepare(amount)
    assert made.tap(name).kind == kind


@pytest.mark.parametrize(
    ("cap", "amount", "kind"),
    [(0, 1, "online_request"), (500, 500, "approved"), (500, 501, "online_request")],
)
def test_C2_8_without_a_signature_only_little_is_approved_offline(
    cap: int, amount: int, kind: str
) -> None:
    def unsigned(source: dict[str, Any]) -> None:
        source["risk"]["unsigned_cap"] = cap
        for combination in source["combinations"]:
            if combination["kernel"] == 2:
                zeros = {f"tac_{name}": "0000000000" for name in ("denial", "online", "default")}
                combination["kernel2"].update(zeros, security_capability="00")

    made = Terminal(both(offline, unsigned), ODA)
    made.prepare(amount)
    found = made.tap(mastercard(ac={0x9F27: b"\x40" if kind == "approved" else b"\x80"}))
    assert (found.kind, found.authenticated) == (kind, "")


@pytest.mark.parametrize("aip", ["1A80", "0880"])
@pytest.mark.parametrize(("amount", "reference"), [(400, 0x40), (401, 0x80)])
def test_C2_7_over_the_cvm_limit_nobody_is_verified_by_a_card_that_signs_nothing(
    aip: str, amount: int, reference: int
) -> None:
    # What an unsigned AIP says of its owner, anybody may have written.
    def unsigned(source: dict[str, Any]) -> None:
        source["risk"]["unsigned_cap"] = 500
        zeros = {f"tac_{name}": "0000000000" for name in ("denial", "online", "default")}
        mastercard_of(source)["kernel2"].update(zeros, security_capability="00")
        mastercard_of(source)["cvm_limit"] = 400

    made = Terminal(both(offline, unsigned), ODA)
    made.prepare(amount)
    card = mastercard(gpo={0x82: bytes.fromhex(aip)}, ac={0x9F27: bytes((reference,))})
    found = made.tap(card)
    assert found.kind == ("approved" if reference == 0x40 else "online_request"), found.trail
    assert asked(card) == reference


def test_C2_11_a_torn_signed_cryptogram_is_recovered_and_verified() -> None:
    made = terminal()
    card = Present(TornAfter(cards.load("mastercard_debit"), apdus=7, times=1))
    assert made.tap(card).start == "B"
    second = Present(card.card)
    found = made.tap(second)
    assert commands(second)[-1] == "RECOVER"
    assert (found.kind, found.authenticated) == ("approved", "cda")


def test_C2_11_what_must_go_online_by_now_is_asked_afresh() -> None:
    risk = Risk()
    made = terminal(risk)
    card = Present(TornAfter(cards.load("mastercard_debit"), apdus=7, times=1))
    assert made.tap(card).start == "B"
    risk.reason = "velocity"
    second = Present(card.card)
    found = made.tap(second)
    assert commands(second)[-1] == "AC" and "RECOVER" not in commands(second)
    assert (found.kind, found.cid) == ("online_request", 0x80)


@pytest.mark.parametrize("name", CARDS)
def test_R_3_an_offline_approval_keeps_its_reasons(name: str) -> None:
    found = terminal().tap(name)
    assert found.kind == "approved" and 5 <= len(found.trail) <= 40
    assert found.floor_minor == 2_000
    assert not any(found.pan in what for _, what in found.trail)


def test_C3_3_oda_for_online_authorisations_is_tried_and_told() -> None:
    def wanted(source: dict[str, Any]) -> None:
        visa_of(source)["ttq"] = "21004000"

    class Asked:
        times = 0

        def fdda(self, tap: Any) -> bool:
            Asked.times += 1
            tap.authenticated = "fdda"
            return True

    found = terminal(change=both(offline, wanted), oda=Asked()).tap("visa_credit")
    assert (found.kind, found.authenticated, Asked.times) == ("online_request", "fdda", 1)
