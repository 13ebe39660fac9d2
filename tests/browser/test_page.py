"""A sale on the page, and everything a visitor may do to the terminal, in a real browser."""

from __future__ import annotations

import pytest
from PIL import Image, ImageChops

from tests.browser.terminal import Terminal

pytestmark = pytest.mark.browser


def share_of(picture: Image.Image, right: type[bool] | object) -> float:
    """The share of pixels for which `right(red, green, blue)`."""
    colours = picture.getcolors(maxcolors=240 * 320) or []
    assert callable(right)
    return sum(count for count, colour in colours if right(*colour)) / (240 * 320)


def is_green(red: int, green: int, blue: int) -> bool:
    return green > 90 and green > red + 40 and green > blue + 30


def is_dark(red: int, green: int, blue: int) -> bool:
    return red + green + blue < 30


def sell(terminal: Terminal) -> None:
    """12.50 by clicking keys, a card, APPROVED in words and pixels, and the paper."""
    welcome = terminal.picture()
    terminal.key("1", "2", "5", "0")
    terminal.until_words("12.50")
    terminal.key("ENTER")
    terminal.until_screen("present_card")
    assert "Present card" in terminal.words
    terminal.page.wait_for_selector("#device.field")
    terminal.tap("visa_credit")
    terminal.until_screen("approved")
    assert "APPROVED" in terminal.words
    assert "12.50" in terminal.words
    picture = terminal.picture()
    assert share_of(picture, is_green) > 0.3
    assert share_of(welcome, is_green) < 0.1
    assert ImageChops.difference(picture, welcome).getbbox() is not None
    terminal.until_paper(500)
    terminal.page.wait_for_selector("#held:not(:has(*))", state="attached")


def test_a_sale_is_approved_and_the_receipt_comes_out(terminal: Terminal) -> None:
    sell(terminal)


def test_a_sale_is_approved_on_cpython_too(terminal_on_cpython: Terminal) -> None:
    assert "CPython" in (terminal_on_cpython.page.text_content("#status") or "")
    sell(terminal_on_cpython)


def test_the_receipt_has_ink_and_can_be_torn_off(terminal: Terminal) -> None:
    terminal.ask("500")
    terminal.tap("mastercard_credit")
    terminal.until_screen("approved")
    terminal.until_paper(400)
    terminal.page.wait_for_selector("#paper-strip hr", state="attached")
    ink = terminal.page.evaluate(
        """async () => {
          let dark = 0;
          for (const image of document.querySelectorAll("#paper-strip img")) {
            await image.decode();
            const canvas = document.createElement("canvas");
            canvas.width = image.naturalWidth;
            canvas.height = image.naturalHeight;
            const context = canvas.getContext("2d");
            context.drawImage(image, 0, 0);
            const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
            for (let at = 0; at < data.length; at += 4) dark += data[at] < 128;
          }
          return dark;
        }"""
    )
    assert ink > 5_000
    terminal.page.wait_for_timeout(5_000)
    terminal.page.click("#tear")
    terminal.page.wait_for_selector("#paper-strip[data-lines='0']", state="attached")
    assert terminal.page.is_disabled("#tear")


def test_the_lens_shows_card_host_and_time(terminal: Terminal) -> None:
    terminal.ask("1250")
    terminal.tap("visa_debit")
    terminal.until_screen("approved")
    page = terminal.page
    page.click("#tab-apdu")
    page.wait_for_selector("#view-apdu details >> text=2PAY.SYS.DDF01")
    page.click("#view-apdu details:nth-of-type(2) summary")
    tree = page.text_content("#view-apdu details:nth-of-type(2)") or ""
    assert "Processing options DOL" in tree
    page.click("#tab-iso")
    answer = page.locator("#view-iso details", has_text="0210")
    answer.locator("summary").click()
    assert "Response code" in (answer.text_content() or "")
    page.click("#tab-timing")
    for phase in ("Select PPSE", "Host", "To result"):
        assert page.is_visible(f"#view-timing >> text={phase}")
    page.click("#tab-log")
    assert page.is_visible("#view-log >> text=ui screen >> nth=0")
    page.click("#tab-tap")


def test_the_lens_tells_the_tap_as_a_story(terminal: Terminal) -> None:
    page = terminal.page
    page.click("#tab-tap")
    terminal.ask("1250")
    terminal.tap("visa_credit")
    terminal.until_screen("approved")
    story = page.locator("#view-tap .story").last
    story.locator(".verdict", has_text="approved by the host").wait_for()
    assert story.get_attribute("open") is not None
    assert "Visa credit, 12.50 EUR" in (story.locator("summary").first.text_content() or "")
    # The rules in the order in which they fired.
    rules = story.locator(".rule-name").all_text_contents()
    assert rules[0].startswith("EP-") and rules[-1].startswith("C3-")
    # TTQ and TVR, bit by bit.
    bits = story.locator(".bits", has_text="Terminal transaction qualifiers").text_content() or ""
    assert "byte 1: EMV mode" in bits
    assert story.locator(".bits", has_text="Terminal verification results").count() == 1
    # A command unfolds to what was asked and answered.
    command = story.locator(".step", has_text="GET PROCESSING OPTIONS")
    assert not command.locator(".answered").is_visible()
    command.locator("summary").click()
    assert "Amount, authorised: 12.50 EUR" in (command.locator(".asked").text_content() or "")
    assert "ARQC: ask online" in (command.locator(".answered").text_content() or "")
    assert "APPROVED" in (story.locator(".why").text_content() or "")


def test_no_number_of_a_card_is_readable_on_the_page(terminal: Terminal) -> None:
    terminal.ask("1250")
    terminal.tap("visa_credit")
    terminal.until_screen("approved")
    everything = terminal.page.content().replace(" ", "")
    assert "476173******0119" in everything
    assert "4761739001010119" not in everything


def test_a_reload_shows_what_is(terminal: Terminal) -> None:
    terminal.ask("1250")
    before = terminal.picture()
    terminal.open()
    terminal.until_screen("present_card")
    assert "12.50" in terminal.words
    assert ImageChops.difference(terminal.picture(), before).getbbox() is None
    terminal.tap("visa_credit")
    terminal.until_screen("approved")
    terminal.until_paper(400)
    terminal.open()
    assert terminal.paper_lines >= 400


def test_a_second_page_sees_and_handles_the_same_terminal(terminal: Terminal) -> None:
    other = Terminal(terminal.page.context.new_page(), terminal.page.url)
    other.open()
    other.key("7", "5", "0")
    terminal.until_words("7.50")
    terminal.key("CANCEL")
    other.until_screen("cancelled", "welcome")
    other.page.close()


def test_one_key_switches_the_language(terminal: Terminal) -> None:
    english = terminal.picture()
    terminal.key("LANG")
    terminal.page.wait_for_function(
        r"() => /[\u4e00-\u9fff]{2}/.test(document.getElementById('words').textContent)"
        " && !document.getElementById('words').textContent.includes('Welcome')"
    )
    assert ImageChops.difference(terminal.picture(), english).getbbox() is not None
    terminal.key("LANG")
    terminal.until_words("Welcome")


def test_without_network_no_sale_is_called_approved(terminal: Terminal) -> None:
    terminal.ask("1250")
    terminal.page.click("#network")
    terminal.tap("visa_credit")
    shown = terminal.until_screen("no_network", "declined", "approved", within_ms=40_000)
    assert shown != "approved"
    terminal.page.click("#network")


def test_the_keyboard_is_a_keypad(terminal: Terminal) -> None:
    keyboard = terminal.page.keyboard
    for digit, amount in (("9", "0.09"), ("9", "0.99"), ("5", "9.95")):
        keyboard.press(digit)
        terminal.until_words(amount)
    keyboard.press("Backspace")
    terminal.page.wait_for_function(
        "() => !document.getElementById('words').textContent.includes('9.95')"
    )
    keyboard.press("Escape")
    terminal.until_screen("welcome")
    keyboard.press("2")
    terminal.until_words("0.02")
    keyboard.press("Enter")
    terminal.until_screen("present_card")
    keyboard.press("Escape")
    terminal.until_screen("cancelled", "welcome")


def test_a_key_looks_pressed_while_it_is_held(terminal: Terminal) -> None:
    terminal.page.keyboard.down("7")
    terminal.page.wait_for_selector("#keypad [data-key='7'].down")
    terminal.page.keyboard.up("7")
    terminal.page.wait_for_selector("#keypad [data-key='7']:not(.down)")
    terminal.until_words("0.07")


def test_a_card_can_be_paid_with_from_the_keyboard(terminal: Terminal) -> None:
    terminal.ask("300")
    terminal.card("visa_credit").focus()
    terminal.page.keyboard.press("Enter")
    terminal.until_screen("approved")


def test_two_cards_at_once_are_refused_and_one_alone_is_not(terminal: Terminal) -> None:
    held = terminal.page.locator("#held .card")
    for name in ("visa_credit", "mastercard_credit"):
        terminal.card(name).click(modifiers=["Shift"])
        terminal.page.wait_for_selector(f"#held [data-card='{name}']")
    assert held.count() == 2
    terminal.key("3", "0", "0", "ENTER")
    terminal.until_screen("one_card_only")
    # One click may not be drawn yet when the next one comes, so each names its own card.
    for name in ("visa_credit", "mastercard_credit"):
        terminal.page.locator(f"#held .card[data-card='{name}']").click()
    terminal.page.wait_for_selector("#held:not(:has(*))", state="attached")
    terminal.page.wait_for_timeout(2_000)  # the terminal waits until both are gone
    terminal.tap("visa_credit")
    terminal.until_screen("approved")


def test_a_card_dragged_to_the_terminal_stays_until_it_is_taken(terminal: Terminal) -> None:
    page = terminal.page
    terminal.card("visa_credit").hover()
    page.mouse.down()
    page.mouse.move(460, 200, steps=8)
    page.wait_for_selector("#held [data-card='visa_credit'].card")
    page.mouse.up()
    page.wait_for_timeout(500)
    assert page.get_attribute("#wallet .card[data-card='visa_credit']", "aria-pressed") == "true"
    page.click("#held .card")
    page.wait_for_selector("#held:not(:has(*))", state="attached")


def test_a_card_pressed_in_the_wallet_is_held_while_it_is_pressed(terminal: Terminal) -> None:
    page = terminal.page
    terminal.card("visa_credit").hover()
    page.mouse.down()
    page.wait_for_selector("#held [data-card='visa_credit'].card")
    page.mouse.up()
    page.wait_for_selector("#held:not(:has(*))", state="attached")


def test_the_plug_darkens_the_display_and_the_terminal_comes_back(terminal: Terminal) -> None:
    terminal.page.click("#power")
    terminal.page.wait_for_selector("#device.off")
    assert share_of(terminal.picture(), is_dark) == 1.0
    terminal.page.click("#power")
    terminal.until_screen("welcome", within_ms=30_000)
    assert share_of(terminal.picture(), is_dark) < 0.5


def test_the_buzzer_is_heard_at_its_own_frequency(terminal: Terminal) -> None:
    terminal.page.evaluate(
        """() => {
          window.heard = [];
          const root = document.documentElement;
          new MutationObserver(() => window.heard.push(Number(root.dataset.hz)))
            .observe(root, { attributeFilter: ["data-hz"] });
        }"""
    )
    terminal.key("5")
    terminal.until_words("0.05")
    terminal.page.wait_for_function("() => window.heard.at(-1) === 0 && window.heard.length > 1")
    assert max(terminal.page.evaluate("window.heard")) > 500


def test_every_control_has_a_name(terminal: Terminal) -> None:
    nameless = terminal.page.evaluate(
        """() => [...document.querySelectorAll("button, input, [role=tab], [role=img], canvas")]
          .filter((each) => !(each.getAttribute("aria-label") || each.textContent.trim()
            || each.labels?.length || each.getAttribute("aria-labelledby")))
          .map((each) => each.outerHTML.slice(0, 90))"""
    )
    assert nameless == []
    assert terminal.page.get_attribute("#words", "aria-live") == "polite"


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844), (820, 1180), (1920, 1080)])
def test_the_page_fits_its_window(terminal: Terminal, width: int, height: int) -> None:
    terminal.page.set_viewport_size({"width": width, "height": height})
    terminal.page.wait_for_timeout(200)
    size = terminal.page.evaluate(
        """() => ({
          wide: document.documentElement.scrollWidth,
          tall: document.documentElement.scrollHeight,
          panel: document.getElementById("panel").getBoundingClientRect().width,
          keypad: document.getElementById("keypad").getBoundingClientRect().bottom,
        })"""
    )
    assert size["wide"] <= width
    assert size["panel"] >= 300
    if width == 1280:
        assert size["tall"] <= height
        assert size["keypad"] <= height
