"""CA keys: which one, whether it is sound, how long it is good (EMV 4.3 Book 2, 5.2 and 11.2)."""

from types import SimpleNamespace

import pytest
from kassa.emv import config
from kassa.emv.ca_keys import CaKeys
from kassa.emv.oda import Oda

from simulator.cards import certificates
from tests.emv import oda_issuer
from tests.emv.oda_issuer import INDEX, RID, TODAY, ca_record, key
from tests.emv.reader import Recorder, configuration

OTHER_RID = bytes.fromhex("A000000004")


def keys(*records: object) -> CaKeys:
    return CaKeys(records)  # type: ignore[arg-type]


def test_ODA_1_a_key_is_found_by_rid_and_index() -> None:
    held = keys(ca_record(), ca_record(rid=OTHER_RID), ca_record(index=b"\x07"))
    found = held.find(OTHER_RID, INDEX, TODAY)
    assert found is not None
    assert (found.rid, found.index) == (OTHER_RID, INDEX)


@pytest.mark.parametrize(
    ("rid", "index"),
    [(RID, b"\x92"), (OTHER_RID, INDEX), (RID[:4], INDEX), (RID, b""), (RID, INDEX + b"\0")],
)
def test_ODA_1_a_key_that_is_not_here_is_not_found(rid: bytes, index: bytes) -> None:
    held = keys(ca_record())
    assert held.find(rid, index, TODAY) is None
    why = held.why_not(rid, index, TODAY)
    assert why == f"CA key {rid.hex().upper()} {index[:1].hex().upper()}: not here"


@pytest.mark.parametrize("field", ["sha1", "modulus", "exponent", "rid", "index"])
def test_ODA_1_a_key_whose_check_sum_is_wrong_is_not_used(field: str) -> None:
    record = ca_record()
    whole = bytearray(getattr(record, field))
    whole[-1] ^= 0x01
    setattr(record, field, bytes(whole))
    held = keys(record)
    assert held.find(record.rid, record.index, TODAY) is None
    assert not held.holds(record.rid, record.index)
    assert held.unusable == [(record.rid, record.index, "wrong check sum")]
    assert "wrong check sum" in held.why_not(record.rid, record.index, TODAY)


@pytest.mark.parametrize(
    ("expires", "date", "good"),
    [
        ("261122", "261122", True),
        ("261121", "261122", False),
        ("270101", "261122", True),
        ("991231", "261122", False),  # 1999
        ("261231", "991231", True),  # a clock in 1999
    ],
)
def test_ODA_1_a_key_is_good_to_the_end_of_its_last_day(
    expires: str, date: str, good: bool
) -> None:
    held = keys(ca_record(expires=expires))
    assert (held.find(RID, INDEX, date) is not None) == good
    assert ("expired" in held.why_not(RID, INDEX, date)) == (not good)


def test_ODA_1_without_a_date_no_key_is_found() -> None:
    held = keys(ca_record())
    assert held.find(RID, INDEX, None) is None
    assert "no date" in held.why_not(RID, INDEX, None)


def test_ODA_1_the_check_sum_is_the_one_schemes_publish() -> None:
    # Visa's 1408-bit test key 92, as in the documents of several acquirers and in emv-utils.
    modulus = bytes.fromhex(
        "996AF56F569187D09293C14810450ED8EE3357397B18A2458EFAA92DA3B6DF6514EC060195318FD43BE9B8F0"
        "CC669E3F844057CBDDF8BDA191BB64473BC8DC9A730DB8F6B4EDE3924186FFD9B8C7735789C23A36BA0B8AF6"
        "5372EB57EA5D89E7D14E9C7B6B557460F10885DA16AC923F15AF3758F0F03EBD3C5C2C949CBA306DB44E6A2C"
        "076C5F67E281D7EF56785DC4D75945E491F01918800A9E2DC66F60080566CE0DAF8D17EAD46AD8E30A247C9F"
    )
    checksum = bytes.fromhex("429C954A3859CEF91295F663C963E582ED6EB253")
    record = ca_record(index=b"\x92", modulus=modulus, exponent=b"\x03", sha1=checksum)
    assert keys(record).find(RID, b"\x92", TODAY) is not None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"exponent": b"\x01"}, "exponent"),
        ({"exponent": b"\x02"}, "exponent"),
        ({"exponent": b""}, "exponent"),
        ({"exponent": b"\0\0\x03"}, "exponent"),
        ({"modulus": key("ca", 1408).modulus[:-1] + b"\x10"}, "even"),
        ({"modulus": b"\0" + key("ca", 1408).modulus[1:]}, "shorter"),
        ({"modulus": b"\xff" * 63}, "length"),
        ({"modulus": b"\xff" * 249}, "length"),
        ({"modulus": b""}, "length"),
    ],
)
def test_ODA_8_what_is_no_rsa_key_is_not_used(changes: dict[str, bytes], words: str) -> None:
    held = keys(ca_record(**changes))
    assert held.find(RID, INDEX, TODAY) is None
    assert words in held.unusable[0][2]


@pytest.mark.parametrize("length", [64, 248])
def test_ODA_8_the_shortest_and_the_longest_key_are_taken(length: int) -> None:
    assert not keys(ca_record(modulus=b"\xff" * length)).unusable


def test_ODA_1_keys_that_cannot_be_used_are_told_once() -> None:
    log = Recorder()
    Oda(keys(ca_record(), ca_record(index=b"\x07", sha1=bytes(20))), log)  # type: ignore[arg-type]
    assert log.events == [
        {
            "at": "emv",
            "is": "ca_key_refused",
            "rid": "a000000003",
            "index": "07",
            "why": "wrong check sum",
        }
    ]


def test_ODA_1_a_kernel_asks_for_a_key_by_date() -> None:
    oda = oda_issuer.authentication(ca_record(expires="261121"))
    assert oda.has_key(RID, INDEX)
    assert oda.has_key(RID, INDEX, "261121")
    assert not oda.has_key(RID, INDEX, "261122")
    assert not oda.has_key(RID, INDEX, None)
    assert not oda.has_key(OTHER_RID, INDEX)
    assert oda_issuer.authentication(ca_record(expires="991231")).has_key(RID, INDEX)


def test_ODA_2_a_serial_is_revoked_for_its_own_key_only() -> None:
    gone = SimpleNamespace(rid=RID, index=INDEX, serial=b"\x00\x12\x34")
    held = CaKeys([ca_record()], [gone])  # type: ignore[list-item]
    assert held.is_revoked(RID, INDEX, b"\x00\x12\x34")
    assert not held.is_revoked(RID, INDEX, b"\x00\x12\x35")
    assert not held.is_revoked(RID, b"\x92", b"\x00\x12\x34")
    assert not held.is_revoked(OTHER_RID, INDEX, b"\x00\x12\x34")


def test_the_configurations_own_records_are_taken() -> None:
    ca = certificates.ca_key("visa")

    def with_key(document: dict[str, object]) -> None:
        document["ca_keys"] = [
            {
                "rid": ca.rid.hex(),
                "index": f"{ca.index:02X}",
                "modulus": ca.modulus.hex(),
                "exponent": ca.exponent.hex(),
                "sha1": ca.checksum.hex(),
                "expires": "491231",
            }
        ]
        document["revoked"] = [
            {"rid": ca.rid.hex(), "index": f"{ca.index:02X}", "serial": "001234"}
        ]

    settings: config.Configuration = configuration(with_key)
    held = CaKeys(settings.ca_keys, settings.revoked)
    assert held.find(ca.rid, bytes([ca.index]), TODAY) is not None
    assert held.is_revoked(ca.rid, bytes([ca.index]), b"\x00\x12\x34")
