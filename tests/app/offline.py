"""A terminal that may take a card's own approval, for the tests of that."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from host_tools import cli
from simulator import emv_configuration
from simulator.bench import Bench
from simulator.cards import profiles
from tests.app.test_sale import ask_for_card, on_bench

LIMITS = {"offline": {"per_sale": 2000, "total": 5000, "count": 3}}
RISK = {
    "random_threshold": 500,
    "random_percent": 0,
    "random_max_percent": 0,
    "velocity_per_day": 2,
    "unsigned_cap": 0,
}
SALT = bytes(range(16))


@pytest.fixture
def sells(tmp_path: Path) -> Callable[..., Bench]:
    """A bench whose terminal may take a card's own approval up to 25.00."""

    def run(
        story: Callable[[Bench], Awaitable[None]],
        risk: dict[str, int] | None = None,
        exceptions: str = "",
        security_capability: str = "08",
        **options: Any,
    ) -> Bench:
        text = emv_configuration.SANDBOX.read_text(encoding="utf-8")
        for old, new in (
            (r"offline_approval = \w+", "offline_approval = true"),
            (r"(?m)^floor_limit = \d+", "floor_limit = 2_500"),
            (r'ttq = "20004000"', 'ttq = "20004080"'),
            (r'security_capability = "\w+"', f'security_capability = "{security_capability}"'),
        ):
            text, count = re.subn(old, new, text)
            assert count, old
        text += "\n[risk]\n"
        text += "".join(f"{name} = {value}\n" for name, value in (RISK | (risk or {})).items())
        document = tmp_path / "emv.toml"
        document.write_text(text + exceptions, encoding="utf-8")
        return on_bench(story, **{"terminal": LIMITS, "emv_config": document} | options)

    return run


def number(card: str) -> str:
    """The PAN of a profile's first application."""
    return profiles.profile(card).applications[0].pan


def listing(pan: str, date: str = "260103") -> str:
    digest = hashlib.sha256(SALT + f"{pan}/".encode()).hexdigest()[:16]
    return (
        f'\n[exceptions]\ndate = "{date}"\nsalt = "{SALT.hex()}"\n'
        f'digests = "{digest}"\nmax_age_days = 30\n'
    )


async def pay(
    bench: Bench, card: Any = "visa_debit", amount: str = "1250", screen: str = "approved"
) -> None:
    await ask_for_card(bench, amount)
    await bench.tap(card)
    await bench.until_screen(screen, within_s=8)


async def go_down(bench: Bench) -> None:
    bench.network.down()
    await bench.wait(12)


def advices(bench: Bench) -> list[dict[str, Any]]:
    return [m for m in bench.sandbox.acquirer.messages if m["mti"] in ("0220", "0221")]


def read_journal(bench: Bench, folder: Path, *options: str) -> str:
    """What `kassa journal read` says of the terminal's journal."""
    key = bench.wiring.filesystem().read_file("/state/device.key")
    part = bench.wiring.partition("journal")
    image = folder / "journal.bin"
    image.write_bytes(bench.wiring.flash.image(part["offset"], part["size"]))
    return (
        CliRunner()
        .invoke(cli.app, ["journal", "read", str(image), "--key", key.hex(), *options])
        .output
    )
