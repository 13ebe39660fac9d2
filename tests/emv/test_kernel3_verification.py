"""C3-6 to C3-8: cardholder verification, issuer update and dynamic limits of kernel 3."""

from typing import Any

import pytest
from kassa.system.card import CardLost

from tests.emv.reader import Terminal, tap, visa_of
from tests.emv.scripts import GPO, VISA, answering, fci, sent, template, visa
from tests.emv.visas import RECORD, TC, Oda, tap_offline, with_ttq

CVM_CASES = [
    # CTQ, 9F69, TTQ byte 1, over the CVM limit -> cvm or None for declined
    (None, None, "20", False, "none"),
    (None, None, "26", True, "signature"),
    (None, None, "24", True, "online_pin"),
    (None, None, "20", True, None),
    ("8000", None, "24", True, "online_pin"),
    ("8000", None, "26", True, "online_pin"),
    ("8000", None, "20", False, "none"),
    ("8000", None, "20", True, None),
    ("4000", None, "22", True, "signature"),
    ("4000", None, "24", True, None),
    ("C000", None, "22", True, "signature"),
    ("0080", None, "20", True, "cdcvm"),
    ("0080", None, "20", False, "cdcvm"),
    ("8080", None, "24", True, "online_pin"),
    ("8080", None, "20", True, "cdcvm"),
    ("0080", "01010203040080", "20", True, "cdcvm"),
    ("0080", "01010203040000", "20", True, None),  # not what was signed
    ("0080", "0101020304", "20", True, None),  # no copy to compare with
    ("0000", None, "26", True, None),
    ("0000", None, "26", False, "none"),
]


@pytest.mark.parametrize(("ctq", "related", "ttq_1", "over", "cvm"), CVM_CASES)
def test_C3_6_cardholder_verification(
    ctq: str | None, related: str | None, ttq_1: str, over: bool, cvm: str | None
) -> None:
    changes = {
        0x9F6C: bytes.fromhex(ctq) if ctq else None,
        0x9F69: bytes.fromhex(related) if related else None,
    }
    found = tap(
        visa(changes), amount_minor=6_000 if over else 1_000, change=with_ttq(ttq_1 + "004000")
    )
    if cvm is None:
        assert (found.kind, found.discretionary["error"]) == (
            "declined",
            "cardholder not verified",
        )
    else:
        assert (found.kind, found.cvm) == ("online_request", cvm)
        assert found.receipt is (cvm == "signature")


def test_C3_6_online_pin_goes_online_whatever_the_card_said() -> None:
    card = visa({0x9F27: TC, 0x9F6C: bytes.fromhex("8000")}, template(0x70, RECORD))
    found = tap_offline(card, Oda(True), change=with_ttq("24004000", True))
    assert (found.kind, found.cvm) == ("online_request", "online_pin")


def test_C3_6_a_consumer_device_without_9F69_needs_an_arqc() -> None:
    card = visa({0x9F27: TC, 0x9F6C: bytes.fromhex("0080")}, template(0x70, RECORD))
    assert tap_offline(card, Oda(True)).kind == "declined"
    signed = {0x9F27: TC, 0x9F6C: bytes.fromhex("0080"), 0x9F69: bytes.fromhex("01010203040080")}
    found = tap_offline(visa(signed, template(0x70, RECORD)), Oda(True))
    assert (found.kind, found.cvm) == ("approved", "cdcvm")


def test_C3_6_an_approval_with_signature_says_so() -> None:
    card = visa({0x9F27: TC, 0x9F6C: bytes.fromhex("4000")}, template(0x70, RECORD))
    found = tap_offline(card, Oda(True), change=with_ttq("22004000", True))
    assert found.ui is not None and (found.kind, found.ui.message) == ("approved", 0x1A)


UPDATE = with_ttq("2000C000")


@pytest.mark.parametrize(
    ("ctq", "change", "start"),
    [("2840", UPDATE, "B"), ("2840", None, None), ("2800", UPDATE, None)],
)
def test_C3_7_an_issuer_update_is_an_online_request_with_start_b(
    ctq: str, change: Any, start: str | None
) -> None:
    found = tap(visa({0x9F6C: bytes.fromhex(ctq)}), change=change)
    assert (found.kind, found.start) == ("online_request", start)
    assert found.online_response == ("emv_data" if start else None)


def updated(card: Any, answer: bytes) -> tuple[list[str], Terminal]:
    terminal = Terminal(UPDATE)
    terminal.prepare()
    assert terminal.tap(card).start == "B"
    before = len(card.commands)
    terminal.update(card, answer)
    return [c.hex().upper() for c in card.commands[before:]], terminal


def test_C3_7_the_second_tap_hands_the_issuers_answer_to_the_card() -> None:
    card = visa({0x9F6C: bytes.fromhex("2840")})
    card.answers |= {b"\x00\x82": "9000", b"\x84\x16": "9000"}
    answer = bytes.fromhex(
        "8A023030" + "910A11223344556677880010" + "720B" + "8609841600000411223344"
    )
    commands, _ = updated(card, answer)
    assert commands == [
        "00A4040007" + VISA.hex().upper() + "00",
        "008200000A11223344556677880010",
        "841600000411223344",
    ]


@pytest.mark.parametrize(
    "answer", [b"", b"\x91", bytes.fromhex("9101AA"), bytes.fromhex("7203860184"), b"\xff" * 9]
)
def test_C3_7_an_answer_that_makes_no_sense_is_not_sent(answer: bytes) -> None:
    commands, _ = updated(visa({0x9F6C: bytes.fromhex("2840")}), answer)
    assert [c for c in commands if not c.startswith("00A4")] == []


@pytest.mark.parametrize("at", ["00A40400", "0082"])
def test_C3_7_the_sale_does_not_fail_for_want_of_the_second_tap(at: str) -> None:
    terminal = Terminal(UPDATE)
    terminal.prepare()
    card = visa({0x9F6C: bytes.fromhex("2840")})
    assert terminal.tap(card).start == "B"
    terminal.update(
        answering(card, at, CardLost("gone")), bytes.fromhex("910A11223344556677880010")
    )
    assert any(e["is"] == "issuer_update" for e in terminal.log.events)


def test_C3_7_another_card_at_the_second_tap_gets_nothing() -> None:
    terminal = Terminal(UPDATE)
    terminal.prepare()
    assert terminal.tap(visa({0x9F6C: bytes.fromhex("2840")})).start == "B"
    other = visa(select="6A82")
    terminal.update(other, bytes.fromhex("910A11223344556677880010"))
    assert [c[:2].hex() for c in other.commands] == ["00a4"]


@pytest.mark.parametrize(
    ("program", "amount", "byte_2"),
    [
        (b"\x78\x01", 2_400, 0x80),
        (b"\x78\x01", 2_500, 0xC0),  # its own CVM limit
        (b"\x78\x01\x99", 2_500, 0xC0),  # begins with it
        (b"\x78\x01\x02", 2_500, 0x80),  # the longer one counts
        (b"\x11\x11", 2_500, 0x80),  # none of ours: the combination's
        (None, 2_500, 0x80),
    ],
)
def test_C3_8_dynamic_reader_limits(program: bytes | None, amount: int, byte_2: int) -> None:
    def change(source: dict[str, Any]) -> None:
        visa_of(source)["program_limits"] = [
            {"program": "7801", "cvm_limit": 2_500, "floor_limit": 0},
            {"program": "780102", "cvm_limit": 9_000, "floor_limit": 0},
        ]

    more = {"x9F5A": program} if program else {}
    pdol = bytes.fromhex("9F6604")
    card = visa(select=fci(VISA, pdol, **more))
    tap(card, amount_minor=amount, change=change)
    assert sent(card, GPO)[0][7:11] == bytes([0x20, byte_2, 0x40, 0x00])


@pytest.mark.parametrize(("amount", "byte_2"), [(2_000, 0x00), (2_001, 0x80), (2_500, 0xC0)])
def test_C3_8_a_limit_that_a_program_does_not_have_is_the_combinations(
    amount: int, byte_2: int
) -> None:
    # The program is the card's to name: no card frees itself of the floor limit.
    def change(source: dict[str, Any]) -> None:
        source["terminal"]["offline_approval"] = True
        visa_of(source)["floor_limit"] = 2_000
        visa_of(source)["program_limits"] = [{"program": "7801", "cvm_limit": 2_500}]

    card = visa(select=fci(VISA, bytes.fromhex("9F6604"), x9F5A=b"\x78\x01"))
    tap(card, amount_minor=amount, change=change)
    assert sent(card, GPO)[0][7:11] == bytes([0x20, byte_2, 0x40, 0x00])


def test_C3_8_over_the_programs_limit_the_next_application_is_tried() -> None:
    def change(source: dict[str, Any]) -> None:
        visa_of(source)["program_limits"] = [{"program": "7801", "transaction_limit": 1_000}]

    card = visa(select=fci(VISA, bytes.fromhex("9F6604"), x9F5A=b"\x78\x01"))
    assert tap(card, amount_minor=1_000, change=change).discretionary["error"] == "no application"
    assert not sent(card, GPO)
