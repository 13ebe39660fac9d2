"""The cards keep to the specifications they play."""

import hashlib
from pathlib import Path

import pytest
from kassa.emv import apdu, dol, tags, tlv

from simulator import cards
from simulator.cards import certificates, emv_keys, issuers
from simulator.cards.applet import ppse
from simulator.cards.personalisation import Application, luhn
from simulator.cards.profiles import profile
from tests.cards.reader import ARQC, TC, present
from tests.emv.reader import tap

PLAIN = [n for n in cards.names() if not profile(n).awkward and not profile(n).cards]
USABLE = [n for n in PLAIN if not profile(n).applications[0].blocked]
PAYING = [n for n in USABLE if not profile(n).applications[0].switch_interface]


def select(card: cards.Card) -> bytes:
    aid = profile(card.name).applications[0].aid
    return card.transceive(apdu.select(aid))


def pdol_values(card: cards.Card) -> bytes:
    """GET PROCESSING OPTIONS with zeros for everything but an EMV-mode, online TTQ."""
    listed = tlv.flatten(select(card)[:-2])[tags.PDOL]
    known = {tags.TTQ: bytes.fromhex("20804000"), tags.AMOUNT: bytes(5) + b"\x10"}
    return apdu.get_processing_options(dol.fill(listed, known.get))


@pytest.mark.parametrize("name", PLAIN)
def test_a_card_lists_itself_and_can_be_selected(name: str) -> None:
    card = cards.load(name)
    answer = card.transceive(apdu.select(apdu.PPSE))
    assert answer == ppse(profile(name).applications) + b"\x90\x00"
    blocked = profile(name).applications[0].blocked
    assert select(card)[-2:].hex() == ("6283" if blocked else "9000")


@pytest.mark.parametrize("name", PLAIN)
def test_identity_is_what_the_radio_wants(name: str) -> None:
    card = cards.load(name)
    assert len(card.uid) in (4, 7) and card.ats[0] == len(card.ats)
    assert card.sak == 0x20 and card.atqa == (0x0004 if len(card.uid) == 4 else 0x0044)


def test_every_card_has_a_number_and_an_antenna_of_its_own() -> None:
    apps = [(n, app) for n in PLAIN for app in profile(n).applications]
    assert len({app.pan for _, app in apps}) == len(apps)
    assert len({profile(n).card["uid"] for n in PLAIN}) == len(PLAIN)
    assert all(luhn(app.pan) for _, app in apps)
    assert all(profile(n).source for n in PLAIN)


@pytest.mark.parametrize("name", USABLE)
def test_commands_out_of_order_or_of_the_wrong_length_are_refused(name: str) -> None:
    card = cards.load(name)
    gpo = pdol_values(card)
    assert card.transceive(apdu.read_record(2, 1))[-2:].hex() == "6985"
    assert card.transceive(apdu.get_processing_options(gpo[7:-2]))[-2:].hex() == "6700"
    assert card.transceive(bytes.fromhex("80A8000000"))[-2:].hex() == "6a80"
    assert card.transceive(bytes.fromhex("80A80100") + gpo[4:])[-2:].hex() == "6a86"
    assert card.transceive(b"\x00\xb2\x01")[-2:].hex() == "6700"
    assert card.transceive(b"\x00\x11\x00\x00\x00")[-2:].hex() == "6d00"
    assert card.transceive(b"\x90\x11\x00\x00\x00")[-2:].hex() == "6e00"


def test_options_are_processed_once_a_session() -> None:
    card = cards.load("visa_credit")
    gpo = pdol_values(card)
    assert card.transceive(gpo)[-2:].hex() == "9000"
    assert card.transceive(gpo)[-2:].hex() == "6985"
    select(card)
    assert card.transceive(gpo)[-2:].hex() == "9000"


def test_nothing_is_selected_after_power_came_and_went() -> None:
    card = cards.load("mastercard_credit")
    gpo = pdol_values(card)
    card.reset()
    assert card.transceive(gpo)[-2:].hex() == "6985"


@pytest.mark.parametrize("name", PAYING)
def test_the_counter_goes_up_with_each_transaction(name: str) -> None:
    card = cards.load(name)
    if profile(name).applications[0].locked:
        present(card)
    first, second = (present(card, ARQC, signed=False).objects for _ in range(2))
    counters = [int.from_bytes(found[tags.ATC], "big") for found in (first, second)]
    assert counters[1] == counters[0] + 1
    assert first[tags.CRYPTOGRAM] != second[tags.CRYPTOGRAM]


def test_two_of_one_card_do_not_share_a_counter() -> None:
    assert tap("visa_credit").atc == tap("visa_credit").atc


def test_a_visa_card_approves_a_small_amount_itself_where_it_may() -> None:
    def offline(source: dict) -> None:
        source["terminal"]["offline_approval"] = True
        source["combinations"][0]["floor_limit"] = 10_000

    kinds = {amount: tap("visa_debit", amount, offline).cid for amount in (2_500, 2_501)}
    assert kinds == {2_500: 0x40, 2_501: 0x80}


@pytest.mark.parametrize("name", USABLE)
def test_a_card_takes_its_time_as_a_card_does(name: str) -> None:
    card = cards.load(name)
    gpo = pdol_values(card)
    times = [
        card.response_time_ns(c)
        for c in (apdu.select(apdu.PPSE), gpo, apdu.generate_ac(0x80, bytes(66)))
    ]
    assert all(5_000_000 <= t <= 250_000_000 for t in times)


@pytest.mark.parametrize("name", PAYING)
def test_a_card_leaves_time_for_the_air_within_half_a_second(name: str) -> None:
    card = cards.load(name)
    if profile(name).applications[0].locked:
        present(card)
    thought = sum(card.response_time_ns(command) for command, _ in present(card, TC).exchange)
    carried = sum(len(c) + len(a) for c, a in present(card, TC).exchange)
    air = carried * 9 / 106_000 * 1e9  # a byte and its parity at 106 kbit/s
    assert thought + air <= 450e6


# -- what the terminal will verify offline


def recover(key: certificates.CaKey, signed: bytes) -> bytes:
    """RSA recovery as a terminal does it (EMV 4.3 Book 2, A2.1): by the public key alone."""
    exponent, modulus = int.from_bytes(key.exponent, "big"), int.from_bytes(key.modulus, "big")
    return pow(int.from_bytes(signed, "big"), exponent, modulus).to_bytes(len(key.modulus), "big")


def next_key(block: bytes, field: int, remainder: bytes, exponent: bytes) -> certificates.CaKey:
    length = block[field - 2]
    modulus = (block[field:-21] + remainder)[:length]
    return certificates.CaKey(b"", 0, modulus, exponent)


def sha1_fits(block: bytes, more: bytes) -> bool:
    return hashlib.sha1(block[1:-21] + more).digest() == block[-21:-1]


def chain(records: dict[int, bytes], scheme: str, pan: str, static: bytes) -> certificates.CaKey:
    """From the CA's key over the issuer's to the card's; asserts what Book 2, 6.3 and 6.4 ask."""
    issuer_block = recover(certificates.ca_key(scheme), records[0x90])
    assert (issuer_block[:2], issuer_block[-1:]) == (b"\x6a\x02", b"\xbc")
    assert issuer_block[2:6].hex().startswith(pan[:6]) and issuer_block[11:13] == b"\x01\x01"
    assert sha1_fits(issuer_block, records[0x92] + records[0x9F32])
    issuer = next_key(issuer_block, 15, records[0x92], records[0x9F32])
    icc_block = recover(issuer, records[0x9F46])
    assert (icc_block[:2], icc_block[-1:]) == (b"\x6a\x04", b"\xbc")
    assert icc_block[2:12].hex().rstrip("f") == pan
    assert sha1_fits(icc_block, records[0x9F48] + records[0x9F47] + static)
    return next_key(icc_block, 21, records[0x9F48], records[0x9F47])


def test_a_mastercards_certificates_lead_from_the_ca_to_its_cda_signature() -> None:
    card = cards.load("mastercard_credit")
    app: Application = profile("mastercard_credit").applications[0]
    options = card.transceive(pdol_values(card))[:-2]
    read = [
        card.transceive(apdu.read_record(s, r))[:-2] for s, r in ((2, 1), (3, 1), (3, 2), (4, 1))
    ]
    records = {t: v for record in read for t, v in tlv.flatten(record).items()}
    aip = tlv.flatten(options)[tags.AIP]
    key = chain(records, "mastercard", app.pan, tlv.open_template(read[0], 0x70) + aip)

    number = bytes.fromhex("A1B2C3D4")
    values = bytes(25) + number + bytes(29)
    answer = card.transceive(apdu.generate_ac(0x90, values))[:-2]
    fields = tlv.flatten(answer)
    block = recover(key, fields[tags.SIGNED_DYNAMIC])
    assert block[:3] == b"\x6a\x05\x01" and sha1_fits(block, number)
    dynamic = block[4 : 4 + block[3]]
    assert dynamic[9:10] == fields[tags.CID] == b"\x80"
    listed = [(t, v) for t, v in tlv.parse(answer)[0][1] if t != tags.SIGNED_DYNAMIC]
    gpo_values = pdol_values(cards.load("mastercard_credit"))[7:-1]
    hashed = hashlib.sha1(gpo_values + values + tlv.encode_all(listed)).digest()  # type: ignore[arg-type]
    assert dynamic[18:38] == hashed
    terminal = {
        tags.AIP: aip,
        tags.AMOUNT: bytes(6),
        tags.AMOUNT_OTHER: bytes(6),
        tags.COUNTRY: bytes(2),
    }
    terminal |= {
        tags.TVR: bytes(5),
        tags.CURRENCY: bytes(2),
        tags.DATE: bytes(3),
        tags.TYPE: b"\0",
    }
    terminal[tags.UNPREDICTABLE] = number
    atc, iad = fields[tags.ATC], fields[tags.IAD]
    assert issuers.verify_arqc(app.pan, app.psn, atc, iad, terminal, dynamic[10:18])


def test_a_visa_cards_certificates_lead_from_the_ca_to_its_fdda_signature() -> None:
    card = cards.load("visa_debit")
    app = profile("visa_debit").applications[0]
    listed = tlv.flatten(select(card)[:-2])[tags.PDOL]
    number, amount, currency = bytes.fromhex("A1B2C3D4"), bytes(4) + b"\x10\x00", b"\x09\x78"
    known = {tags.TTQ: bytes.fromhex("20004000"), tags.AMOUNT: amount, tags.CURRENCY: currency}
    known[tags.UNPREDICTABLE] = number
    options = tlv.flatten(
        card.transceive(apdu.get_processing_options(dol.fill(listed, known.get)))[:-2]
    )
    assert options[tags.CID] == b"\x40"
    read = [
        card.transceive(apdu.read_record(s, r))[:-2]
        for s, r in ((2, 1), (3, 1), (3, 2), (3, 3), (3, 4))
    ]
    records = {t: v for record in read for t, v in tlv.flatten(record).items()}
    key = chain(records, "visa", app.pan, tlv.open_template(read[0], 0x70) + options[tags.AIP])
    related = records[tags.FDDA]
    assert (len(related), related[0], related[5:]) == (7, 1, options[tags.CTQ])
    block = recover(key, records[tags.SIGNED_DYNAMIC])
    assert block[:3] == b"\x6a\x95\x01" and sha1_fits(block, number + amount + currency + related)


def test_keys_are_the_same_on_every_machine() -> None:
    made = emv_keys.generate("a test/512", 512)
    digest = hashlib.sha256(repr(made).encode()).hexdigest()
    assert digest == "552b334f6ee3b916864e854f8adc3eb4dde1fce53d3f619bb0e41e2d80cee359"
    key = emv_keys.RsaKey(*made)
    block = b"\x6a" + bytes(range(63))
    assert key.recover(key.sign(block)) == block


def test_the_readme_tells_of_every_card() -> None:
    text = (Path(cards.__file__).parent / "README.md").read_text("utf-8")
    told = {line.split("`")[1] for line in text.splitlines() if line.startswith("| `")}
    assert told == set(cards.names())
