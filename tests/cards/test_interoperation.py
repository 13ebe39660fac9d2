"""The terminal's kernels and the wallet's cards understand each other.

Two opinions testify: the issuer's of the cryptogram, and for offline approvals the independent
check of the signature.
"""

from typing import Any

import pytest
from kassa.emv import outcome, tags

from simulator import cards
from simulator.cards import certificates, faults, issuers, verification
from simulator.cards.profiles import profile
from tests.emv.offline import ODA
from tests.emv.reader import Present, Terminal

SCHEMES = ("visa", "mastercard", "amex", "jcb", "discover", "unionpay")
LIMITS = {"transaction_limit": 500_000, "floor_limit": 5_000, "cvm_limit": 5_000}
COMBINATIONS: list[dict[str, Any]] = [
    {"aid": "A000000003", "kernel": 3, "scheme": "visa", "ttq": "26004000"},
    {
        "aid": "A000000004",
        "kernel": 2,
        "scheme": "mastercard",
        "tags": {"9F09": "0002"},
        "kernel2": {"security_capability": "08", "cvm_capability": "40"},
    },
    {
        "aid": "A000000025",
        "kernel": 4,
        "scheme": "amex",
        "tags": {"9F09": "0001"},
        "kernel4": {"cda": True, "sda": True, "online_pin": True},
    },
    {
        "aid": "A000000065",
        "kernel": 5,
        "scheme": "jcb",
        "tags": {"9F09": "0001"},
        "kernel5": {"experimental": True, "cda": True, "online_pin": True},
    },
    {
        "aid": "A000000152",
        "kernel": 6,
        "scheme": "discover",
        "ttq": "26004000",
        "kernel6": {"experimental": True, "cda": True},
    },
    {"aid": "A000000333", "kernel": 7, "scheme": "unionpay", "ttq": "26004080"},
]
READY = [
    name
    for name in cards.names()
    if not profile(name).awkward
    and not profile(name).cards
    and not profile(name).applications[0].blocked
    and not profile(name).applications[0].switch_interface
    and not profile(name).applications[0].fault
    and "expired" not in name
]
DEBIT = [f"{scheme}_debit" for scheme in SCHEMES]
FAULTY = [
    f"{name}.{fault}"
    for name in DEBIT
    for fault in faults.KINDS[profile(name).applications[0].authentication]
] + [
    f"{name}_static.{fault}" for name in ("mastercard", "amex") for fault in faults.KINDS["static"]
]


def may_approve(source: dict[str, Any]) -> None:
    source["terminal"]["offline_approval"] = True
    source["combinations"] = [{**LIMITS, **combination} for combination in COMBINATIONS]


def always_online(source: dict[str, Any]) -> None:
    source["combinations"] = [{**LIMITS, **c, "floor_limit": 0} for c in COMBINATIONS]


class NoRisk:
    """Nobody is listed, nothing is selected."""

    def listed(self, pan: str, psn: int | None) -> bool:
        return False

    def select_online(self, pan: str, amount: int, floor: int | None, random: Any) -> str:
        return ""


def tap(name: str, change: Any, amount_minor: int = 1_250) -> tuple[Any, Any, Any]:
    """Outcome, card and exchange of one tap, of the second one if the owner was asked first."""
    terminal = Terminal(change, ODA, NoRisk())
    card = cards.load(name)
    assert terminal.prepare(amount_minor) is None
    present = Present(card)
    found = terminal.tap(present)
    if profile(name).applications[0].locked:
        assert found.kind in (outcome.TRY_AGAIN, outcome.END_APPLICATION)
        present = Present(card)
        found = terminal.tap(present)
    return found, card, present.exchanges


def scheme_of(name: str) -> str:
    return profile(name).applications[0].applet


@pytest.mark.parametrize("name", READY)
def test_a_card_is_asked_online_with_a_cryptogram_its_issuer_verifies(name: str) -> None:
    found, card, _ = tap(name, always_online)
    assert found.kind == outcome.ONLINE_REQUEST, found.trail
    app, data = profile(name).applications[0], found.data
    assert (found.pan, found.expiry) == (app.pan, app.expiry.hex()[:4])
    assert data[tags.CID][0] & 0xC0 == 0x80
    fields = data[tags.ATC], data[tags.IAD], data, data[tags.CRYPTOGRAM]
    assert issuers.verify_arqc(app.pan, app.psn, *fields)
    assert card.complaints == []


@pytest.mark.parametrize("name", [*DEBIT, "maestro_debit", "visa_debit.no_remainder"])
def test_an_offline_approval_is_confirmed_by_the_independent_check(name: str) -> None:
    found, card, exchange = tap(name, may_approve)
    assert found.kind == outcome.APPROVED, found.trail
    scheme = scheme_of(name)
    revoked = certificates.revoked_serials(scheme)
    approval = verification.verify(exchange, certificates.ca_key(scheme), "2611", revoked)
    assert (approval.pan, approval.amount_minor, approval.currency) == (found.pan, 1_250, "978")
    assert approval.cryptogram == found.data[tags.CRYPTOGRAM]
    app, data = profile(name).applications[0], found.data
    assert issuers.verify_arqc(
        app.pan, app.psn, data[tags.ATC], data[tags.IAD], data, approval.cryptogram
    )
    assert card.complaints == []


@pytest.mark.parametrize("name", DEBIT)
def test_what_a_card_will_not_approve_itself_goes_online(name: str) -> None:
    for which, amount in ((name, 2_501), (f"{name}.arqc", 100)):
        assert tap(which, may_approve, amount)[0].kind == outcome.ONLINE_REQUEST


@pytest.mark.parametrize("name", DEBIT)
def test_a_card_that_declines_is_declined(name: str) -> None:
    assert tap(f"{name}.aac", may_approve)[0].kind == outcome.DECLINED


@pytest.mark.parametrize("name", [f"{scheme}_revoked" for scheme in SCHEMES])
def test_a_revoked_issuers_card_is_not_approved_offline(name: str) -> None:
    assert tap(name, may_approve)[0].kind != outcome.APPROVED


@pytest.mark.parametrize("name", [f"{scheme}_forged" for scheme in SCHEMES])
def test_a_forged_card_is_not_approved_offline(name: str) -> None:
    assert tap(name, may_approve)[0].kind != outcome.APPROVED


@pytest.mark.parametrize("name", FAULTY)
def test_a_card_with_one_thing_wrong_is_not_approved_offline(name: str) -> None:
    change = always_online if name.endswith("unasked_tc") else may_approve
    assert tap(name, change)[0].kind != outcome.APPROVED


@pytest.mark.parametrize("name", [f"{scheme}_expired" for scheme in SCHEMES])
def test_an_expired_card_is_not_approved_offline(name: str) -> None:
    assert tap(f"{name}.tc", may_approve)[0].kind != outcome.APPROVED


@pytest.mark.parametrize("kind", ["phone", "watch", "phone_locked"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_device_verifies_its_owner_for_a_large_amount(scheme: str, kind: str) -> None:
    found, card, _ = tap(f"{scheme}_{kind}", always_online, 9_000)
    assert (found.kind, found.cvm) == (outcome.ONLINE_REQUEST, outcome.CVM_CONSUMER_DEVICE)
    assert card.complaints == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_plastic_wants_a_pin_for_a_large_amount(scheme: str) -> None:
    found, card, _ = tap(f"{scheme}_credit", always_online, 9_000)
    assert (found.kind, found.cvm) == (outcome.ONLINE_REQUEST, outcome.CVM_ONLINE_PIN)
    assert card.complaints == []
