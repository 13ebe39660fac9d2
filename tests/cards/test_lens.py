"""The lens explains exchanges, and shows no account number."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kassa.emv import apdu

from host_tools.lens import Lens, decode, values
from simulator import cards
from tests.emv.reader import Present, Terminal


def explained(name: str) -> list[dict[str, Any]]:
    terminal, present, lens = Terminal(), Present(cards.load(name)), Lens()
    terminal.prepare()
    terminal.tap(present)
    return [lens.decode(command, answer) for command, answer in present.exchanges]


def fields(tree: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """All fields of a tree by tag."""
    found = {}
    for field in tree:
        found[field["tag"]] = field
        found |= fields(field["fields"])
    return found


def test_commands_and_answers_have_names() -> None:
    seen = [
        (e["command"]["name"], e["command"]["text"], e["response"]["meaning"])
        for e in explained("visa_credit")
    ]
    assert seen == [
        ("SELECT", "2PAY.SYS.DDF01", "done"),
        ("SELECT", "A0000000031010 (Visa credit or debit)", "done"),
        ("GET PROCESSING OPTIONS", "", "done"),
        ("READ RECORD", "file 2, record 1", "done"),
    ]


def test_the_values_of_a_dol_are_named_by_the_list_the_card_gave() -> None:
    gpo = explained("visa_credit")[2]
    asked = fields(gpo["command"]["fields"])
    assert asked["9F02"]["value"] == "000000001250"
    assert asked["9F02"]["text"] == ["12.50 EUR"]
    assert "byte 1: EMV mode" in asked["9F66"]["text"]
    ac = explained("mastercard_credit")[-1]
    assert ac["command"]["text"] == "ARQC"
    assert fields(ac["command"]["fields"])["95"]["text"] == [
        "byte 1: offline data authentication not performed",
        "byte 4: over the floor limit",
    ]


def test_templates_hold_their_objects() -> None:
    select = explained("visa_credit")[1]["response"]
    (template,) = select["fields"]
    assert (template["tag"], template["name"]) == ("6F", "FCI template")
    assert fields(template["fields"])["9F38"]["fields"][0]["tag"] == "9F66"
    assert fields(template["fields"])["50"]["text"] == ["VISA CREDIT"]


@pytest.mark.parametrize(
    "name", ["visa_credit", "mastercard_credit", "visa_phone", "mastercard_debit"]
)
def test_account_numbers_are_masked_everywhere(name: str) -> None:
    told = json.dumps(explained(name))
    pan = cards.profile(name).applications[0].pan
    assert pan not in told
    assert pan[:6] + "******" + pan[-4:] in told


def test_a_card_that_was_lost_has_no_answer() -> None:
    assert decode(apdu.select(apdu.PPSE), None)["response"] is None


@given(st.binary(max_size=60), st.none() | st.binary(max_size=120))
def test_garbage_is_explained_as_far_as_it_goes(command: bytes, response: bytes | None) -> None:
    json.dumps(decode(command, response))


@pytest.mark.parametrize(
    ("tag", "value", "lines"),
    [
        (0x9F27, "80", ["ARQC: ask online"]),
        (0x94, "1001020018030400", ["file 2, records 1 to 2", "file 3, records 3 to 4"]),
        (0x9F34, "1F0302", ["no CVM: successful"]),
        (0x9F34, "3F0001", ["no CVM performed: failed"]),
        (
            0x8E,
            "000007D0000013884206",
            ["X = 2000, Y = 5000", "online PIN if under X, else the next"],
        ),
        (0x9F6C, "0080", ["byte 2: consumer device CVM performed"]),
        (0x9F10, "0601", []),
        (0x95, "0000000000", ["no bit is set"]),
    ],
)
def test_coded_elements_are_put_in_words(tag: int, value: str, lines: list[str]) -> None:
    assert values.explain(tag, bytes.fromhex(value)) == lines


def test_format_1_answers_are_taken_apart() -> None:
    options = decode(bytes.fromhex("80A8000002830000"), bytes.fromhex("80061980100101009000"))[
        "response"
    ]
    assert list(fields(options["fields"])) == ["80", "82", "94"]
    ac = decode(bytes.fromhex("80AE80000000"), bytes.fromhex("800B80004201020304050607089000"))[
        "response"
    ]
    assert list(fields(ac["fields"])) == ["80", "9F27", "9F36", "9F26"]
