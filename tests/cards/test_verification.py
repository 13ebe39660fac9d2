"""The second opinion: it believes what cards sign, and nothing else."""

import ast
import inspect
import re

import pytest

from simulator import cards
from simulator.cards import ber, certificates, faults, verification
from simulator.cards.verification import NotVerified
from tests.cards.reader import ARQC, TC, Session, present

DATE = "2611"
METHODS = {
    "visa_debit": "fast",
    "unionpay_debit": "fast",
    "mastercard_debit": "combined",
    "amex_debit": "combined",
    "jcb_debit": "combined",
    "discover_debit": "combined",
    "mastercard_static": "static",
    "amex_static": "static",
    "jcb_debit.static": "static",
    "visa_debit.no_remainder": "fast",
    "mastercard_debit.no_remainder": "combined",
    "maestro_debit": "combined",
}
# A terminal must refuse this one by its own rules: what the card signed is true.
RIGHTLY_SIGNED = ("unasked_tc",)
FAULTY = [
    (f"{name.partition('.')[0]}.{fault}", fault)
    for name, method in METHODS.items()
    if not name.startswith("maestro") and "." not in name
    for fault in faults.KINDS[method]
    if fault not in RIGHTLY_SIGNED
]
WORDS = {
    "ca_index": "CA key is another",
    "issuer_bit": "issuer certificate: not signed",
    "issuer_format": "issuer certificate: not signed",
    "issuer_hash": "issuer certificate: the hash",
    "issuer_identifier": "for other cards",
    "issuer_expired": "issuer certificate: expired",
    "issuer_revoked": "revoked",
    "issuer_algorithm": "unknown kind",
    "issuer_missing": "90 is missing",
    "icc_bit": "card certificate: not signed",
    "icc_format": "card certificate: not signed",
    "icc_hash": "card certificate: the hash",
    "icc_pan": "for another card",
    "icc_expired": "card certificate: expired",
    "icc_algorithm": "unknown kind",
    "icc_exponent_one": "key that is none",
    "icc_modulus_even": "key that is none",
    "icc_missing": "93 is missing",
    "signature_bit": "signature: not signed",
    "signature_format": "signature: not signed",
    "signature_missing": "9F4B is missing",
    "signature_replayed": "signature: the hash",
    "static_data": "the hash",
    "sda_tags": "9F4A names another",
    "static_bit": "static signature: not signed",
    "static_format": "static signature: not signed",
    "static_missing": "93 is missing",
    "combined_kind": "another kind of cryptogram",
    "combined_data": "other transaction data",
    "fast_version": "another version",
    "fast_amount": "the hash",
    "fast_currency": "the hash",
    "fast_related_missing": "signature: not signed",
    "fast_ctq": "not those that were signed",
}


def scheme_of(name: str) -> str:
    return cards.profile(name).applications[0].applet


def check(name: str, session: Session) -> verification.Approval:
    scheme = scheme_of(name)
    revoked = certificates.revoked_serials(scheme)
    return verification.verify(session.exchange, certificates.ca_key(scheme), DATE, revoked)


@pytest.mark.parametrize(("name", "method"), METHODS.items())
def test_an_approval_is_what_the_card_signed(name: str, method: str) -> None:
    session = present(cards.load(name), TC, 2_500)
    found = check(name, session)
    assert (found.method, found.pan) == (method, cards.profile(name).applications[0].pan)
    assert (found.amount_minor, found.currency) == (2_500, "978")
    assert found.unpredictable_number == b"\xa1\xb2\xc3\xd4"
    assert len(found.cryptogram) == 8


@pytest.mark.parametrize("name", METHODS)
def test_the_scheme_is_found_by_the_application_selected(name: str) -> None:
    session = present(cards.load(name), TC, 2_500)
    assert verification.confirm(session.exchange, DATE) == check(name, session)


def test_an_exchange_without_an_application_is_no_approval() -> None:
    with pytest.raises(NotVerified, match="no application"):
        verification.confirm([], DATE)
    session = present(cards.load("visa_revoked"), TC, 1250)
    with pytest.raises(NotVerified, match="revoked"):
        verification.confirm(session.exchange, DATE)


@pytest.mark.parametrize(("name", "fault"), FAULTY)
def test_a_card_with_one_thing_wrong_is_not_believed(name: str, fault: str) -> None:
    with pytest.raises(NotVerified, match=re.escape(WORDS[fault])):
        check(name, present(cards.load(name), TC, 1250))


def test_every_fault_of_every_kind_is_tried() -> None:
    tried = {fault for _, fault in FAULTY}
    assert tried | set(RIGHTLY_SIGNED) == {f for kind in faults.KINDS.values() for f in kind}


@pytest.mark.parametrize("name", ["visa_debit", "mastercard_debit", "discover_debit"])
def test_what_is_not_an_approval_is_not_taken_for_one(name: str) -> None:
    with pytest.raises(NotVerified, match="did not approve"):
        check(name, present(cards.load(name), ARQC, 1250))


@pytest.mark.parametrize("name", ["visa_debit.unsigned", "mastercard_debit.unsigned"])
def test_an_approval_without_a_signature_is_not_believed(name: str) -> None:
    with pytest.raises(NotVerified, match="8F is missing"):
        check(name, present(cards.load(name), TC, 1250))


def test_a_certificate_is_believed_until_the_end_of_its_month() -> None:
    session = present(cards.load("visa_debit"), TC, 1250)
    ca = certificates.ca_key("visa")
    verification.verify(session.exchange, ca, "4912")
    with pytest.raises(NotVerified, match="expired"):
        verification.verify(session.exchange, ca, "5001")


def test_another_schemes_key_verifies_nothing() -> None:
    session = present(cards.load("visa_debit"), TC, 1250)
    with pytest.raises(NotVerified, match="another scheme"):
        verification.verify(session.exchange, certificates.ca_key("jcb"), DATE)


@pytest.mark.parametrize("name", ["visa_debit", "amex_debit", "jcb_debit", "discover_debit"])
def test_a_terminal_that_reports_another_amount_is_found_out(name: str) -> None:
    session = present(cards.load(name), TC, 1250)
    low, high = bytes.fromhex("000000001250"), bytes.fromhex("000000009999")
    exchange = [(command.replace(low, high), answer) for command, answer in session.exchange]
    assert exchange != session.exchange
    with pytest.raises(NotVerified):
        check(name, Session(exchange=exchange))


@pytest.mark.parametrize("name", [name for name in METHODS if METHODS[name] == "combined"])
def test_no_bit_of_an_answer_signed_with_cda_can_change(name: str) -> None:
    session = present(cards.load(name), TC, 1250)
    (step,) = [i for i, (_, answer) in enumerate(session.exchange) if b"\x9f\x4b\x81" in answer]
    command, answer = session.exchange[step]
    for bit in range(0, 8 * (len(answer) - 2), 11):
        exchange = [*session.exchange]
        exchange[step] = command, flipped(answer, bit)
        with pytest.raises(NotVerified):
            check(name, Session(exchange=exchange))


@pytest.mark.parametrize("name", ["visa_debit", "unionpay_debit"])
def test_no_bit_of_what_fdda_signs_can_change(name: str) -> None:
    session = present(cards.load(name), TC, 1250)
    command, answer = session.exchange[-1]
    (node,) = ber.parse(answer[:-2])
    assert [child.number for child in node.children] == [0x9F4B, 0x9F69]
    ends = [answer.index(child.value) + len(child.value) for child in node.children]
    for child, end in zip(node.children, ends, strict=True):
        for bit in range(8 * (end - len(child.value)), 8 * end, 5):
            exchange = [*session.exchange[:-1], (command, flipped(answer, bit))]
            with pytest.raises(NotVerified):
                check(name, Session(exchange=exchange))


def test_a_static_signature_vouches_for_no_cryptogram() -> None:
    session = present(cards.load("amex_static"), TC, 1250)
    command, answer = session.exchange[-1]
    cryptogram = session.objects[0x9F26]
    forged = answer.replace(cryptogram, bytes(8))
    found = check("amex_static", Session(exchange=[*session.exchange[:-1], (command, forged)]))
    assert found.cryptogram == bytes(8)


def flipped(answer: bytes, bit: int) -> bytes:
    changed = bytearray(answer)
    changed[bit // 8] ^= 0x80 >> bit % 8
    return bytes(changed)


def test_a_recovered_cryptogram_is_checked_by_what_was_sent_before_the_card_was_lost() -> None:
    card = cards.load("mastercard_debit")
    first = present(card, TC, 1250)
    (ac, answer), number = first.exchange[-1], first.told[0x9F37]
    second = present(card, TC, 1250, number=b"\x01\x02\x03\x04", signed=True)
    recover = bytes.fromhex("80D0000004") + number + b"\x00"
    before = [*first.exchange[:-1], (ac, None)]
    exchange = [*before, *second.exchange[:-1], (recover, answer)]
    found = verification.verify(exchange, certificates.ca_key("mastercard"), DATE)
    assert found.unpredictable_number == number


def test_a_card_that_leaves_out_9f27_says_it_in_its_iad() -> None:
    session = present(cards.load("visa_debit"), TC, 1250)
    for text, approves in (("9F270140", True), ("9F2700", True), ("9F270180", False)):
        exchange = list(session.exchange)
        command, answer = exchange[2]
        (whole,) = ber.parse(answer[:-2])
        whole.children = [
            *(child for child in whole.children if child.number != 0x9F27),
            *ber.parse(bytes.fromhex(text)),
        ]
        exchange[2] = command, whole.encoded() + b"\x90\x00"
        if approves:
            assert check("visa_debit", Session(exchange=exchange)).method == "fast"
        else:
            with pytest.raises(NotVerified, match="did not approve"):
                check("visa_debit", Session(exchange=exchange))


@pytest.mark.parametrize("module", [verification, ber])
def test_it_is_independent_of_the_firmware(module: object) -> None:
    tree = ast.parse(inspect.getsource(module))  # type: ignore[arg-type]
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert not [name for name in imported if name.startswith("kassa")]
    assert imported & {"simulator.cards", "dataclasses"}


def test_zeros_around_an_answer_mean_nothing() -> None:
    session = present(cards.load("amex_debit"), TC, 1250)
    exchange = [(c, b"\0\0" + answer[:-2] + b"\0" + answer[-2:]) for c, answer in session.exchange]
    assert check("amex_debit", Session(exchange=exchange)) == check("amex_debit", session)


def test_the_directory_vouches_for_nothing_and_spoils_nothing() -> None:
    session = present(cards.load("visa_debit"), TC, 1250)
    exchange = [(session.exchange[0][0], b"\x6f\xff\x90\x00"), *session.exchange[1:]]
    assert check("visa_debit", Session(exchange=exchange)).method == "fast"


def test_bytes_that_are_no_tlv_are_no_approval() -> None:
    session = present(cards.load("visa_debit"), TC, 1250)
    for step in range(1, len(session.exchange)):
        exchange = list(session.exchange)
        command, _ = exchange[step]
        exchange[step] = command, b"\x77\x05\x9f\x90\x00"
        with pytest.raises(NotVerified):
            check("visa_debit", Session(exchange=exchange))
