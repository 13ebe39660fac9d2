"""Every screen, as people see it, hear it and answer it; on the chip models of the board."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from kassa.payment import responses
from kassa.system.currency import CURRENCIES
from kassa.ui.language import LANGUAGES, Catalogue

from tests.ui.stage import (
    FIRMWARE,
    HASHES,
    MERCHANT,
    NOON,
    PICTURES,
    SALE,
    SCREENS,
    Stage,
    picture,
    pixel_hash,
)

IDLE = SCREENS["welcome"][1]
KEY, SUCCESS, FAILURE, WARNING = 2000, 1500, 750, 1000


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.world.close()


def words(language: str) -> dict[str, str]:
    return json.loads((FIRMWARE / "assets" / "words" / f"{language}.json").read_text("utf-8"))


# -- how they look --------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_looks_as_it_was_approved(name: str, language: str) -> None:
    """When a change is wanted: look at the picture, then `python -m tests.ui.stage`."""
    image, _ = picture(name, language)
    known = json.loads(HASHES.read_text(encoding="utf-8"))[language].get(name)
    if pixel_hash(image) != known:
        PICTURES.mkdir(parents=True, exist_ok=True)
        file = PICTURES / f"{name}_{language}.png"
        image.save(file)
        pytest.fail(f"{name} in {language} has changed: look at build/screens/{file.name}")


def test_every_screen_of_the_terminal_is_among_the_pictures() -> None:
    load = Stage(start=False).world.load
    views = [*load("kassa.ui.screens").VIEWS, *load("kassa.ui.views.service").VIEWS]
    assert {screen for screen, _ in SCREENS.values()} == set(views)


def every_case() -> list[tuple[str, dict[str, Any]]]:
    """All screens, and those with the longest of what may stand on them."""
    cases = list(SCREENS.values())
    reasons = {responses.decline_reason(f"{code:02}") for code in range(100)}
    reasons |= {key[9:] for key in words("en") if key.startswith("declined.")}
    reasons -= {"title", "not_charged"}
    cases += [("declined", {**SALE, "reason": reason}) for reason in sorted(reasons)]
    for currency in CURRENCIES:
        largest = {"amount_minor": 99999999, "currency": currency}
        cases += [("amount", largest), ("present_card", largest)]
        cases.append(
            ("welcome", {**IDLE, "pending_count": 999, "pending_minor": 99999999, **largest})
        )
    cases.append(("welcome", {**IDLE, "merchant": "W" * 16 + " " + "M" * 15}))
    cases.append(("printing", {**SALE, "copy": "merchant"}))
    known = words("en")
    cases += [
        ("service_verdict", {"verdict": "fail", "part": "x", "detail": "y", "remedy": remedy})
        for remedy in known
        if remedy.startswith("remedy.")
    ]
    for part in [key[5:] for key in known if key.startswith("part.")]:
        for verdict in ("ok", "warn", "fail"):
            row = (verdict, part.replace("_", " "), "y")
            pages = {"title": "service.checks", "number": 8, "pages": 99}
            cases.append(("service_verdicts", {"rows": [row], **pages}))
    for title, _, _ in Stage(start=False).world.load("kassa.app.service")._ITEMS:
        cases.append(("menu", {"title": title, "choices": [title], "number": 8, "pages": 9}))
        cases.append(("staff_working", {"title": title, "text": "authorising.text"}))
    cases += [
        ("service_ask", {"title": "service.title", "text": key})
        for key in known
        if key.startswith("service.") and key.endswith("_ask")
    ]
    cases += [
        ("approved", {**SALE, "deferred": reason})
        for reason in ("no_connection", "no_answer", "merchant_choice")
    ]
    return cases


def overlap(a: tuple, b: tuple) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_leaves_the_screen_or_runs_into_another_or_is_cut_short(language: str) -> None:
    stage = Stage(language, start=False)
    load = stage.world.load
    text_kind = load("kassa.ui.scene").TEXT
    for screen, facts in every_case():
        page = load("kassa.ui.page").Page(stage.display.fonts, stage.catalogue)
        given = {"screen": screen, "merchant": MERCHANT, **facts}
        load("kassa.ui.screens").view(screen)(page, given)
        texts = [item for item in page.scene.items if item[4] == text_kind]
        assert texts or screen == "starting"
        for number, item in enumerate(texts):
            x, y, width, height = item[:4]
            assert x >= 2 and x + width <= 238 and y >= 0 and y + height <= 320, (screen, item)
            if "W" not in given["merchant"]:
                assert "…" not in item[8], (screen, item[8])
            for other in texts[:number]:
                assert not overlap(item, other), (screen, item[8], other[8])


def test_a_merchants_long_name_is_cut_short_in_the_head_of_a_sale(stage: Stage) -> None:
    long = "Buchhandlung am Alten Markt GmbH"
    stage.run(stage.screens.show("present_card", merchant=long, **SALE))
    assert stage.words[0].endswith("…") and long.startswith(stage.words[0][:-1])


# -- what they say --------------------------------------------------------------------------------


def test_the_log_tells_name_and_words_from_top_to_bottom(stage: Stage) -> None:
    stage.run(stage.screens.show("welcome", **IDLE))
    stage.run(stage.screens.show("declined", **SALE, reason="insufficient_funds"))
    assert stage.names == ["welcome", "declined"]
    assert stage.words == [
        MERCHANT,
        "€12.50",
        "DECLINED",
        "Not enough funds",
        "Nothing was charged",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_screen_says_its_title_in_the_chosen_language(language: str) -> None:
    known = words(language)
    for screen, facts in SCREENS.values():
        stage = Stage(language)
        stage.run(stage.screens.show(screen, **{"merchant": MERCHANT, **facts}))
        title = facts["title"] if "." in facts.get("title", "") else f"{screen}.title"
        if facts.get("refund"):
            title = f"{screen}.refund"
        if facts.get("deferred"):
            title = "deferred.title"
        assert known[title] in stage.words, screen
        stage.world.close()


def test_a_screen_shown_again_unchanged_is_not_told_again(stage: Stage) -> None:
    for _ in range(3):
        stage.run(stage.screens.show("present_card", **SALE))
    assert stage.names == ["present_card"]


def test_a_terminal_without_a_merchants_name_still_welcomes(stage: Stage) -> None:
    stage.run(stage.screens.show("welcome", **{**IDLE, "merchant": ""}))
    assert "Welcome" in stage.words and "" not in stage.words


def test_an_unknown_reason_still_says_something(stage: Stage) -> None:
    for reason in ("never_heard_of", "", None):
        stage.run(stage.screens.show("declined", **SALE, reason=reason))
        assert words("en")["declined.other"] in stage.words


def test_the_amount_stays_on_the_screens_of_its_sale_and_not_longer(stage: Stage) -> None:
    stage.run(stage.screens.show("present_card", **SALE))
    stage.run(stage.screens.show("card_read_ok"))
    assert "€12.50" in stage.words
    stage.run(stage.screens.show("welcome", **IDLE))
    stage.run(stage.screens.show("remove_card"))
    assert "€12.50" not in stage.words


def test_a_screen_that_does_not_exist_is_an_error(stage: Stage) -> None:
    with pytest.raises(KeyError):
        stage.run(stage.screens.show("nonsense"))


# -- lamps and tones ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("screen", "lit"),
    [
        ("present_card", 1),
        ("card_read_ok", 4),
        ("authorising", 0),
        ("approved", 0),
        ("try_again", 1),
        ("see_phone", 1),
    ],
)
def test_the_lamps_follow_the_screen(stage: Stage, screen: str, lit: int) -> None:
    stage.run(stage.screens.show(screen, **SALE))
    assert stage.lamps == lit


@pytest.mark.parametrize(
    ("screen", "tone"),
    [
        ("card_read_ok", SUCCESS),
        ("declined", FAILURE),
        ("try_again", WARNING),
        ("present_card", None),
        ("approved", None),
    ],
)
def test_success_and_failure_can_be_heard(stage: Stage, screen: str, tone: int | None) -> None:
    stage.run(stage.screens.show(screen, **SALE))
    stage.wait(800)
    assert stage.tones()[:1] == ([tone] if tone else [])


def test_card_read_ok_lights_and_sounds_before_it_is_drawn(stage: Stage) -> None:
    """EP-15: the signal that the card may leave does not wait for the panel."""
    stage.run(stage.screens.show("present_card", **SALE))
    seen: list[int] = []
    stage.wiring.panel.on_update = lambda *window: seen.append(stage.lamps)
    stage.run(stage.screens.show("card_read_ok"))
    assert seen and set(seen) == {4}


def test_four_lamps_are_seen_even_when_the_answer_comes_at_once(stage: Stage) -> None:
    stage.run(stage.screens.show("card_read_ok", **SALE))
    stage.run(stage.screens.show("authorising"))
    stage.wait(300)
    stage.run(stage.screens.show("approved"))
    assert stage.lamps == 4
    stage.wait(500)
    assert stage.lamps == 0


def test_four_lamps_give_way_when_a_card_is_wanted_again(stage: Stage) -> None:
    stage.run(stage.screens.show("card_read_ok", **SALE))
    stage.run(stage.screens.show("approved"))
    stage.run(stage.screens.show("present_card", **SALE))
    stage.wait(1500)
    assert stage.lamps == 1


def test_every_key_has_its_tone(stage: Stage) -> None:
    task = stage.begin(stage.screens.amount("EUR"))
    stage.press("1", "2", "3")
    assert stage.tones() == [KEY] * 3
    task.cancel()


# -- the amount -----------------------------------------------------------------------------------


def typed(stage: Stage, currency: str, first: str, *keys: str) -> Any:
    """What `amount` gives back."""
    task = stage.begin(stage.screens.amount(currency, first))
    stage.press(*keys)
    assert task.done()
    return stage.run(result(task))


async def result(task: Any) -> Any:
    return await task


def amount_shown(stage: Stage) -> str:
    return next(word for word in stage.words if any(digit in word for digit in "0123456789"))


@pytest.mark.parametrize(
    ("currency", "first", "keys", "minor", "shown"),
    [
        ("EUR", "1", "2 5 0 ENTER", 1250, "€12.50"),
        ("EUR", "1", "2 00 ENTER", 1200, "€12.00"),
        ("EUR", "", "7 ENTER", 7, "€0.07"),
        ("JPY", "1", "2 5 0 ENTER", 1250, "¥1,250"),
        ("KWD", "1", "2 5 0 ENTER", 1250, "KWD\u00a01.250"),
        ("EUR", "1", "2 3 CLEAR CLEAR 5 ENTER", 15, "€0.15"),
        ("EUR", "9", "9 9 9 9 9 9 9 ENTER", 99999999, "€999,999.99"),
        ("EUR", "9", "9 9 9 9 9 9 9 9 00 ENTER", 99999999, "€999,999.99"),
        ("EUR", "9", "9 9 9 9 9 9 00 ENTER", 9999999, "€99,999.99"),
        ("EUR", "5", "ENTER", 5, "€0.05"),
        ("EUR", "", "0 00 3 MENU ENTER", 3, "€0.03"),
    ],
)
def test_an_amount_is_typed_from_the_right(
    stage: Stage, currency: str, first: str, keys: str, minor: int, shown: str
) -> None:
    assert typed(stage, currency, first, *keys.split()) == minor
    assert amount_shown(stage) == shown


def test_cancel_leaves_the_amount(stage: Stage) -> None:
    assert typed(stage, "EUR", "1", "2", "CANCEL") is None


def test_nothing_cannot_be_confirmed(stage: Stage) -> None:
    task = stage.begin(stage.screens.amount("EUR", "1"))
    stage.press("CLEAR", "ENTER")
    assert not task.done()
    assert WARNING in stage.tones()
    stage.press("4", "ENTER")
    assert stage.run(result(task)) == 4


def test_each_digit_is_on_the_panel_before_the_next_is_asked_for(stage: Stage) -> None:
    stage.begin(stage.screens.amount("EUR", "1"))
    stage.wait(100)
    before = stage.image()
    stage.press("2")
    assert stage.image().tobytes() != before.tobytes()
    assert amount_shown(stage) == "€0.12"


# -- language -------------------------------------------------------------------------------------


def test_the_language_key_switches_every_screen_before_the_tap(stage: Stage) -> None:
    task = stage.begin(stage.screens.welcome(IDLE))
    stage.wait(100)
    stage.press("LANG")
    assert "欢迎光临" in stage.words
    stage.press("LANG")
    assert "Welcome" in stage.words
    stage.press("LANG", "5")
    assert stage.run(result(task)) == "5"
    task = stage.begin(stage.screens.amount("EUR", "5"))
    stage.press("LANG")
    assert "Key in the amount" in stage.words and "€0.05" in stage.words
    stage.press("ENTER")
    assert stage.run(result(task)) == 5


def test_switching_the_language_redraws_whatever_is_shown(stage: Stage) -> None:
    stage.run(stage.screens.show("present_card", **SALE))
    stage.run(stage.screens.switch_language())
    assert stage.names == ["present_card", "present_card"]
    assert "请挥卡" in stage.words
    other = Stage("zh")
    other.run(other.screens.show("present_card", **SALE))
    assert stage.image().tobytes() == other.image().tobytes()


# -- welcome --------------------------------------------------------------------------------------


def test_the_welcome_screen_follows_clock_and_network(stage: Stage) -> None:
    facts = dict(IDLE)
    task = stage.begin(stage.screens.welcome(lambda: facts))
    stage.wait(300)
    assert "12:05" in stage.words and "Online" in stage.words
    facts.update(time=(*NOON[:4], 6, 0), online=False, pending_count=2)
    stage.wait(1200)
    assert "12:06" in stage.words and "Offline" in stage.words
    assert "2 payments to send" in stage.words
    told = len(stage.shown)
    stage.wait(3000)
    assert len(stage.shown) == told
    task.cancel()


def test_the_first_lamp_blinks_while_nobody_pays_and_is_dark_after(stage: Stage) -> None:
    changes: list[int] = []
    stage.wiring.lamps.on_change = lambda *states: changes.append(stage.lamps)
    task = stage.begin(stage.screens.welcome(IDLE))
    stage.wait(6000)
    assert changes[:4] == [1, 0, 1, 0]
    stage.press("7")
    assert stage.run(result(task)) == "7"
    assert stage.lamps == 0


def test_nothing_runs_on_after_the_welcome_screen(stage: Stage) -> None:
    task = stage.begin(stage.screens.welcome(IDLE))
    stage.wait(100)
    stage.press("1")
    stage.run(result(task))
    stage.run(stage.screens.show("present_card", **SALE))
    sent, told = stage.display.bytes_sent, len(stage.events)
    stage.wait(10_000)
    assert (stage.display.bytes_sent, len(stage.events), stage.lamps) == (sent, told, 1)


# -- waiting --------------------------------------------------------------------------------------


def test_the_dots_run_while_the_host_is_asked_and_stop_with_the_answer(stage: Stage) -> None:
    stage.run(stage.screens.show("authorising", **SALE))
    still = stage.image().tobytes()
    stage.wait(500)
    assert stage.image().tobytes() != still
    stage.wait(800)
    assert stage.image().tobytes() == still
    assert stage.names == ["authorising"]
    stage.run(stage.screens.show("approved", **SALE))
    sent = stage.display.bytes_sent
    stage.wait(2000)
    assert stage.display.bytes_sent == sent


def test_an_acknowledged_screen_gives_the_key(stage: Stage) -> None:
    task = stage.begin(stage.screens.acknowledge("paper_out", 10_000))
    stage.press("LANG", "ENTER")
    assert stage.run(result(task)) == "ENTER"
    assert "打印机缺纸" in stage.words


def test_a_screen_that_nobody_acknowledges_ends_in_time(stage: Stage) -> None:
    start = stage.world.clock.now_ns
    assert stage.run(stage.screens.acknowledge("cancelled", 2000, **SALE)) is None
    assert 1.9e9 < stage.world.clock.now_ns - start < 2.3e9


# -- menus ----------------------------------------------------------------------------------------

CHOICES = [f"Choice {letter}" for letter in "ABCDEFGH"]


@pytest.mark.parametrize(
    ("keys", "index"),
    [("1", 0), ("6", 5), ("MENU 1", 6), ("MENU 2", 7), ("MENU MENU 3", 2), ("CANCEL", None)],
)
def test_a_menu_gives_the_index_of_the_choice(stage: Stage, keys: str, index: int | None) -> None:
    task = stage.begin(stage.screens.choose("menu.title", CHOICES))
    stage.wait(100)
    stage.press(*keys.split())
    assert stage.run(result(task)) == index


def test_a_menu_ignores_what_it_does_not_offer(stage: Stage) -> None:
    task = stage.begin(stage.screens.choose("menu.title", CHOICES[:2]))
    stage.press("3", "0", "ENTER", "00")
    assert not task.done()
    assert stage.tones().count(WARNING) >= 4
    stage.press("2")
    assert stage.run(result(task)) == 1


def test_a_menu_speaks_the_language_that_is_switched_to(stage: Stage) -> None:
    stage.begin(stage.screens.choose("menu.title", ["receipt.refund", "Kassa"]))
    stage.press("LANG")
    assert stage.words == ["菜单", "退货", "Kassa"]


# -- how much is sent -----------------------------------------------------------------------------


def test_a_sale_sends_a_fraction_of_what_full_pictures_would(stage: Stage) -> None:
    stage.run(stage.screens.show("welcome", **IDLE))
    sent = stage.display.bytes_sent
    task = stage.begin(stage.screens.amount("EUR", "1"))
    stage.press("2", "5", "0", "ENTER")
    stage.run(result(task))
    shown = 4
    for screen in ("present_card", "card_read_ok", "authorising", "approved"):
        stage.run(stage.screens.show(screen, **SALE))
        shown += 1
    used = stage.display.bytes_sent - sent
    assert used < 0.45 * shown * 240 * 320 * 2
    assert used > 50_000


def test_the_catalogue_of_the_screens_is_the_one_that_receipts_use(stage: Stage) -> None:
    stage.run(stage.screens.show("welcome", **IDLE))
    stage.run(stage.screens.switch_language())
    assert stage.screens.catalogue.t("receipt.sale") == "消费"
    assert Catalogue(str(FIRMWARE / "assets" / "words"), "zh").t("receipt.sale") == "消费"
