"""A reader for the kernels' tests: the simulator's cards behind the `async transceive` they
expect.

    outcome = tap("visa_credit")                    # one sale, sandbox configuration
    outcome = tap(card, amount_minor=6000, change=lambda c: c["combinations"][0].update(ttq="..."))
"""

import asyncio
import copy
import random
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kassa.emv import apdu, config
from kassa.emv.entry_point import EntryPoint
from kassa.emv.outcome import Outcome, UiRequest
from kassa.emv.transaction_data import TransactionData
from kassa.system.card import CardError

import simulator
from simulator import cards

SANDBOX = tomllib.loads((Path(simulator.__file__).parent / "emv_sandbox.toml").read_text())


class Recorder:
    """A log that keeps what it was told."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def event(self, at: str, happened: str, **facts: object) -> None:
        self.events.append({"at": at, "is": happened, **facts})

    def trouble(self, at: str, happened: str, error: BaseException, **facts: object) -> None:
        self.event(at, happened, error=type(error).__name__, **facts)


class Present:
    """A simulated card in the field; `exchanges` are the (command, answer) so far."""

    def __init__(self, card: Any, observe: Callable[[bytes], None] = lambda command: None) -> None:
        self.card = card
        self.exchanges: list[tuple[bytes, bytes | None]] = []
        self._observe = observe
        card.reset()

    async def transceive(self, apdu: bytes) -> bytes:
        command = bytes(apdu)
        self._observe(command)
        try:
            answer = self.card.transceive(command)
        except CardError:
            self.exchanges.append((command, None))
            raise
        self.exchanges.append((command, answer))
        return answer


class Scripted:
    """A card that answers from a table: command prefix (hex) -> answer (hex), else 6D00.

    An answer that is an exception is raised; a list is used up one answer a time.
    """

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = {bytes.fromhex(k): v for k, v in answers.items()}
        self.commands: list[bytes] = []

    async def transceive(self, apdu: bytes) -> bytes:
        self.commands.append(bytes(apdu))
        for prefix, answer in self.answers.items():
            if bytes(apdu).startswith(prefix):
                if isinstance(answer, list):
                    answer = answer.pop(0) if len(answer) > 1 else answer[0]
                if isinstance(answer, BaseException):
                    raise answer
                return bytes.fromhex(answer) if isinstance(answer, str) else answer
        return b"\x6d\x00"


class Ticks:
    """A clock that moves one millisecond each time it is read."""

    def __init__(self) -> None:
        self.now = (1 << 30) - 3

    def __call__(self) -> int:
        self.now = (self.now + 1) & ((1 << 30) - 1)
        return self.now


def configuration(
    change: Callable[[dict[str, Any]], object] | None = None,
) -> config.Configuration:
    """The sandbox configuration, after `change` has altered its dictionary."""
    source = copy.deepcopy(SANDBOX)
    if change is not None:
        change(source)
    return config.from_dict(source)


def combination(source: dict[str, Any], aid: str) -> dict[str, Any]:
    """The combination of a configuration's dictionary with this AID."""
    (found,) = [one for one in source["combinations"] if one["aid"] == aid]
    return found


def mastercard_of(source: dict[str, Any]) -> dict[str, Any]:
    """Mastercard's combination of a configuration's dictionary."""
    return combination(source, "A0000000041010")


def visa_of(source: dict[str, Any]) -> dict[str, Any]:
    """Visa's credit and debit combination of a configuration's dictionary."""
    return combination(source, "A0000000031010")


def sale(amount_minor: int = 1250, seed: int = 1, **fields: Any) -> TransactionData:
    """A purchase in euro in Germany on the sandbox's day."""
    values: dict[str, Any] = {
        "currency": 978,
        "country": 276,
        "date": "261122",
        "time": "100000",
        "counter": 7,
        "random": random.Random(seed).randbytes,
    }
    return TransactionData(amount_minor, **{**values, **fields})


class Terminal:
    """Entry Point with everything around it that a test may want to look at."""

    def __init__(
        self,
        change: Callable[[dict[str, Any]], object] | None = None,
        oda: Any = None,
        risk: Any = None,
    ) -> None:
        self.log = Recorder()
        self.ticks = Ticks()
        self.shown: list[UiRequest] = []
        self.entry_point = EntryPoint(configuration(change), self.log, self.ticks, oda, risk)  # type: ignore[arg-type]
        self.entry_point.on_ui = self.shown.append

    def prepare(self, amount_minor: int = 1250, **fields: Any) -> Outcome | None:
        return self.entry_point.prepare(sale(amount_minor, **fields))

    def tap(self, card: Any) -> Outcome:
        """One tap of a simulated card (by name or object) or of anything with `async
        transceive`."""
        if isinstance(card, str):
            card = cards.load(card)
        present = card if isinstance(card, Scripted | Present) else Present(card)
        return asyncio.run(self.entry_point.perform(present))

    def update(self, card: Any, answer: bytes) -> None:
        asyncio.run(self.entry_point.update(card, answer))


def tap(
    card: Any,
    amount_minor: int = 1250,
    change: Callable[[dict[str, Any]], object] | None = None,
    **fields: Any,
) -> Outcome:
    """Prepare and tap once; the amount must be one that some combination takes."""
    terminal = Terminal(change)
    refused = terminal.prepare(amount_minor, **fields)
    assert refused is None
    return terminal.tap(card)


def commands(present: Present) -> list[str]:
    """The names of the commands a card got: "SELECT", "GPO" ..."""
    names = {0xA4: "SELECT", 0xA8: "GPO", 0xB2: "READ", 0xAE: "AC", 0xD0: "RECOVER"}
    return [names[command[1]] for command, _ in present.exchanges]


__all__ = ["Present", "Recorder", "Scripted", "Terminal", "apdu", "commands", "sale", "tap"]
