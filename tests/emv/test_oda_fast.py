"""What a card signs in GET PROCESSING OPTIONS: fDDA (Book C-3, Annex C)."""

import pytest
from kassa.emv import tags

from tests.emv.oda_issuer import CTQ, NUMBER, authentication, fast_card, tap_of, why

ODA = authentication()


@pytest.mark.parametrize("kind", [b"\x95", b"\x05"])
@pytest.mark.parametrize(
    "related",
    [
        b"\x01" + NUMBER + CTQ,
        b"\x01" + NUMBER,
        b"\x01" + NUMBER + CTQ + b"\0",
        b"\x01" + NUMBER + CTQ + bytes(9),
    ],
)
def test_ODA_7_both_formats_and_both_lengths_are_proven(kind: bytes, related: bytes) -> None:
    tap = tap_of(fast_card(related, format=kind))
    assert ODA.fdda(tap)
    assert tap.data[0x9F4C] == b"\x00\x42"
    assert why(tap) == ("ODA-7", "fDDA verified")


@pytest.mark.parametrize("kind", [b"\x03", b"\x15", b"\x94", b"\x00"])
def test_ODA_7_other_formats_are_refused(kind: bytes) -> None:
    tap = tap_of(fast_card(format=kind))
    assert not ODA.fdda(tap)
    assert why(tap) == ("ODA-7", "fDDA failed: signed dynamic data has another format")


@pytest.mark.parametrize("version", [0x00, 0x02, 0x81, 0xFF])
def test_ODA_7_only_version_01_is_taken(version: int) -> None:
    tap = tap_of(fast_card(bytes([version]) + NUMBER + CTQ))
    assert not ODA.fdda(tap)
    assert why(tap) == ("ODA-7", f"fDDA failed: fDDA version {version:02X} is not taken")


def test_ODA_7_version_00_with_its_own_signature_is_refused() -> None:
    # Version 00 signs the unpredictable number alone.
    tap = tap_of(fast_card(b"\x00" + NUMBER + CTQ, said=NUMBER))
    assert not ODA.fdda(tap)


@pytest.mark.parametrize("length", [1, 4, 6, 17, 40])
def test_ODA_7_related_data_of_another_length_are_refused(length: int) -> None:
    related = (b"\x01" + NUMBER + CTQ + bytes(40))[:length]
    tap = tap_of(fast_card(related))
    assert not ODA.fdda(tap)
    assert why(tap)[0] == "ODA-7"
    assert "length" in why(tap)[1]


@pytest.mark.parametrize("ctq", [None, b"\x28\x80", b"\xa8\x00", b"\x28"])
def test_ODA_7_the_ctq_is_its_signed_copy(ctq: bytes | None) -> None:
    made = fast_card()
    made.data.pop(tags.CTQ)
    if ctq is not None:
        made.data[tags.CTQ] = ctq
    tap = tap_of(made)
    assert not ODA.fdda(tap)
    assert why(tap) == ("ODA-7", "fDDA failed: CTQ and its signed copy differ")


@pytest.mark.parametrize(
    "tag", [tags.UNPREDICTABLE, tags.AMOUNT, tags.CURRENCY], ids=["number", "amount", "currency"]
)
def test_ODA_7_the_terminals_values_are_signed(tag: int) -> None:
    tap = tap_of(fast_card())
    value = bytearray(tap.terminal_data[tag])
    value[-1] ^= 1
    tap.terminal_data[tag] = bytes(value)
    assert not ODA.fdda(tap)
    assert "hash" in why(tap)[1]


@pytest.mark.parametrize("tag", [tags.FDDA, tags.SIGNED_DYNAMIC])
def test_ODA_7_missing_objects_are_refused(tag: int) -> None:
    made = fast_card()
    del made.data[tag]
    tap = tap_of(made)
    assert not ODA.fdda(tap)
    assert why(tap)[0] == "ODA-7"
    assert "missing" in why(tap)[1]
