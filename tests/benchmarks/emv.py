"""The card's part of a sale, by profile: time in the field, commands, bytes; what the proof costs.

The terminal is the one that lets cards approve small sales themselves, so that each is asked for
all it can do: debit cards approve with CDA or fDDA, credit cards and phones go online.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kassa.emv import config
from kassa.emv.ca_keys import CaKeys
from kassa.emv.entry_point import EntryPoint
from kassa.emv.oda import Oda
from rich.table import Table

from simulator import cards, emv_configuration, micropython
from simulator.bench import ENTER, Bench
from tests.benchmarks.result import Against, Result
from tests.emv.reader import Present, Recorder, Ticks, sale

SCHEMES = ("visa", "mastercard", "amex", "jcb", "discover", "unionpay")
KINDS = ("credit", "debit", "phone")
PROFILES = tuple(f"{scheme}_{kind}" for scheme in SCHEMES for kind in KINDS)
BOARDS = {"spi": "esp32s3_devkitc", "i2c": "esp32_wrover", "hsu": "esp32_devkitc"}
"""A board for each way to connect the reader chip; `spi` is the reference."""

_OFFLINE = Path(__file__).parents[1] / "scenarios" / "emv_offline.toml"
_LIMITS = {"per_sale": 5000, "total": 50_000, "count": 75}
_AMOUNT = 1250
_MOST_MS = 500


def by_profile() -> list[Result]:
    """Card in field on three boards, commands and bytes, for each profile."""
    results = []
    for profile in PROFILES:
        for transport, board in BOARDS.items():
            told = asyncio.run(_tap(profile, board))
            infix = "" if transport == "spi" else f"_{transport}"
            results.append(
                Result(
                    f"emv.{profile}.card_in_field{infix}_ms",
                    told["card_in_field_ms"],
                    "virtual ms",
                    "cpython",
                    Against("at most", _MOST_MS) if transport == "spi" else None,
                )
            )
            if transport == "spi":
                results += [
                    Result(f"emv.{profile}.apdus", told["apdus"], "APDUs", "cpython"),
                    Result(f"emv.{profile}.bytes", told["bytes"], "bytes", "cpython"),
                ]
    return results


async def _tap(profile: str, board: str) -> dict[str, float]:
    """One sale; the card must not complain of the terminal, whatever the figures."""
    terminal = {"offline": _LIMITS}
    async with Bench(board=board, seed=7, emv_config=_OFFLINE, terminal=terminal) as bench:
        await bench.press(str(_AMOUNT), ENTER)
        await bench.until_screen("present_card", within_s=5)
        await bench.tap(profile)
        await bench.until_screen("approved", within_s=20)
        if bench.complaints:
            raise ValueError("; ".join(bench.complaints))
        return {
            "card_in_field_ms": bench.timings()["card_in_field"],
            "apdus": len(bench.sale.apdus),
            "bytes": sum(size for _, size, _, _ in bench.sale.apdus),
        }


def table(results: Iterable[Result]) -> Table:
    """Card in field by profile and by what connects the reader chip."""
    found = {result.name: result.value for result in results}
    shown = Table("card in field, virtual ms", *(f"{t.upper()} {b}" for t, b in BOARDS.items()))
    for profile in PROFILES:
        names = (
            f"emv.{profile}.card_in_field{'' if transport == 'spi' else '_' + transport}_ms"
            for transport in BOARDS
        )
        shown.add_row(profile, *(f"{found[name]:.0f}" for name in names if name in found))
    return shown


def on_micropython() -> list[Result]:
    """By scheme, a tap that the card approves itself, on the real binary: microseconds of offline
    data authentication as it runs here (a chip takes some 50 times that) beside those of all that
    the terminal does in that tap, and the peak of live heap above the idle terminal's, sampled
    after a collection at each command and at each decision."""
    if micropython.binary() is None:
        print("no MicroPython binary on this machine: emv.*.oda_us and heap_peak are left out")
        return []
    document = emv_configuration.files(_OFFLINE, "EUR")["/config/emv.json"].decode()
    profiles = [f"{scheme}_debit" for scheme in SCHEMES]
    facts = {
        "CONFIGURATION": document,
        "AMOUNT": _AMOUNT,
        "EXCHANGES": json.dumps([[name, _recorded(name, document)] for name in profiles]),
    }
    text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in facts.items())
    told = json.loads(micropython.run_script(text + _SCRIPT, timeout_s=120))
    return [result for name in profiles for result in _figures(name, told[name])]


def _figures(profile: str, told: Mapping[str, Any]) -> list[Result]:
    return [
        Result(
            f"emv.{profile}.oda_us",
            told["oda_us"],
            "us here",
            "micropython",
            Against("the whole tap's work", told["tap_us"]),
        ),
        Result(
            f"emv.{profile}.heap_peak_bytes",
            told["heap_peak_bytes"],
            "bytes above idle, 64-bit",
            "micropython",
        ),
    ]


def _recorded(profile: str, document: str) -> list[list[str]]:
    """What is said in a tap with the number that the script draws."""
    settings = config.from_json(document)
    oda = Oda(CaKeys(settings.ca_keys, settings.revoked), Recorder())  # type: ignore[arg-type]
    entry_point = EntryPoint(settings, Recorder(), Ticks(), oda)  # type: ignore[arg-type]
    data = sale(_AMOUNT, random=lambda count: bytes(range(1, count + 1)))
    if entry_point.prepare(data) is not None:
        raise ValueError(f"{_AMOUNT} is no amount for a tap")
    present = Present(cards.load(profile))
    outcome = asyncio.run(entry_point.perform(present))
    if outcome.kind != "approved" or not outcome.authenticated:
        raise ValueError(f"{profile} came to {outcome.kind}")
    return [[command.hex(), (answer or b"").hex()] for command, answer in present.exchanges]


_SCRIPT = """
import asyncio, gc, json, time
from kassa.emv import config
from kassa.emv.ca_keys import CaKeys
from kassa.emv.entry_point import EntryPoint
from kassa.emv.oda import Oda
from kassa.emv.transaction_data import TransactionData


class Heap:
    sampling = False
    peak = 0


def sample():
    if Heap.sampling:
        gc.collect()
        Heap.peak = max(Heap.peak, gc.mem_alloc())


class Log:
    def event(self, at, happened, **facts):
        sample()

    def trouble(self, at, happened, error, **facts):
        pass


class TimedOda(Oda):
    took_us = 0

    def fdda(self, tap):
        start = time.ticks_us()
        proven = super().fdda(tap)
        self.took_us += time.ticks_diff(time.ticks_us(), start)
        return proven

    def cda(self, tap, values):
        start = time.ticks_us()
        proven = super().cda(tap, values)
        self.took_us += time.ticks_diff(time.ticks_us(), start)
        return proven


class Card:
    def __init__(self, answers):
        self.answers = answers

    async def transceive(self, apdu):
        sample()
        return self.answers[bytes(apdu)]


settings = config.from_json(CONFIGURATION)
oda = TimedOda(CaKeys(settings.ca_keys, settings.revoked), Log())
entry_point = EntryPoint(settings, Log(), oda=oda)


def tap(answers):
    data = TransactionData(
        AMOUNT, 978, 276, "261122", "100000", 7, lambda n: bytes(range(1, n + 1))
    )
    if entry_point.prepare(data) is not None:
        raise ValueError("no amount for a tap")
    oda.took_us = 0
    start = time.ticks_us()
    outcome = asyncio.run(entry_point.perform(Card(answers)))
    took_us = time.ticks_diff(time.ticks_us(), start)
    if outcome.kind != "approved":
        raise ValueError(outcome.kind)
    return took_us, oda.took_us


told = {}
for name, exchange in json.loads(EXCHANGES):
    answers = {}
    for command, answer in exchange:
        answers[bytes.fromhex(command)] = bytes.fromhex(answer)
    exchange = None
    best = None
    for _ in range(9):
        gc.collect()
        took = tap(answers)
        best = took if best is None else min(best, took)
    gc.collect()
    idle = Heap.peak = gc.mem_alloc()
    Heap.sampling = True
    tap(answers)
    Heap.sampling = False
    told[name] = {
        "tap_us": best[0], "oda_us": best[1], "heap_peak_bytes": Heap.peak - idle
    }
print(json.dumps(told))
"""
