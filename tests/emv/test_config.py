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
