"""Run every benchmark, print the table, write build/bench.json."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table

from tests.benchmarks import codec, emv, image, journal, oda, sale, update
from tests.benchmarks.result import Result

OUTPUT = Path("build/bench.json")
BENCHMARKS: tuple[Callable[[], list[Result]], ...] = (
    sale.on_cpython,
    sale.throughput,
    sale.on_micropython,
    emv.by_profile,
    emv.on_micropython,
    image.sizes,
    image.heap_32bit,
    image.heap_64bit,
    image.running,
    codec.against_pyiso8583,
    oda.against_bare_pow,
    oda.on_micropython,
    journal.against_littlefs,
    journal.starting,
    journal.memory,
    update.over_the_network,
)


def main() -> int:
    results: list[Result] = []
    for benchmark in BENCHMARKS:
        results.extend(benchmark())
    longest = max(len(result.name) for result in results)
    table = Table(Column("name", min_width=longest), "value", "unit", "against", "runtime")
    for result in results:
        against = f"{result.against.name} {result.against.value:,g}" if result.against else ""
        table.add_row(result.name, f"{result.value:,g}", result.unit, against, result.runtime)
    console = Console(width=140)
    console.print(table)
    console.print(emv.table(results))
    console.print(image.table(results))
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps([result.as_json() for result in results], indent=2) + "\n")
    print(f"written to {OUTPUT}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
