"""`kassa-sim explain`: the taps of a run as stories, each word of which the run bears out."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from simulator import cards, micropython
from simulator.cli import app
from simulator.explain import ExplainError, explain
from simulator.run import run_blocking
from simulator.scenario import load
from simulator.story import story

ROOT = Path(__file__).parents[2]
SALE = ROOT / "tests" / "scenarios" / "sale_visa.yaml"

Json = dict[str, Any]


@cache
def sold(card: str, amount: int = 1250) -> str:
    """The run of one tap and what follows within three seconds, as JSON."""
    path = ROOT / "build" / "test_explain" / f"{card}_{amount}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    steps: list[Json] = [{"press": [amount, "ENTER"]}, {"tap": card}, {"wait": 3}]
    path.write_text(yaml.safe_dump({"seed": 7, "steps": steps}), encoding="utf-8")
    return json.dumps(run_blocking(load(path), "cpython"))


def stories(card: str, amount: int = 1250) -> list[Json]:
    return explain(json.loads(sold(card, amount)))


def rules(told: Json) -> list[str]:
    return [step["rule"] for step in told["steps"] if step["kind"] == "rule"]


def kassa_sim(*words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, ["explain", *words], input=typed)


# -- what a run carries


def test_a_run_carries_its_taps_with_exchanges_rules_and_outcome() -> None:
    run = json.loads(sold("visa_credit"))
    (tap,) = run["taps"]
    assert [card["name"] for card in tap["cards"]] == ["visa_credit"]
    assert (tap["amount"], tap["scheme"], tap["stan"]) == ("12.50 EUR", "visa", 1)
    assert [exchange["phase"] for exchange in tap["exchanges"]] == [
        "ppse",
        "select",
        "gpo",
        "records",
    ]
    assert [exchange["command"]["hex"] for exchange in tap["exchanges"]] == [
        exchange["command"] for exchange in run["apdus"]
    ]
    assert tap["outcome"]["kind"] == "online_request"
    # The rules are those that the firmware logged, in its order.
    logged = [json.loads(line) for line in run["console"] if line.startswith("{")]
    fired = [(event["rule"], event["what"]) for event in logged if event["is"] == "rule"]
    assert fired
    assert fired == [(e["rule"], e["what"]) for e in tap["events"] if e["is"] == "rule"]
    # The host's messages are this sale's: the request and its answer, no sign-on.
    assert [message["mti"] for message in tap["host"]] == ["0200", "0210"]


def test_no_account_number_is_in_a_run_or_its_story() -> None:
    for name in ("visa_credit", "mastercard_credit", "amex_credit"):
        pan = cards.profile(name).applications[0].pan
        run = sold(name)
        assert pan not in run
        assert pan not in json.dumps(stories(name))


def test_times_of_a_tap_add_up() -> None:
    (tap,) = json.loads(sold("visa_credit"))["taps"]
    times = tap["timings_ms"]
    on_air = sum(times[phase] for phase in ("ppse", "select", "gpo", "records"))
    first, last = tap["exchanges"][0], tap["exchanges"][-1]
    whole = last["t_ms"] + last["ms"] - first["t_ms"]
    assert on_air + times["terminal"] == pytest.approx(whole, abs=0.05)
    assert 0 < times["card_in_field"] < times["result"]
    assert times["host"] == pytest.approx(150, abs=5)


# -- stories


def test_a_sale_is_told_from_the_card_to_the_host() -> None:
    (told,) = stories("visa_credit")
    assert told["title"] == "Visa credit, 12.50 EUR"
    assert told["outcome"]["text"] == "approved by the host" and told["outcome"]["good"]
    exchanges = [step for step in told["steps"] if step["kind"] == "exchange"]
    assert [step["title"] for step in exchanges] == [
        "SELECT 2PAY.SYS.DDF01",
        "SELECT A0000000031010 (Visa credit or debit)",
        "GET PROCESSING OPTIONS",
        "READ RECORD file 2, record 1",
    ]
    assert "Amount, authorised: 12.50 EUR" in exchanges[2]["asked"]
    assert "Cryptogram information data: ARQC: ask online" in exchanges[2]["said"]
    assert told["cvm"] == "none required"
    assert [message["text"] for message in told["host"]] == [
        "→ 0200 Sale #000001",
        "← 0210 Sale 00 #000001: approved",
    ]
    why = told["outcome"]["why"]
    assert "the card answered ARQC: ask online" in why
    assert "the host answered 00 (approved)" in why
    assert any(line.startswith("C3-3: ") for line in why)
    assert any("APPROVED" in line for line in why)


def test_steps_stand_in_the_order_in_which_they_happened() -> None:
    (told,) = stories("visa_credit")
    times = [step["t_ms"] for step in told["steps"]]
    assert times == sorted(times)
    # The kernel decides after the last record was read.
    titles = [step.get("title", step.get("rule", "")) for step in told["steps"]]
    assert titles.index("C3-3") > titles.index("READ RECORD file 2, record 1")


def test_every_bit_of_ttq_ctq_and_tvr_is_put_in_words() -> None:
    (told,) = stories("visa_credit")
    words = {field["tag"]: field["text"] for field in told["elements"]}
    assert {"82", "9F66", "9F6C", "95"} <= set(words)
    assert "byte 2: online cryptogram required" in words["9F66"]
    assert "byte 1: online if expired" in words["9F6C"]
    assert words["95"] == ["no bit is set"]
    (told,) = stories("mastercard_credit")
    words = {field["tag"]: field["text"] for field in told["elements"]}
    assert "byte 4: over the floor limit" in words["95"]
    assert words["9F34"] == ["no CVM: successful"]
    assert rules(told)[-1].startswith("C2-")


@pytest.mark.parametrize(
    ("card", "amount", "outcome", "because"),
    [
        ("visa_expired", 1250, "declined by the host: 54 (expired)", "54 (expired)"),
        ("visa_credit", 1251, "declined by the host: 51 (not enough money)", "51"),
        ("visa_switch", 1250, "not by contactless: insert or swipe the card", "6984"),
        ("two_cards", 1250, "the card is asked for once more", "more than one card"),
    ],
)
def test_the_outcome_is_told_with_its_reason(
    card: str, amount: int, outcome: str, because: str
) -> None:
    told = stories(card, amount)[0]
    assert told["outcome"]["text"] == outcome
    assert any(because in line for line in told["outcome"]["why"])


@pytest.mark.parametrize(
    ("scenario", "outcomes"),
    [
        (
            "offline_sale",
            [
                "taken without the host, to be told later (deferred authorisation)",
                "declined: the host could not be asked",
            ],
        ),
        ("no_answer_is_reversed", ["the host was asked and did not answer"]),
    ],
)
def test_a_host_that_is_silent_is_told_as_what_it_is(scenario: str, outcomes: list[str]) -> None:
    told = explain(run_blocking(load(SALE.with_name(f"{scenario}.yaml")), "cpython"))
    assert [each["outcome"]["text"] for each in told] == outcomes


def test_a_reversal_is_told_with_the_sale_that_it_takes_back() -> None:
    told = explain(run_blocking(load(SALE.with_name("no_answer_is_reversed.yaml")), "cpython"))
    notes = [step["text"] for step in told[0]["steps"] if step["kind"] == "note"]
    assert "whether the host booked it is unknown: a reversal is owed" in notes
    assert any("Reversal" in message["text"] for message in told[0]["host"])


def test_a_card_pulled_away_has_two_taps_and_the_first_says_so() -> None:
    first, second = stories("pulled_away")[:2]
    lost = [step for step in first["steps"] if step["kind"] == "exchange"][-1]
    assert lost["facts"] == "no answer: the card was gone" and not lost["ok"]
    assert "the card left the field before it had answered" in first["outcome"]["why"]
    assert second["outcome"]["text"] == "approved by the host"


def test_a_tap_that_the_power_ended_has_no_outcome() -> None:
    (tap,) = json.loads(sold("visa_credit"))["taps"]
    cut = {**tap, "outcome": None, "host": [], "screens": []}
    cut["events"] = [event for event in tap["events"] if event["at"] == "emv"]
    told = story(cut)
    assert told["outcome"]["text"] == "the tap came to no outcome"
    assert told["cvm"] == "not decided"


@pytest.mark.micropython
def test_the_real_interpreter_tells_the_same_story() -> None:
    if micropython.binary() is None:
        pytest.skip("no MicroPython binary on this machine")
    runs = [run_blocking(load(SALE), runtime) for runtime in ("cpython", "micropython")]
    told = [explain(run)[0] for run in runs]
    assert rules(told[0]) == rules(told[1])
    for key in ("title", "cvm", "scheme"):
        assert told[0][key] == told[1][key]
    assert told[0]["outcome"]["text"] == told[1]["outcome"]["text"]


# -- the command


def test_the_command_tells_a_run_from_a_file_and_from_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(sold("visa_credit"), encoding="utf-8")
    result = kassa_sim(str(path))
    assert result.exit_code == 0, result.output
    for words in (
        "Tap 1: Visa credit, 12.50 EUR",
        "Outcome: approved by the host",
        "GET PROCESSING OPTIONS",
        "C3-3",
        "byte 2: online cryptogram required",
        "Cardholder verification: none required",
        "← 0210 Sale 00",
    ):
        assert words in result.stdout
    assert kassa_sim("-", typed=sold("visa_credit")).stdout == result.stdout


def test_the_command_tells_machines_too_and_one_tap_alone() -> None:
    told = json.loads(kassa_sim("-", "--json", typed=sold("pulled_away")).stdout)
    assert [each["number"] for each in told] == [1, 2]
    one = json.loads(kassa_sim("-", "--json", "--tap", "2", typed=sold("pulled_away")).stdout)
    assert one == told[1:]
    missing = kassa_sim("-", "--tap", "9", typed=sold("pulled_away"))
    assert missing.exit_code == 2 and missing.stderr == "--tap 9: the run has 2 taps\n"


def test_a_failed_run_says_what_failed() -> None:
    run = json.loads(sold("visa_credit"))
    run["steps"][-1].update(ok=False, detail="line 4: no approved screen")
    assert (
        "The run failed: line 4: no approved screen"
        in kassa_sim("-", typed=json.dumps(run)).stdout
    )


@pytest.mark.parametrize(
    ("typed", "what"),
    [
        ("", "not JSON"),
        ("{", "standard input:1: not JSON"),
        ("[1, 2]", "not a run"),
        ('{"passed": true}', "not a run"),
        ('{"steps": []}', "a run without `taps`"),
        ('{"steps": [], "taps": 3}', "a run without `taps`"),
        ('{"steps": [], "taps": [{}]}', "taps[0] is not as a run tells it"),
        ('{"steps": [], "taps": ["x"]}', "taps[0] is not as a run tells it"),
        ("[" * 100_000, "standard input"),
    ],
)
def test_what_is_no_run_is_one_clear_line(typed: str, what: str) -> None:
    result = kassa_sim("-", typed=typed)
    assert result.exit_code == 2
    assert what in result.stderr and len(result.stderr.splitlines()) == 1
    assert "Traceback" not in result.output


def test_a_file_that_cannot_be_read_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    for path in (tmp_path / "nothing.json", tmp_path, tmp_path / "picture.png"):
        result = kassa_sim(str(path))
        assert result.exit_code == 2
        assert str(path) in result.stderr and len(result.stderr.splitlines()) == 1


def test_any_key_that_is_missing_or_foreign_is_told_and_never_a_traceback() -> None:
    run = json.loads(sold("visa_credit"))
    tap = run["taps"][0]
    for key in tap:
        for spoil in (None, 7, "x", [None], {"a": 1}):
            broken = copy.deepcopy(run)
            broken["taps"][0][key] = spoil
            try:
                explain(broken)
            except ExplainError as error:
                assert "taps[0]" in str(error)
        broken = copy.deepcopy(run)
        del broken["taps"][0][key]
        if key != "stan":  # of no use to a story
            with pytest.raises(ExplainError, match=rf"taps\[0\].*{key}"):
                explain(broken)
