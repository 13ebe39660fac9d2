"""`kassa tlv`: any EMV data in words, and mistakes with their place."""

from __future__ import annotations

import json
from typing import Any

import pyemv
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kassa.emv import tlv as terminals_tlv
from kassa.emv.errors import TlvError
from typer.testing import CliRunner, Result

from host_tools import lens
from host_tools.cli import app
from host_tools.lens import reader
from host_tools.lens.context import masked
from host_tools.tlv import from_hex

# EMVCo's and the schemes' published test numbers.
PAN = "4761739001010119"
TRACK_2 = f"5713{PAN}D22122011143804400000F"


def kassa(*words: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, ["tlv", *words], input=typed)


def decoded(*words: str) -> list[dict[str, Any]]:
    result = kassa("decode", "--json", *words)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)["fields"]


def said(tag: str, value: str, scheme: str = "") -> list[str]:
    """What the tool says about a bare value."""
    (field,) = decoded("--tag", tag, value, *(["--scheme", scheme] if scheme else []))
    return field["text"]


# -- words for values


@pytest.mark.parametrize(
    ("tag", "value", "lines"),
    [
        ("5F28", "0276", ["Germany (DE)"]),
        ("9F1A", "0840", ["United States (US)"]),
        ("9F1A", "0999", ["no country"]),
        ("5F2A", "0978", ["Euro (EUR)"]),
        ("9F42", "0392", ["Yen (JPY)"]),
        ("9A", "261122", ["2026-11-22"]),
        ("5F25", "990101", ["1999-01-01"]),
        ("9F21", "235958", ["23:59:58"]),
        ("9C", "09", ["purchase with cashback"]),
        ("9F35", "22", ["attended, offline with online capability, of a merchant"]),
        ("9F27", "40", ["TC: approved"]),
        ("9F36", "0102", ["258"]),
        ("8A", "3531", ["51: not enough money"]),
        ("4F", "A0000000041010", ["Mastercard credit or debit"]),
        ("84", "A000000333010102", ["UnionPay credit"]),
        ("84", "325041592E5359532E4444463031", ["contactless directory (PPSE)"]),
        ("87", "81", ["priority 1", "the cardholder must confirm"]),
        ("9F34", "420302", ["online PIN: successful"]),
        ("9B", "E800", [
            "byte 1: offline data authentication performed",
            "byte 1: cardholder verification performed",
            "byte 1: card risk management performed",
            "byte 1: terminal risk management performed",
        ]),
        ("9F33", "E0F0C8", [
            *(f"byte 1: {name}" for name in ("manual entry", "magnetic stripe", "contacts")),
            *(f"byte 2: {name}" for name in ("plaintext PIN", "online PIN", "signature")),
            "byte 2: enciphered offline PIN",
            *(f"byte 3: {name}" for name in ("SDA", "DDA", "CDA")),
        ]),
        ("9F40", "6000F0A001", [
            "byte 1: goods",
            "byte 1: services",
            *(f"byte 3: {name} keys" for name in ("numeric", "alphabetic and special")),
            *(f"byte 3: {name} keys" for name in ("command", "function")),
            "byte 4: prints for the attendant",
            "byte 4: display for the attendant",
            "byte 5: code table 1",
        ]),
        ("9F66", "36204080", [
            *(f"byte 1: {name}" for name in ("EMV mode", "contact chip", "online PIN")),
            "byte 1: signature",
            "byte 2: offline PIN",
            "byte 3: consumer device CVM",
            "byte 4: fDDA version 1",
        ]),
        ("9F07", "2980", [
            *(f"byte 1: {name}" for name in ("domestic goods", "domestic services")),
            "byte 1: elsewhere than ATMs",
            "byte 2: domestic cashback",
        ]),
        ("95", "0400800000", ["byte 1: CDA failed", "byte 3: cardholder not verified"]),
        ("95", "0000000040", ["byte 5: issuer authentication failed"]),
        ("9F6C", "0010", ["byte 2: bit 5, reserved"]),
        ("DF8129", "30F0F00088F0FF00", [
            "online request", "CVM: no CVM", "with user interface request now", "with receipt",
        ]),
        ("DF8115", "000400" + "000021", ["L2: parsing error"]),
        ("DF811B", "30", [
            "byte 1: on-device cardholder verification", "byte 1: relay resistance",
        ]),
        ("9F4A", "82", ["82 Application interchange profile"]),
        ("9F2A", "03", ["kernel 3 (Visa)"]),
        ("9F26", "0102030405060708", []),
    ],
)  # fmt: skip
def test_a_value_is_put_in_words(tag: str, value: str, lines: list[str]) -> None:
    assert said(tag, value) == lines


@pytest.mark.parametrize(
    ("scheme", "value", "some"),
    [
        ("visa", "06010A03A0B002", [
            "key 1, cryptogram version 10 (0A)",
            "card: first cryptogram ARQC",
            "card: last online transaction not completed",
            "card: velocity counters exceeded",
            "card: new card",
            "card: DDA performed",
        ]),
        ("visa", "1F220104A000000000000000000000000000000000000000000000000000000000"[:64], [
            "key 1, cryptogram version 34 (22)", "card: face", "card: first cryptogram ARQC",
        ]),
        ("mastercard", "0110A04003220000000000000000000000FF", [
            "key 1, cryptogram version 10: Mastercard's session key",
            "card: first cryptogram ARQC",
            "card: CDA returned with the first cryptogram",
            "card: script counter 0, PIN tries left 3",
            "card: offline PIN not verified",
            "card: domestic transaction",
        ]),
        ("unionpay", "07010103A0000001", ["key 1, cryptogram version 1 (01)"]),
        ("jcb", "DEADBEEF", []),
    ],
)  # fmt: skip
def test_issuer_application_data_is_read_as_its_scheme_writes_it(
    scheme: str, value: str, some: list[str]
) -> None:
    lines = said("9F10", value, scheme)
    assert lines[: len(some)] == some if some else lines == []


@pytest.mark.parametrize(
    ("scheme", "value", "name", "lines"),
    [
        ("visa", "23000000", "Form factor indicator", ["phone", "contactless"]),
        ("visa", "24840000", "Form factor indicator", [
            "worn on the wrist", "can take a passcode", "payment credentials from the cloud",
            "contactless",
        ]),
        ("mastercard", "0056000030330102", "Third party data", [
            "country: Belgium (BE)", "identifier 0000", "device: watch", "proprietary: 0102",
        ]),
        ("amex", "D8E00000", "Enhanced contactless reader capabilities", [
            "byte 1: contact mode", "byte 1: contactless mag-stripe mode",
            "byte 1: contactless EMV partial online mode", "byte 1: contactless mobile",
            "byte 2: mobile CVM", "byte 2: online PIN", "byte 2: signature",
        ]),
    ],
)  # fmt: skip
def test_a_tag_that_schemes_share_is_read_as_its_scheme_means_it(
    scheme: str, value: str, name: str, lines: list[str]
) -> None:
    (field,) = decoded("--tag", "9F6E", value, "--scheme", scheme)
    assert (field["name"], field["text"]) == (name, lines)
    aid = {"visa": "A0000000031010", "mastercard": "A0000000041010", "amex": "A00000002501"}[
        scheme
    ]
    # The data say themselves whose they are.
    together = decoded(f"84{len(aid) // 2:02X}{aid}9F6E{len(value) // 2:02X}{value}")
    assert together[1] == field


def test_an_amount_is_told_in_its_currency_wherever_that_stands() -> None:
    amount = "9F0206000000001250"
    assert decoded(amount)[0]["text"] == ["1250 minor units"]
    assert decoded(amount + "5F2A020978")[0]["text"] == ["12.50 EUR"]
    assert decoded(amount + "5F2A020392")[0]["text"] == ["1250 JPY"]
    assert decoded(amount + "5F2A020414")[0]["text"] == ["1.250 KWD"]


def test_a_cvm_list_is_a_list_of_rules() -> None:
    assert said("8E", "00000000000000001E031F03") == [
        "signature if the terminal has it",
        "no CVM if the terminal has it",
    ]
    fields = decoded("9F42020978" + "8E0C" + "000007D000001388" + "4206" + "1F00")
    assert fields[1]["text"] == [
        "X = 20.00 EUR, Y = 50.00 EUR",
        "online PIN if under X, else the next",
        "no CVM always",
    ]


def test_a_dol_is_a_list_of_names_and_lengths() -> None:
    (pdol,) = decoded("9F38099F66049F02065F2A02")
    assert [(entry["tag"], entry["name"], entry["length"]) for entry in pdol["fields"]] == [
        ("9F66", "Terminal transaction qualifiers", 4),
        ("9F02", "Amount, authorised", 6),
        ("5F2A", "Transaction currency code", 2),
    ]


def test_templates_stand_as_a_tree_in_print() -> None:
    result = kassa("decode", "6F0E 8407A0000000031010 A503 5001 41".replace(" ", ""))
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "6F  FCI template",
        "    84  DF name  A0000000031010",
        "        Visa credit or debit",
        "    A5  FCI proprietary template",
        "        50  Application label  41",
        "            A",
    ]


# -- account numbers


@pytest.mark.parametrize(
    "data",
    [
        TRACK_2,
        f"5A08{PAN}",
        f"7015{TRACK_2}",
        f"DF0108{PAN}5A08{PAN}",
        # cut off, so that it cannot be read
        f"7040{TRACK_2}",
        f"5A0A{PAN}",
        f"{TRACK_2[:-6]}",
        # track 1, in letters
        "5618" + f"B{PAN}^A/B^22".encode().hex(),
    ],
)
def test_no_account_number_is_shown_whole(data: str) -> None:
    for words in (["decode", data], ["decode", "--json", data]):
        result = kassa(*words)
        told = result.stdout + result.stderr
        assert PAN not in told and PAN.encode().hex() not in told.lower()
        assert masked(PAN) in told or masked(PAN).encode().hex() in told.lower()


# -- mistakes


@pytest.mark.parametrize(
    ("data", "place", "what", "kept"),
    [
        ("5F2A0209789F2608AABB", 5, "says 8 bytes, 2 are there", "Euro"),
        ("5F2A0209789F", 5, "tag 9F is cut off", "Euro"),
        ("5F2A02097882", 5, "82 (Application interchange profile) has no length", "Euro"),
        ("5F2A0209787780AA", 5, "indefinite length", "Euro"),
        ("5F2A0209785085FF", 5, "length of 5 bytes", "Euro"),
        ("5F2A020978508201", 5, "is cut off", "Euro"),
        # inside a template; what stands behind it is read all the same
        ("7704820A20005F2A020978", 2, "says 10 bytes, 2 are there", "Euro"),
        ("1FFFFFFFFF01", 0, "a tag longer than 4 bytes", ""),
        ("", 0, "nothing to decode", ""),
    ],
)
def test_a_mistake_is_named_with_its_place_and_the_rest_is_shown(
    data: str, place: int, what: str, kept: str
) -> None:
    result = kassa("decode", data)
    assert result.exit_code == (1 if data else 2)
    assert what in result.stderr
    assert f"byte {place}: " in result.stderr or not data
    assert kept in result.stdout
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("typed", "what"),
    [
        ("5F2A020978 9F26zz", "character 16 ('z') is no hexadecimal digit"),
        ("5F2A020978 9", "11 digits: byte 5 is half there"),
    ],
)
def test_what_is_no_hexadecimal_is_named_and_the_rest_is_shown(typed: str, what: str) -> None:
    result = kassa("decode", typed)
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [f"kassa tlv: {what}"]
    assert "Euro (EUR)" in result.stdout


def test_json_carries_the_mistakes_too() -> None:
    result = kassa("decode", "--json", "5F2A0209789F2608AABB")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["fields"][0]["text"] == ["Euro (EUR)"]
    assert told["errors"] == ["byte 5: 9F26 (Application cryptogram) says 8 bytes, 2 are there"]


@pytest.mark.parametrize("words", [["--tag", "xyz", "00"], ["--scheme", "mir", "00"]])
def test_an_option_that_makes_no_sense_is_one_line(words: list[str]) -> None:
    result = kassa("decode", *words)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1 and words[1] in result.stderr


# -- input


@pytest.mark.parametrize(
    "typed", ["5f2a 0209 78", "5F:2A:02:09:78", "5F 2A\n02 09\n78\n", "0x5F 0x2A 0x02 0x09 0x78"]
)
def test_spaces_lines_and_colons_are_welcome(typed: str) -> None:
    assert from_hex(typed) == (bytes.fromhex("5F2A020978"), "")
    assert "Euro (EUR)" in kassa("decode", "-", typed=typed).stdout
    assert "Euro (EUR)" in kassa("decode", *typed.split()).stdout


def test_commands_and_answers_are_decoded_in_turn() -> None:
    select = "00A4040007A000000003101000"
    fci = "6F1A8407A0000000031010A50F9F380C9F66049F02065F2A029F37049000"
    options = "80A8000012831020404000000000001250097801020304" + "00"
    result = kassa("apdu", "--json", select, fci, options, "6985")
    assert result.exit_code == 0, result.output
    first, second = json.loads(result.stdout)["exchanges"]
    assert first["command"]["text"] == "A0000000031010 (Visa credit or debit)"
    asked = {field["tag"]: field["text"] for field in second["command"]["fields"]}
    assert asked["9F02"] == ["12.50 EUR"]
    assert asked["9F66"][0] == "byte 1: EMV mode"
    assert second["response"]["meaning"] == "conditions of use not satisfied"
    printed = kassa("apdu", "-", typed="\n".join((select, fci, options, "6985")))
    assert "GET PROCESSING OPTIONS" in printed.stdout
    assert "6985 conditions of use not satisfied" in printed.stdout


def test_a_command_that_is_no_hexadecimal_is_named() -> None:
    result = kassa("apdu", "00A4", "90zz")
    assert result.exit_code == 2
    assert "answer 1: character 3 ('z')" in result.stderr


# -- against others' reading of the same bytes

_TAGS = st.sampled_from([0x9F02, 0x5F2A, 0x95, 0x9A, 0x57, 0x9F10, 0x84, 0xDF8129, 0x50])
_PRIMITIVE = st.tuples(_TAGS, st.binary(min_size=1, max_size=140))
_TEMPLATES = st.sampled_from([0x6F, 0xA5, 0x70, 0x77, 0xBF0C])
_TREES = st.recursive(
    _PRIMITIVE,
    lambda inside: st.tuples(
        _TEMPLATES, st.lists(inside, max_size=3, unique_by=lambda each: each[0])
    ),
    max_leaves=8,
)


def encoded(tag: int, value: Any) -> bytes:
    if isinstance(value, list):
        value = b"".join(encoded(*each) for each in value)
    return terminals_tlv.encode(tag, value)


def plain(nodes: list[reader.Node]) -> dict[str, Any]:
    """Objects as pyemv has them: by tag, templates as dictionaries."""
    return {
        f"{node.tag:X}": node.value if node.inside is None else plain(node.inside)
        for node in nodes
    }


@given(st.lists(_TREES, max_size=4, unique_by=lambda each: each[0]))
def test_objects_are_read_as_pyemv_reads_them(objects: list[Any]) -> None:
    data = b"".join(encoded(*each) for each in objects)
    nodes, troubles = reader.read(data)
    assert troubles == []
    assert plain(nodes) == pyemv.tlv.decode(data)


@given(st.binary(max_size=80))
def test_what_the_terminal_can_read_is_read_alike(data: bytes) -> None:
    def pairs(nodes: list[reader.Node]) -> list[Any]:
        return [
            (node.tag, node.value if node.inside is None else pairs(node.inside)) for node in nodes
        ]

    nodes, troubles = reader.read(data)
    try:
        read = terminals_tlv.parse(data)
    except TlvError:
        return  # a terminal may have reasons that no person has: tags of 4 bytes, depth
    assert not troubles
    assert pairs(nodes) == read


@given(st.binary(max_size=120))
def test_nothing_is_too_broken_to_be_told(data: bytes) -> None:
    fields, troubles = lens.tree(data)
    json.dumps(fields)
    for place, what in troubles:
        assert 0 <= place < len(data) and what
