"""The published field table."""

from __future__ import annotations

import json
import subprocess
import sys

from kassa.host import fields

from host_tools import iso8583_fields


def test_it_has_every_field_of_the_firmwares_table() -> None:
    spec = iso8583_fields.specification()
    assert set(spec) == {"h", "t", "p"} | {str(number) for number in range(1, 129)}


def test_fields_that_messages_use_have_names() -> None:
    used = (3, 4, 7, 11, 12, 13, 37, 38, 39, 41, 42, 49, 55, 60, 62, 64, 70, 90, 97, 110, 128)
    assert all(iso8583_fields.name(number) != "Reserved" for number in used)


def test_well_known_fields_have_the_standards_format() -> None:
    formats = {2: "n..19", 4: "n12", 11: "n6", 37: "an12", 39: "an2", 41: "ans8", 42: "ans15"}
    formats |= {55: "b...999", 64: "b8", 70: "n3", 90: "n42", 110: "b...999", 128: "b8"}
    assert {number: fields.notation(number) for number in formats} == formats


def test_the_command_prints_what_pyiso8583_takes() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "host_tools.iso8583_fields", "--json"],
        capture_output=True,
        check=True,
    ).stdout
    assert json.loads(printed) == iso8583_fields.specification()
