"""Cardholders that a card wants verified in a way this terminal has not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from simulator import emv_configuration
from simulator.bench import Bench
from tests.app.test_sale import ask_for_card, on_bench


@pytest.mark.parametrize(
    ("card", "offline"),
    [("visa_signature", False), ("mastercard_debit", False), ("visa_signature.tc", True)],
)
def test_C2_7_C3_6_nobody_is_said_to_be_verified_who_was_not(
    card: str, offline: bool, tmp_path: Path
) -> None:
    """A configuration that promises PIN entry and signature does not make them."""
    text = emv_configuration.SANDBOX.read_text(encoding="utf-8")
    for old, new in (
        (r'ttq = "20004000"', 'ttq = "26004080"'),
        (r'cvm_capability = "00"', 'cvm_capability = "60"'),
        (r'cvm_capability_no_cvm = "08"', 'cvm_capability_no_cvm = "68"'),
        (r"(?m)^floor_limit = \d+", "floor_limit = 10_000"),
        (r"offline_approval = \w+", f"offline_approval = {str(offline).lower()}"),
    ):
        text, count = re.subn(old, new, text)
        assert count, old
    if offline:
        text += "\n[risk]\nrandom_threshold = 500\nrandom_percent = 0\nrandom_max_percent = 0\n"
        text += "velocity_per_day = 9\nunsigned_cap = 0\n"
    document = tmp_path / "emv.toml"
    document.write_text(text, encoding="utf-8")

    async def story(bench: Bench) -> None:
        await ask_for_card(bench, "6000")
        await bench.tap(card)
        await bench.until_screen("declined", within_s=8)
        assert "could not be verified" in bench.screen.text
        assert bench.sandbox.acquirer.ledger.summary()["approved"] == 0

    limits = {"offline": {"per_sale": 10_000, "total": 50_000, "count": 3}}
    on_bench(story, emv_config=document, terminal=limits)
