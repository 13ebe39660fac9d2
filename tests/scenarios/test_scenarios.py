"""Every scenario of the house passes on both runtimes, and the two agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from simulator import micropython
from simulator.run import run_blocking
from simulator.scenario import load

HERE = Path(__file__).parent
SCENARIOS = sorted(HERE.glob("*.yaml"))
# Clock and what is computed from it: the real binary runs in real time.
MOMENTS = {"7", "12", "62", "64", "128"}


def failed_steps(result: dict[str, Any]) -> list[str]:
    return [step["detail"] for step in result["steps"] if not step["ok"]]


def run_on_micropython(path: Path) -> dict[str, Any]:
    if micropython.binary() is None:
        pytest.skip("no MicroPython binary on this machine")
    return run_blocking(load(path), "micropython")


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_passes_in_virtual_time(path):
    assert not failed_steps(run_blocking(load(path), "cpython"))


@pytest.mark.micropython
@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_passes_on_the_real_binary(path):
    assert not failed_steps(run_on_micropython(path))


@pytest.mark.micropython
def test_both_runtimes_show_print_and_send_the_same():
    path = HERE / "sale_visa.yaml"
    virtual, real = run_blocking(load(path), "cpython"), run_on_micropython(path)
    assert shown(virtual) == shown(real)
    assert virtual["receipts"] == real["receipts"]
    assert virtual["apdus"] == real["apdus"]
    assert said(virtual) == said(real)
    assert real["heap"]["used_bytes"] < real["heap"]["size"] <= 1 << 20


def shown(result: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """The screens of the sale; without the idle screen, whose clock runs, and without the one that
    only comes when a busy machine makes the host slow."""
    return [
        (screen["name"], screen["words"])
        for screen in result["screens"]
        if screen["name"] not in ("welcome", "authorising")
    ]


def said(result: dict[str, Any]) -> list[Any]:
    """What terminal and acquirer said to each other, but for the moments at which they did."""
    return [
        (
            message["direction"],
            message["mti"],
            {
                number: value
                for number, value in message["fields"].items()
                if number not in MOMENTS
            },
        )
        for message in result["acquirer"]["messages"]
    ]
