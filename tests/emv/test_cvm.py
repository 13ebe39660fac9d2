"""C2-7: which cardholder verification the card's list comes to."""

from typing import Any

import pytest
from kassa.emv.outcome import Outcome

from tests.emv.reader import mastercard_of, tap
from tests.emv.scripts import mastercard

NO_AMOUNTS = "0000000000000000"
# X is 20 euro, Y 50.
AMOUNTS = "000007D000001388"


def verify(
    cvm_list: str | None,
    capability: str = "08",
    amount_minor: int = 1_000,
    aip: str = "1980",
    record: dict[int, bytes | None] | None = None,
    terminal_type: str = "22",
    **fields: Any,
) -> Outcome:
    """One tap of a card with this list on a terminal with this 9F33 byte 2."""

    def change(source: dict[str, Any]) -> None:
        source["terminal"]["type"] = terminal_type
        settings = mastercard_of(source)["kernel2"]
        settings.update(
            cvm_capability=capability, cvm_capability_no_cvm=capability, tac_denial="0000000000"
        )

    changes = {0x8E: bytes.fromhex(cvm_list) if cvm_list is not None else None, **(record or {})}
    card = mastercard(changes, gpo={0x82: bytes.fromhex(aip)})
    return tap(card, amount_minor=amount_minor, change=change, **fields)


def came_to(found: Outcome) -> tuple[str | None, str, int]:
    """CVM, 9F34, and the TVR's byte 3."""
    assert found.cvm_results is not None and found.tvr is not None
    return found.cvm, found.cvm_results.hex().upper(), found.tvr[2]


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (5_000, ("none", "3F0002", 0)),
        (5_001, ("cdcvm", "010002", 0)),
        (1_000, ("none", "3F0002", 0)),
    ],
)
def test_C2_7_on_device_verification_counts_over_the_limit(amount: int, expected: tuple) -> None:
    assert came_to(verify(None, amount_minor=amount, aip="1B80")) == expected


def test_C2_7_without_cardholder_verification_in_the_aip_there_is_none() -> None:
    assert came_to(verify(NO_AMOUNTS + "0200", aip="0980")) == ("none", "3F0000", 0)


@pytest.mark.parametrize("cvm_list", [None, NO_AMOUNTS])
def test_C2_7_no_list_or_a_list_without_rules_is_icc_data_missing(cvm_list: str | None) -> None:
    found = verify(cvm_list)
    assert came_to(found) == ("none", "3F0000", 0)
    assert found.tvr is not None and found.tvr[0] & 0x20


def test_C2_7_half_a_rule_ends_the_application() -> None:
    assert verify(NO_AMOUNTS + "1F").discretionary["error"] == "card data error"


@pytest.mark.parametrize(
    ("rules", "capability", "expected"),
    [
        ("1F00", "08", ("none", "1F0002", 0x00)),
        ("1F00", "00", ("none", "3F0001", 0x80)),
        ("0200", "40", ("online_pin", "020000", 0x04)),
        ("1E00", "20", ("signature", "1E0000", 0x00)),
        ("4200", "08", ("none", "3F0001", 0x80)),  # goes on, and nothing follows
        ("42005E001F00", "08", ("none", "1F0002", 0x00)),
        ("42005E001F00", "28", ("signature", "5E0000", 0x00)),
        ("42005E001F00", "68", ("online_pin", "420000", 0x04)),
        ("02001F00", "08", ("none", "3F0001", 0x80)),  # bit 40 is not set: it ends there
        ("0000", "08", ("none", "000001", 0x80)),  # fail
        ("40001F00", "08", ("none", "1F0002", 0x00)),  # fail, but go on
        ("4000", "08", ("none", "400001", 0x80)),  # where there is nothing to go on with
        ("0100", "F8", ("none", "3F0001", 0x80)),  # PINs are not sent over the air
        ("41001F00", "F8", ("none", "1F0002", 0x00)),
        ("0400", "F8", ("none", "3F0001", 0x80)),
        ("0300", "F8", ("none", "3F0001", 0x80)),
        ("0600", "08", ("none", "3F0001", 0xC0)),  # unknown method
        ("46001F00", "08", ("none", "1F0002", 0x40)),
        ("1D00", "08", ("none", "3F0001", 0xC0)),
        ("2200", "48", ("none", "3F0001", 0xC0)),  # bit 20 makes it another, unknown method
        ("01031F00", "88", ("none", "3F0001", 0x80)),  # the terminal has it, but not over the air
        ("01031F00", "08", ("none", "1F0002", 0x00)),
        ("04031F00", "18", ("none", "3F0001", 0x80)),
        ("03031F00", "88", ("none", "1F0002", 0x00)),  # half of it is not enough
        ("03031F00", "A8", ("none", "3F0001", 0x80)),
    ],
)
def test_C2_7_rules_in_order(rules: str, capability: str, expected: tuple) -> None:
    assert came_to(verify(NO_AMOUNTS + rules, capability)) == expected


FAILED = ("none", "3F0001", 0x80)


@pytest.mark.parametrize(
    ("condition", "fields", "applies"),
    [
        ("00", {}, True),
        ("01", {}, False),
        ("01", {"type": 0x01, "terminal_type": "14"}, True),
        ("01", {"type": 0x01, "terminal_type": "22"}, False),
        ("02", {}, True),
        ("02", {"type": 0x01}, False),
        ("02", {"type": 0x01, "terminal_type": "14"}, False),
        ("02", {"type": 0x09}, False),
        ("02", {"type": 0x17}, False),
        ("03", {}, True),
        ("04", {}, False),
        ("04", {"type": 0x17}, True),
        ("04", {"type": 0x01}, True),
        ("05", {}, False),
        ("05", {"type": 0x09}, True),
        ("06", {"amount_minor": 1_999}, True),
        ("06", {"amount_minor": 2_000}, False),
        ("07", {"amount_minor": 2_000}, False),
        ("07", {"amount_minor": 2_001}, True),
        ("08", {"amount_minor": 4_999}, True),
        ("08", {"amount_minor": 5_000}, False),
        ("09", {"amount_minor": 5_000}, False),
        ("09", {"amount_minor": 5_001}, True),
        ("06", {"amount_minor": 1, "currency": 840}, False),  # not the application's currency
        ("06", {"amount_minor": 1, "record": {0x9F42: None}}, False),
        ("0A", {}, False),
        ("80", {}, False),
        ("FF", {}, False),
    ],
)
def test_C2_7_conditions(condition: str, fields: dict[str, Any], applies: bool) -> None:
    found = verify(AMOUNTS + "1F" + condition, **fields)
    expected = ("none", "1F" + condition + "02", 0x00) if applies else FAILED
    assert came_to(found) == expected


@pytest.mark.parametrize(("capability", "applies"), [("08", False), ("40", True)])
def test_C2_7_if_the_terminal_has_it(capability: str, applies: bool) -> None:
    expected = ("online_pin", "020300", 0x04) if applies else FAILED
    assert came_to(verify(NO_AMOUNTS + "0203", capability)) == expected


def test_C2_7_a_rule_that_does_not_apply_is_passed_over_whatever_its_bit_40() -> None:
    assert came_to(verify(NO_AMOUNTS + "02011F00", "48")) == ("none", "1F0002", 0x00)
