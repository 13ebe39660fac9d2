"""Offline data authentication on the real MicroPython binary: the same cards, the same reasons."""

import json
from typing import Any

import pytest
from kassa.emv import tags

from tests.emv.oda_issuer import (
    CDOL_VALUES,
    NUMBER,
    PDOL_VALUES,
    Made,
    authentication,
    ca_record,
    combined_card,
    fast_card,
    internally_authenticated,
    key,
    static_card,
    tap_of,
)
from tests.emv.reader import SANDBOX
from tests.on_micropython.run import run_script

pytestmark = pytest.mark.micropython

SCRIPT = """
import gc, json
from kassa.emv import config, preprocessing
from kassa.emv.tap import Tap
from kassa.emv.transaction_data import TransactionData
gc.collect()
before = gc.mem_alloc()
from kassa.emv.ca_keys import CaKeys
from kassa.emv.oda import Oda
gc.collect()
imported = gc.mem_alloc() - before


class Log:
    def event(self, at, happened, **facts):
        json.dumps(facts)


class Fields:
    pass


def record(source):
    made = Fields()
    for name in source:
        value = source[name]
        setattr(made, name, value if name == "expires" else bytes.fromhex(value))
    return made


settings = config.from_json(CONFIGURATION)
combination = settings.combinations[0]
indicators = preprocessing.preprocess(combination.ttq, combination, None, 1250, 100, False)
odas = [Oda(CaKeys([record(key)]), Log()) for key in json.loads(KEYS)]
number = bytes.fromhex(NUMBER)
values = bytes.fromhex(CDOL_VALUES)
most = 0


def prove(case):
    oda, made = odas[case["ca"]], case["made"]
    tap = Tap(
        None,
        TransactionData(1250, 978, 276, "261122", "100000", 7, lambda n: number),
        settings.terminal,
        number,
        lambda: 0,
        None,
        Log(),
    )
    tap.select(combination, indicators, bytes.fromhex("A0000000031010"), {})
    for tag in made["data"]:
        tap.data[int(tag)] = bytes.fromhex(made["data"][tag])
    tap.static_data = bytearray(bytes.fromhex(made["static"]))
    tap.pan = made["pan"]
    tap.pdol_values = bytes.fromhex(PDOL_VALUES)
    tap.ac_objects = [(tag, bytes.fromhex(whole)) for tag, whole in made["objects"]]
    global most
    gc.collect()
    start = gc.mem_alloc()
    if case["method"] == "SDA":
        proven = oda.sda(tap)
    elif case["method"] == "DDA":
        proven = oda.dda(tap, bytes.fromhex(made["signed"]), number)
    elif case["method"] == "CDA":
        proven = oda.cda(tap, values)
    else:
        proven = oda.fdda(tap)
    most = max(most, gc.mem_alloc() - start)
    return [proven, [list(entry) for entry in tap.trail], tap.authenticated]


for case in json.loads(CASES):
    print(json.dumps(prove(case)))
    for tag, at, bit in case["flips"]:
        value = bytearray(bytes.fromhex(case["made"]["data"][tag]))
        value[at] ^= 1 << bit
        kept = case["made"]["data"][tag]
        case["made"]["data"][tag] = value.hex()
        print(json.dumps(prove(case)))
        case["made"]["data"][tag] = kept
print(json.dumps([imported, most]))
"""

CAS = [key("ca", 1408), key("ca", 1984, 65537)]
LARGE = (CAS[1], key("issuer", 1984, 65537), key("icc", 1984, 65537))
# Every so many bits of a value are flipped: a prime, so that all bits of a byte come.
STEP = 31


def as_json(made: Made) -> dict[str, Any]:
    return {
        "data": {str(tag): value.hex() for tag, value in made.data.items()},
        "static": made.static.hex(),
        "pan": made.pan,
        "objects": [[tag, whole.hex()] for tag, whole in made.objects],
        "signed": made.signed.hex(),
    }


def cases() -> list[tuple[str, int, Made, bool]]:
    """(method, CA key, card, whether bits are flipped)."""
    found = [
        ("SDA", 0, static_card(), True),
        ("DDA", 0, internally_authenticated(), False),
        ("CDA", 0, combined_card(), True),
        ("fDDA", 0, fast_card(), True),
        ("fDDA", 1, fast_card(keys=LARGE), False),
        ("fDDA", 0, fast_card(b"\x01" + NUMBER, format=b"\x05"), False),
        ("fDDA", 0, fast_card(b"\x00" + NUMBER), False),
        ("CDA", 0, combined_card(0x80, cid=b"\x40"), False),
        ("CDA", 0, combined_card(hash=bytes(20)), False),
    ]
    for spoil in (
        {"format": b"\x12"},
        {"identifier": bytes.fromhex("476174FF")},
        {"identifier": bytes.fromhex("47FFFFFF")},
        {"expiry": b"\x10\x26"},
        {"expiry": b"\x1a\x49"},
        {"algorithms": b"\x01\x02"},
        {"exponent": b"\x01"},
        {"length": 255},
        {"modulus": key("issuer", 1408).modulus[:-1] + b"\x10"},
    ):
        found.append(("fDDA", 0, fast_card(issuer=spoil), False))
    for spoil in ({"pan": ""}, {"expiry": b"\x00\x00"}, {"length": 0}, {"exponent": b"\x05"}):
        found.append(("fDDA", 0, fast_card(icc=spoil), False))
    for tag in (tags.ISSUER_CERTIFICATE, tags.ICC_CERTIFICATE, tags.SIGNED_DYNAMIC, tags.FDDA):
        for change in (b"", b"\0", b"\xff" * 176):
            made = fast_card()
            made.data[tag] = change
            found.append(("fDDA", 0, made, False))
    return found


def on_cpython(method: str, ca: int, made: Made) -> list[Any]:
    oda = authentication(ca_record(CAS[ca]))
    tap = tap_of(made)
    if method == "DDA":
        proven = oda.dda(tap, made.signed, NUMBER)
    elif method == "CDA":
        proven = oda.cda(tap, CDOL_VALUES)
    else:
        proven = oda.sda(tap) if method == "SDA" else oda.fdda(tap)
    return [proven, [list(entry) for entry in tap.trail], tap.authenticated]


def test_ODA_cards_are_proven_and_refused_alike_on_the_real_micropython() -> None:
    listed, expected, flipped = [], [], 0
    for method, ca, made, with_flips in cases():
        flips: list[tuple[str, int, int]] = []
        expected.append(on_cpython(method, ca, made))
        place = 0
        for tag, value in made.data.items() if with_flips else ():
            if method == "SDA" and tag in (tags.ICC_CERTIFICATE, tags.ICC_EXPONENT, 0x9F48):
                continue
            while place < 8 * len(value):
                at, bit = place // 8, place % 8
                flips.append((str(tag), at, bit))
                changed = bytearray(value)
                changed[at] ^= 1 << bit
                made.data[tag] = bytes(changed)
                answer = on_cpython(method, ca, made)
                expected.append(answer)
                place += STEP
            made.data[tag] = value
            place -= 8 * len(value)
        flipped += len(flips)
        listed.append({"method": method, "ca": ca, "made": as_json(made), "flips": flips})
    keys = [
        {name: value if name == "expires" else value.hex() for name, value in vars(record).items()}
        for record in map(ca_record, CAS)
    ]
    text = "".join(
        f"{name} = {value!r}\n"
        for name, value in {
            "CONFIGURATION": json.dumps(SANDBOX),
            "KEYS": json.dumps(keys),
            "CASES": json.dumps(listed),
            "NUMBER": NUMBER.hex(),
            "CDOL_VALUES": CDOL_VALUES.hex(),
            "PDOL_VALUES": PDOL_VALUES.hex(),
        }.items()
    )
    *found, (imported, most) = (
        json.loads(line) for line in run_script(text + SCRIPT).split("\n") if line
    )
    assert found == expected
    assert [answer[0] for answer in expected].count(True) == 6
    assert flipped > 350, flipped
    # 64-bit bytes, about twice the chip's: modules loaded, and what one card needs.
    assert imported < 25_000, imported
    assert most < 16_000, most
