"""What running a scenario tells, also when it fails."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from simulator import cards
from simulator.bench import ENTER, Bench
from simulator.cards.awkward import Awkward
from simulator.cli import app
from simulator.run import run_blocking
from simulator.scenario import load

ROOT = Path(__file__).parents[2]
SALE = ROOT / "tests" / "scenarios" / "sale_visa.yaml"


def scenario(tmp_path: Path, *steps: object, **head: object) -> Path:
    path = tmp_path / "scenario.yaml"
    path.write_text(yaml.safe_dump({"seed": 7, **head, "steps": list(steps)}), encoding="utf-8")
    return path


def run(path: Path) -> dict:
    return run_blocking(load(path), "cpython")


def recording(tmp_path: Path, match: str) -> Path:
    """A trace of the seeded sale, as a laboratory would have taken it."""
    card, exchange = cards.load("visa_credit"), []
    asked = card.transceive

    def listen(command: bytes) -> bytes:
        answer = asked(command)
        exchange.append([command.hex(), answer.hex()])
        return answer

    card.transceive = listen

    async def tap() -> None:
        async with Bench(seed=7) as bench:
            await bench.press("1250", ENTER)
            await bench.tap(card)

    asyncio.run(tap())
    path = tmp_path / "trace.yaml"
    trace = {"uid": card.uid.hex(), "ats": card.ats.hex(), "match": match, "exchange": exchange}
    path.write_text(yaml.safe_dump(trace), encoding="utf-8")
    return path


@pytest.mark.parametrize("match", ["order", "command"])
def test_a_recorded_card_pays_like_the_card_it_was_taken_from(tmp_path, match):
    recording(tmp_path, match)
    steps = [{"press": [1250, "ENTER"]}, {"tap": {"trace": "trace.yaml"}}, {"until": "approved"}]
    assert run(scenario(tmp_path, *steps))["passed"]


def test_a_recorded_card_fails_the_run_and_names_the_difference(tmp_path):
    recording(tmp_path, "order")
    steps = [{"press": [1300, "ENTER"]}, {"tap": {"trace": "trace.yaml"}}, {"until": "approved"}]
    result = run(scenario(tmp_path, *steps))
    assert not result["passed"]
    assert "13 instead of 12" in result["steps"][-1]["detail"]


def test_a_trace_that_is_no_trace_is_a_failed_step(tmp_path):
    (tmp_path / "trace.yaml").write_text("uid: zz\n")
    result = run(scenario(tmp_path, {"press": ["1", "ENTER"]}, {"tap": {"trace": "trace.yaml"}}))
    assert "trace.yaml" in result["steps"][-1]["detail"]


def test_a_card_torn_away_is_asked_back_and_pays(tmp_path):
    result = run(
        scenario(
            tmp_path,
            {"press": [1250, "ENTER"]},
            {"until": "present_card"},
            {"tap": {"card": "visa_credit", "hold_ms": 90}},
            {"until": {"screen": "try_again", "within_s": 2}},
            {"tap": "visa_credit"},
            {"until": {"screen": "approved", "within_s": 3}},
        )
    )
    assert result["passed"], result["steps"]


def test_a_card_is_the_same_one_each_time_it_is_tapped(tmp_path):
    """So a phone that was unlocked stays unlocked."""
    phone = [{"tap": "visa_phone_locked"}, {"wait": 1}]
    sale = [{"press": [1250, "ENTER"]}, {"until": "present_card"}]
    result = run(scenario(tmp_path, *sale, *phone, *phone, {"until": "approved"}))
    assert result["passed"], result["steps"]
    assert [s["name"] for s in result["screens"]].count("see_phone") == 1
    assert result["complaints"] == []


def test_a_mistake_that_only_a_card_can_see_fails_the_run(tmp_path):
    sale = [
        {"press": [1250, "ENTER"]},
        {"until": "present_card"},
        {"tap": "mastercard_credit"},
        {"until": "approved"},
        {"until": {"screen": "welcome", "within_s": 30}},
    ]
    result = run(scenario(tmp_path, *sale, *sale, unpredictable_numbers=["A1B2C3D4"] * 2))
    assert not result["passed"]
    assert result["complaints"] == ["mastercard_credit: the unpredictable number came before"]
    assert [step["do"] for step in result["steps"] if not step["ok"]] == ["tap"]
    assert result["steps"][-1]["detail"].startswith("line ")
    assert "a card complains of the terminal: mastercard_credit: " in result["steps"][-1]["detail"]


def test_a_card_that_stays_at_the_reader_may_complain_until_the_end(tmp_path, monkeypatch):
    class Late(Awkward):
        """Sees the mistake when the sale is long over."""

        @property
        def complaints(self):
            return ["9A was not filled in"] if self.bench.printer.slips[1:] else []

    card = Late(cards.load("visa_credit"))
    monkeypatch.setattr(cards, "load", lambda name: card)
    opened = Bench.__aenter__

    async def known(bench):
        card.bench = bench
        return await opened(bench)

    monkeypatch.setattr(Bench, "__aenter__", known)
    steps = [{"press": [1250, "ENTER"]}, {"tap": "visa_credit"}, {"until": "approved"}]
    result = run(scenario(tmp_path, *steps))
    assert [step["ok"] for step in result["steps"]] == [True, True, False] and not result["passed"]
    assert "visa_credit: 9A was not filled in" in result["steps"][-1]["detail"]


def test_a_step_that_fails_says_its_line_and_ends_the_run(tmp_path):
    result = run(scenario(tmp_path, {"press": [5]}, {"until": "approved"}, {"press": ["ENTER"]}))
    assert [step["ok"] for step in result["steps"]] == [True, False]
    assert "line " in result["steps"][1]["detail"]


def test_no_card_number_is_in_what_a_run_tells():
    text = json.dumps(run(SALE))
    numbers = {account.pan for account in cards.accounts()}
    assert not [pan for pan in numbers if pan in text]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ([str(SALE), "--runtime", "cpython"], 0, "passed on cpython"),
        ([str(SALE), "--runtime", "perl"], 2, "choose cpython or micropython"),
        (["nowhere.yaml"], 2, "cannot be read"),
        ([str(SALE), "--runtime", "cpython", "--json", "/nowhere/x.json"], 2, "cannot be written"),
    ],
)
def test_the_command_line_tells_by_its_exit_status(arguments, status, words):
    done = CliRunner().invoke(app, ["run", *arguments])
    assert done.exit_code == status, done.output
    assert words in done.output


def test_the_result_is_one_json_object_on_standard_output():
    done = CliRunner().invoke(app, ["run", str(SALE), "--runtime", "cpython", "--json", "-"])
    told = json.loads(done.stdout)
    assert told["passed"] and told["runtime"] == "cpython"
    assert {"ppse", "select", "gpo", "records", "host", "result"} <= set(told["timings_ms"])
    assert {"programmed", "erased", "payload"} == set(told["flash"])
    assert told["display_bytes"] > 0
