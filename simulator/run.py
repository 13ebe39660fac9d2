"""Runs a scenario on a bench and tells what happened, step by step, as one JSON-ready object."""

from __future__ import annotations

import asyncio
import datetime
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from host_tools.lens import Lens
from simulator import cards
from simulator.bench import Bench
from simulator.cards import trace
from simulator.clock import NS_PER_MS
from simulator.scenario import Scenario, Step

# What is expected of paper and host may still be on its way when the screen already says so.
_PAPER_WITHIN_S = 10.0
_HOST_WITHIN_S = 5.0
# For a recording that knows its day only
_RECORDED_AT = "100000"


class StepFailed(Exception):
    """A step did not come true; the message says what was there instead."""


async def run(scenario: Scenario, runtime: str, **options: Any) -> dict[str, Any]:
    """Run all steps, stopping at the first that fails.  See `simulator/README.md` for
    the result.
    """
    start = scenario.start or _start_of_a_recording(scenario)
    bench = Bench(
        board=scenario.board,
        runtime=runtime,
        seed=scenario.seed,
        terminal=scenario.terminal,
        start=start,
        start_stands=bool(scenario.unpredictable_numbers) or _replays(scenario),
        emv_config=scenario.emv_config,
        unpredictable_numbers=scenario.unpredictable_numbers,
        **options,
    )
    try:
        async with bench:
            return await _run_steps(bench, scenario)
    except AssertionError as error:
        # It did not come up: no step was reached.
        start = {"do": "start", "ok": False, "t_ms": 0, "detail": str(error)}
        return {
            "passed": False,
            "runtime": runtime,
            "steps": [start],
            "screens": bench.screen.history,
            "complaints": [],
            "timings_ms": {},
            "console": bench.console,
        }


def _start_of_a_recording(scenario: Scenario) -> datetime.datetime | None:
    """When the first card that is replayed was recorded, where the file says it."""
    for step in scenario.steps:
        if step.do == "tap" and "trace" in step.value:
            try:
                card = trace.load(scenario.path.parent / step.value["trace"])
            except trace.TraceError:
                return None  # the step itself will say so
            if card.date is None:
                return None
            there = datetime.datetime.strptime(
                card.date + (card.time or _RECORDED_AT), "%y%m%d%H%M%S"
            )
            return there.replace(tzinfo=datetime.UTC) - _offset(scenario.terminal)
    return None


def _replays(scenario: Scenario) -> bool:
    return any(step.do == "tap" and "trace" in step.value for step in scenario.steps)


def _offset(settings: dict[str, Any]) -> datetime.timedelta:
    """From UTC to the terminal's own time; what is no offset the terminal itself refuses."""
    minutes = settings.get("utc_offset_minutes", 0)
    return datetime.timedelta(minutes=minutes if isinstance(minutes, int) else 0)


async def _run_steps(bench: Bench, scenario: Scenario) -> dict[str, Any]:
    steps: list[dict[str, Any]] = []
    hands = _Hands(bench, scenario.path.parent)
    for step in scenario.steps:
        ok, detail = True, ""
        try:
            await hands.do(step)
        except (StepFailed, AssertionError) as error:
            # Assertions: the bench's own, a chip's data sheet, a replayed card's recording.
            ok, detail = False, f"line {step.line}: {error}"
        if ok and bench.complaints:
            ok, detail = False, f"line {step.line}: {_complaint(bench)}"
        t_ms = bench.clock.now_ns // NS_PER_MS
        steps.append({"do": step.do, "ok": ok, "t_ms": t_ms, "detail": detail})
        if not ok:
            break
    if all(step["ok"] for step in steps):
        await bench.until_paper_rests()
        await bench.measure_heap()
        if bench.complaints:
            # A card that was left at the reader has complained since.
            steps[-1].update(ok=False, detail=_complaint(bench))
    return report(bench, steps)


def _complaint(bench: Bench) -> str:
    return f"a card complains of the terminal: {'; '.join(bench.complaints)}"


def report(bench: Bench, steps: list[dict[str, Any]]) -> dict[str, Any]:
    """What a finished run tells: JSON values only, PANs masked."""
    flash = bench.wiring.flash.counters
    result: dict[str, Any] = {
        "passed": all(step["ok"] for step in steps),
        "runtime": bench.runtime,
        "board": bench.board["name"],
        "seed": bench.seed,
        "steps": steps,
        "screens": bench.screen.history,
        "receipts": bench.printer.slips,
        "acquirer": {
            "messages": bench.sandbox.acquirer.messages,
            "ledger": bench.sandbox.acquirer.ledger.summary(),
        },
        "apdus": _apdus(bench),
        "taps": bench.taps.report(),
        "complaints": bench.complaints,
        "timings_ms": bench.timings(),
        "flash": {
            "programmed": flash.programmed_bytes,
            "erased": flash.erased_bytes,
            "payload": bench.flash.journalled_bytes,
        },
        "display_bytes": bench.wiring.panel.bytes_received,
        "console": bench.console,
    }
    if bench.heap_report is not None:
        result["heap"] = bench.heap_report
    return result


def _apdus(bench: Bench) -> list[dict[str, str | None]]:
    """What terminal and card said, in hexadecimal, the card's number masked."""
    lens = Lens()
    told = []
    for command, response in bench.exchanges:
        said = lens.decode(command, response)
        answer = said["response"]
        told.append(
            {"command": said["command"]["hex"], "response": answer["hex"] if answer else None}
        )
    return told


class _Hands:
    """Does the steps of a scenario at a bench."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self._bench = bench
        self._folder = folder
        self._recordings: dict[str, trace.TraceCard] = {}
        self._cards: dict[str, cards.Card] = {}
        self._do: dict[str, Callable[[Any], Awaitable[None]]] = {
            "press": self._press,
            "tap": self._tap,
            "until": self._until,
            "expect": self._expect,
            "network": self._network,
            "power": self._power,
            "paper": self._paper,
            "journal": self._journal,
            "wait": bench.wait,
        }

    async def do(self, step: Step) -> None:
        await self._do[step.do](step.value)

    async def _press(self, keys: list[str]) -> None:
        await self._bench.press(*keys)

    async def _tap(self, tap: dict[str, Any]) -> None:
        if "trace" in tap:
            await self._replay(tap["trace"], tap.get("hold_ms"))
        else:
            await self._bench.tap(self._card(tap["card"]), tap.get("hold_ms"))

    def _card(self, name: str) -> cards.Card:
        """The card of that name: the same one for the whole scenario, so that it remembers."""
        if name not in self._cards:
            try:
                self._cards[name] = cards.load(name)
            except KeyError as error:
                names = ", ".join(cards.names())
                raise StepFailed(f"there is no card {name}; there are {names}") from error
        return self._cards[name]

    async def _replay(self, file: str, hold_ms: float | None) -> None:
        """Tap a recorded card, with the numbers that it was recorded with.

        A recording of more than one tap goes on where the tap before ended.
        """
        card = self._recordings.get(file)
        if card is None or card.finished:
            try:
                card = trace.load(self._folder / file)
            except trace.TraceError as error:
                raise StepFailed(f"{file} cannot be replayed: {error}") from error
            self._recordings[file] = card
        self._same_circumstances(file, card)
        numbers = self._bench.numbers
        recorded = numbers.recorded = deque(card.unpredictable_numbers or [])
        try:
            await self._bench.tap(card, hold_ms)
        finally:
            if card.unpredictable_numbers is not None:
                card.unpredictable_numbers = list(recorded)
            numbers.recorded = deque()
        if card.mismatch is not None:
            # On the real interpreter the terminal goes on, as after any fault of the reader.
            raise StepFailed(card.mismatch)

    def _same_circumstances(self, file: str, card: trace.TraceCard) -> None:
        """Complain where date, amount or numbers are not those of the recording: the terminal
        would say something else to the card than was said to it then."""
        bench = self._bench
        there = bench.utc() + _offset(bench.settings)
        for what, recorded, form in (
            ("date", card.date, "%y%m%d"),
            ("time", card.time, "%H%M%S"),
        ):
            now = there.strftime(form)
            if recorded is not None and recorded != now:
                raise StepFailed(
                    f"{file}: its {what} is {recorded}, the terminal's is {now}: set `start`"
                )
        asked = bench.screen.amount
        if card.amount_minor is not None and asked is not None and card.amount_minor != asked:
            raise StepFailed(f"{file} was recorded for {card.amount_minor}, not for {asked}")
        if differs := bench.numbers.differs(card.unpredictable_numbers or []):
            raise StepFailed(f"{file}: unpredictable_numbers: {differs}")

    async def _until(self, until: dict[str, Any]) -> None:
        await self._bench.until_screen(until["screen"], within_s=until["within_s"])

    async def _expect(self, expected: dict[str, Any]) -> None:
        bench = self._bench
        if "screen" in expected and bench.screen.name != expected["screen"]:
            raise StepFailed(f"the screen is {bench.screen.name}, not {expected['screen']}")
        for text in _as_list(expected.get("screen_text", [])):
            if text not in bench.screen.text:
                raise StepFailed(f"{text!r} is not on the screen: {bench.screen.text!r}")
        for text in _as_list(expected.get("receipt", [])):
            if not await bench.until(
                lambda text=text: text in bench.printer.text, _PAPER_WITHIN_S
            ):
                raise StepFailed(f"{text!r} is not on paper: {bench.printer.text!r}")
        for name, value in expected.get("acquirer", {}).items():
            await self._expect_acquirer(name, value)

    async def _expect_acquirer(self, name: str, value: Any) -> None:
        ledger = self._bench.sandbox.acquirer.ledger
        if name not in ledger.summary():
            raise StepFailed(f"the ledger counts {', '.join(ledger.summary())}, not {name}")
        if not await self._bench.until(lambda: ledger.summary()[name] == value, _HOST_WITHIN_S):
            raise StepFailed(f"the acquirer's {name} is {ledger.summary()[name]}, not {value}")

    async def _network(self, value: Any) -> None:
        network = self._bench.network
        if value == "down":
            network.down()
        elif value == "up":
            network.up()
        else:
            if "latency_ms" in value:
                network.latency_ms = value["latency_ms"]
            if "loss" in value:
                network.loss = value["loss"]
            if "drop_next" in value:
                network.drop_next(value["drop_next"])

    async def _power(self, value: Any) -> None:
        if value == "on":
            await self._bench.power_on()
        elif value == "cut":
            await self._bench.cut_power()
        else:
            self._bench.wiring.flash.cut_after(value["cut_after_flash_ops"])

    async def _paper(self, value: str) -> None:
        self._bench.wiring.printer.paper = value

    async def _journal(self, value: dict[str, int]) -> None:
        if self._bench.powered:
            raise StepFailed("the journal can only be filled while the power is cut")
        self._bench.fill_journal(value["free"])


def _as_list(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def run_blocking(scenario: Scenario, runtime: str, **options: Any) -> dict[str, Any]:
    """`run` for callers without an event loop."""
    return asyncio.run(run(scenario, runtime, **options))
