"""How long a card has to stay, and what it is asked meanwhile: each profile that can pay, at the
reference board's PN532 on SPI, in virtual time."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kassa.emv import apdu, tags, tlv

from simulator import cards
from simulator.bench import ENTER, Bench
from simulator.cards.profiles import profile

OFFLINE = Path(__file__).parents[1] / "scenarios" / "emv_offline.toml"
LIMITS = {"per_sale": 5000, "total": 50_000, "count": 75}
MOST_MS = 500
KERNELS = {"visa": 3, "mastercard": 2, "amex": 4, "jcb": 5, "discover": 6, "unionpay": 7}
GENERATE_AC_KERNELS = (2, 4, 5)
"""Kernels whose cards make the cryptogram in a command of its own; those of the others do so in
GET PROCESSING OPTIONS (Books C-2, C-4, C-5 against C-3, C-6, C-7)."""
_NOT_PAYING = ("switch_interface", "blocked", "locked")


def _pays(name: str) -> bool:
    read = profile(name)
    first = read.applications[0] if read.applications else None
    return (
        first is not None
        and not read.awkward
        and not any(getattr(first, reason) for reason in _NOT_PAYING)
    )


PAYING = [name for name in cards.names() if _pays(name)]


class Tapped(NamedTuple):
    timings: dict[str, float]
    exchanges: tuple[tuple[bytes, bytes], ...]
    outcome: str
    events: tuple[dict[str, Any], ...]


@cache
def tapped(name: str) -> Tapped:
    """A sale of 12.50 with a reader that asks each card for all that it can do."""

    async def sell() -> Tapped:
        async with Bench(seed=7, emv_config=OFFLINE, terminal={"offline": LIMITS}) as bench:
            await bench.press("1250", ENTER)
            await bench.until_screen("present_card", within_s=2)
            await bench.tap(name)
            (tap,) = bench.taps
            assert not bench.complaints
            return Tapped(
                bench.timings(),
                tuple((command, answer or b"") for command, answer in bench.exchanges),
                tap.outcome["kind"],
                tuple(bench.events),
            )

    return asyncio.run(sell())


def scheme(name: str) -> str:
    return profile(name).applications[0].applet


def test_the_wallet_has_online_offline_and_phone_for_every_scheme() -> None:
    for one in KERNELS:
        assert {f"{one}_credit", f"{one}_debit", f"{one}_phone", f"{one}_watch"} <= set(PAYING)
        assert tapped(f"{one}_credit").outcome == "online_request"
        assert tapped(f"{one}_phone").outcome == "online_request"
        assert tapped(f"{one}_debit").outcome == "approved"


@pytest.mark.parametrize("name", PAYING)
def test_no_card_has_to_stay_for_more_than_half_a_second(name: str) -> None:
    assert 0 < tapped(name).timings["card_in_field"] <= MOST_MS


@pytest.mark.parametrize("name", [f"{scheme}_debit" for scheme in KERNELS])
def test_EP_15_the_screen_says_that_the_card_may_leave_before_its_proof_is_verified(
    name: str,
) -> None:
    """Three powers of big numbers take a chip longer than they take this machine."""
    told = [
        event["name"] if event["is"] == "screen" else event["rule"]
        for event in tapped(name).events
        if event["is"] in ("screen", "rule")
    ]
    first = min(at for at, word in enumerate(told) if word in ("ODA-6", "ODA-7"))
    assert told.count("card_read_ok") == 1
    assert told.index("card_read_ok") < first < told.index("approved")


def records_of(answer: bytes) -> list[bytes]:
    """READ RECORD for each record that GET PROCESSING OPTIONS named (94), in its order."""
    if answer[0] == 0x80:
        afl = bytes(tlv.open_template(answer, 0x80)[2:])
    else:
        afl = tlv.flatten(answer).get(tags.AFL, b"")
    return [
        bytes((0x00, 0xB2, number, (afl[at] & 0xF8) | 0x04))
        for at in range(0, len(afl), 4)
        for number in range(afl[at + 1], afl[at + 2] + 1)
    ]


@pytest.mark.parametrize("name", PAYING)
def test_EP_7_a_sale_asks_a_card_nothing_more_than_its_kernel_demands(name: str) -> None:
    """The directory, the application, its options, the records it names, a cryptogram: each once,
    in this order, and nothing else."""
    exchanges = tapped(name).exchanges
    commands = [command for command, _ in exchanges]
    directory, _, options = (answer for _, answer in exchanges[:3])
    aid = tlv.flatten(directory[:-2])[tags.AID_CARD]
    read = records_of(options[:-2])
    expected = [
        apdu.select(apdu.PPSE),
        apdu.select(aid),
        bytes.fromhex("80A80000"),
        *read,
        *([b"\x80\xae"] if KERNELS[scheme(name)] in GENERATE_AC_KERNELS else []),
    ]
    assert len(commands) == len(expected), [command[:4].hex() for command in commands]
    for command, start in zip(commands, expected, strict=True):
        assert command.startswith(start), f"{command[:4].hex()} instead of {start.hex()}"
    assert len(set(read)) == len(read)


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("visa_phone", "select select options"),
        ("visa_credit", "select select options record"),
        ("visa_debit", "select select options record record record record record"),
    ],
)
def test_C3_2_a_visa_card_is_read_only_as_far_as_it_says(name: str, kinds: str) -> None:
    said = {0xA4: "select", 0xA8: "options", 0xB2: "record", 0xAE: "cryptogram"}
    assert " ".join(said[command[1]] for command, _ in tapped(name).exchanges) == kinds


def test_C2_12_a_phone_that_has_to_come_back_is_not_said_to_be_read() -> None:
    async def sell() -> list[str]:
        async with Bench(seed=7, emv_config=OFFLINE) as bench:
            await bench.press("1250", ENTER)
            await bench.until_screen("present_card", within_s=2)
            phone = cards.load("mastercard_phone_locked")
            await bench.tap(phone)
            await bench.until_screen("see_phone", within_s=3)
            await bench.wait(1)
            await bench.tap(phone)
            await bench.until_screen("approved", within_s=5)
            names = [screen["name"] for screen in bench.screen.history]
            return names[names.index("present_card") + 1 :]

    assert asyncio.run(sell()) == ["processing", "see_phone", "card_read_ok", "approved"]


@pytest.mark.parametrize("name", ["mastercard_forged", "mastercard_revoked"])
def test_EP_15_a_card_that_turns_out_to_be_forged_may_leave_all_the_same(name: str) -> None:
    told = [event["name"] for event in tapped(name).events if event["is"] == "screen"]
    assert told[-2:] == ["card_read_ok", "try_another_card"]
