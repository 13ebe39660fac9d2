"""Scenario files: what they may say, and what is said of mistakes in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.scenario import ScenarioError, load

ROOT = Path(__file__).parents[2]


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "scenario.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_digits_of_a_number_are_keys_of_their_own(tmp_path):
    scenario = load(written(tmp_path, "steps:\n  - press: [1250, '00', ENTER]\n"))
    assert scenario.steps[0].value == ["1", "2", "5", "0", "00", "ENTER"]


def test_zeros_in_front_of_an_amount_are_keys_too(tmp_path):
    assert load(written(tmp_path, "steps:\n  - press: [0050]\n")).steps[0].value == [*"0050"]


def test_on_and_off_are_words_and_not_truth_values(tmp_path):
    scenario = load(written(tmp_path, "steps:\n  - power: cut\n  - power: on\n"))
    assert [step.value for step in scenario.steps] == ["cut", "on"]


def test_every_scenario_of_the_house_is_right():
    for path in sorted((ROOT / "tests" / "scenarios").glob("*.yaml")):
        load(path)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("steps:\n  - dance: now\n", 2, "dance is not a step"),
        ("steps:\n  - tap: nobodys\n", 2, "there is no card nobodys"),
        ("steps:\n  - tap: {card: 5}\n", 2, "there is no card 5"),
        ("steps:\n  - tap: {card: visa_credit, hold_ms: long}\n", 2, "hold_ms"),
        ("steps:\n  - until: {screen: [a]}\n", 2, "screen"),
        ("steps:\n  - network: {latency_ms: -5}\n", 2, "latency_ms"),
        ("steps:\n  - network: {loss: 2}\n", 2, "loss"),
        ("steps:\n  - power: {cut_after_flash_ops: many}\n", 2, "cut_after_flash_ops"),
        ("steps:\n  - wait: .nan\n", 2, "seconds"),
        ("steps:\n  - expect: {acquirer: 5}\n", 2, "acquirer"),
        ("steps:\n  - expect: {acquirer: {aproved: 1}}\n", 2, "aproved"),
        ("steps:\n  - press: [1]\n\x07", 3, "not valid YAML"),
        ("seed: true\nsteps:\n  - press: [1]\n", 1, "seed"),
        ("terminal: {curency: EUR}\nsteps:\n  - press: [1]\n", 1, "terminal.curency"),
        ("steps:\n  - press: [ENTER]\n  - press: [JUMP]\n", 3, "JUMP is no key"),
        ("steps:\n  - tap: {hold_ms: 5}\n", 2, "card's name"),
        ("steps:\n  - until: {screen: approved, within_s: -1}\n", 2, "within_s"),
        ("steps:\n  - network: sideways\n", 2, "network"),
        ("steps:\n  - network: {drop_next: everything}\n", 2, "drop_next"),
        ("steps:\n  - expect: {colour: red}\n", 2, "colour is not known"),
        ("steps:\n  - power: {cut: 5}\n", 2, "power"),
        ("steps:\n  - press: [ENTER]\n    tap: visa\n", 2, "one key"),
        ("seed: seven\nsteps:\n  - press: [ENTER]\n", 1, "seed"),
        ("colour: red\nsteps:\n  - press: [ENTER]\n", 1, "colour"),
        ("start: noon\nsteps:\n  - press: [ENTER]\n", 1, "start"),
        ("seed: 1\nseed: 2\nsteps:\n  - press: [ENTER]\n", 2, "seed twice"),
        ("steps: [\n", 2, "not valid YAML"),
        ("steps: []\n", 1, "steps"),
        ("just words\n", 1, "mapping"),
    ],
)
def test_a_mistake_is_named_with_file_and_line(tmp_path, text, line, words):
    path = written(tmp_path, text)
    with pytest.raises(ScenarioError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert words in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ScenarioError, match=r"nowhere\.yaml: cannot be read"):
        load(tmp_path / "nowhere.yaml")
