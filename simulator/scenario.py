"""A scripted customer: scenario files (YAML), and what a run of one tells.

A scenario names a board, a seed, the terminal's settings and a list of steps;
`simulator/README.md` shows the format.  `load` checks the whole file before anything runs and
names the line of a mistake.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from host_tools import emv
from simulator import cards, emv_configuration
from simulator.acquirer.ledger import COUNTS as LEDGER_COUNTS
from simulator.bench import KEY_NAMES
from simulator.provisioning import OPTIONAL, TERMINAL
from simulator.tap_numbers import NUMBER_BYTES

SCREEN_WITHIN_S = 30.0
_LONGEST_S = 1_000_000


class ScenarioError(Exception):
    """A scenario file is wrong; the message names file, line and remedy."""


@dataclass(frozen=True)
class Step:
    """One step: what to `do` (press, tap, until, expect, network, power, paper, journal, wait),
    with what, from which line.
    """

    do: str
    value: Any
    line: int


@dataclass(frozen=True)
class Scenario:
    """A checked scenario file."""

    path: Path
    board: str = "esp32s3_devkitc"
    seed: int = 0
    start: datetime.datetime | None = None
    terminal: dict[str, Any] = field(default_factory=dict)
    emv_config: Path | None = None
    unpredictable_numbers: tuple[bytes, ...] = ()
    steps: tuple[Step, ...] = ()


_KEYS = ("board", "emv_config", "seed", "start", "steps", "terminal", "unpredictable_numbers")
_NUMBER = re.compile(r"[0-9A-Fa-f]{8}")
_INT = "tag:yaml.org,2002:int"
_NO_OCTAL = re.compile(r"[-+]?(0|[1-9][0-9_]*)$")


class _Located(dict[str, Any]):
    """A YAML mapping that knows the line of each key."""

    lines: dict[str, int]
    line: int


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, keeping line numbers; refuses a key that occurs twice."""


def _construct_mapping(loader: _Loader, node: yaml.MappingNode) -> _Located:
    mapping = _Located()
    mapping.line = node.start_mark.line + 1
    mapping.lines = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        # YAML 1.1 reads `on` and `off` as booleans; here they are words.
        if not isinstance(key, str):
            key = str(key_node.value)
        if key in mapping:
            raise yaml.MarkedYAMLError(problem=f"{key} twice", problem_mark=key_node.start_mark)
        mapping.lines[key] = key_node.start_mark.line + 1
        value = loader.construct_object(value_node, deep=True)
        if isinstance(value, bool) and value_node.value in ("on", "off"):
            value = value_node.value
        mapping[key] = value
    return mapping


def _construct_time(loader: _Loader, node: yaml.ScalarNode) -> Any:
    try:
        return loader.construct_yaml_timestamp(node)
    except ValueError as error:
        problem = f"{node.value} is no time: {error}"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from error


_Loader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _construct_time)
# YAML 1.1 reads 0050 as an octal number; here it is four keys.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, _NO_OCTAL if tag == _INT else pattern) for tag, pattern in resolvers]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(path: Path) -> Scenario:
    """Read and check a scenario file.  Raises ScenarioError naming the line."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ScenarioError(f"{path}: not UTF-8 text at byte {error.start}") from error
    try:
        document = yaml.load(text, _Loader)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ScenarioError(f"{path}:{line}: not valid YAML: {error.reason}") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ScenarioError(f"{path}:{line}: not valid YAML: {error.problem}") from error
    if not isinstance(document, _Located):
        raise ScenarioError(f"{path}:1: a scenario is a mapping with `steps`")
    return _Checker(path).scenario(document)


class _Checker:
    """Checks a document key by key; every complaint carries the line."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def _wrong(self, line: int, what: str) -> ScenarioError:
        return ScenarioError(f"{self._path}:{line}: {what}")

    def scenario(self, document: _Located) -> Scenario:
        for key in document:
            if key not in _KEYS:
                raise self._wrong(
                    document.lines[key],
                    f"{key} is not a key of a scenario ({', '.join(_KEYS)})",
                )
        # What a setting may be the terminal itself knows; here we only know which there are.
        settings = document.get("terminal")
        for key, line in settings.lines.items() if isinstance(settings, _Located) else ():
            if key not in TERMINAL and key not in OPTIONAL:
                raise self._wrong(line, f"terminal.{key} is not a setting of the terminal")
        steps = document.get("steps")
        if not isinstance(steps, list) or not steps:
            raise self._wrong(document.lines.get("steps", 1), "steps must be a list of steps")
        board = document.get("board", "esp32s3_devkitc")
        self._require(document, "board", isinstance(board, str), "must be a board's name")
        seed = document.get("seed", 0)
        whole = isinstance(seed, int) and not isinstance(seed, bool)
        self._require(document, "seed", whole, "must be a whole number")
        terminal = document.get("terminal", {})
        self._require(document, "terminal", isinstance(terminal, dict), "must be a mapping")
        return Scenario(
            path=self._path,
            board=board,
            seed=seed,
            start=self._start(document),
            terminal=dict(terminal),
            emv_config=self._emv_config(document),
            unpredictable_numbers=self._numbers(document),
            steps=tuple(self._step(step, document.lines["steps"]) for step in steps),
        )

    def _require(self, document: _Located, key: str, right: bool, what: str) -> None:
        if not right:
            raise self._wrong(document.lines.get(key, document.line), f"{key} {what}")

    def _start(self, document: _Located) -> datetime.datetime | None:
        start = document.get("start")
        if start is None:
            return None
        what = "must be a time such as 2026-11-22T10:00:00Z"
        if isinstance(start, str):
            # In quotes it is text to YAML.
            try:
                start = datetime.datetime.fromisoformat(start)
            except ValueError:
                self._require(document, "start", False, what)
        self._require(document, "start", isinstance(start, datetime.datetime), what)
        if start.tzinfo is None:
            return start.replace(tzinfo=datetime.UTC)
        return start.astimezone(datetime.UTC)

    def _emv_config(self, document: _Located) -> Path | None:
        """The document of another EMV configuration, found beside the scenario and looked
        through."""
        name = document.get("emv_config")
        if name is None:
            return None
        self._require(document, "emv_config", isinstance(name, str), "must be a file's name")
        path = self._path.parent / name
        line = document.lines["emv_config"]
        try:
            source = emv_configuration.with_sandbox(emv.read(path))
        except emv.DocumentError as error:
            raise self._wrong(line, f"emv_config: {error}") from error
        today = datetime.datetime.now(datetime.UTC).date()
        mistakes = [each for each in emv.check(source, today) if not each.warning]
        if mistakes:
            told = "; ".join(each.shown(name) for each in mistakes)
            raise self._wrong(line, f"emv_config: {told}")
        return path

    def _numbers(self, document: _Located) -> tuple[bytes, ...]:
        listed = document.get("unpredictable_numbers", [])
        what = f"must be a list of {2 * NUMBER_BYTES} hexadecimal digits each, quoted"
        self._require(document, "unpredictable_numbers", isinstance(listed, list), what)
        numbers = []
        for number in listed:
            right = not isinstance(number, bool) and _NUMBER.fullmatch(str(number)) is not None
            self._require(document, "unpredictable_numbers", right, what)
            numbers.append(bytes.fromhex(str(number)))
        return tuple(numbers)

    def _step(self, step: Any, line: int) -> Step:
        if not isinstance(step, _Located) or len(step) != 1:
            where = step.line if isinstance(step, _Located) else line
            raise self._wrong(where, "a step is one key and its value, such as `- press: [ENTER]`")
        (do, value), line = next(iter(step.items())), step.line
        check = _STEPS.get(do)
        if check is None:
            raise self._wrong(line, f"{do} is not a step ({', '.join(sorted(_STEPS))})")
        try:
            return Step(do, check(value), line)
        except ValueError as error:
            raise self._wrong(line, f"{do}: {error}") from error


def _press(value: Any) -> list[str]:
    """Keys one by one: digits of a number are keys of their own, other keys go by name."""
    keys: list[str] = []
    for item in value if isinstance(value, list) else [value]:
        word = str(item)
        if word in KEY_NAMES:
            keys.append(word)
        elif word.isdigit():
            keys.extend(word)
        else:
            raise ValueError(f"{word} is no key; keys are digits and {', '.join(KEY_NAMES[10:])}")
    return keys


def _tap(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        value = {"card": value}
    if not isinstance(value, dict) or ("card" in value) == ("trace" in value):
        raise ValueError("give a card's name, {card: NAME, hold_ms: N} or {trace: FILE}")
    _known(value, "card", "trace", "hold_ms")
    if "card" in value and not (isinstance(value["card"], str) and cards.known(value["card"])):
        raise ValueError(f"there is no card {value['card']}; there are {', '.join(cards.names())}")
    if "trace" in value and not isinstance(value["trace"], str):
        raise ValueError("trace must be the name of a file")
    _number(value, "hold_ms", 0, 3_600_000)
    return dict(value)


def _until(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        value = {"screen": value}
    if not isinstance(value, dict) or not isinstance(value.get("screen"), str):
        raise ValueError("give {screen: NAME, within_s: SECONDS}")
    _known(value, "screen", "within_s")
    _number(value, "within_s", 0.001, _LONGEST_S)
    return {"screen": value["screen"], "within_s": float(value.get("within_s", SCREEN_WITHIN_S))}


def _expect(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not value:
        raise ValueError("give at least one of screen, screen_text, receipt, acquirer")
    _known(value, "screen", "screen_text", "receipt", "acquirer")
    counts = value.get("acquirer", {})
    if not isinstance(counts, dict):
        raise ValueError("acquirer must be a mapping such as {approved: 1}")
    _known(counts, *LEDGER_COUNTS)
    return dict(value)


def _network(value: Any) -> Any:
    if value in ("up", "down"):
        return value
    if isinstance(value, dict) and value:
        _known(value, "latency_ms", "loss", "drop_next")
        _number(value, "latency_ms", 0, 600_000)
        _number(value, "loss", 0, 1)
        if value.get("drop_next", "request") not in ("request", "response"):
            raise ValueError("drop_next is request or response")
        return dict(value)
    raise ValueError("give up, down, {latency_ms: N, loss: 0.2} or {drop_next: response}")


def _power(value: Any) -> Any:
    if value in ("on", "cut"):
        return value
    if isinstance(value, dict) and set(value) == {"cut_after_flash_ops"}:
        _number(value, "cut_after_flash_ops", 1, 10**9)
        if not isinstance(value["cut_after_flash_ops"], int):
            raise ValueError("cut_after_flash_ops must be a whole number")
        return dict(value)
    raise ValueError("give on, cut or {cut_after_flash_ops: N}")


def _paper(value: Any) -> str:
    if value not in ("ok", "near_end", "out"):
        raise ValueError("give ok, near_end or out")
    return str(value)


def _journal(value: Any) -> dict[str, int]:
    if not isinstance(value, dict) or set(value) != {"free"} or not isinstance(value["free"], int):
        raise ValueError("give {free: SLOTS}")
    return dict(value)


def _wait(value: Any) -> float:
    _number({"seconds": value}, "seconds", 0, _LONGEST_S)
    return float(value)


def _number(value: dict[str, Any], key: str, least: float, most: float) -> None:
    """Complain unless `key` is absent or a number from `least` to `most` (which NaN is not)."""
    number = value.get(key, least)
    right = isinstance(number, (int, float)) and not isinstance(number, bool)
    if not right or not least <= number <= most:
        raise ValueError(f"{key} must be a number from {least:g} to {most:g}")


def _known(value: dict[str, Any], *keys: str) -> None:
    for key in value:
        if key not in keys:
            raise ValueError(f"{key} is not known here ({', '.join(keys)})")


_STEPS: dict[str, Callable[[Any], Any]] = {
    "press": _press,
    "tap": _tap,
    "until": _until,
    "expect": _expect,
    "network": _network,
    "power": _power,
    "paper": _paper,
    "journal": _journal,
    "wait": _wait,
}
