"""Offline data authentication against what it cannot do without: three powers.

A card's whole proof (issuer certificate, ICC certificate, signature; 1408, 1408 and 1152 bits,
exponent 3) is timed against the three bare `pow` calls in it, in turns, in one run; the best of
several rounds counts. What is above 1 is certificates taken apart, SHA-1 and the checks.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial

from kassa.emv import tags

from simulator.micropython import binary, run_script
from tests.benchmarks.result import Against, Result
from tests.emv import oda_issuer
from tests.emv.oda_issuer import Made

_ROUNDS, _CALLS = 60, 20
_METHODS = ("fdda", "cda")


def against_bare_pow() -> list[Result]:
    """The slower one of fDDA and CDA, on CPython."""
    oda = oda_issuer.authentication()
    ratios = []
    for method in _METHODS:
        made = _card(method)
        tap = oda_issuer.tap_of(made)
        proofs = {
            "fdda": partial(oda.fdda, tap),
            "cda": partial(oda.cda, tap, oda_issuer.CDOL_VALUES),
        }
        assert proofs[method]()
        ratios.append(_ratio(proofs[method], _bare(made)))
    return [
        Result(
            "emv.oda_ratio_to_bare_pow",
            round(max(ratios), 3),
            "ratio",
            "cpython",
            Against("three bare pow calls", 1.0),
        )
    ]


def on_micropython() -> list[Result]:
    """Microseconds of both on the real binary, as it runs here: a chip takes some 50 times
    that."""
    if binary() is None:
        return []
    results = []
    for method in _METHODS:
        whole, bare = json.loads(run_script(_for_script(method, _card(method)) + _SCRIPT))
        against = Against("three bare pow calls", bare)
        results.append(Result(f"emv.{method}_us", whole, "us here", "micropython", against))
    return results


def _for_script(method: str, made: Made) -> str:
    """What the script needs of `made`, as assignments."""
    lines = {
        "METHOD": method,
        "RECORD": {
            name: value if isinstance(value, str) else value.hex()
            for name, value in vars(oda_issuer.ca_record()).items()
        },
        "DATA": {str(tag): value.hex() for tag, value in made.data.items()},
        "OBJECTS": [[tag, whole.hex()] for tag, whole in made.objects],
        "STATIC": made.static.hex(),
        "PAN": made.pan,
        "AID": oda_issuer.AID.hex(),
        "NUMBER": oda_issuer.NUMBER.hex(),
        "PDOL_VALUES": oda_issuer.PDOL_VALUES.hex(),
        "CDOL_VALUES": oda_issuer.CDOL_VALUES.hex(),
        "POWERS": [[hex(number) for number in numbers] for numbers in _powers(made)],
    }
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in lines.items())


def _card(method: str) -> Made:
    return oda_issuer.fast_card() if method == "fdda" else oda_issuer.combined_card()


def _powers(made: Made) -> list[tuple[int, int, int]]:
    """Base, exponent and modulus of the three powers in the proof of `made`."""
    keys = (
        oda_issuer.key("ca", 1408),
        oda_issuer.key("issuer", 1408),
        oda_issuer.key("icc", 1152),
    )
    signed = (tags.ISSUER_CERTIFICATE, tags.ICC_CERTIFICATE, tags.SIGNED_DYNAMIC)
    return [
        (
            int.from_bytes(made.data[tag], "big"),
            int.from_bytes(key.exponent, "big"),
            int.from_bytes(key.modulus, "big"),
        )
        for tag, key in zip(signed, keys, strict=True)
    ]


def _bare(made: Made) -> Callable[[], object]:
    (a, b, c) = _powers(made)
    return lambda: (pow(*a), pow(*b), pow(*c))


def _ratio(whole: Callable[[], object], bare: Callable[[], object]) -> float:
    # Rounds are short and alternate, so that some of both meet a machine that is not busy.
    best_whole = best_bare = float("inf")
    for _ in range(_ROUNDS):
        best_whole = min(best_whole, _round(whole))
        best_bare = min(best_bare, _round(bare))
    return best_whole / best_bare


def _round(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    for _ in range(_CALLS):
        call()
    return time.perf_counter() - started


_SCRIPT = """
import gc, json, time
from kassa.emv.ca_keys import CaKeys
from kassa.emv.oda import Oda


class Fields:
    pass


class Log:
    def event(self, at, happened, **facts):
        pass


class Tap:
    def __init__(self):
        self.aid = bytes.fromhex(AID)
        self.data = {int(tag): bytes.fromhex(DATA[tag]) for tag in DATA}
        self.static_data = bytearray(bytes.fromhex(STATIC))
        self.static_data_sound = True
        self.pan = PAN
        self.pdol_values = bytes.fromhex(PDOL_VALUES)
        self.ac_objects = [(tag, bytes.fromhex(whole)) for tag, whole in OBJECTS]
        number, amount = bytes.fromhex(NUMBER), bytes.fromhex("000000001250")
        self.terminal_data = {0x9F37: number, 0x9F02: amount, 0x5F2A: b"\\x09\\x78"}
        self.transaction = Fields()
        self.transaction.date = "261122"

    def decide(self, rule, what):
        pass


record = Fields()
for name in RECORD:
    setattr(record, name, RECORD[name] if name == "expires" else bytes.fromhex(RECORD[name]))
oda = Oda(CaKeys([record]), Log())
tap = Tap()
values = bytes.fromhex(CDOL_VALUES)


def whole():
    return oda.fdda(tap) if METHOD == "fdda" else oda.cda(tap, values)


if not whole():
    raise ValueError("not proven")
powers = [[int(number, 16) for number in numbers] for numbers in POWERS]


def bare():
    for base, exponent, modulus in powers:
        pow(base, exponent, modulus)


def best(call):
    least = None
    for _ in range(9):
        gc.collect()
        start = time.ticks_us()
        for _ in range(20):
            call()
        took = time.ticks_diff(time.ticks_us(), start) / 20
        least = took if least is None else min(least, took)
    return round(least, 1)


print(json.dumps([best(whole), best(bare)]))
"""
