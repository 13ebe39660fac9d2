"""Scenarios with an EMV configuration, numbers and recorded cards of their own; both runtimes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from simulator import cards, micropython
from simulator.bench import ENTER, Bench
from simulator.emv_configuration import SANDBOX
from simulator.run import run_blocking
from simulator.scenario import ScenarioError, load
from simulator.tap_numbers import TapNumbers

BOTH = ["cpython", pytest.param("micropython", marks=pytest.mark.micropython)]
NUMBER = "A1B2C3D4"
START = "2026-03-14T10:00:00Z"

# What a laboratory elsewhere had: another currency and country, its own limits.
ELSEWHERE = {"terminal": {"currency": "CHF", "country": 756}, "start": START}
DOCUMENT = """\
[[combinations]]
aid = "A0000000031010"
kernel = 3
scheme = "visa"
ttq = "26004000"
transaction_limit = 90_000
floor_limit = 0
cvm_limit = 10_000

[[combinations]]
aid = "A0000000041010"
kernel = 2
scheme = "mastercard"
floor_limit = 0
cvm_limit = 10_000

[combinations.kernel2]
limit = 90_000
limit_on_device = 90_000
cvm_capability = "08"
tac_online = "F45084800C"
"""


def listening(name: str) -> tuple[Any, list[list[str]]]:
    """A card, and what is said to it and what it answers."""
    card, exchange = cards.load(name), []
    asked = card.transceive

    def listen(command: bytes) -> bytes:
        answer = asked(command)
        exchange.append([bytes(command).hex().upper(), answer.hex().upper()])
        return answer

    card.transceive = listen  # type: ignore[method-assign]
    return card, exchange


def recorded(folder: Path, name: str, sales: int = 1, **more: Any) -> Path:
    """A trace of a sale with a known number, taken with the document of elsewhere."""
    (folder / "elsewhere.toml").write_text(DOCUMENT, encoding="utf-8")
    card, exchange = listening(name)

    async def sell() -> None:
        scene = load(written(folder, [{"press": [1]}]))
        async with Bench(
            seed=11,
            terminal=scene.terminal,
            start=scene.start,
            emv_config=folder / "elsewhere.toml",
            unpredictable_numbers=[bytes.fromhex(NUMBER)] * sales,
            start_stands=True,
        ) as bench:
            for _ in range(sales):
                await bench.press("1250", ENTER)
                await bench.tap(card)
                await bench.until_screen("approved", within_s=5)
                await bench.until_screen("welcome", within_s=30)

    asyncio.run(sell())
    path = folder / f"{name}.yaml"
    trace = {
        "uid": card.uid.hex(),
        "ats": card.ats.hex(),
        "match": "order",
        "exchange": exchange,
        **more,
    }
    path.write_text(yaml.safe_dump(trace), encoding="utf-8")
    return path


def written(folder: Path, steps: Sequence[Any], **head: Any) -> Path:
    path = folder / "scenario.yaml"
    scene = {"seed": 4, "emv_config": "elsewhere.toml", **ELSEWHERE, **head, "steps": list(steps)}
    path.write_text(yaml.safe_dump({k: v for k, v in scene.items() if v is not None}))
    return path


def replayed(folder: Path, trace: Path, runtime: str = "cpython", **head: Any) -> dict[str, Any]:
    if runtime == "micropython" and micropython.binary() is None:
        pytest.skip("no MicroPython binary for this platform")
    steps = [
        {"press": [head.pop("amount", 1250), "ENTER"]},
        {"until": {"screen": "present_card", "within_s": 20}},
        {"tap": {"trace": trace.name}},
        {"until": {"screen": "approved", "within_s": 30}},
        {"expect": {"acquirer": {"approved": 1}}},
    ]
    return run_blocking(load(written(folder, steps, **head)), runtime)


def told(result: dict[str, Any]) -> str:
    return " / ".join(step["detail"] for step in result["steps"])


@pytest.mark.parametrize("runtime", BOTH)
@pytest.mark.parametrize("name", ["visa_credit", "mastercard_credit"])
def test_a_card_recorded_elsewhere_is_replayed_in_order(
    tmp_path: Path, name: str, runtime: str
) -> None:
    trace = recorded(tmp_path, name)
    result = replayed(tmp_path, trace, runtime, unpredictable_numbers=[NUMBER])
    assert result["passed"], told(result)
    played = [apdu["command"] for apdu in result["apdus"]]
    was = yaml.safe_load(trace.read_text())["exchange"]
    assert len(played) == len(was) and any(NUMBER in command for command in played)


@pytest.mark.parametrize("runtime", BOTH)
def test_the_recording_itself_may_bring_number_date_and_amount(
    tmp_path: Path, runtime: str
) -> None:
    facts = {"unpredictable_numbers": [NUMBER], "date": "260314", "time": "100000"}
    trace = recorded(tmp_path, "mastercard_credit", **facts, amount=1250)
    result = replayed(tmp_path, trace, runtime, start=None)
    assert result["passed"], told(result)


@pytest.mark.parametrize(
    ("facts", "head", "words"),
    [
        ({}, {}, "command 3"),
        ({}, {"unpredictable_numbers": ["A1B2C3D5"]}, "command 3"),
        ({}, {"unpredictable_numbers": [NUMBER], "amount": 1251}, "command 3"),
        (
            {"amount": 1250},
            {"amount": 1251},
            "visa_credit.yaml was recorded for 1250, not for 1251",
        ),
        ({"date": "260315"}, {}, "visa_credit.yaml: its date is 260315, the terminal's is 260314"),
        (
            {"unpredictable_numbers": [NUMBER]},
            {"unpredictable_numbers": ["A1B2C3D5"]},
            "recorded with A1B2C3D4, listed next is A1B2C3D5",
        ),
        (
            {},
            {"unpredictable_numbers": [NUMBER], "terminal": {"currency": "CHF", "country": 276}},
            "command 3",
        ),
        (
            {},
            {"unpredictable_numbers": [NUMBER], "terminal": {"currency": "EUR", "country": 756}},
            "command 3",
        ),
        ({}, {"unpredictable_numbers": [NUMBER], "emv_config": None}, "command 3"),
        ({}, {"unpredictable_numbers": [NUMBER], "start": "2026-03-15T10:00:00Z"}, "command 3"),
    ],
    ids=[
        "no number",
        "another number",
        "another amount",
        "another amount than recorded",
        "another day than recorded",
        "another number than recorded",
        "another country",
        "another currency",
        "another configuration",
        "another day",
    ],
)
def test_what_the_recorded_terminal_had_and_this_one_has_not_fails_the_run(
    tmp_path: Path, facts: dict[str, Any], head: dict[str, Any], words: str
) -> None:
    trace = recorded(tmp_path, "visa_credit", **facts)
    result = replayed(tmp_path, trace, **head)
    assert not result["passed"] and words in told(result)
    assert result["steps"][-1]["do"] == "tap"
    assert "line " in told(result)


@pytest.mark.micropython
def test_the_real_interpreters_run_fails_with_the_difference_too(tmp_path: Path) -> None:
    trace = recorded(tmp_path, "visa_credit")
    result = replayed(tmp_path, trace, "micropython", unpredictable_numbers=["A1B2C3D5"])
    assert not result["passed"] and "command 3" in told(result)


def test_the_clock_stands_for_a_recording_and_runs_otherwise(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.toml").write_text(DOCUMENT)
    steps = [{"until": "welcome"}, {"wait": 120}, {"press": [1]}, {"press": ["CANCEL"]}]
    steps += [{"until": "welcome"}]
    running = run_blocking(load(written(tmp_path, steps)), "cpython")
    fixed = run_blocking(load(written(tmp_path, steps, unpredictable_numbers=[NUMBER])), "cpython")
    assert fixed["screens"][-1]["words"][0] == "10:00"
    assert running["screens"][-1]["words"][0] == "10:02"


@pytest.mark.parametrize("runtime", BOTH)
def test_numbers_are_drawn_in_order_one_a_tap_and_then_the_chips_own(
    tmp_path: Path, runtime: str
) -> None:
    (tmp_path / "elsewhere.toml").write_text(DOCUMENT)
    if runtime == "micropython" and micropython.binary() is None:
        pytest.skip("no MicroPython binary for this platform")
    sale = [
        {"press": [1250, "ENTER"]},
        {"until": {"screen": "present_card", "within_s": 20}},
        {"tap": "visa_credit"},
        {"until": {"screen": "approved", "within_s": 20}},
        {"until": {"screen": "welcome", "within_s": 40}},
    ]
    numbers = ["0A1B2C3D", "FFFFFFFE"]
    result = run_blocking(
        load(written(tmp_path, sale * 3, unpredictable_numbers=numbers)), runtime
    )
    assert result["passed"], told(result)
    # The PDOL ends with the unpredictable number and what follows it: find it in each GPO.
    asked = [a["command"] for a in result["apdus"] if a["command"].startswith("80A8")]
    assert [[n for n in numbers if n in command] for command in asked] == [
        [numbers[0]],
        [numbers[1]],
        [],
    ]


def test_a_recording_of_two_taps_goes_on_at_the_second(tmp_path: Path) -> None:
    facts = {"unpredictable_numbers": [NUMBER, NUMBER]}
    trace = recorded(tmp_path, "visa_credit", sales=2, **facts)
    sale = [
        {"press": [1250, "ENTER"]},
        {"tap": {"trace": trace.name}},
        {"until": "approved"},
        {"until": "welcome"},
    ]
    result = run_blocking(load(written(tmp_path, sale * 2)), "cpython")
    assert result["passed"], told(result)
    was = yaml.safe_load(trace.read_text())["exchange"]
    assert [apdu["command"] for apdu in result["apdus"]] == [command for command, _ in was]


def test_the_sandbox_takes_a_document_with_keys_of_somebody_elses_scheme(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.toml").write_text(DOCUMENT.replace("A0000000031010", "A0000000981010"))
    steps = [{"press": [1250, "ENTER"]}, {"tap": "visa_credit"}, {"until": "try_another_card"}]
    result = run_blocking(load(written(tmp_path, steps)), "cpython")
    assert result["passed"], told(result)


@pytest.mark.parametrize(
    ("head", "line", "words"),
    [
        ("emv_config: nowhere.toml\n", 1, "nowhere.toml: cannot be read"),
        ("seed: 1\nemv_config: [1]\n", 2, "emv_config must be a file's name"),
        ("emv_config: wrong.toml\n", 1, "wrong.toml:4: A0000000031010: ttq must be 4 bytes"),
        ("emv_config: none.toml\n", 1, "none.toml: not TOML"),
        ("unpredictable_numbers: A1B2C3D4\n", 1, "unpredictable_numbers must be a list"),
        ("seed: 1\nunpredictable_numbers: [A1B2C3]\n", 2, "8 hexadecimal digits"),
        ("unpredictable_numbers: [zzzzzzzz]\n", 1, "8 hexadecimal digits"),
        ("unpredictable_numbers: [true]\n", 1, "8 hexadecimal digits"),
        ("start: 2026-13-01T10:00:00Z\n", 1, "not valid YAML"),
        ("terminal: {countri: 756}\n", 1, "terminal.countri"),
    ],
)
def test_a_wrong_value_is_named_with_its_line(
    tmp_path: Path, head: str, line: int, words: str
) -> None:
    (tmp_path / "wrong.toml").write_text(
        DOCUMENT.replace('"26004000"', '"26"').replace("\nttq", "\nttq")
    )
    (tmp_path / "none.toml").write_text("nothing\n")
    path = tmp_path / "scenario.yaml"
    path.write_text(head + "steps:\n  - press: [1]\n")
    with pytest.raises(ScenarioError) as caught:
        load(path)
    message = str(caught.value)
    assert (
        message.startswith(f"{path}:{line}: ")
        and words.replace("wrong.toml:4", "wrong.toml:5") in message
    )


@pytest.mark.parametrize("number", ["12345678", "01020304", "1e100000", "0000_000"])
def test_digits_that_look_like_a_number_are_digits(tmp_path: Path, number: str) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(f"unpredictable_numbers: [{number}]\nsteps:\n  - press: [1]\n")
    if "_" in number:
        with pytest.raises(ScenarioError):
            load(path)
    else:
        assert load(path).unpredictable_numbers == (bytes.fromhex(number),)


def test_only_the_first_draw_of_a_tap_is_fixed() -> None:
    numbers = TapNumbers([b"1111", b"2222"])
    assert numbers.draw(4) is None, "no card is there"
    numbers.expect()
    assert numbers.draw(16) is None, "not an unpredictable number"
    assert numbers.draw(4) == b"1111"
    assert numbers.draw(4) is None, "drawn for this tap already"
    numbers.expect()
    numbers.begun()
    assert numbers.draw(4) is None, "the exchange goes on"
    numbers.expect()
    assert numbers.draw(4) == b"2222"
    numbers.expect()
    assert numbers.draw(4) is None
    assert numbers.drawn == [b"1111", b"2222"]


def test_the_sandbox_document_is_the_one_without_another() -> None:
    assert Bench().emv_document == SANDBOX
