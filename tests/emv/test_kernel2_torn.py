"""C2-11: transactions torn in GENERATE AC and their recovery."""

import pytest
from kassa.emv import outcome, tlv
from kassa.system.card import CardLost, ProtocolError, TransmissionError

from simulator import cards
from simulator.cards import issuers
from simulator.cards.awkward import TornAfter
from tests.emv.mastercards import kernel2
from tests.emv.reader import Present, Terminal, commands, tap
from tests.emv.scripts import (
    AC,
    GPO,
    MASTERCARD_AC,
    PPSE,
    READ,
    answering,
    entry,
    fci,
    mastercard,
    ppse,
    sent,
    template,
)

MAESTRO = bytes.fromhex("A0000000043060")


@pytest.mark.parametrize(
    "error", [CardLost("gone"), TransmissionError("noise"), ProtocolError("odd")]
)
@pytest.mark.parametrize("at", [GPO, READ, AC])
def test_C2_11_a_transmission_error_starts_again_at_b(error: Exception, at: str) -> None:
    found = tap(answering(mastercard(), at, error))
    assert (found.kind, found.start) == ("end_application", "B")
    assert found.ui is not None and found.ui.message == 0x21


def torn(apdus: int = 7) -> tuple[Terminal, Present, outcome.Outcome]:
    """A Mastercard torn in GENERATE AC: terminal, card, and the first outcome."""
    terminal = Terminal()
    terminal.prepare()
    card = Present(TornAfter(cards.load("mastercard_credit"), apdus=apdus, times=1))
    return terminal, card, terminal.tap(card)


def again(card: Present) -> Present:
    return Present(card.card)


def test_C2_11_a_torn_cryptogram_is_recovered_on_the_next_tap() -> None:
    terminal, card, first = torn()
    assert (first.start, commands(card)[-1]) == ("B", "AC")
    second = again(card)
    found = terminal.tap(second)
    assert commands(second)[-1] == "RECOVER"
    assert found.kind == outcome.ONLINE_REQUEST
    # What the host gets is what the card signed: the torn tap's number and counter.
    assert found.atc == 0x42
    assert found.unpredictable_number == card.exchanges[-1][0][5 + 6 + 6 + 2 + 5 + 2 + 3 + 1 :][:4]
    data = tlv.flatten(found.emv_data())
    assert issuers.verify_arqc(
        found.pan, found.psn, data[0x9F36], data[0x9F10], data, data[0x9F26]
    )


def test_C2_11_another_application_of_the_card_is_no_continuation() -> None:
    """It has limits of its own: what was asked under the first one's does not count."""
    terminal = Terminal()
    terminal.prepare()
    drdol = {0x9F51: bytes.fromhex("9F3704")}
    first = mastercard(drdol, AC=CardLost("gone"))
    assert terminal.tap(first).start == "B"
    second = mastercard(drdol, fci_answer=fci(MAESTRO), RECOVER=template(0x77, MASTERCARD_AC))
    answering(second, PPSE, ppse(entry(MAESTRO)))
    assert terminal.tap(second).kind == outcome.ONLINE_REQUEST
    assert not sent(second, "80D0") and len(sent(second, AC)) == 1


def test_C2_11_a_card_without_drdol_gets_a_fresh_cryptogram() -> None:
    terminal = Terminal()
    terminal.prepare()
    card = mastercard(AC=[CardLost("gone"), template(0x77, MASTERCARD_AC)])
    assert terminal.tap(card).start == "B"
    assert terminal.tap(card).kind == outcome.ONLINE_REQUEST
    assert not sent(card, "80D0") and len(sent(card, AC)) == 2


def test_C2_11_a_card_that_cannot_recover_gets_a_fresh_cryptogram() -> None:
    terminal = Terminal()
    terminal.prepare()
    card = mastercard(
        {0x9F51: bytes.fromhex("9F3704")}, AC=[CardLost("gone"), template(0x77, MASTERCARD_AC)]
    )
    first, second = terminal.tap(card), terminal.tap(card)
    assert (first.start, second.kind) == ("B", "online_request")
    assert [c[1] for c in card.commands][-2:] == [0xD0, 0xAE]
    # Nothing is left to recover a third time.
    assert terminal.tap(card).kind == outcome.ONLINE_REQUEST
    assert len(sent(card, "80D0")) == 1


def test_C2_11_a_card_lost_in_recovery_is_recovered_the_time_after() -> None:
    terminal = Terminal()
    terminal.prepare()
    answers = [CardLost("gone"), template(0x77, MASTERCARD_AC)]
    card = mastercard({0x9F51: bytes.fromhex("9F3704")}, AC=CardLost("gone"), RECOVER=answers)
    assert [terminal.tap(card).start for _ in range(2)] == ["B", "B"]
    assert terminal.tap(card).kind == outcome.ONLINE_REQUEST
    assert len(sent(card, AC)) == 1


@pytest.mark.parametrize("what", ["amount", "time", "card", "lifetime", "records"])
def test_C2_11_a_torn_record_serves_this_card_and_transaction_for_its_lifetime(what: str) -> None:
    record = {0x9F51: bytes.fromhex("9F3704")}
    terminal = Terminal(kernel2(torn_records=0 if what == "records" else 1))
    terminal.prepare()
    assert terminal.tap(mastercard(record, AC=CardLost("gone"))).start == "B"
    if what == "amount":
        terminal.prepare(1_251)
    elif what == "time":
        terminal.prepare(time="100001")
    elif what == "card":
        record[0x5F34] = b"\x02"
    elif what == "lifetime":
        terminal.ticks.now = (terminal.ticks.now + 121_000) & ((1 << 30) - 1)
    card = mastercard(record)
    assert terminal.tap(card).kind == outcome.ONLINE_REQUEST
    assert not sent(card, "80D0")


def test_C2_11_a_torn_record_holds_no_account_number() -> None:
    terminal, _, _ = torn()
    (record,) = terminal.entry_point._kernels[2]._torn._records  # type: ignore[attr-defined]
    assert "5413330089020011" not in str(vars(record))


def test_C2_11_what_is_recovered_is_of_format_77() -> None:
    terminal = Terminal()
    terminal.prepare()
    card = mastercard(
        {0x9F51: bytes.fromhex("9F3704")},
        AC=CardLost("gone"),
        RECOVER="800B80004201020304050607089000",
    )
    assert terminal.tap(card).start == "B"
    found = terminal.tap(card)
    assert (found.kind, found.discretionary["error"]) == ("end_application", "parsing error")
