"""A sale: virtual milliseconds by phase, APDUs, bytes to the panel, heap, sales a second."""

from __future__ import annotations

import asyncio
import time

from simulator import cards
from simulator.bench import ENTER, Bench
from tests.benchmarks.result import Against, Result

_FULL_FRAME = 240 * 320 * 2
_SALES = 40
_HEAP = 1 << 20


async def _sale(bench: Bench, card: str, amount: str = "1250") -> None:
    await bench.until_screen("welcome", within_s=60)
    await bench.press(amount, ENTER)
    await bench.tap(card)
    await bench.until_screen("approved", within_s=20)


async def _to_paper(bench: Bench) -> None:
    await bench.until(lambda: "receipt_first_line" in bench.timings(), 10)


def on_cpython() -> list[Result]:
    """One Visa sale on the reference board, network with 150 ms round trip."""

    async def measure() -> list[Result]:
        async with Bench(seed=7) as bench:
            panel_before = bench.wiring.panel.bytes_received
            await _sale(bench, "visa_credit")
            panel = bench.wiring.panel.bytes_received - panel_before
            await _to_paper(bench)
            timings = bench.timings()
            screens = len({screen["name"] for screen in bench.screen.history}) - 1
            results = [
                Result(f"sale.{name}_ms", ms, "virtual ms", "cpython")
                for name, ms in timings.items()
            ]
            return [
                *results,
                Result("sale.apdus", len(bench.sale.apdus), "APDUs", "cpython"),
                Result(
                    "sale.apdu_bytes",
                    sum(size for _, size, _, _ in bench.sale.apdus),
                    "bytes",
                    "cpython",
                ),
                Result("sale.panel_bytes", panel, "bytes", "cpython"),
                Result(
                    "sale.panel_fraction_of_full_refresh",
                    round(panel / (screens * _FULL_FRAME), 3),
                    "fraction",
                    "cpython",
                    Against(f"{screens} full frames, bytes", screens * _FULL_FRAME),
                ),
            ]

    return asyncio.run(measure())


def throughput() -> list[Result]:
    """Whole sales, keys to receipts, that one process simulates in a second of wall time."""

    async def measure() -> float:
        async with Bench(seed=7) as bench:
            cards.load("visa_credit")
            started = time.perf_counter()
            for _ in range(_SALES):
                await _sale(bench, "visa_credit")
                await bench.press(ENTER)
            return _SALES / (time.perf_counter() - started)

    return [
        Result("sim.sales_per_second", round(asyncio.run(measure()), 1), "sales/s wall", "cpython")
    ]


def on_micropython() -> list[Result]:
    """Peak of live heap during a sale on the real binary, sampled after a collection."""

    async def measure() -> list[Result]:
        async with Bench(runtime="micropython", seed=7, heap=_HEAP, heap_probe=True) as bench:
            await _sale(bench, "visa_credit")
            await _to_paper(bench)
            heap = bench.heap_report or {}
            return [
                Result(
                    "sale.heap_peak_bytes",
                    heap["peak_bytes"],
                    "bytes, 64-bit",
                    "micropython",
                    Against("heap given", _HEAP),
                )
            ]

    from simulator import micropython

    if micropython.binary() is None:
        print("no MicroPython binary on this machine: sale.heap_peak_bytes is left out")
        return []
    return asyncio.run(measure())
