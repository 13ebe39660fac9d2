"""What keeps a card from approving by itself: limits, lists, counters, and no signature."""

from __future__ import annotations

import re

import pytest

from simulator import cards, emv_configuration
from simulator.bench import MENU, Bench
from simulator.cards.awkward import Awkward
from tests.app.offline import LIMITS, advices, go_down, listing, number, pay
from tests.app.test_sale import ask_for_card


@pytest.mark.parametrize(
    ("terminal", "amount", "why"),
    [
        ({"offline": {"per_sale": 1000, "total": 5000, "count": 3}}, "1250", "per sale"),
        ({"offline": {"per_sale": 2000, "total": 1000, "count": 3}}, "1250", "total"),
        ({"offline": {"per_sale": 2000, "total": 5000, "count": 0}}, "1250", "count"),
        (LIMITS, "2501", "floor limit"),
        ({"offline": LIMITS["offline"] | {"mode": "online_only"}}, "1250", "mode"),
        ({}, "1250", "no offline table"),
    ],
)
def test_what_the_merchants_limits_forbid_goes_online_from_the_start(sells, terminal, amount, why):
    async def story(bench: Bench) -> None:
        await pay(bench, amount=amount)
        assert "Approval code" in bench.screen.text, why
        requests = [m for m in bench.sandbox.acquirer.messages if m["mti"] == "0200"]
        assert [m["emv"]["9F27"] for m in requests] == ["80"], "the card was asked for an ARQC"
        assert advices(bench) == []

    sells(story, terminal=terminal)


def test_a_mode_chosen_at_the_terminal_counts_from_the_next_sale_on(sells):
    async def story(bench: Bench) -> None:
        await bench.press(MENU)
        await bench.until_screen("menu", within_s=2)
        await bench.press("6")
        await bench.wait(0.5)
        await bench.press("3")
        await pay(bench)
        assert [m["mti"] for m in bench.sandbox.acquirer.messages if m["mti"] == "0200"]

    sells(story)


def test_R_2_the_third_time_today_the_card_must_go_online(sells):
    async def story(bench: Bench) -> None:
        await go_down(bench)
        await pay(bench, amount="300")
        await pay(bench, amount="300")
        # The counters are the journal's: a power cut does not make them forget.
        await bench.cut_power()
        await bench.power_on()
        await pay(bench, amount="300")
        assert "ACCEPTED" in bench.screen.words, "deferred, at the merchant's risk"
        await bench.until_screen("welcome", within_s=60)
        bench.network.up()
        assert await bench.until(lambda: len(advices(bench)) == 3, 60)
        await pay(bench, amount="300")
        assert "Approval code" in bench.screen.text
        await pay(bench, "mastercard_debit", "300")
        assert "Approved offline by the card" in bench.screen.words

    sells(story)


def test_R_2_a_sale_that_was_drawn_goes_online(sells):
    async def story(bench: Bench) -> None:
        await pay(bench)
        await pay(bench, "mastercard_debit")
        requests = [m for m in bench.sandbox.acquirer.messages if m["mti"] == "0200"]
        assert len(requests) == 2 and advices(bench) == []

    sells(story, risk={"random_percent": 99, "random_max_percent": 99})


@pytest.mark.parametrize("card", ["visa_debit", "mastercard_debit"])
def test_R_1_a_listed_card_gets_nothing_without_the_host(sells, card):
    """Neither by its own word nor at the merchant's risk: somebody has warned of it."""

    async def story(bench: Bench) -> None:
        await go_down(bench)
        await ask_for_card(bench)
        await bench.tap(card)
        await bench.until_screen("declined", within_s=8)
        bench.network.up()
        await bench.wait(30)
        assert advices(bench) == []

    sells(story, exceptions=listing(number(card)))


def test_R_1_a_list_that_is_too_old_sends_every_card_online(sells):
    async def story(bench: Bench) -> None:
        await pay(bench)
        await pay(bench, "mastercard_debit")
        requests = [m for m in bench.sandbox.acquirer.messages if m["mti"] == "0200"]
        assert len(requests) == 2 and advices(bench) == []

    sells(story, exceptions=listing("4000000000000002", date="251101"))


class Undemanding(Awkward):
    """A card whose issuer would have its offline approvals unsigned: nothing in IAC Online."""

    def transceive(self, command: bytes) -> bytes:
        return re.sub(
            rb"(?s)\x9f\x0f\x05.{5}", b"\x9f\x0f\x05" + bytes(5), super().transceive(command)
        )


def test_R_2_an_approval_without_a_signature_is_taken_up_to_the_cap_only(sells):
    async def story(bench: Bench) -> None:
        await go_down(bench)
        await pay(bench, Undemanding(cards.load("mastercard_debit")), "1001")
        assert "ACCEPTED" in bench.screen.words, "asked for an ARQC, and deferred"
        await pay(bench, Undemanding(cards.load("mastercard_debit")), "1000")
        await bench.until_paper_rests()
        assert "OFFLINE: no signature, floor" in bench.printer.slips[-1]

    # A reader that cannot do CDA, and action codes that let a card approve all the same.
    with pytest.MonkeyPatch.context() as patch:
        compiled = emv_configuration.with_sandbox

        def lenient(document, currency="EUR"):
            made = compiled(document, currency)
            for entry in made.source["combinations"]:
                if "kernel2" in entry:
                    entry["kernel2"].update(tac_online="0000000000", tac_default="0000000000")
            return made

        patch.setattr(emv_configuration, "with_sandbox", lenient)
        sells(story, risk={"unsigned_cap": 1000}, security_capability="00")


def test_a_forged_card_is_not_approved_offline(sells):
    async def story(bench: Bench) -> None:
        await go_down(bench)
        for card in ("visa_forged", "visa_revoked", "mastercard_forged", "mastercard_revoked"):
            await ask_for_card(bench)
            await bench.tap(card)
            await bench.until_screen("declined", "approved", "try_another_card", within_s=8)
            assert "Approved offline by the card" not in bench.screen.words, card
            if bench.screen.name == "try_another_card":
                await bench.press("CANCEL")

    sells(story)


def test_a_journal_that_is_full_approves_nothing(sells):
    async def story(bench: Bench) -> None:
        await bench.cut_power()
        bench.fill_journal(30)
        await bench.power_on()
        await go_down(bench)
        await pay(bench, screen="declined")
        assert "Memory full" in bench.screen.text
        await bench.until_screen("welcome", within_s=60)
        bench.network.up()
        await bench.wait(30)
        # From now on the card is asked to go online at once.
        await ask_for_card(bench)
        await bench.tap("visa_debit")
        await bench.until_screen("declined", "approved", within_s=20)
        assert advices(bench) == []

    sells(story)
