"""A sale that the card itself approves: without the host, with proof, and told from a deferral."""

from __future__ import annotations

import json
from typing import Any

import pytest
from kassa.emv import tags, tlv
from kassa.journal.slots import slots_for
from kassa.payment import records

from simulator import cards
from simulator.bench import MENU, Bench
from simulator.cards import issuers
from simulator.cards.awkward import Awkward
from tests.app.offline import advices, go_down, listing, number, pay, read_journal
from tests.app.test_sale import ask_for_card


@pytest.mark.parametrize(
    ("card", "proof"), [("visa_debit", "fDDA OK"), ("mastercard_debit", "CDA OK")]
)
def test_a_card_approves_by_itself_and_the_issuer_finds_its_tc_right(sells, card, proof):
    async def story(bench: Bench) -> None:
        await go_down(bench)
        await pay(bench, card)
        assert "APPROVED" in bench.screen.words
        assert "Approved offline by the card" in bench.screen.words
        await bench.until_paper_rests()
        customer, merchant = bench.printer.slips
        assert "APPROVED OFFLINE" in customer and "Response code                 Y1" in merchant
        assert f"OFFLINE: {proof}, floor 25.00," in merchant and "day 1/2" in merchant
        assert "OFFLINE: " not in customer
        ledger = bench.sandbox.acquirer.ledger
        assert ledger.summary()["advices"] == 0
        bench.network.up()
        assert await bench.until(lambda: ledger.summary()["advices"] == 1, 60)
        assert ledger.summary()["total_minor"] == 1250
        (advice,) = advices(bench)
        assert advice["fields"]["39"] == "Y1" and advice["emv"]["9F27"] == "40"
        assert bench.sandbox.acquirer.messages[-1]["note"] == "approved by the card"
        # And once more by hand, with the issuer's keys and pyemv.
        emv = {int(tag, 16): bytes.fromhex(value) for tag, value in advice["emv"].items()}
        pan = number(card)
        tc = issuers.cryptogram(pan, advice["card"]["psn"], emv[0x9F36], emv[0x9F10], emv)
        assert tc == emv[0x9F26]

    sells(story)


def test_it_needs_no_host_even_when_there_is_one(sells):
    async def story(bench: Bench) -> None:
        await pay(bench)
        assert [m["mti"] for m in bench.sandbox.acquirer.messages if m["mti"] == "0200"] == []
        assert bench.timings()["approved"] < 1000

    sells(story)


def test_an_offline_approval_and_a_deferral_are_never_taken_for_each_other(sells):
    async def story(bench: Bench) -> None:
        await go_down(bench)
        await pay(bench, "visa_debit")
        assert "APPROVED" in bench.screen.words
        await bench.until_paper_rests()
        approved = bench.printer.slips[-1]
        await pay(bench, "visa_credit")
        assert "ACCEPTED" in bench.screen.words and "APPROVED" not in bench.screen.words
        await bench.until_paper_rests()
        deferred = bench.printer.slips[-1]
        assert "APPROVED OFFLINE" in approved and "NOT YET AUTHORISED" not in approved
        assert "NOT YET AUTHORISED" in deferred and "OFFLINE" not in deferred
        bench.network.up()
        assert await bench.until(lambda: len(advices(bench)) == 2, 60)
        assert [m["fields"]["39"] for m in advices(bench)] == ["Y1", "Y3"]

    sells(story)


def test_R_3_the_journal_tells_why_and_still_fits_its_slots(sells, tmp_path):
    async def story(bench: Bench) -> None:
        await go_down(bench)
        await pay(bench)
        await pay(bench, "visa_credit")
        await bench.wait(10)

    bench = sells(story, exceptions=listing("4000000000000002"))
    read = json.loads(read_journal(bench, tmp_path, "--json"))["records"]
    stored = [record for record in read if record["kind"] == records.STORED]
    approved, deferred = (record["told"] for record in stored)
    decision = approved["decision"]
    assert approved["offline_reason"] == "by_card"
    assert decision["signature"] == "fDDA"
    assert (decision["floor_minor"], decision["list_age_days"]) == (2500, 2)
    assert (decision["today"], decision["per_day"]) == (1, 2)
    assert (decision["stored"], decision["stored_most"]) == (1, 3)
    assert (decision["stored_minor"], decision["stored_most_minor"]) == (1250, 5000)
    assert "ODA-7" in decision["rules"] and "C3-3" in decision["rules"]
    assert deferred["offline_reason"] == "no_connection" and "decision" not in deferred
    text = read_journal(bench, tmp_path)
    assert "decision (signature fDDA, floor_minor 2500" in text
    assert "list_age_days 2" in text and number("visa_debit") not in text
    # The reasons do not cost a slot: those of a deferral take as many.
    slots = [slots_for(record["length"]) for record in stored]
    assert slots == [2, 2]


class WrongCryptogram(Awkward):
    """A card whose TC its issuer does not know; fDDA does not cover it."""

    def transceive(self, command: bytes) -> bytes:
        answer = super().transceive(command)
        if command[1] != 0xA8:
            return answer
        objects = tlv.flatten(tlv.open_template(answer[:-2], 0x77))
        return answer.replace(objects[tags.CRYPTOGRAM], bytes(8))


def test_a_wrong_tc_is_refused_by_the_issuer_and_the_merchant_is_told(sells):
    async def story(bench: Bench) -> None:
        await go_down(bench)
        await pay(bench, WrongCryptogram(cards.load("visa_debit")))
        assert "Approved offline by the card" in bench.screen.words
        await bench.until_screen("welcome", within_s=60)
        bench.network.up()
        await bench.until_screen("staff_problem", within_s=60)
        assert "Declined later" in bench.screen.text and "€12.50" in bench.screen.text
        await bench.until_paper_rests()
        assert "DECLINED AFTERWARDS" in bench.printer.slips[-1]
        answers = [m for m in bench.sandbox.acquirer.messages if m["mti"] == "0230"]
        assert [m["fields"]["39"] for m in answers] == ["82"]
        assert answers[0]["note"] == "the cryptogram is wrong"
        assert bench.sandbox.acquirer.ledger.summary()["total_minor"] == 0

    sells(story)


def test_an_offline_approval_can_be_voided_before_and_after_it_was_sent(sells):
    async def story(bench: Bench) -> None:
        ledger = bench.sandbox.acquirer.ledger

        async def undo() -> None:
            await bench.until_screen("welcome", within_s=60)
            await bench.press(MENU)
            await bench.until_screen("menu", within_s=2)
            await bench.press("2")
            await bench.until_screen("staff_done", within_s=20)

        await pay(bench, amount="1000")
        assert await bench.until(lambda: ledger.summary()["advices"] == 1, 30)
        await undo()
        assert await bench.until(lambda: ledger.summary()["reversed"] == 1, 30)
        await bench.until_screen("welcome", within_s=60)
        await go_down(bench)
        await pay(bench, amount="1100")
        await undo()
        await bench.until_paper_rests()
        assert "VOIDED" in bench.printer.slips[-1]
        assert "OFFLINE: fDDA OK" in bench.printer.slips[-1]
        bench.network.up()
        await bench.wait(60)
        assert ledger.summary()["total_minor"] == 0 and len(advices(bench)) == 1

    sells(story)


def test_an_offline_approval_is_settled_with_the_rest(sells):
    async def story(bench: Bench) -> None:
        await pay(bench)
        await pay(bench, "visa_credit", "700")
        await bench.until_screen("welcome", within_s=60)
        await bench.press(MENU)
        await bench.until_screen("menu", within_s=2)
        await bench.press("5")
        await bench.until_screen("staff_done", within_s=30)
        await bench.until_paper_rests()
        assert "TOTALS AGREE" in bench.printer.slips[-1] and "19.50" in bench.printer.slips[-1]

    sells(story)


def test_an_approval_that_cannot_be_shown_is_struck_out(sells):
    async def story(bench: Bench) -> None:
        await go_down(bench)
        await ask_for_card(bench)
        screens = bench.world.load("kassa.ui.screens").Screens
        show = screens.show

        async def fails(self, name, **facts):
            if name == "approved":
                raise MemoryError
            await show(self, name, **facts)

        screens.show = fails
        await bench.tap("visa_debit")
        await bench.until_screen("out_of_order", within_s=20)
        screens.show = show
        bench.network.up()
        await bench.wait(60)
        assert advices(bench) == []
        assert bench.sandbox.acquirer.ledger.summary()["total_minor"] == 0

    sells(story)


@pytest.mark.parametrize("torn", ["none", "half", "all_but_last", "all"])
@pytest.mark.parametrize("operations", range(1, 6))
def test_a_power_cut_at_any_write_loses_no_approval_and_sends_none_twice(sells, operations, torn):
    async def story(bench: Bench) -> None:
        await go_down(bench)
        await ask_for_card(bench)
        bench.wiring.flash.cut_after(operations, torn)
        bench.present(cards.load("visa_debit"))
        await bench.until(lambda: not bench.powered or bench.screen.name == "approved", 8)
        await bench.wait(3)
        assert not bench.powered or operations > 2, "the promise alone takes two writes"
        told = bool([s for s in bench.screen.history if s["name"] == "approved"])
        bench.remove()
        await bench.cut_power()
        bench.wiring.flash.no_cut()
        bench.network.up()
        await bench.power_on()
        await bench.wait(30)
        ledger = bench.sandbox.acquirer.ledger
        # Not told and nevertheless on record: the card did approve, and it is sent once.
        assert ledger.summary()["total_minor"] in ((1250,) if told else (0, 1250))
        assert {m["fields"]["39"] for m in advices(bench)} <= {"Y1"}
        assert ledger.summary()["advices"] <= 1
        await pay(bench, "visa_credit", "300")

    sells(story)


def test_power_lost_between_record_and_screen_keeps_the_approval(sells):
    async def story(bench: Bench) -> None:
        await go_down(bench)
        await ask_for_card(bench)
        recorded: list[dict[str, Any]] = []
        bench.on_event.append(
            lambda event: recorded.append(event) if event["is"] == "approved by card" else None
        )
        show = bench.world.load("kassa.ui.screens").Screens.show

        async def late(self, name, **facts):
            if name == "approved":
                await bench.world.load("asyncio").sleep_ms(500)
            await show(self, name, **facts)

        bench.world.load("kassa.ui.screens").Screens.show = late
        bench.present(cards.load("visa_debit"))
        assert await bench.until(lambda: bool(recorded), 8)
        await bench.cut_power()
        assert not [s for s in bench.screen.history if s["name"] == "approved"]
        bench.remove()
        await bench.power_on()
        assert "1 payment to send" in bench.screen.text
        bench.network.up()
        ledger = bench.sandbox.acquirer.ledger
        assert await bench.until(lambda: ledger.summary()["advices"] == 1, 60)
        await bench.wait(20)
        assert ledger.summary()["total_minor"] == 1250 and len(advices(bench)) == 1

    sells(story)
