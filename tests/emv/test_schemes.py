"""The wallet's cards of American Express, JCB, Discover, Diners Club and UnionPay, which sign for
real, through Entry Point: online with the sandbox configuration, offline with the sandbox schemes'
keys and the firmware's own offline data authentication, and found right by their issuers."""

from collections.abc import Callable
from typing import Any

import pytest

from simulator import cards
from simulator.cards import issuers
from tests.emv.offline import NO_DICE, ODA, schemes_oda
from tests.emv.reader import Present, Terminal, commands

SCHEMES = ("amex", "jcb", "discover", "unionpay")
PREFIXES = (*SCHEMES, "diners")
RULE = {"amex": "CX-2", "jcb": "CX-3", "discover": "CX-3", "diners": "CX-3", "unionpay": "C3-3"}
WALLET = [name for name in cards.names() if name.split("_")[0] in PREFIXES]
LOCKED = {name for name in WALLET if name.endswith("_locked")}
# Kernels 4 and 5 have every cryptogram signed and let none pass whose signature is wrong.
WRONG = {"amex_forged", "amex_revoked", "jcb_forged", "jcb_revoked"}
ONLINE = sorted(set(WALLET) - LOCKED - WRONG)


def offline(source: dict[str, Any]) -> None:
    """Up to 20 euro offline for kernels 4 to 7."""
    source["terminal"]["offline_approval"] = True
    source["risk"] = dict(NO_DICE)
    for combination in source["combinations"]:
        combination["floor_limit"] = 2_000


def take(
    name: str,
    amount_minor: int = 1_000,
    change: Callable[[dict[str, Any]], object] | None = None,
    oda: Any = ODA,
    **fields: Any,
) -> tuple[Any, Present]:
    """One tap of a profile: the outcome and what was exchanged."""
    terminal = Terminal(change, oda)
    assert terminal.prepare(amount_minor, **fields) is None
    present = Present(cards.load(name))
    return terminal.tap(present), present


def test_there_are_cards_of_each_scheme() -> None:
    for prefix in PREFIXES:
        assert any(name.startswith(prefix) for name in WALLET)


@pytest.mark.parametrize("name", ONLINE)
def test_the_wallets_cards_are_taken_online_and_their_issuers_find_them_right(name: str) -> None:
    found, present = take(name, 1_250)
    assert found.kind == "online_request", found.trail
    prefix = name.split("_")[0]
    assert found.scheme == ("discover" if prefix == "diners" else prefix)
    assert RULE[prefix] in [rule for rule, _ in found.trail]
    assert found.cid == 0x80 and found.atc and found.cryptogram
    assert issuers.verify_arqc(
        found.pan,
        f"{found.psn:02}",
        found.atc,
        found.data[0x9F10],
        found.data,
        found.cryptogram,
    )
    # No more commands than its kernel needs.
    ac = ["AC"] if prefix in ("amex", "jcb") else []
    asked = commands(present)
    assert asked == ["SELECT", "SELECT", "GPO", *["READ"] * asked.count("READ"), *ac]


@pytest.mark.parametrize("name", sorted(WRONG))
def test_CX_a_signature_that_is_wrong_declines(name: str) -> None:
    found, _ = take(name, 1_250)
    assert (found.kind, found.discretionary["error"]) == ("declined", "cam failed")
    assert found.tvr[0] & 0x04
    # A terminal without offline data authentication does not see it; their issuers do.
    assert take(name, 1_250, oda=None)[0].kind == "online_request"


@pytest.mark.parametrize("name", sorted(LOCKED))
def test_a_locked_device_sends_its_owner_to_it_and_pays_on_the_second_tap(name: str) -> None:
    terminal = Terminal(None, ODA)
    terminal.prepare(1_250)
    card = cards.load(name)
    first = terminal.tap(Present(card))
    assert (first.kind, first.start, first.ui.message) == ("try_again", "B", 0x20)
    second = terminal.tap(Present(card))
    assert second.kind == "online_request", second.trail


@pytest.mark.parametrize("name", [f"{scheme}_phone" for scheme in SCHEMES])
def test_a_device_that_verified_its_owner_pays_over_the_limit(name: str) -> None:
    found, _ = take(name, 6_000)
    assert (found.kind, found.cvm) == ("online_request", "cdcvm"), found.trail


@pytest.mark.parametrize("name", [f"{scheme}_credit" for scheme in SCHEMES])
def test_a_card_does_not_where_nobody_can_be_verified(name: str) -> None:
    found, _ = take(name, 6_000)
    assert found.kind == "declined", found.trail


@pytest.mark.parametrize("name", [f"{scheme}_debit" for scheme in SCHEMES])
def test_CX_a_signed_tc_is_approved_offline(name: str) -> None:
    found, _ = take(name, change=offline)
    assert found.kind == "approved", found.trail
    signature = "fdda" if name.startswith("unionpay") else "cda"
    assert (found.authenticated, found.cid, len(found.cryptogram)) == (signature, 0x40, 8)


@pytest.mark.parametrize(
    ("tac", "cap", "kind"),
    [
        ("DE00FC9800", 1_000, "online_request"),
        ("DC00FC9800", 1_000, "approved"),
        ("DC00FC9800", 999, "online_request"),
    ],
)
def test_CX_2_a_card_without_a_key_of_its_own_is_proven_by_its_issuers_signature(
    tac: str, cap: int, kind: str
) -> None:
    # Its data can be copied: the default action codes send such a card online all the same, and
    # whatever they say it is approved up to what needs no signature at all.
    def change(source: dict[str, Any]) -> None:
        offline(source)
        source["risk"]["unsigned_cap"] = cap
        for combination in source["combinations"]:
            if combination["kernel"] == 4:
                combination["kernel4"]["tac_online"] = tac

    found, _ = take("amex_static", change=change)
    assert found.kind == kind, found.trail
    assert (found.authenticated, found.tvr.hex()) == ("sda", "0200000000")


@pytest.mark.parametrize("oda", [None, schemes_oda(expires="261121")])
@pytest.mark.parametrize("name", [f"{scheme}_debit" for scheme in SCHEMES])
def test_ODA_1_without_a_key_nothing_is_approved_offline(name: str, oda: Any) -> None:
    found, _ = take(name, change=offline, oda=oda)
    assert found.kind in ("online_request", "declined"), found.trail


@pytest.mark.parametrize("name", [f"{scheme}_debit" for scheme in SCHEMES])
def test_D_4_nor_without_a_date(name: str) -> None:
    found, _ = take(name, change=offline, date=None)
    assert found.kind == "online_request", found.trail


@pytest.mark.parametrize("name", [f"{scheme}_debit" for scheme in SCHEMES])
@pytest.mark.parametrize(("amount", "kind"), [(2_000, "approved"), (2_001, "online_request")])
def test_EP_3_nor_over_the_floor_limit(name: str, amount: int, kind: str) -> None:
    if name.startswith("jcb"):
        amount -= 1  # Book C-5: at the limit is over it
    found, _ = take(name, amount, offline)
    assert found.kind == kind, found.trail


@pytest.mark.parametrize("what", ["expired", "revoked", "forged"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_ODA_2_nor_a_card_that_is_expired_revoked_or_forged(scheme: str, what: str) -> None:
    found, _ = take(f"{scheme}_{what}", change=offline)
    assert found.kind in ("online_request", "declined"), found.trail
    assert found.authenticated == "" or what == "expired"


@pytest.mark.parametrize("name", [f"{scheme}_credit" for scheme in SCHEMES])
def test_a_refund_reads_the_account_and_asks_the_host(name: str) -> None:
    found, _ = take(name, type=0x20)
    assert (found.kind, found.cvm, found.receipt) == ("online_request", "none", True)
    assert found.pan == cards.load(name).applets[0].app.pan
