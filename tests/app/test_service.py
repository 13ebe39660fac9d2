"""Behind the service code: every item of the menu, and who does not get there."""

from __future__ import annotations

import asyncio
import datetime
import json
from collections.abc import Callable
from typing import Any

import pytest

from simulator import cards
from simulator.bench import CANCEL, CLEAR, ENTER, LANG, MENU, Bench
from tests.app.technician import (
    CODE,
    SETTINGS,
    WRONG,
    back,
    choose,
    open_code,
    said,
    sign_in,
    state,
    verdicts,
)
from tests.app.test_sale import assert_no_traceback, on_bench, sell, still_sells
from tests.benchmarks import idle
from tests.on_micropython.run import need_micropython

# -- signing in -----------------------------------------------------------------------------------


def test_without_a_service_code_there_is_no_such_item() -> None:
    async def story(bench: Bench) -> None:
        await bench.press(MENU)
        await bench.until_screen("menu", within_s=5)
        assert "Work offline" in bench.screen.words
        assert not [word for word in bench.screen.words if " of " in word]
        await bench.press(MENU)
        assert "Service" not in bench.screen.text

    on_bench(story)


def test_the_right_code_opens_the_menu_and_cancel_leaves_it() -> None:
    async def story(bench: Bench) -> None:
        await sign_in(bench)
        assert said(bench, "signed in") and state(bench) == [0]
        await bench.press(CANCEL)
        await bench.until_screen("welcome", within_s=5)
        # Next time the code is asked for again.
        await open_code(bench)
        await bench.press(CANCEL)
        await bench.until_screen("welcome", within_s=5)
        assert len(said(bench, "signed in")) == 1 and len(said(bench, "ended")) == 2
        await still_sells(bench)

    on_bench(story, terminal=SETTINGS)


def test_digits_are_dots_and_can_be_taken_back() -> None:
    async def story(bench: Bench) -> None:
        await open_code(bench)
        await bench.press(CODE[:3], "9", CLEAR, CODE[3:], ENTER)
        await bench.until_screen("menu", within_s=10)

    bench = on_bench(story, terminal=SETTINGS)
    assert CODE not in "\n".join(bench.console)


def test_a_wrong_code_is_refused_and_told_without_its_digits() -> None:
    async def story(bench: Bench) -> None:
        await sign_in(bench, WRONG)
        assert await bench.until(lambda: "Wrong code" in bench.screen.words, 10)
        assert bench.screen.name == "service_code" and state(bench) == [1]
        (told,) = said(bench, "wrong code")
        assert told["error"] == "WrongCode" and told["message"] == "1 wrong codes in a row"
        # The right one is taken at once, and the count begins anew.
        await bench.press(CODE, ENTER)
        await bench.until_screen("menu", within_s=10)
        assert state(bench) == [0]
        await bench.press(CANCEL)
        await bench.until_screen("welcome", within_s=5)
        await bench.wait(5)
        box = bench.wiring.filesystem("kassa").read_file("/state/box.0").decode()
        assert "wrong code" in box and WRONG not in box

    bench = on_bench(story, terminal=SETTINGS)
    assert WRONG not in "\n".join(bench.console)


async def three_wrong(bench: Bench) -> None:
    await open_code(bench)
    for count in (1, 2, 3):
        await bench.press(WRONG, ENTER)
        assert await bench.until(lambda count=count: len(said(bench, "wrong code")) == count, 10)
        await bench.wait(0.2)


def test_after_three_wrong_codes_one_has_to_wait() -> None:
    async def story(bench: Bench) -> None:
        await three_wrong(bench)
        await bench.until_screen("service_wait", within_s=2)
        assert "Next try in 0:30" in bench.screen.text or "Next try in 0:29" in bench.screen.text
        await bench.press(CODE, ENTER)
        assert not said(bench, "signed in")
        await bench.until_screen("service_code", within_s=31)
        await bench.press(WRONG, ENTER)
        await bench.until_screen("service_wait", within_s=5)
        assert "Next try in 1:00" in bench.screen.text or "Next try in 0:59" in bench.screen.text
        await bench.press(CANCEL)
        await bench.until_screen("welcome", within_s=5)
        # The wait goes on whether or not somebody looks at it.
        await bench.wait(61)
        await open_code(bench)
        assert bench.screen.name == "service_code"
        await bench.press(CODE, ENTER)
        await bench.until_screen("menu", within_s=10)
        assert state(bench) == [0]

    on_bench(story, terminal=SETTINGS)


def test_a_power_cut_wins_no_try_and_shortens_no_wait() -> None:
    async def story(bench: Bench) -> None:
        await three_wrong(bench)
        await bench.until_screen("service_wait", within_s=2)
        await bench.wait(20)
        await bench.cut_power()
        await bench.power_on()
        await open_code(bench)
        assert bench.screen.name == "service_wait"
        await bench.until_screen("service_code", within_s=31)
        # The count stands before the code is looked at.
        counts: list[Any] = []

        def look(event: dict[str, Any]) -> None:
            if event.get("name") == "staff_working" and not said(bench, "wrong code")[3:]:
                counts.append(state(bench))

        bench.on_event.append(look)
        await bench.press(WRONG, ENTER)
        await bench.until_screen("service_wait", within_s=5)
        assert counts == [[4]]
        await bench.cut_power()
        await bench.power_on()
        await open_code(bench)
        assert bench.screen.name == "service_wait"
        assert any(f"Next try in 0:{s}" in bench.screen.text for s in range(30, 60)), (
            bench.screen.text
        )

    on_bench(story, terminal=SETTINGS)


def test_the_waits_grow_to_an_hour() -> None:
    async def story(bench: Bench) -> None:
        assert bench.world is not None
        wait_s = bench.world.load("kassa.app.service").wait_s
        assert [wait_s(wrong) for wrong in range(12)] == [
            0, 0, 0, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600,
        ]  # fmt: skip
        assert wait_s(9999) == 3600

    on_bench(story, terminal=SETTINGS)


def test_a_damaged_count_is_no_free_try() -> None:
    async def story(bench: Bench) -> None:
        bench.wiring.filesystem("kassa").write_file("/state/service", b"{")
        await open_code(bench)
        # The terminal has just started: half a minute from there.
        assert bench.screen.name == "service_wait"
        await bench.until_screen("service_code", within_s=31)
        await bench.press(CODE, ENTER)
        await bench.until_screen("menu", within_s=10)

    on_bench(story, terminal=SETTINGS)


def test_a_count_that_cannot_be_written_lets_nobody_in() -> None:
    async def story(bench: Bench) -> None:
        assert bench.world is not None
        states = bench.world.load("kassa.system.state_file")

        def full(self: Any, value: Any) -> None:
            raise states.StateError("/state/service cannot be written (error 28)")

        await open_code(bench)
        save, states.StateFile.save = states.StateFile.save, full
        await bench.press(CODE, ENTER)
        await bench.until_screen("out_of_order", within_s=5)
        states.StateFile.save = save
        assert not said(bench, "signed in")

    on_bench(story, terminal=SETTINGS)


@pytest.mark.parametrize("place", ["code", "menu", "verdict", "question", "case"])
def test_a_visit_that_nobody_touches_ends(place: str) -> None:
    async def story(bench: Bench) -> None:
        if place == "code":
            await open_code(bench)
        else:
            await sign_in(bench)
        if place == "verdict":
            await choose(bench, "Network")
            await bench.until_screen("service_verdicts", within_s=5)
        if place == "case":
            await choose(bench, "Case switch")
            await bench.until_screen("service_verdict", within_s=5)
        if place == "question":
            await choose(bench, "Restart")
            await bench.until_screen("service_ask", within_s=5)
        await bench.wait(110)
        assert bench.screen.name != "welcome"
        await bench.until_screen("welcome", within_s=15)
        assert said(bench, "left alone")
        await still_sells(bench)

    on_bench(story, terminal=SETTINGS)


def test_the_language_can_be_switched_on_the_way() -> None:
    async def story(bench: Bench) -> None:
        await open_code(bench)
        await bench.press(CODE[:4], LANG)
        assert await bench.until(lambda: "请输入服务密码" in bench.screen.words, 5)
        await bench.press(CODE[4:], ENTER)
        await bench.until_screen("menu", within_s=10)
        assert "终端自查" in bench.screen.words
        await bench.press(LANG)
        assert await bench.until(lambda: "All checks" in bench.screen.words, 5)

    on_bench(story, terminal=SETTINGS)


# -- the items ------------------------------------------------------------------------------------


def test_all_checks_tell_the_worst_first_with_its_remedy() -> None:
    async def story(bench: Bench) -> None:
        bench.wiring.printer.paper = "out"
        await sign_in(bench)
        await choose(bench, "All checks")
        await bench.until_screen("service_verdicts", within_s=30)
        found = verdicts(bench)
        assert found["printer"] == ("fail", "out of paper")
        assert {
            "heap", "system heap", "flash", "clock", "journal", "keys", "keypad", "slot", "host",
            "certificates", "reader", "panel", "case", "wifi",
        } <= set(found)  # fmt: skip
        assert [name for name, (verdict, _) in found.items() if verdict != "ok"] == ["printer"]
        assert bench.screen.words[2] == "Printer", bench.screen.words
        await bench.press("1")
        await bench.until_screen("service_verdict", within_s=5)
        assert "out of paper" in bench.screen.text and "Put in a new roll" in bench.screen.text
        await bench.press(ENTER)
        await bench.until_screen("service_verdicts", within_s=5)
        await bench.press(MENU)
        await bench.wait(0.3)
        assert "2 of 4" in bench.screen.text
        await back(bench)
        await bench.press(CANCEL)
        await still_sells(bench)

    on_bench(story, terminal=SETTINGS)


@pytest.mark.parametrize(("key", "verdict"), [(ENTER, "ok"), (CANCEL, "fail")])
def test_the_display_shows_its_pattern_and_the_person_decides(key: str, verdict: str) -> None:
    async def story(bench: Bench) -> None:
        await sign_in(bench)
        await choose(bench, "Display")
        await bench.until_screen("service_pattern", within_s=5)
        image = bench.screen.image().convert("RGB")
        for corner in ((0, 0), (239, 0), (0, 319), (239, 319)):
            assert image.getpixel(corner) == (255, 255, 255)
        # Red, green and blue from above, as far as 16 bits can tell.
        for y, channel in ((20, 0), (58, 1), (96, 2)):
            pixel = image.getpixel((30, y))
            assert isinstance(pixel, tuple)
            assert [value > 200 for value in pixel] == [n == channel for n in range(3)]
        await bench.press("5", key)
        await bench.until_screen("service_verdict", within_s=5)
        assert verdicts(bench)["panel"][0] == verdict
        assert ("Check display" in bench.screen.text) == (verdict == "fail")

    on_bench(story, terminal=SETTINGS)


def keys_of(bench: Bench) -> list[str]:
    return [name for row in bench.board["keypad"]["layout"] for name in row]


def test_the_keys_are_well_once_each_was_pressed() -> None:
    async def story(bench: Bench) -> None:
        await sign_in(bench)
        await choose(bench, "Keys")
        await bench.until_screen("service_keys", within_s=5)
        before = bench.screen.image().tobytes()
        for name in keys_of(bench):
            assert bench.screen.name == "service_keys"
            await bench.press(name)
            await bench.wait(0.3)
            assert bench.screen.image().tobytes() != before
        await bench.until_screen("service_verdict", within_s=5)
        assert verdicts(bench)["keypad"] == ("ok", "all 16 keys work")

    on_bench(story, terminal=SETTINGS)


def test_a_key_that_is_not_heard_is_named() -> None:
    async def story(bench: Bench) -> None:
        await sign_in(bench)
        await choose(bench, "Keys")
        await bench.until_screen("service_keys", within_s=5)
        for name in keys_of(bench):
            if name not in ("7", "ENTER"):
                await bench.press(name)
        await bench.until_screen("service_verdict", within_s=20)
        assert verdicts(bench)["keypad"] == ("fail", "not heard: 7, ENTER")
        assert "Free the key" in bench.screen.text

    on_bench(story, terminal=SETTINGS)


def test_a_stuck_key_is_named() -> None:
    async def story(bench: Bench) -> None:
        await sign_in(bench)
        bench.key_down("2")
        await bench.wait(31)
        # 2 has chosen the card reader.
        await bench.until_screen("service_verdict", within_s=10)
        await back(bench)
        await choose(bench, "Keys")
        await bench.until_screen("service_keys", within_s=5)
        for name in keys_of(bench):
            # In its column or row it could look like a ghost.
            if name in ("7", "9", "CANCEL", "CLEAR"):
                await bench.press(name)
        await bench.until_screen("service_verdict", within_s=20)
        verdict, detail = verdicts(bench)["keypad"]
        assert verdict == "fail" and detail.endswith("stuck: 2"), detail
        assert "2" not in detail.partition(";")[0].split()

    on_bench(story, terminal=SETTINGS)


def test_a_card_is_found_and_nothing_of_its_number_is_told() -> None:
    card = cards.load("visa_credit")

    async def story(bench: Bench) -> None:
        await sign_in(bench)
        await choose(bench, "Card reader")
        assert await bench.until(lambda: "Hold any card to it" in bench.screen.text, 5)
        begun = len(bench.exchanges)
        bench.present(card)
        await bench.until_screen("remove_card", within_s=3)
        bench.remove()
        await bench.until_screen("service_verdict", within_s=5)
        verdict, detail = verdicts(bench)["reader"]
        assert verdict == "ok"
        assert detail == (
            f"PN532, firmware 1.6; a type A card, UID of {len(card.uid)} bytes, ISO/IEC 14443-4"
        )
        assert len(bench.exchanges) == begun  # the card was not even asked

    bench = on_bench(story, terminal=SETTINGS)
    told = json.dumps([event for event in bench.events if event["at"] == "service"])
    assert card.uid.hex() not in told.lower()


def two_cards(bench: Bench) -> None:
    for name in ("visa_credit", "visa_debit"):
        bench.present(cards.load(name))


def no_reader(bench: Bench) -> None:
    bench.wiring.pn532.faults.absent = True


@pytest.mark.parametrize(
    ("happens", "verdict", "told"),
    [
        (lambda bench: None, "warn", "no card was found"),
        (two_cards, "warn", "more than one card"),
        (no_reader, "fail", "no card reader"),
    ],
)
def test_a_reader_without_a_card_says_what_is_the_matter(
    happens: Callable[[Bench], None], verdict: str, told: str
) -> None:
    async def story(bench: Bench) -> None:
        await sign_in(bench)
        await choose(bench, "Card reader")
        assert await bench.until(lambda: "Hold any card to it" in bench.screen.text, 5)
        happens(bench)
        await bench.until_screen("service_verdict", within_s=40)
        found = verdicts(bench)["reader"]
        assert found[0] == verdict and told in found[1], found
        assert "Check the card reader" in " ".join(bench.screen.words)

    on_bench(story, terminal=SETTINGS)


def test_the_printers_slip_has_every_style_and_chinese() -> None:
    async def story(bench: Bench) -> None:
        await sign_in(bench)
        await choose(bench, "Printer")
        await bench.until_screen("service_ask", within_s=20)
        (slip,) = bench.printer.slips
        assert "Kassa" in slip and "ABCDEFGHIJKLMNOPQRSTUVWXYZ" in slip
        printed = [e["text"] for e in bench.events if (e["at"], e["is"]) == ("ui", "printed")]
        assert any("打印机" in text for text in printed)
        modes = [e["mode"] for e in bench.events if (e["at"], e["is"]) == ("ui", "receipt")]
        assert modes == ["text", "raster"]
        await bench.press(ENTER)
        await bench.until_screen("service_verdict", within_s=5)
        assert verdicts(bench)["printer"] == ("ok", "ready")

    on_bench(story, terminal=SETTINGS)


def test_a_printer_that_cannot_print_is_told_with_its_remedy() -> None:
    async def story(bench: Bench) -> None:
        bench.wiring.printer.cover_open = True
        await sign_in(bench)
        await choose(bench, "Printer")
        await bench.until_screen("service_verdict", within_s=20)
        assert verdicts(bench)["printer"] == ("fail", "the cover is open")
        assert not bench.printer.slips

    on_bench(story, terminal=SETTINGS)


@pytest.mark.parametrize(("key", "verdict"), [(ENTER, "ok"), (CANCEL, "fail")])
def test_tones_sound_and_lamps_light_one_after_the_other(key: str, verdict: str) -> None:
    async def story(bench: Bench) -> None:
        await sign_in(bench)
        seen: list[int] = []
        bench.wiring.lamps.on_change = lambda *_: seen.append(sum(bench.wiring.lamps.states()))
        heard = len(bench.wiring.buzzer.tones)
        await choose(bench, "Sound, lamps")
        await bench.until_screen("service_ask", within_s=20)
        tones = {tone[2] for tone in bench.wiring.buzzer.tones[heard:]}
        assert {1500, 750, 1000} <= tones
        assert [lit for lit in dict.fromkeys(seen) if lit] == [1, 2, 3, 4] and seen[-1] == 0
        await bench.press(key)
        await bench.until_screen("service_verdict", within_s=5)
        assert verdicts(bench)["sound"][0] == verdict

    on_bench(story, terminal=SETTINGS)


def test_the_case_switch_is_shown_and_an_opened_case_ends_it_all() -> None:
    async def story(bench: Bench) -> None:
        await sign_in(bench)
        await choose(bench, "Case switch")
        await bench.until_screen("service_verdict", within_s=5)
        assert verdicts(bench)["case"] == ("ok", "closed")
        await back(bench)
        await choose(bench, "Case switch")
        await bench.until_screen("service_verdict", within_s=5)
        bench.wiring.tamper.open()
        await bench.until_screen("out_of_order", within_s=5)
        bench.wiring.tamper.close()

    async def run() -> None:
        # As `on_bench`, for a terminal whose critical task ends.
        async with Bench(seed=7, terminal=SETTINGS) as bench:
            await story(bench)

    asyncio.run(run())


def test_the_network_is_told_hop_by_hop() -> None:
    async def story(bench: Bench) -> None:
        await sign_in(bench)
        await choose(bench, "Network")
        await bench.until_screen("service_verdicts", within_s=5)
        found = verdicts(bench)
        assert found["wifi"][0] == "ok" and found["wifi"][1].startswith("signal -5")
        assert found["address"][0] == "ok" and "gateway" in found["address"][1]
        verdict, detail = found["sandbox"]
        assert verdict == "ok" and " 0 failures" in detail and " ms, " in detail
        assert found["certificates"] == ("ok", "ca until 2049-12-31, client until 2049-12-31")
        await back(bench)
        bench.network.down()
        await bench.wait(100)
        await choose(bench, "Network")
        await bench.until_screen("service_verdicts", within_s=5)
        found = verdicts(bench)
        assert found["wifi"] == ("fail", "not joined") and found["address"] == ("fail", "none")
        assert found["sandbox"][0] == "fail"

    on_bench(story, terminal=SETTINGS)


def test_a_clock_that_is_off_is_compared_with_the_hosts() -> None:
    async def story(bench: Bench) -> None:
        assert bench.world is not None
        machine = bench.world.load("machine")
        year, month, day, _, hour, minute, second, _ = machine.RTC().datetime()
        # The chip's clock runs away; then the terminal signs on once more.
        machine.RTC().datetime((year, month, day, 0, hour, minute + 5, second, 0))
        bench.network.down()
        await bench.wait(100)
        bench.network.up()
        await bench.wait(60)
        await sign_in(bench)
        await choose(bench, "Clock")
        await bench.until_screen("service_verdicts", within_s=5)
        verdict, detail = verdicts(bench)["drift"]
        assert verdict == "warn" and detail.startswith("set by -"), detail
        assert 298 <= -int(detail.split()[2]) <= 302
        assert verdicts(bench)["clock"][0] == "ok"

    start = datetime.datetime(2026, 1, 5, 10, 10, tzinfo=datetime.UTC)
    on_bench(story, terminal=SETTINGS, start=start)


def test_money_that_waits_is_counted_and_added_up() -> None:
    offline = {"offline": {"per_sale": 2000, "total": 5000, "count": 3}}

    async def story(bench: Bench) -> None:
        await sell(bench)
        await bench.until_screen("welcome", within_s=60)
        bench.network.down()
        await bench.wait(12)
        await bench.press("1551", ENTER)
        await bench.until_screen("present_card", within_s=2)
        await bench.tap("visa_credit")
        await bench.until_screen("approved", within_s=8)
        await bench.until_screen("welcome", within_s=60)
        await sign_in(bench)
        await choose(bench, "Money")
        await bench.until_screen("service_verdicts", within_s=10)
        found = verdicts(bench)
        assert found["pending"] == ("warn", "1 payments, €15.51")
        assert found["owed"] == ("ok", "0 reversals, €0.00")
        assert found["journal"][0] == "ok" and " slots free" in found["journal"][1]
        assert found["wear"][0] == "ok"

    on_bench(story, terminal={**SETTINGS, **offline})


def test_about_names_board_and_versions() -> None:
    async def story(bench: Bench) -> None:
        await sign_in(bench)
        await choose(bench, "About")
        await bench.until_screen("service_figures", within_s=10)
        words = bench.screen.words
        assert "esp32s3_devkitc" in words and "esp32s3" in words and "16 MiB" in words
        assert "8 MiB, in use" in words
        await bench.press(ENTER)
        await bench.wait(0.3)
        words = bench.screen.words
        assert "KASSA001" in words and "1.28.0" in words and "power" in words
        await back(bench)

    on_bench(story, terminal=SETTINGS)


def test_the_last_errors_are_told_newest_first() -> None:
    async def story(bench: Bench) -> None:
        await sign_in(bench, WRONG)
        assert await bench.until(lambda: "Wrong code" in bench.screen.words, 10)
        await bench.press(CODE, ENTER)
        await bench.until_screen("menu", within_s=10)
        await choose(bench, "Last errors")
        await bench.until_screen("service_figures", within_s=10)
        assert "service: wrong code" in bench.screen.words
        assert "WrongCode: 1 wrong codes in a" in " ".join(bench.screen.words)

    on_bench(story, terminal=SETTINGS)


def test_a_terminal_without_errors_says_so() -> None:
    async def story(bench: Bench) -> None:
        await sign_in(bench)
        await choose(bench, "Last errors")
        await bench.until_screen("staff_done", within_s=10)
        assert "No errors" in bench.screen.text
        await bench.press(ENTER)
        await bench.until_screen("menu", within_s=5)

    on_bench(story, terminal=SETTINGS)


def test_a_restart_counts_as_planned() -> None:
    async def story(bench: Bench) -> None:
        await sign_in(bench)
        await choose(bench, "Restart")
        await bench.until_screen("service_ask", within_s=5)
        await bench.press(CANCEL)
        await bench.until_screen("menu", within_s=5)
        await choose(bench, "Restart")
        await bench.until_screen("service_ask", within_s=5)
        await bench.press(ENTER)
        assert await bench.until(lambda: any(e["is"] == "reset" for e in bench.events), 5)
        await bench.until_screen("welcome", within_s=30)
        await bench.wait(5)
        counters = json.loads(bench.wiring.filesystem("kassa").read_file("/state/counters"))
        assert counters[0] == 2 and counters[2][:2] == [1, 1]
        await still_sells(bench)

    on_bench(story, terminal=SETTINGS)


def test_a_terminal_with_little_memory_restarts_after_the_visit() -> None:
    async def story(bench: Bench) -> None:
        await idle.restart_with_little_heap(bench)
        starts = len([e for e in bench.events if e["is"] == "reset"])
        # Whoever does not get in restarts nothing.
        await open_code(bench)
        await bench.press(CANCEL)
        await bench.until_screen("welcome", within_s=5)
        await bench.wait(2)
        assert len([e for e in bench.events if e["is"] == "reset"]) == starts
        await sign_in(bench)
        await bench.press(CANCEL)
        await bench.until_screen("starting", within_s=5)
        await bench.until_screen("welcome", within_s=30)
        assert len([e for e in bench.events if e["is"] == "reset"]) == starts + 1

    on_bench(story, terminal=SETTINGS)


# -- on the real interpreter ----------------------------------------------------------------------


@pytest.mark.micropython
def test_sign_in_and_checks_on_micropython() -> None:
    need_micropython()

    async def story() -> None:
        async with Bench(seed=7, runtime="micropython", terminal=SETTINGS) as bench:
            await sign_in(bench, WRONG)
            assert await bench.until(lambda: "Wrong code" in bench.screen.words, 20)
            await bench.press(CODE, ENTER)
            await bench.until_screen("menu", within_s=20)
            await choose(bench, "All checks")
            await bench.until_screen("service_verdicts", within_s=60)
            found = verdicts(bench)
            assert found["reader"] == ("ok", "PN532, firmware 1.6")
            assert found["certificates"][0] == "ok" and found["journal"][0] == "ok"
            await back(bench)
            await choose(bench, "Card reader")
            assert await bench.until(lambda: "Hold any card to it" in bench.screen.text, 10)
            bench.present(cards.load("visa_credit"))
            await bench.until_screen("remove_card", within_s=10)
            bench.remove()
            await bench.until_screen("service_verdict", within_s=10)
            assert "a type A card, UID of 7 bytes" in verdicts(bench)["reader"][1]
            for item, screen in (
                ("Printer", "service_ask"),
                ("Display", "service_pattern"),
                ("Network", "service_verdicts"),
                ("Clock", "service_verdicts"),
                ("Money", "service_verdicts"),
                ("About", "service_figures"),
                ("Last errors", "service_figures"),
                ("Sound, lamps", "service_ask"),
            ):
                while bench.screen.name != "menu":
                    await bench.press(CANCEL)
                    await bench.wait(0.5)
                await choose(bench, item)
                await bench.until_screen(screen, within_s=30)
            assert_no_traceback(bench)

    asyncio.run(story())


# -- updates --------------------------------------------------------------------------------------


class FakeUpdater:
    """In place of `kassa.app.update.Updater`."""

    def __init__(self, bench: Bench, came_of_it: Any) -> None:
        assert bench.world is not None
        self.world = bench.world
        self.came_of_it = came_of_it
        self.fetched_bytes = 4096

    async def now(self) -> bool:
        await self.world.load("asyncio").sleep_ms(400_000 if self.came_of_it == "slow" else 3000)
        if isinstance(self.came_of_it, Exception):
            raise self.came_of_it
        return bool(self.came_of_it)


async def ask_for_update(bench: Bench, came_of_it: Any) -> None:
    assert bench.world is not None
    terminal = bench.world.load("kassa.app.terminal").Terminal
    updater = FakeUpdater(bench, came_of_it)
    terminal.updater = property(lambda self: updater, lambda self, value: None)
    await sign_in(bench)
    await choose(bench, "Update now")
    await bench.until(lambda: "Fetching what is newer" in bench.screen.text, 5)


def test_without_a_place_to_fetch_from_there_is_no_update() -> None:
    async def story(bench: Bench) -> None:
        await sign_in(bench)
        with pytest.raises(AssertionError, match="no Update now"):
            await choose(bench, "Update now")

    on_bench(story, terminal=SETTINGS)


def test_a_newer_version_is_fetched_and_started_when_that_is_wanted() -> None:
    async def story(bench: Bench) -> None:
        await ask_for_update(bench, True)
        assert "4 KiB" in bench.screen.text
        await bench.until_screen("service_ask", within_s=10)
        await bench.press(ENTER)
        assert await bench.until(lambda: any(e["is"] == "reset" for e in bench.events), 5)

    on_bench(story, terminal=SETTINGS)


def test_no_newer_version_is_said() -> None:
    async def story(bench: Bench) -> None:
        await ask_for_update(bench, False)
        await bench.until_screen("staff_done", within_s=10)
        assert "There is nothing newer" in bench.screen.text
        await bench.press(ENTER)
        await bench.until_screen("menu", within_s=5)

    on_bench(story, terminal=SETTINGS)


def test_an_update_that_fails_says_why() -> None:
    async def story(bench: Bench) -> None:
        assert bench.world is not None
        errors = bench.world.load("kassa.host.errors")
        await ask_for_update(bench, errors.HostError("manifest.json: no such file"))
        await bench.until_screen("service_verdict", within_s=10)
        assert verdicts(bench)["update"] == ("fail", "manifest.json: no such file")

    on_bench(story, terminal=SETTINGS)


def test_a_slow_update_can_be_cancelled_and_looks_alive_until_then() -> None:
    async def story(bench: Bench) -> None:
        await ask_for_update(bench, "slow")
        await bench.wait(300)
        assert bench.screen.name == "staff_working"
        await bench.press(CANCEL)
        await bench.until_screen("menu", within_s=5)
        await bench.press(CANCEL)
        await bench.until_screen("welcome", within_s=5)
        await still_sells(bench)

    on_bench(story, terminal=SETTINGS)
