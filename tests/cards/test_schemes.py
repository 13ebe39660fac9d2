"""Each scheme's cards decide, sign and refuse as their scheme's do."""

import pytest
from kassa.emv import apdu, tags

from simulator import cards
from simulator.cards import certificates, issuers
from simulator.cards.profiles import profile
from tests.cards.reader import AAC, ARQC, TC, Session, present

PLAIN = [n for n in cards.names() if not profile(n).awkward and not profile(n).cards]
READY = [
    n
    for n in PLAIN
    if not (
        profile(n).applications[0].blocked
        or profile(n).applications[0].locked
        or profile(n).applications[0].switch_interface
    )
]
SCHEMES = ("visa", "mastercard", "amex", "jcb", "discover", "unionpay")
DEBIT = [f"{scheme}_debit" for scheme in SCHEMES]
NO_CVM_TTQ = bytes.fromhex("30C00000")  # online, CVM required, and no method to offer
PIN_TTQ = bytes.fromhex("36C04000")


def genuine(name: str, session: Session) -> bool:
    """Whether the issuer finds the cryptogram right over what was sent."""
    app, found = profile(name).applications[0], session.objects
    data = {**session.told, tags.AIP: found[tags.AIP]}
    atc, iad = found[tags.ATC], found[tags.IAD]
    return issuers.verify_arqc(app.pan, app.psn, atc, iad, data, found[tags.CRYPTOGRAM])


@pytest.mark.parametrize("name", READY)
def test_the_issuer_verifies_what_a_card_answers(name: str) -> None:
    card = cards.load(name)
    session = present(card, ARQC, 1250, signed=False)
    assert session.kind == ARQC and genuine(name, session)
    assert card.complaints == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("tag", [tags.AMOUNT, tags.UNPREDICTABLE, tags.CURRENCY, tags.DATE])
@pytest.mark.parametrize("name", [f"{scheme}_credit" for scheme in SCHEMES])
def test_the_issuer_sees_that_a_terminal_reports_something_else(name: str, tag: int) -> None:
    session = present(cards.load(name), ARQC, 1250, signed=False)
    session.told = {**session.told, tag: bytes(len(session.told[tag]))}
    assert not genuine(name, session)


@pytest.mark.parametrize("name", [*DEBIT, "maestro_debit", "amex_static"])
def test_a_debit_card_approves_up_to_its_limit_and_asks_above(name: str) -> None:
    kinds = [present(cards.load(name), TC, amount).kind for amount in (2_500, 2_501)]
    assert kinds == [TC, ARQC]


@pytest.mark.parametrize("name", DEBIT)
def test_a_card_never_approves_where_the_terminal_asks_the_issuer(name: str) -> None:
    assert present(cards.load(name), ARQC, 100).kind == ARQC


@pytest.mark.parametrize("name", DEBIT)
def test_a_refund_is_answered_by_an_aac(name: str) -> None:
    session = present(cards.load(name), TC, 100, {tags.TYPE: b"\x20"})
    assert session.kind == AAC and genuine(name, session)


@pytest.mark.parametrize("name", DEBIT)
def test_a_card_answers_on_demand(name: str) -> None:
    assert present(cards.load(f"{name}.tc"), TC, 90_000).kind == TC
    assert present(cards.load(f"{name}.arqc"), TC, 100).kind == ARQC
    assert present(cards.load(f"{name}.aac"), TC, 100).kind == AAC


@pytest.mark.parametrize("name", DEBIT)
def test_only_a_lying_card_answers_tc_unasked(name: str) -> None:
    assert present(cards.load(f"{name}.tc"), ARQC, 100).kind == ARQC
    assert present(cards.load(f"{name}.unasked_tc"), ARQC, 100).kind == TC


@pytest.mark.parametrize("name", DEBIT)
def test_a_card_can_send_its_owner_to_the_contacts(name: str) -> None:
    assert present(cards.load(f"{name}.switch"), TC, 100).sw == 0x6984


@pytest.mark.parametrize("name", [f"{s}_phone_locked" for s in SCHEMES if s != "mastercard"])
def test_a_locked_phone_wants_its_owner_and_then_pays(name: str) -> None:
    card = cards.load(name)
    assert present(card, ARQC, 9_000).sw == 0x6986
    assert present(card, ARQC, 9_000).kind == ARQC


def test_a_locked_mastercard_phone_declines_says_so_and_then_pays() -> None:
    card = cards.load("mastercard_phone_locked")
    first, second = present(card, ARQC, 9_000), present(card, ARQC, 9_000)
    assert (first.kind, first.objects[tags.INTERACTION].hex()) == (AAC, "000100")
    assert second.kind == ARQC and tags.INTERACTION not in second.objects


CVM_REQUIRED = {tags.TTQ: PIN_TTQ, 0x9F6E: bytes.fromhex("D8E04003"), 0x9F53: b"\xf2\0\0"}


@pytest.mark.parametrize(
    ("name", "tag", "value"),
    [
        ("visa_phone", tags.CTQ, "2880"),
        ("unionpay_phone", tags.CTQ, "2880"),
        ("discover_phone", 0x9F71, "10c8"),
        ("amex_phone", 0x9F71, "010302"),
        ("jcb_phone", 0x9F50, "30"),
        ("visa_credit", tags.CTQ, "a800"),
        ("unionpay_credit", tags.CTQ, "a800"),
        ("discover_credit", 0x9F71, "80c8"),
        ("jcb_credit", 0x9F50, "20"),
        ("visa_signature", tags.CTQ, "6800"),
    ],
)
def test_a_card_says_how_its_owner_is_verified(name: str, tag: int, value: str) -> None:
    session = present(cards.load(name), ARQC, 9_000, CVM_REQUIRED)
    assert (session.kind, session.objects[tag].hex()) == (ARQC, value)


def test_a_phone_of_mastercard_says_it_in_its_aip() -> None:
    assert present(cards.load("mastercard_phone"), ARQC).objects[tags.AIP].hex() == "1b80"
    assert present(cards.load("amex_phone"), ARQC).objects[tags.AIP].hex() == "19c0"


def test_an_owner_who_cannot_be_verified_is_sent_to_the_contacts_or_declined() -> None:
    with_contacts = {tags.TTQ: NO_CVM_TTQ}
    without = {tags.TTQ: bytes.fromhex("20C00000")}
    for name in ("visa_credit", "unionpay_credit", "discover_credit"):
        assert present(cards.load(name), ARQC, 9_000, with_contacts).sw == 0x6984
        assert present(cards.load(name), ARQC, 9_000, without).kind == AAC
    required = {0x9F53: b"\x80\0\0"}
    assert present(cards.load("jcb_credit"), ARQC, 9_000, required).kind == AAC


def test_a_card_keeps_large_amounts_for_its_contacts() -> None:
    assert present(cards.load("visa_limit"), ARQC, 10_000).kind == ARQC
    assert present(cards.load("visa_limit"), ARQC, 10_001).sw == 0x6984
    no_contacts = {tags.TTQ: bytes.fromhex("26804000")}
    assert present(cards.load("visa_limit"), ARQC, 10_001, no_contacts).kind == AAC


def test_a_program_identifier_is_told_with_the_application() -> None:
    _, fci = present(cards.load("visa_program"), ARQC).exchange[1]
    assert bytes.fromhex("9F5A027801") in fci


# -- the issuer's answer


@pytest.mark.parametrize("name", ["visa_update", "unionpay_debit.update", "discover_debit.update"])
def test_a_card_that_wants_its_issuers_answer_takes_it_once_and_no_other(name: str) -> None:
    card = cards.load(name)
    session = present(card, ARQC)
    app, found = profile(name).applications[0], session.objects
    wish = found.get(tags.CTQ) or found[0x9F71]
    assert wish[1] & (0x40 if tags.CTQ in found else 0x10)
    atc, iad, arqc = found[tags.ATC], found[tags.IAD], found[tags.CRYPTOGRAM]
    answer = issuers.arpc(app.pan, app.psn, atc, iad, arqc, b"00")
    wrong = answer[:-1] + bytes([answer[-1] ^ 1])
    card.reset()
    card.transceive(apdu.select(app.aid))
    assert card.transceive(apdu.external_authenticate(wrong))[-2:].hex() == "6300"
    assert card.transceive(apdu.external_authenticate(answer))[-2:].hex() == "6985"
    present(card, ARQC)
    assert card.transceive(apdu.external_authenticate(answer))[-2:].hex() == "6300"


def test_a_card_that_wants_no_answer_takes_none() -> None:
    card = cards.load("visa_debit")
    present(card, ARQC)
    assert card.transceive(apdu.external_authenticate(bytes(10)))[-2:].hex() == "6985"


def test_a_jcb_card_asks_for_its_issuers_answer_by_9f60() -> None:
    assert present(cards.load("jcb_update"), ARQC).objects[0x9F60] == b"\x01"
    assert 0x9F60 not in present(cards.load("jcb_debit"), ARQC).objects


# -- what a wrong terminal hears


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("visa_debit", {tags.TTQ: bytes(4)}),
        ("unionpay_debit", {tags.TTQ: bytes.fromhex("80000000")}),
        ("discover_debit", {tags.TTQ: bytes(4)}),
        ("amex_debit", {0x9F6E: bytes(4)}),
        ("jcb_debit", {0x9F52: b"\x01"}),
    ],
)
def test_a_terminal_without_emv_mode_is_refused(name: str, values: dict[int, bytes]) -> None:
    assert present(cards.load(name), ARQC, 100, values).sw == 0x6985


@pytest.mark.parametrize("name", ["mastercard_debit", "amex_debit", "jcb_debit"])
def test_a_cryptogram_is_made_once_and_of_the_right_length_and_kind(name: str) -> None:
    card = cards.load(name)
    command, _ = present(card, ARQC, 100).exchange[-1]
    assert card.transceive(command)[-2:].hex() == "6985"
    before = present(card, ARQC, 100).exchange[:-1]
    for wrong, sw in (
        (command[:4] + bytes([command[4] - 1]) + command[5:-2] + b"\0", "6700"),
        (command[:2] + b"\xc0" + command[3:], "6a86"),
        (command[:3] + b"\x01" + command[4:], "6a86"),
    ):
        card.reset()
        for sent, _ in before:
            card.transceive(sent)
        assert card.transceive(wrong)[-2:].hex() == sw
        assert card.transceive(command)[-2:].hex() == "9000"


@pytest.mark.parametrize("name", DEBIT)
def test_an_amount_that_is_no_number_is_refused(name: str) -> None:
    assert present(cards.load(name), ARQC, 100, {tags.AMOUNT: b"\0\0\0\0\0\x1a"}).sw == 0x6A80


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({tags.COUNTRY: bytes(2)}, "9F1A was not filled in"),
        ({tags.DATE: b"\x26\x1a\x22"}, "9A has digits that are none"),
        ({tags.UNPREDICTABLE: bytes(4)}, "9F37 was not filled in"),
        ({tags.TVR: b"\x01\0\0\0\0"}, "95 has reserved bits set"),
        ({tags.TTQ: b"\x76\x80\x40\x00"}, "9F66 has reserved bits set"),
    ],
)
def test_a_card_notes_what_no_card_would_refuse(values: dict[int, bytes], complaint: str) -> None:
    card = cards.load("visa_debit")
    present(card, ARQC, 100, values)
    assert complaint in card.complaints  # type: ignore[attr-defined]


def test_a_card_notes_a_number_that_comes_twice() -> None:
    card = cards.load("unionpay_debit")
    present(card, ARQC, 100, number=b"1111")
    present(card, ARQC, 100, number=b"2222")
    assert card.complaints == []  # type: ignore[attr-defined]
    present(card, ARQC, 100, number=b"1111")
    assert card.complaints == ["the unpredictable number came before"]  # type: ignore[attr-defined]


def test_a_card_notes_records_left_out_or_read_twice() -> None:
    card = cards.load("jcb_debit")
    exchange = present(card, ARQC, 100).exchange
    again = cards.load("jcb_debit")
    commands = [command for command, _ in exchange]
    for command in [*commands[:4], commands[3], commands[-1]]:
        assert again.transceive(command)[-2:] == b"\x90\x00"
    assert again.complaints == [  # type: ignore[attr-defined]
        "record 1 of file 2 was not the next to read",
        "3 records of the AFL were not read",
    ]


# -- what a terminal is provisioned with


@pytest.mark.parametrize("scheme", SCHEMES)
def test_each_scheme_has_a_key_of_its_own_and_a_revocation_list(scheme: str) -> None:
    key = certificates.ca_key(scheme)
    assert len(key.rid) == 5 and len(key.modulus) == certificates.CA_BITS // 8
    others = [certificates.ca_key(other) for other in SCHEMES if other != scheme]
    assert key.modulus not in [other.modulus for other in others]
    (serial,) = certificates.revoked_serials(scheme)
    assert len(serial) == 3
    assert present(cards.load(f"{scheme}_revoked"), TC, 100).objects[tags.CA_KEY_INDEX] == b"\x92"
