"""The wallet's cards, approved without the host because they are proven; and those with one fault.

The cards sign with the simulator's own code (`simulator/cards/signatures.py`), the terminal is
Entry Point with its kernels.
"""

import dataclasses
from typing import Any

import pytest
from kassa.emv import outcome, tags
from kassa.emv.oda import Oda

from simulator import cards
from simulator.cards import certificates, faults
from simulator.cards.verification import Approval, NotVerified, verify
from tests.emv.offline import schemes_oda
from tests.emv.reader import Present, Terminal

PROFILES = {"visa": "visa_credit", "mastercard": "mastercard_credit"}
KINDS = {"visa": "fast", "mastercard": "combined"}
NAMES = {"visa": "fdda", "mastercard": "cda"}
# Faults of the card's own decision, which its signatures are right about.
_NOT_OURS = ("unasked_tc",)


def approving_offline(source: dict[str, Any]) -> None:
    source["terminal"]["offline_approval"] = True
    for combination in source["combinations"]:
        combination["floor_limit"] = 5_000
        if combination["kernel"] == 2:
            combination["kernel2"]["security_capability"] = "08"


def card(scheme: str, **changes: Any) -> Any:
    """The scheme's card, which approves up to 50 euro itself, with `changes` of its profile."""
    made: Any = cards.load(PROFILES[scheme])
    for applet in made.applets:
        applet.__init__(dataclasses.replace(applet.app, offline_limit=5_000, **changes))
    return made


def tapped(scheme: str, oda: Oda | None, **changes: Any) -> tuple[outcome.Outcome, Present]:
    terminal = Terminal(approving_offline, oda)
    present = Present(card(scheme, **changes))
    assert terminal.prepare(1_250) is None
    return terminal.tap(present), present


def second_opinion(scheme: str, present: Present) -> Approval:
    """What the simulator's own check, which shares no code with the firmware, makes of a tap."""
    revoked = certificates.revoked_serials(scheme)
    return verify(present.exchanges, certificates.ca_key(scheme), "2611", revoked)


@pytest.mark.parametrize("scheme", PROFILES)
def test_ODA_a_proven_card_is_approved_without_the_host(scheme: str) -> None:
    found, present = tapped(scheme, schemes_oda())
    assert (found.kind, found.authenticated) == (outcome.APPROVED, NAMES[scheme]), found.trail
    assert found.cid == 0x40
    second = second_opinion(scheme, present)
    assert (second.method, second.cryptogram) == (KINDS[scheme], found.cryptogram)


@pytest.mark.parametrize("bits", [768, 896, 1024, 1408])
@pytest.mark.parametrize("scheme", PROFILES)
def test_ODA_cards_with_keys_of_other_sizes_are_proven(scheme: str, bits: int) -> None:
    found, _ = tapped(scheme, schemes_oda(), icc_bits=bits)
    assert found.authenticated == NAMES[scheme], found.trail


@pytest.mark.parametrize(
    ("scheme", "fault"),
    [
        (scheme, fault)
        for scheme, kind in KINDS.items()
        for fault in faults.KINDS[kind]
        if fault not in _NOT_OURS
    ],
)
def test_ODA_a_card_with_one_fault_is_not_approved_offline(scheme: str, fault: str) -> None:
    found, present = tapped(scheme, schemes_oda(), fault=fault)
    assert found.kind != outcome.APPROVED
    assert found.authenticated == ""
    with pytest.raises(NotVerified):
        second_opinion(scheme, present)


@pytest.mark.parametrize("scheme", PROFILES)
def test_ODA_1_a_terminal_without_the_schemes_key_approves_nothing(scheme: str) -> None:
    other = next(name for name in PROFILES if name != scheme)
    found, _ = tapped(scheme, schemes_oda(other))
    assert found.kind != outcome.APPROVED


def test_ODA_6_the_cryptogram_inside_the_signature_goes_to_the_host() -> None:
    found, present = tapped("mastercard", schemes_oda())
    answer = present.exchanges[-1][1]
    assert answer is not None
    assert b"\x9f\x26\x08" not in answer
    assert b"\x9f\x4b" in answer
    assert found.data[tags.CRYPTOGRAM] == found.cryptogram
    assert bytes.fromhex("9F2608") + found.data[tags.CRYPTOGRAM] in found.emv_data()


def test_ODA_6_a_signed_arqc_is_proven_too() -> None:
    found, _ = tapped("mastercard", schemes_oda(), answer="arqc")
    assert (found.kind, found.authenticated) == (outcome.ONLINE_REQUEST, "cda"), found.trail
    assert found.cryptogram is not None
