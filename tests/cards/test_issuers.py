"""The issuers' arithmetic is pyemv's, cryptogram version by version."""

from typing import Any

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from pyemv import ac, cvn, kd, tools

from simulator import cards
from simulator.cards import issuers

DATA = {
    0x9F02: bytes.fromhex("000000001250"),
    0x9F03: bytes(6),
    0x9F1A: b"\x02\x76",
    0x95: bytes.fromhex("8000008000"),
    0x5F2A: b"\x09\x78",
    0x9A: b"\x26\x11\x22",
    0x9C: b"\x00",
    0x9F37: bytes.fromhex("A1B2C3D4"),
    0x82: b"\x19\x80",
}
VISA, MASTERCARD = "4761739001010119", "5413330089020011"
IADS = {
    (VISA, 10): bytes.fromhex("06010A03A00000"),
    (VISA, 18): bytes.fromhex("06011203A00000"),
    (MASTERCARD, 0x10): bytes.fromhex("0110A00003000000000000000000000000FF"),
    (MASTERCARD, 0x14): bytes.fromhex("0114A00003000000000000000000000000FF"),
}
REFERENCE: dict[tuple[str, int], Any] = {
    (VISA, 10): cvn.VisaCVN10,
    (VISA, 18): cvn.VisaCVN18,
    (MASTERCARD, 0x10): cvn.MasterCardCVN16,
    (MASTERCARD, 0x14): cvn.MasterCardCVN20,
}
pytestmark = pytest.mark.filterwarnings("ignore:.*TripleDES")


def reference(case: tuple[str, int]) -> Any:
    key = issuers.issuer_for(case[0]).imk_ac
    return REFERENCE[case](key, key, key, case[0], "01")


@pytest.mark.parametrize("case", IADS)
def test_cryptograms_are_those_of_pyemvs_card_classes(case: tuple[str, int]) -> None:
    iad, atc = IADS[case], b"\x00\x42"
    named = {f"tag_{tag:x}": value for tag, value in DATA.items()}
    if case == (VISA, 18):
        named["tag_9f10"] = iad
    else:
        named["cvr"] = iad[3:7] if case[0] == VISA else iad[2:8]
    expected = reference(case).generate_ac(**named, tag_9f36=atc)
    assert issuers.cryptogram(case[0], 1, 0x42, iad, DATA) == expected
    assert issuers.verify_arqc(case[0], "01", atc, iad, DATA, expected)


def test_cvn_17_signs_amount_number_counter_and_byte_5_of_the_iad() -> None:
    iad = bytes.fromhex("06011103A00000")
    key = kd.derive_icc_mk_a(issuers.issuer_for(VISA).imk_ac, VISA, "01")
    data = DATA[0x9F02] + DATA[0x9F37] + b"\x00\x42" + b"\xa0"
    expected = ac.generate_ac(key, data, ac.PaddingType.VISA)
    few = {tag: DATA[tag] for tag in (0x9F02, 0x9F37)}
    assert issuers.verify_arqc(VISA, 1, 0x42, iad, few, expected)


# Scheme and version -> PAN, IAD, where the CVR stands in it
OTHERS = {
    ("amex", 1): ("374245455400126", "06010103A00000", slice(3, 7)),
    ("amex", 2): ("374245455400126", "06010203A00000", slice(3, 7)),
    ("jcb", 1): ("3530111333300000", "06010103A00000", slice(3, 7)),
    ("jcb", 4): ("3530111333300000", "06010403A00000", slice(3, 7)),
    ("unionpay", 1): ("6200000000000005", "07010103A0000001", slice(3, 7)),
    ("discover", 0x15): ("6011000990139424", "0115A000000000000000", slice(None)),
}


def session_key(case: tuple[str, int], card_key: bytes, atc: bytes) -> bytes:
    """What is public of the other schemes' session keys, by other means than the issuers'."""
    if case[0] == "unionpay":
        cipher = Cipher(TripleDES(card_key + card_key[:8]), modes.ECB()).encryptor()
        inverted = bytes(255 - byte for byte in atc)
        return cipher.update(bytes(6) + atc + bytes(6) + inverted) + cipher.finalize()
    if case in (("amex", 1), ("jcb", 1)):
        return card_key
    return kd.derive_common_sk(card_key, atc + bytes(6))


@pytest.mark.parametrize("case", OTHERS)
def test_cryptograms_of_the_other_schemes_are_over_their_data_by_their_keys(
    case: tuple[str, int],
) -> None:
    pan, text, tail = OTHERS[case]
    iad, atc = bytes.fromhex(text), b"\x00\x42"
    wanted = [tag for tag in DATA if tag != 0x95 or case[0] != "discover"]
    plain = b"".join(DATA[tag] for tag in wanted) + atc + iad[tail]
    key = session_key(case, kd.derive_icc_mk_a(issuers.issuer_for(pan).imk_ac, pan, "01"), atc)
    padding = ac.PaddingType.VISA if case in (("amex", 1), ("jcb", 1)) else ac.PaddingType.EMV
    expected = ac.generate_ac(tools.adjust_key_parity(key), plain, padding)
    assert issuers.cryptogram(pan, 1, 0x42, iad, DATA) == expected
    assert issuers.verify_arqc(pan, 1, atc, iad, DATA, expected)
    for tag in wanted:
        changed = {**DATA, tag: bytes(b ^ 1 for b in DATA[tag])}
        assert not issuers.verify_arqc(pan, 1, atc, iad, changed, expected)
    assert not issuers.verify_arqc(pan, 1, 0x43, iad, DATA, expected)


@pytest.mark.parametrize("case", OTHERS)
def test_the_other_schemes_answer_by_method_1(case: tuple[str, int]) -> None:
    pan, text, _ = OTHERS[case]
    arqc, atc = bytes.fromhex("0102030405060708"), b"\x00\x42"
    key = session_key(case, kd.derive_icc_mk_a(issuers.issuer_for(pan).imk_ac, pan, "01"), atc)
    answer = issuers.arpc(pan, 1, atc, bytes.fromhex(text), arqc, b"00")
    assert answer == ac.generate_arpc_1(tools.adjust_key_parity(key), arqc, b"00") + b"00"


def test_one_schemes_version_is_not_anothers() -> None:
    amex = bytes.fromhex("06010103A00000")
    for scheme, iad in (("visa", amex), ("unionpay", amex), ("discover", amex), ("jcb", b"")):
        with pytest.raises(ValueError, match="version"):
            issuers.cvn(scheme, iad)
    assert issuers.cvn("amex", amex) == issuers.cvn("jcb", amex) == 1


@pytest.mark.parametrize("case", IADS)
def test_responses_are_those_of_pyemvs_card_classes(case: tuple[str, int]) -> None:
    arqc, atc = bytes.fromhex("0102030405060708"), b"\x00\x42"
    answer = issuers.arpc(case[0], 1, 0x42, IADS[case], arqc, b"00")
    if case == (VISA, 18):
        status = bytes.fromhex("00800000")
        assert answer == reference(case).generate_arpc(arqc, atc, status) + status
    elif case == (MASTERCARD, 0x14):
        assert answer == reference(case).generate_arpc(arqc, atc, b"00") + b"00"
    else:
        assert answer == reference(case).generate_arpc(arqc, b"00") + b"00"


@pytest.mark.parametrize("case", IADS)
@pytest.mark.parametrize("tag", DATA)
def test_data_that_were_changed_do_not_verify(case: tuple[str, int], tag: int) -> None:
    good = issuers.cryptogram(case[0], 1, 0x42, IADS[case], DATA)
    changed = {**DATA, tag: bytes(b ^ 1 for b in DATA[tag])}
    assert not issuers.verify_arqc(case[0], 1, 0x42, IADS[case], changed, good)
    missing = {t: v for t, v in DATA.items() if t != tag}
    assert not issuers.verify_arqc(case[0], 1, 0x42, IADS[case], missing, good)


def test_another_card_or_counter_does_not_verify() -> None:
    iad = IADS[(VISA, 18)]
    good = issuers.cryptogram(VISA, 1, 0x42, iad, DATA)
    assert not issuers.verify_arqc(VISA, 1, 0x43, iad, DATA, good)
    assert not issuers.verify_arqc(VISA, 2, 0x42, iad, DATA, good)
    assert not issuers.verify_arqc("4761739001010127", 1, 0x42, iad, DATA, good)
    assert not issuers.verify_arqc(VISA, 1, 0x42, iad, DATA, good[:-1] + bytes([good[-1] ^ 1]))


@pytest.mark.parametrize("iad", [b"", bytes(7), bytes.fromhex("06010C03A00000"), bytes(32)])
def test_a_version_we_do_not_know_does_not_verify(iad: bytes) -> None:
    assert not issuers.verify_arqc(VISA, 1, 1, iad, DATA, bytes(8))
    assert not issuers.verify_arqc(MASTERCARD, 1, 1, iad, DATA, bytes(8))
    assert not issuers.verify_arqc("4000000000000002", 1, 1, IADS[(VISA, 18)], DATA, bytes(8))


def test_there_is_an_issuer_and_an_account_behind_every_card() -> None:
    found = {account.pan: account for account in cards.accounts()}
    assert found["4761739001010119"].status == "open"
    assert found["5413330089020045"].status == "blocked"
    assert found["4761739001010135"].expiry == "2409"
    for pan in found:
        assert issuers.issuer_for(pan) in issuers.issuers()
