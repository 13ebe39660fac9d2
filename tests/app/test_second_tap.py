"""A card that wants its issuer's answer: the second tap after the host's word (EP-13, C3-7)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from simulator import cards, emv_configuration
from simulator.bench import CANCEL, Bench
from tests.app.test_sale import ask_for_card, on_bench, still_sells


@pytest.fixture
def updating(tmp_path: Path) -> Path:
    """The sandbox's EMV configuration with issuer updates (TTQ byte 3, bit 80)."""
    text = emv_configuration.SANDBOX.read_text(encoding="utf-8")
    text, count = re.subn(r'ttq = "20004000"', 'ttq = "2000C000"', text)
    assert count
    document = tmp_path / "emv.toml"
    document.write_text(text, encoding="utf-8")
    return document


def authenticated(bench: Bench) -> list[Any]:
    """The status words of EXTERNAL AUTHENTICATE."""
    said = [event for event in bench.events if event.get("is") == "issuer_authentication"]
    return [event["sw"] for event in said]


async def first_tap(bench: Bench, amount: str = "1250") -> Any:
    await ask_for_card(bench, amount)
    card = cards.load("visa_update")
    await bench.tap(card)
    await bench.until_screen("try_again", within_s=5)
    return card


def test_EP_13_a_card_is_asked_for_again_and_given_its_issuers_answer(updating: Path) -> None:
    async def story(bench: Bench) -> None:
        card = await first_tap(bench)
        await bench.tap(card)
        await bench.until_screen("approved", within_s=5)
        assert authenticated(bench) == ["9000"]
        assert bench.sandbox.acquirer.ledger.summary()["total_minor"] == 1250
        await still_sells(bench)

    on_bench(story, emv_config=updating)


@pytest.mark.parametrize("answer", ["nothing", "cancel", "another card"])
def test_C3_7_the_sale_never_fails_for_want_of_the_second_tap(updating: Path, answer: str) -> None:
    async def story(bench: Bench) -> None:
        await first_tap(bench)
        if answer == "cancel":
            await bench.press(CANCEL)
        elif answer == "another card":
            await bench.tap("mastercard_credit")
        await bench.until_screen("approved", within_s=12)
        assert authenticated(bench) == []
        assert bench.sandbox.acquirer.ledger.summary()["total_minor"] == 1250

    on_bench(story, emv_config=updating)


def test_C3_7_a_declined_card_hears_of_it_too(updating: Path) -> None:
    async def story(bench: Bench) -> None:
        card = await first_tap(bench, "1251")
        await bench.tap(card)
        await bench.until_screen("declined", within_s=5)
        assert authenticated(bench) == ["9000"]
        assert "Not enough funds" in " ".join(bench.screen.words)

    on_bench(story, emv_config=updating)


def test_without_issuer_updates_nobody_taps_twice() -> None:
    async def story(bench: Bench) -> None:
        await ask_for_card(bench)
        await bench.tap("visa_update")
        await bench.until_screen("approved", within_s=5)
        assert not [s for s in bench.screen.history if s["name"] == "try_again"]

    on_bench(story)
