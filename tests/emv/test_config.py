"""The EMV configuration says what is wrong with it, by AID and field."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kassa.emv import config
from kassa.emv.config import ConfigError
from kassa.emv.entry_point import EntryPoint

from tests.emv.reader import SANDBOX, Recorder

VISA = {"aid": "A0000000031010", "kernel": 3, "ttq": "20004000"}


def broken(change: dict[str, Any], **combination: Any) -> str:
    source = {"combinations": [{**VISA, **combination}], **change}
    with pytest.raises(ConfigError) as caught:
        config.from_dict(source)
    return str(caught.value)


def test_the_sandbox_configuration_is_good_and_survives_json() -> None:
    read = config.from_json(json.dumps(SANDBOX))
    assert read.combinations[0].aid.hex() == "a0000000031010"
    assert read.combinations[0].ttq == bytes.fromhex("20004000")
    assert read.combinations[3].kernel2.tac_online == bytes.fromhex("F45084800C")
    assert read.terminal.tags[0x9F33] == bytes.fromhex("000800")


def test_what_is_left_out_has_its_default() -> None:
    read = config.from_dict({"combinations": [VISA, {"aid": "A0000000041010", "kernel": 2}]})
    first, second = read.combinations
    assert (first.transaction_limit, first.zero_amount_allowed, first.status_check) == (
        None,
        None,
        False,
    )
    assert first.program_limits == [] and first.tags == {}
    assert second.kernel2.configuration == b"\xa0"
    assert read.terminal.offline_approval is False


@pytest.mark.parametrize(
    ("combination", "words"),
    [
        ({"aid": "A000"}, ("A000", "aid", "5 to 16 bytes")),
        ({"aid": "nonsense"}, ("aid", "hexadecimal")),
        ({"aid": "A0 00 00 00 03"}, ("aid", "hexadecimal")),
        ({"ttq": "2000"}, ("A0000000031010", "ttq", "4 bytes")),
        ({"ttq": None}, ("A0000000031010", "ttq")),
        ({"kernel": "3"}, ("A0000000031010", "kernel")),
        ({"floor_limit": -1}, ("A0000000031010", "floor_limit")),
        ({"floor_limit": 12.5}, ("A0000000031010", "floor_limit")),
        ({"cvm_limit": True}, ("A0000000031010", "cvm_limit")),
        ({"status_check": 1}, ("A0000000031010", "status_check")),
        ({"tags": {"9F": "zz"}}, ("A0000000031010", "tags.9F")),
        ({"tags": {"zz": "00"}}, ("A0000000031010", "tags.zz")),
        ({"tags": {"9F02": "000000000001"}}, ("A0000000031010", "tags.9F02")),
        ({"tags": {"9f37": "00000000"}}, ("A0000000031010", "transaction's to say")),
        ({"flor_limit": 0}, ("A0000000031010", "flor_limit")),
        ({"kernel2": {}}, ("A0000000031010", "kernel2")),
        ({"program_limits": [{}]}, ("A0000000031010", "program_limits", "program")),
        (
            {"kernel": 2, "kernel2": {"tac_online": "00"}},
            ("A0000000031010", "tac_online", "5 bytes"),
        ),
        ({"ttq": "28004000"}, ("A0000000031010", "ttq", "offline")),
    ],
)
def test_an_error_names_the_aid_and_the_field(
    combination: dict[str, Any], words: tuple[str, ...]
) -> None:
    message = broken({}, **combination)
    assert all(word in message for word in words), message


CA_KEY = {
    "rid": "A000000003",
    "index": "92",
    "modulus": "C1" * 128,
    "exponent": "03",
    "sha1": "00" * 20,
    "expires": "491231",
}
REVOKED = {"rid": "A000000003", "index": "92", "serial": "000001"}
LISTED = {"date": "261122", "salt": "AB" * 16, "digests": "01" * 8 + "02" * 8, "max_age_days": 30}
RISK = {
    "random_threshold": 500,
    "random_percent": 10,
    "random_max_percent": 50,
    "velocity_per_day": 3,
    "unsigned_cap": 2500,
}
SECTIONS: dict[str, Any] = {
    "ca_keys": [CA_KEY],
    "revoked": [REVOKED],
    "exceptions": LISTED,
    "risk": RISK,
}


def test_keys_revocations_exceptions_and_risk_are_read() -> None:
    read = config.from_dict({"combinations": [VISA], **SECTIONS})
    (key,), (revoked,) = read.ca_keys, read.revoked
    assert (key.rid.hex(), key.index, len(key.modulus)) == ("a000000003", b"\x92", 128)
    assert (key.exponent, key.expires, revoked.serial) == (b"\x03", "491231", b"\0\0\1")
    assert read.exceptions.digests == b"\1" * 8 + b"\2" * 8
    assert (read.risk.velocity_per_day, read.risk.unsigned_cap) == (3, 2500)


def test_they_may_all_be_left_out() -> None:
    read = config.from_dict({"combinations": [VISA]})
    assert (read.ca_keys, read.revoked, read.exceptions, read.risk) == ([], [], None, None)


@pytest.mark.parametrize(
    ("section", "field", "value", "words"),
    [
        ("ca_keys", "rid", "A0", "ca_keys: A0 index 92: rid must be 5 bytes"),
        ("ca_keys", "index", "9", "ca_keys: A000000003 index 9: index must be hexadecimal"),
        ("ca_keys", "modulus", "C1" * 63, "A000000003 index 92: modulus must be 64 to 248 bytes"),
        ("ca_keys", "modulus", "C1" * 249, "A000000003 index 92: modulus must be 64 to 248"),
        ("ca_keys", "exponent", "01", "A000000003 index 92: exponent must be 03 or 010001"),
        ("ca_keys", "sha1", "00" * 19, "A000000003 index 92: sha1 must be 20 bytes"),
        ("ca_keys", "expires", "1249", "A000000003 index 92: expires must be a date"),
        ("ca_keys", "expires", 491231, "A000000003 index 92: expires must be a date"),
        ("ca_keys", "expires", "4902319", "A000000003 index 92: expires must be"),
        ("revoked", "serial", "0001", "revoked: A000000003 index 92: serial must be 3 bytes"),
        ("revoked", "rid", "", "revoked:  index 92: rid must be 5 bytes"),
        ("exceptions", "date", "260001", "exceptions: date must be a date"),
        ("exceptions", "salt", "AB", "exceptions: salt must be 16 bytes"),
        ("exceptions", "digests", "01" * 7, "exceptions: digests must be 8 bytes for each card"),
        ("exceptions", "digests", "02" * 8 + "01" * 8, "exceptions: digests must ascend"),
        ("exceptions", "digests", "01" * 16, "exceptions: digests must ascend, each but once"),
        ("exceptions", "digests", "01" * 8008, "exceptions: digests must be 0 to 8000 bytes"),
        (
            "exceptions",
            "max_age_days",
            0,
            "exceptions: max_age_days must be a whole number from 1",
        ),
        ("risk", "random_threshold", -1, "risk: random_threshold must be a whole number"),
        (
            "risk",
            "random_percent",
            101,
            "risk: random_percent must be a whole number from 0 to 100",
        ),
        ("risk", "random_max_percent", 9, "risk: random_max_percent must not be below"),
        ("risk", "velocity_per_day", True, "risk: velocity_per_day must be a whole number"),
        ("risk", "unsigned_cap", "25", "risk: unsigned_cap must be a whole number"),
    ],
)
def test_a_mistake_in_any_section_is_told_by_key_and_field(
    section: str, field: str, value: Any, words: str
) -> None:
    sections = copy.deepcopy(SECTIONS)
    table = sections[section][0] if isinstance(sections[section], list) else sections[section]
    table[field] = value
    with pytest.raises(ConfigError) as caught:
        config.from_dict({"combinations": [VISA], **sections})
    assert words in str(caught.value)
    at = (section, 0, field) if isinstance(sections[section], list) else (section, field)
    assert caught.value.path == at


@pytest.mark.parametrize("section", SECTIONS)
def test_every_field_of_a_section_must_be_there(section: str) -> None:
    whole = SECTIONS[section]
    for field in whole[0] if isinstance(whole, list) else whole:
        sections = copy.deepcopy(SECTIONS)
        del (sections[section][0] if isinstance(whole, list) else sections[section])[field]
        with pytest.raises(ConfigError, match=f"{section}.*{field} is missing"):
            config.from_dict({"combinations": [VISA], **sections})


def test_a_ca_key_may_not_come_twice() -> None:
    words = "ca_keys: A000000003 index 92 is there twice"
    assert words in broken({"ca_keys": [CA_KEY, {**CA_KEY, "exponent": "010001"}]})


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_of_another_shape_is_refused(section: str) -> None:
    for shape in (5, "text", [5], {"a": 5}, True):
        assert section in broken({section: shape})


def test_all_mistakes_are_told_when_they_are_collected() -> None:
    mistakes: list[ConfigError] = []
    source = {
        "terminal": {"type": "2"},
        "combinations": [{**VISA, "ttq": "20"}, {"kernel": 2}, VISA],
        "risk": {**RISK, "random_percent": -1},
        "colour": "red",
    }
    config.from_dict(source, mistakes)
    assert {mistake.path for mistake in mistakes} == {
        ("terminal", "type"),
        ("combinations", 0, "ttq"),
        ("combinations", 1),
        ("combinations", 2),
        ("risk", "random_percent"),
        ("colour",),
    }


def test_a_combination_may_not_come_twice() -> None:
    assert "A0000000031010" in broken({"combinations": [VISA, VISA]})


@pytest.mark.parametrize(
    "source",
    [None, [], {"combinations": []}, {"combinations": {}}, {"combinations": [1]}, {"kernels": []}],
)
def test_other_shapes_are_refused(source: Any) -> None:
    with pytest.raises(ConfigError):
        config.from_dict(source)


def test_an_aid_or_a_kernel_that_is_missing_is_said() -> None:
    with pytest.raises(ConfigError, match="aid is missing"):
        config.from_dict({"combinations": [{"kernel": 3}]})
    with pytest.raises(ConfigError, match="kernel is missing"):
        config.from_dict({"combinations": [{"aid": "A0000000031010"}]})


def test_kernel_3_needs_a_ttq() -> None:
    with pytest.raises(ConfigError, match="ttq is missing"):
        config.from_dict({"combinations": [{"aid": "A0000000031010", "kernel": 3}]})


def test_a_kernel_that_is_not_built_in_is_refused_at_the_start() -> None:
    read = config.from_dict({"combinations": [{"aid": "A00000002501", "kernel": 9}]})
    with pytest.raises(ConfigError, match="kernel 9"):
        EntryPoint(read, Recorder(), lambda: 0)  # type: ignore[arg-type]


def paths(source: Any, path: tuple = ()) -> list[tuple]:
    found = [path] if path else []
    items = (
        source.items()
        if isinstance(source, dict)
        else enumerate(source)
        if isinstance(source, list)
        else ()
    )
    for key, value in items:
        found += paths(value, (*path, key))
    return found


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(st.sampled_from(paths(SANDBOX)), json_values)
def test_any_value_in_any_place_is_taken_or_refused_by_name(path: tuple, value: Any) -> None:
    source = copy.deepcopy(SANDBOX)
    place: Any = source
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    try:
        config.from_dict(source)
    except ConfigError as error:
        assert str(error)


@given(st.text(max_size=60))
def test_text_that_is_no_configuration_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        config.from_json(text)
