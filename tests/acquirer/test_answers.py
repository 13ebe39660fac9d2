"""What the acquirer answers to which message."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulator.acquirer import messages
from simulator.acquirer.acquirer import Acquirer
from simulator.acquirer.issuing import AAC, ARQC, TC
from simulator.acquirer.ledger import OPENING_BALANCE_MINOR
from simulator.acquirer.messages import Message
from tests.acquirer.terminal import PAN, Terminal, tlv


def test_a_sign_on_is_accepted_and_told_the_time(terminal: Terminal) -> None:
    answer = terminal.read(terminal.send("0800", terminal.common(1) | {70: "001"}))
    assert (answer.mti, answer.get(39), answer.get(62)) == ("0810", "00", "20260105100000")


def test_an_echo_without_mac_is_answered_without_one(
    acquirer: Acquirer, terminal: Terminal
) -> None:
    request = messages.encode("0800", terminal.common(1) | {70: "301"}, None)
    answer = messages.decode(acquirer.handle(request, terminal.terminal_id).data[2:])
    assert (answer.mti, answer.get(39), answer.get(70)) == ("0810", "00", "301")
    assert not answer.get(128)


def test_a_good_sale_is_approved_and_takes_the_money(
    acquirer: Acquirer, terminal: Terminal
) -> None:
    answer = terminal.sale(1250, stan=7)
    assert answer.mti == "0210"
    assert answer.get(39) == "00"
    assert len(answer.get(38)) == 6
    assert answer.get(37) == "010511000007"
    assert (answer.get(11), answer.get(4), answer.get(41)) == (
        "000007",
        "000000001250",
        "KASSA001",
    )
    assert acquirer.ledger.balance_minor(PAN) == OPENING_BALANCE_MINOR - 1250
    assert acquirer.ledger.summary()["approved"] == 1


@pytest.mark.parametrize(
    ("amount_minor", "code"), [(1205, "05"), (151, "51"), (99954, "54"), (91, "91")]
)
def test_test_amounts_decline(
    acquirer: Acquirer, terminal: Terminal, amount_minor: int, code: str
) -> None:
    assert terminal.sale(amount_minor).get(39) == code
    assert acquirer.ledger.summary()["total_minor"] == 0


def test_the_silent_amount_is_booked_and_not_answered(
    acquirer: Acquirer, terminal: Terminal
) -> None:
    reply = terminal.send(*terminal.sale_request(1268))
    assert reply.data == b"" and not reply.close
    assert acquirer.ledger.balance_minor(PAN) == OPENING_BALANCE_MINOR - 1268


def test_a_cryptogram_over_another_amount_is_refused(terminal: Terminal) -> None:
    assert terminal.sale(1250, signed_amount_minor=125).get(39) == "82"


def test_a_cryptogram_of_another_card_is_refused(terminal: Terminal) -> None:
    mti, fields, _ = terminal.sale_request()
    _, _, other = terminal.sale_request(pan="4761739001010127")
    assert terminal.read(terminal.send(mti, fields, other)).get(39) == "82"


@pytest.mark.parametrize("tag", [0x9F26, 0x9F10, 0x9F36, 0x9F27, 0x9F37, 0x82])
def test_icc_data_with_a_part_missing_is_refused(terminal: Terminal, tag: int) -> None:
    assert terminal.sale(without=(tag,)).get(39) == "82"


def test_an_expired_card_is_declined_in_the_month_after(terminal: Terminal) -> None:
    assert terminal.sale(stan=1, expiry="2512").get(39) == "54"
    assert terminal.sale(stan=2, expiry="2601").get(39) == "00"


def test_a_card_of_nobody_is_unknown(terminal: Terminal) -> None:
    mti, fields, _ = terminal.sale_request()
    stranger = tlv(0x5A, bytes.fromhex("4000000000000002"))
    assert terminal.read(terminal.send(mti, fields, stranger)).get(39) == "14"


def test_a_blocked_card_is_declined(acquirer: Acquirer, terminal: Terminal) -> None:
    acquirer.ledger.open_account(PAN, "978")
    acquirer.ledger.set_account(PAN, blocked=True)
    assert terminal.sale().get(39) == "62"


def test_an_account_gives_what_it_has_and_no_more(acquirer: Acquirer, terminal: Terminal) -> None:
    acquirer.ledger.open_account(PAN, "978", balance_minor=2000)
    assert terminal.sale(1250, stan=1).get(39) == "00"
    assert terminal.sale(1250, stan=2).get(39) == "51"
    assert terminal.sale(750, stan=3).get(39) == "00"
    assert acquirer.ledger.balance_minor(PAN) == 0


def test_an_authorisation_takes_no_money(acquirer: Acquirer, terminal: Terminal) -> None:
    answer = terminal.sale(mti="0100")
    assert (answer.mti, answer.get(39)) == ("0110", "00")
    assert acquirer.ledger.balance_minor(PAN) == OPENING_BALANCE_MINOR


def offline_advice(terminal: Terminal, amount_minor: int = 1250, **changes: Any) -> Message:
    """An advice of a sale that the card approved, and its answer."""
    mti, fields, card = terminal.sale_request(
        amount_minor, **({"mti": "0220", "kind": TC} | changes)
    )
    return terminal.read(terminal.send(mti, fields | {39: "Y1", 38: "OFFL01"}, card))


def test_what_a_card_approved_is_booked_whatever_the_account_has(
    acquirer: Acquirer, terminal: Terminal
) -> None:
    acquirer.ledger.open_account(PAN, "978", balance_minor=0)
    # An amount that the issuer would decline if it were asked.
    answer = offline_advice(terminal, 1251)
    assert (answer.mti, answer.get(39), answer.get(38)) == ("0230", "00", "OFFL01")
    assert acquirer.ledger.balance_minor(PAN) == -1251
    assert acquirer.messages[-1]["note"] == "approved by the card"


@pytest.mark.parametrize(
    ("changes", "code", "why"),
    [
        ({"signed_amount_minor": 125}, "82", "the card was asked for another amount"),
        ({"kind": ARQC}, "82", "no TC"),
        ({"without": (0x9F26,)}, "82", "ICC data is incomplete"),
        ({"without": (0x9F37,)}, "82", "the cryptogram is wrong"),
        ({"without": (0x9A,)}, "82", "the cryptogram is wrong"),
        ({"expiry": "2512"}, "54", "the card had expired"),
    ],
)
def test_an_offline_approval_that_no_card_gave_is_refused_and_books_nothing(
    acquirer: Acquirer, terminal: Terminal, changes: dict[str, Any], code: str, why: str
) -> None:
    answer = offline_advice(terminal, **changes)
    assert (answer.mti, answer.get(39)) == ("0230", code)
    assert why in acquirer.messages[-1]["note"]
    assert acquirer.ledger.summary()["total_minor"] == 0


def test_a_tc_of_another_card_is_refused(acquirer: Acquirer, terminal: Terminal) -> None:
    mti, fields, _ = terminal.sale_request(mti="0220", kind=TC)
    _, _, other = terminal.sale_request(pan="4761739001010127")
    assert terminal.read(terminal.send(mti, fields | {39: "Y1"}, other)).get(39) == "82"
    stranger = tlv(0x5A, bytes.fromhex("4000000000000002"))
    again = fields | {39: "Y1", 11: "000002"}
    assert terminal.read(terminal.send(mti, again, stranger)).get(39) == "14"
    assert acquirer.ledger.summary()["total_minor"] == 0


def test_the_issuer_may_be_asked_with_a_tc_that_the_terminal_did_not_trust(
    acquirer: Acquirer, terminal: Terminal
) -> None:
    assert terminal.sale(kind=TC).get(39) == "00"
    assert terminal.sale(1251, stan=2, kind=TC).get(39) == "51"


def test_a_declining_card_is_never_an_approval(acquirer: Acquirer, terminal: Terminal) -> None:
    assert terminal.sale(kind=AAC).get(39) == "82"
    assert "neither ARQC nor TC" in acquirer.messages[-1]["note"]


def test_a_wrong_mac_is_a_security_violation_and_books_nothing(
    acquirer: Acquirer, terminal: Terminal
) -> None:
    request = bytearray(terminal.seal(*terminal.sale_request()))
    request[-1] ^= 1
    answer = terminal.read(acquirer.handle(bytes(request), terminal.terminal_id))
    assert answer.get(39) == "63"
    assert acquirer.ledger.summary()["approved"] == 0


def test_a_changed_amount_breaks_the_mac(acquirer: Acquirer, terminal: Terminal) -> None:
    request = terminal.seal(*terminal.sale_request(1250))
    changed = request.replace(bytes.fromhex("000000001250"), bytes.fromhex("000000000050"), 1)
    assert changed != request
    answer = terminal.read(acquirer.handle(changed, terminal.terminal_id))
    assert answer.get(39) == "63"


def test_a_card_block_of_another_transaction_does_not_open(terminal: Terminal) -> None:
    mti, fields, card = terminal.sale_request(stan=1)
    answer = terminal.read(terminal.send(mti, fields, card, bound_to_stan="000002"))
    assert answer.get(39) == "63"


def test_a_terminal_cannot_speak_for_another(acquirer: Acquirer, terminal: Terminal) -> None:
    request = terminal.seal(*terminal.sale_request())
    assert terminal.read(acquirer.handle(request, "KASSA002")).get(39) == "58"
    assert acquirer.ledger.summary()["approved"] == 0


@pytest.mark.parametrize("garbage", [b"", b"GET / HTTP/1.1\r\n\r\n", bytes(10), b"\x02\x00" * 9])
def test_garbage_closes_the_connection(acquirer: Acquirer, garbage: bytes) -> None:
    reply = acquirer.handle(garbage, None)
    assert reply.close and not reply.data


def test_the_log_decodes_messages_and_shows_no_card_number(
    acquirer: Acquirer, terminal: Terminal
) -> None:
    seen: list[dict[str, object]] = []
    acquirer.on_message = seen.append
    terminal.sale(1250)
    entries = acquirer.messages
    assert [(entry["direction"], entry["mti"]) for entry in entries] == [
        ("in", "0200"),
        ("out", "0210"),
    ]
    assert entries[0]["card"] == {"pan": "476173******0119", "psn": 1}
    assert entries[0]["emv"]["9F02"] == "000000001250"
    assert entries[1]["fields"]["39"] == "00"
    assert entries[1]["note"] == "approved"
    assert seen == acquirer.messages
    assert PAN not in json.dumps(acquirer.messages)
