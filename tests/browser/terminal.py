"""The page as a person uses it: keys, cards, what the display says, what lies on the paper."""

from __future__ import annotations

import base64
import io
import time

from PIL import Image
from playwright.sync_api import Locator, Page

WITHIN_MS = 15_000
SETTLE_MS = 250


class Terminal:
    """One page; `words` is what a screen reader says, `picture()` what the canvas shows."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self._address = address

    def open(self) -> None:
        self.page.goto(self._address)
        self.page.wait_for_selector("html[data-ready=yes]")

    def back_to_welcome(self) -> None:
        """Whatever the last test left behind: cards away, plugs in, no sale, paper torn off."""
        for switch in ("power", "network", "paper"):
            if not self.page.is_checked(f"#{switch}"):
                self.page.click(f"#{switch}")
        held = self.page.locator("#held .card")
        for name in held.evaluate_all("cards => cards.map((card) => card.dataset.card)"):
            self.page.click(f"#held .card[data-card='{name}']")
        deadline = time.monotonic() + 40
        while self.screen != "welcome" and time.monotonic() < deadline:
            self.key("CANCEL")
            self.page.wait_for_timeout(500)
        assert self.screen == "welcome", f"stuck at {self.screen}: {self.words}"
        if "Welcome" not in self.words:
            self.key("LANG")
        self.until_words("Welcome")
        if self.page.is_enabled("#tear"):
            self.page.click("#tear")
        self.page.click("#lens-clear")

    # -- hands

    def key(self, *names: str) -> None:
        for name in names:
            self.page.click(f"#keypad [data-key='{name}']")

    def ask(self, amount: str) -> None:
        """Type an amount in minor units, confirm it, and wait until a card is asked for."""
        self.key(*amount, "ENTER")
        self.until_screen("present_card")

    def card(self, name: str) -> Locator:
        return self.page.locator(f"#wallet [data-card='{name}'].card")

    def tap(self, name: str) -> None:
        self.card(name).click()

    # -- eyes

    @property
    def screen(self) -> str:
        return self.page.get_attribute("#panel", "data-screen") or ""

    @property
    def words(self) -> str:
        return self.page.text_content("#words") or ""

    def until_screen(self, *names: str, within_ms: int = WITHIN_MS) -> str:
        """Wait for one of these screens; which."""
        selector = ", ".join(f"#panel[data-screen='{name}']" for name in names)
        self.page.wait_for_selector(selector, timeout=within_ms)
        return self.screen

    def until_words(self, words: str) -> None:
        self.page.wait_for_function(
            "words => document.getElementById('words').textContent.includes(words)",
            arg=words,
            timeout=WITHIN_MS,
        )

    def picture(self) -> Image.Image:
        """The canvas at the panel's own size."""
        self.page.wait_for_timeout(SETTLE_MS)
        url = self.page.eval_on_selector("#panel", "canvas => canvas.toDataURL('image/png')")
        image = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB")
        return image.resize((240, 320), Image.Resampling.NEAREST)

    @property
    def paper_lines(self) -> int:
        return int(self.page.get_attribute("#paper-strip", "data-lines") or 0)

    def until_paper(self, lines: int) -> None:
        """Wait until that many dot lines of paper have come out."""
        self.page.wait_for_function(
            "lines => Number(document.getElementById('paper-strip').dataset.lines) >= lines",
            arg=lines,
            timeout=WITHIN_MS,
        )
