"""What issuer and card sign: SDA, DDA, CDA (EMV 4.3 Book 2, 5.4, 6.5, 6.6)."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from kassa.emv import tags
from kassa.emv.kernels import relay
from kassa.emv.outcome import APPROVED, Outcome

from tests.emv.oda_issuer import (
    AIP,
    CDOL_VALUES,
    CRYPTOGRAM,
    DYNAMIC_NUMBER,
    NUMBER,
    STATIC,
    Made,
    authentication,
    combined_card,
    fast_card,
    internally_authenticated,
    key,
    sha1,
    signed_block,
    static_card,
    tap_of,
    why,
)
from tests.emv.reader import Scripted, Ticks

ODA = authentication()


# SDA


def test_ODA_5_the_issuers_signature_over_the_card_is_proven() -> None:
    tap = tap_of(static_card())
    assert ODA.sda(tap)
    assert tap.data[0x9F45] == b"\xda\xc0"
    assert tap.value(0x9F45) == b"\xda\xc0"
    assert why(tap) == ("ODA-5", "SDA verified")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ({"format": b"\x05"}, "format"),
        ({"header": b"\x60"}, "not signed with the issuer key"),
        ({"trailer": b"\xcc"}, "not signed with the issuer key"),
        ({"algorithm": b"\x02"}, "unknown algorithm"),
        ({"digest": bytes(20)}, "hash"),
    ],
)
def test_ODA_5_a_wrong_field_is_refused(spoil: dict[str, bytes], words: str) -> None:
    tap = tap_of(static_card(**spoil))
    assert not ODA.sda(tap)
    assert why(tap)[0] == "ODA-5"
    assert words in why(tap)[1]
    assert 0x9F45 not in tap.data


def test_ODA_5_other_data_than_were_signed_are_refused() -> None:
    made = static_card()
    made.static = STATIC[:-1] + b"\x30"
    assert not ODA.sda(tap_of(made))
    made = static_card()
    made.data[tags.AIP] = b"\x60\x00"
    assert not ODA.sda(tap_of(made))


def test_ODA_5_a_card_without_a_signature_is_refused() -> None:
    made = static_card()
    del made.data[0x93]
    tap = tap_of(made)
    assert not ODA.sda(tap)
    assert why(tap) == ("ODA-5", "SDA failed: signed static data is missing")


def test_ODA_5_the_cards_own_authentication_code_is_overwritten() -> None:
    made = static_card()
    made.data[0x9F45] = b"\x00\x01"
    tap = tap_of(made)
    assert ODA.sda(tap)
    assert tap.data[0x9F45] == b"\xda\xc0"


# DDA


def test_ODA_6_a_signature_over_the_terminals_values_is_proven() -> None:
    made = internally_authenticated()
    tap = tap_of(made)
    assert ODA.dda(tap, made.signed, NUMBER)
    assert tap.data[0x9F4C] == DYNAMIC_NUMBER
    assert why(tap) == ("ODA-6", "DDA verified")


def test_ODA_6_a_signature_for_another_terminal_is_refused() -> None:
    made = internally_authenticated()
    tap = tap_of(made)
    assert not ODA.dda(tap, made.signed, bytes(4))
    assert "hash" in why(tap)[1]
    assert 0x9F4C not in tap.data


def test_ODA_6_an_empty_answer_is_refused() -> None:
    tap = tap_of(internally_authenticated())
    assert not ODA.dda(tap, b"", NUMBER)
    assert why(tap)[0] == "ODA-8"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ({"format": b"\x95"}, "format"),
        ({"algorithm": b"\x03"}, "unknown algorithm"),
        ({"dynamic": b""}, "dynamic number"),
        ({"dynamic": b"\x00"}, "dynamic number"),
        ({"dynamic": b"\x01\x05"}, "dynamic number"),
        ({"dynamic": b"\x09" + bytes(9)}, "dynamic number"),
        ({"dynamic": b"\x08" + bytes(7)}, "dynamic number"),
        ({"dynamic_length": b"\xff"}, "do not fit"),
        ({"dynamic_length": bytes([144 - 24])}, "do not fit"),
    ],
)
def test_ODA_6_dynamic_data_of_another_shape_are_refused(
    spoil: dict[str, bytes], words: str
) -> None:
    made = internally_authenticated(**spoil)
    tap = tap_of(made)
    assert not ODA.dda(tap, made.signed, NUMBER)
    assert words in why(tap)[1]


def test_ODA_6_dynamic_data_may_fill_the_whole_signature() -> None:
    # 1152 bits: 144 bytes less 25 of the block's own.
    made = internally_authenticated(dynamic=b"\x08" + DYNAMIC_NUMBER + bytes(110))
    assert ODA.dda(tap_of(made), made.signed, NUMBER)


@pytest.mark.parametrize("size", [2, 8])
def test_ODA_6_a_dynamic_number_has_2_to_8_bytes(size: int) -> None:
    made = internally_authenticated(dynamic=bytes([size]) + DYNAMIC_NUMBER[:size])
    tap = tap_of(made)
    assert ODA.dda(tap, made.signed, NUMBER)
    assert tap.data[0x9F4C] == DYNAMIC_NUMBER[:size]


# CDA


@pytest.mark.parametrize("kind", [0x00, 0x40, 0x80])
def test_ODA_6_a_signed_cryptogram_is_proven_and_kept(kind: int) -> None:
    tap = tap_of(combined_card(kind))
    assert tags.CRYPTOGRAM not in tap.data
    assert ODA.cda(tap, CDOL_VALUES)
    assert tap.data[tags.CRYPTOGRAM] == CRYPTOGRAM
    assert tap.data[0x9F4C] == DYNAMIC_NUMBER
    assert why(tap) == ("ODA-6", "CDA verified")


def test_ODA_6_host_and_receipt_get_the_cryptogram_that_was_signed() -> None:
    tap = tap_of(combined_card())
    assert ODA.cda(tap, CDOL_VALUES)
    assert tap.report(Outcome(APPROVED)).cryptogram == CRYPTOGRAM


def test_ODA_6_the_signed_type_is_the_one_the_answer_says() -> None:
    tap = tap_of(combined_card(0x80, cid=b"\x40"))
    assert not ODA.cda(tap, CDOL_VALUES)
    assert why(tap) == (
        "ODA-6",
        "CDA failed: signed cryptogram is of another type than the answer says",
    )


def test_ODA_6_every_bit_of_the_cryptogram_information_counts() -> None:
    tap = tap_of(combined_card(0x40, cid=b"\x48"))
    assert not ODA.cda(tap, CDOL_VALUES)


def test_ODA_6_an_answer_without_a_type_is_refused() -> None:
    made = combined_card()
    del made.data[tags.CID]
    assert not ODA.cda(tap_of(made), CDOL_VALUES)


def _other_pdol(tap: Any) -> None:
    tap.pdol_values = tap.pdol_values[:-1] + b"\x09"


def _other_order(tap: Any) -> None:
    tap.ac_objects = [tap.ac_objects[1], tap.ac_objects[0], *tap.ac_objects[2:]]


def _one_gone(tap: Any) -> None:
    tap.ac_objects = tap.ac_objects[:-1]


def _one_more(tap: Any) -> None:
    tap.ac_objects = [*tap.ac_objects, (0xDF4B, bytes.fromhex("DF4B03000000"))]


@pytest.mark.parametrize("change", [_other_pdol, _other_order, _one_gone, _one_more])
def test_ODA_6_what_was_said_is_signed_in_the_cards_order(change: Any) -> None:
    tap = tap_of(combined_card())
    change(tap)
    assert not ODA.cda(tap, CDOL_VALUES)
    assert why(tap) == ("ODA-6", "CDA failed: card signed another transaction")
    assert tags.CRYPTOGRAM not in tap.data


def test_ODA_6_other_cdol_values_than_were_sent_are_refused() -> None:
    tap = tap_of(combined_card())
    assert not ODA.cda(tap, CDOL_VALUES[:-1] + b"\0")
    assert "another transaction" in why(tap)[1]


def test_ODA_6_a_signature_for_another_unpredictable_number_is_refused() -> None:
    tap = tap_of(combined_card(said=bytes(4)))
    assert not ODA.cda(tap, CDOL_VALUES)
    assert "hash" in why(tap)[1]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ({"format": b"\x95"}, "format"),
        ({"dynamic": b"\x08" + DYNAMIC_NUMBER + b"\x40" + CRYPTOGRAM + bytes(19)}, "too short"),
        ({"dynamic": b"\x08" + DYNAMIC_NUMBER}, "too short"),
        ({"number_length": 9}, "dynamic number"),
        ({"number_length": 1}, "dynamic number"),
        ({"number_length": 255}, "dynamic number"),
        ({"hash": bytes(20)}, "another transaction"),
        ({"dynamic_length": b"\xff"}, "do not fit"),
    ],
)
def test_ODA_6_a_wrong_field_of_a_combined_signature_is_refused(
    spoil: dict[str, Any], words: str
) -> None:
    tap = tap_of(combined_card(**spoil))
    assert not ODA.cda(tap, CDOL_VALUES)
    assert words in why(tap)[1]


def test_ODA_6_a_second_cryptogram_beside_the_signed_one_is_refused() -> None:
    made = combined_card()
    made.data[tags.CRYPTOGRAM] = bytes(8)
    tap = tap_of(made)
    assert not ODA.cda(tap, CDOL_VALUES)
    assert "another cryptogram" in why(tap)[1]


def test_ODA_6_an_answer_without_a_signature_is_refused() -> None:
    made = combined_card()
    del made.data[tags.SIGNED_DYNAMIC]
    tap = tap_of(made)
    assert not ODA.cda(tap, CDOL_VALUES)
    assert why(tap) == ("ODA-6", "CDA failed: signed dynamic data is missing")


RELAY = {
    0xDF8301: NUMBER,
    0xDF8302: bytes.fromhex("55667788"),
    0xDF8303: b"\x00\x14",
    0xDF8304: b"\x00\x32",
    0xDF8305: b"\x00\x18",
}


def test_ODA_6_relay_resistance_data_are_signed_where_they_were_exchanged() -> None:
    tap = tap_of(combined_card(more=b"".join(RELAY.values())))
    tap.terminal_data.update(RELAY)
    assert ODA.cda(tap, CDOL_VALUES)


@pytest.mark.parametrize("tag", list(RELAY))
def test_ODA_6_other_relay_resistance_data_than_were_exchanged_are_refused(tag: int) -> None:
    tap = tap_of(combined_card(more=b"".join(RELAY.values())))
    tap.terminal_data.update(RELAY)
    tap.terminal_data[tag] = bytes(len(RELAY[tag]))
    assert not ODA.cda(tap, CDOL_VALUES)
    assert "relay" in why(tap)[1]


def test_ODA_6_relay_resistance_data_that_nobody_signed_are_refused() -> None:
    tap = tap_of(combined_card())
    tap.terminal_data.update(RELAY)
    assert not ODA.cda(tap, CDOL_VALUES)


def test_C2_14_what_was_measured_with_is_kept_for_the_signature() -> None:
    tap = tap_of(combined_card(more=b"".join(RELAY.values())))
    answer = b"".join(RELAY[tag] for tag in list(RELAY)[1:])
    tap.card = Scripted({"80EA": b"\x80\x0a" + answer + b"\x90\x00"})
    tap.combination = SimpleNamespace(kernel2=SimpleNamespace(configuration=b"\x10"))  # type: ignore[assignment]
    tap.ticks = Ticks()
    tap.data[tags.AIP] = b"\x19\x81"
    asyncio.run(relay.check(tap))
    assert {tag: tap.terminal_data[tag] for tag in RELAY} == RELAY
    tap.data[tags.AIP] = AIP  # the one this card signed
    assert ODA.cda(tap, CDOL_VALUES)


# No signature stands for another


def _as_static(made: Made) -> bool:
    made.data[0x93] = made.data.get(tags.SIGNED_DYNAMIC, made.signed)
    return ODA.sda(tap_of(made))


@pytest.mark.parametrize("made", [combined_card(), fast_card(), internally_authenticated()])
def test_no_other_signature_passes_for_sda(made: Made) -> None:
    assert not _as_static(made)


def test_a_certificate_is_no_signature_and_a_signature_no_certificate() -> None:
    made = static_card()
    made.data[0x93] = made.data[tags.ICC_CERTIFICATE]
    assert not ODA.sda(tap_of(made))
    made = static_card()
    made.data[tags.ICC_CERTIFICATE] = made.data[0x93]
    assert not ODA.fdda(tap_of(made))


def test_dda_and_cda_are_not_taken_for_each_other() -> None:
    made = internally_authenticated()
    made.data.update({tags.SIGNED_DYNAMIC: made.signed, tags.CID: b"\x40"})
    assert not ODA.cda(tap_of(made), CDOL_VALUES)
    made = combined_card()
    # A CDA signature is a right DDA signature for the same number: Book 2 has it so.
    assert ODA.dda(tap_of(made), made.data[tags.SIGNED_DYNAMIC], NUMBER)


def test_the_issuer_itself_cannot_stand_in_for_the_card() -> None:
    made = fast_card()
    fields = b"\x95\x01\x03\x02\x00\x42"
    said = NUMBER + bytes.fromhex("0000000012500978") + made.data[tags.FDDA]
    made.data[tags.SIGNED_DYNAMIC] = signed_block(key("issuer", 1408), fields, said, {})
    assert not ODA.fdda(tap_of(made))


def test_the_signers_hash_is_the_books() -> None:
    # The sandbox that makes these cards must not be wrong in the same way as what it tests.
    assert sha1(b"abc").hex() == "a9993e364706816aba3e25717850c26c9cd0d89d"
    assert len(AIP) == 2
