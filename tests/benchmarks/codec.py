"""The ISO 8583 codec against pyiso8583, on the message of a sale, in one run.

Ratios of the best of several rounds, so that a busy machine does not decide; above 1 means that
ours takes longer.  Both run on CPython; only ours also runs on the device.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import iso8583
from kassa.host import iso8583 as ours

from host_tools.iso8583_fields import specification
from tests.benchmarks.result import Against, Result

_ROUNDS, _CALLS = 9, 300

SALE: dict[int, object] = {
    3: "000000",
    4: 1250,
    7: "1122100000",
    11: "000042",
    12: "100000",
    13: "1122",
    18: "5812",
    22: "072",
    25: "00",
    41: "KASSA001",
    42: "000000000012345",
    49: "978",
    55: bytes(range(120)),
    60: "000001",
    110: bytes(range(90)),
    128: bytes(8),
}


def against_pyiso8583() -> list[Result]:
    """Encode and decode one sale with both."""
    spec = specification()
    message = ours.encode("0200", SALE)
    decoded, _ = iso8583.decode(message, spec)
    assert bytes(iso8583.encode(dict(decoded), spec)[0]) == message
    return [
        _ratio(
            "iso8583.encode_ratio_to_pyiso8583",
            lambda: ours.encode("0200", SALE),
            lambda: iso8583.encode(dict(decoded), spec),
        ),
        _ratio(
            "iso8583.decode_ratio_to_pyiso8583",
            lambda: ours.decode(message),
            lambda: iso8583.decode(message, spec),
        ),
    ]


def _ratio(name: str, mine: Callable[[], object], theirs: Callable[[], object]) -> Result:
    # Rounds alternate, so that a slow moment of the machine meets both.
    best_mine = best_theirs = float("inf")
    for _ in range(_ROUNDS):
        best_mine = min(best_mine, _round(mine))
        best_theirs = min(best_theirs, _round(theirs))
    return Result(
        name, round(best_mine / best_theirs, 3), "ratio", "host", Against("pyiso8583", 1.0)
    )


def _round(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    for _ in range(_CALLS):
        call()
    return time.perf_counter() - started
