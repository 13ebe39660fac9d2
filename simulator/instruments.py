"""What one sees and turns at a bench: the screen, the paper, the flash chip, the network's
switch.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from PIL import Image

from host_tools import journal

if TYPE_CHECKING:
    from simulator.bench import Bench


class Screen:
    """What the customer sees, as told by the firmware (name, words) and by the panel (pixels)."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.name = ""
        self.words: list[str] = []
        self.history: list[dict[str, Any]] = []

    @property
    def text(self) -> str:
        """The words on the screen, one text a line, top to bottom."""
        return "\n".join(self.words)

    @property
    def amount(self) -> int | None:
        """Minor units that a card was last asked for; None before that."""
        for screen in reversed(self.history):
            if screen["name"] == "present_card":
                return self._money(screen["words"])
        return None

    @staticmethod
    def _money(words: list[str]) -> int | None:
        """The one number among the words: the amount, whatever its separators and currency."""
        numbers = ["".join(filter(str.isdecimal, text)) for text in words]
        found = [int(digits) for digits in numbers if digits]
        return found[0] if len(found) == 1 else None

    def image(self) -> Image.Image:
        return self._bench.wiring.panel.image()

    def png(self) -> bytes:
        """The panel's picture as PNG."""
        return _png(self.image())


class Paper:
    """What came out of the printer."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    @property
    def text(self) -> str:
        """Everything printed as text so far; what was printed as a picture is not in it."""
        return self._bench.wiring.printer.text

    @property
    def slips(self) -> list[str]:
        """The text of each slip that was cut off."""
        return self._bench.wiring.printer.receipts

    def png(self) -> bytes:
        return _png(self._bench.wiring.printer.image())


class FlashView:
    """The whole flash chip."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def image(self) -> bytes:
        return self._bench.wiring.flash.image()

    @property
    def journalled_bytes(self) -> int:
        """Bytes of payments in the journal, before sealing."""
        part = self._bench.wiring.partition("journal")
        image = self._bench.wiring.flash.image(part["offset"], part["size"])
        try:
            return sum(record.length for record in journal.examine(image).records)
        except journal.ImageError:
            return 0  # the terminal has not begun one


class NetworkSwitch:
    """The shop's network: Wi-Fi and everything behind it."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def down(self) -> None:
        """The router is off: Wi-Fi is gone and open connections are dead."""
        self._bench.wiring.wlan.up = False
        self._bench.sandbox.network.down()

    def up(self) -> None:
        self._bench.wiring.wlan.up = True
        self._bench.sandbox.network.up()

    @property
    def latency_ms(self) -> float:
        """A round trip."""
        return self._bench.sandbox.network.latency_ms

    @latency_ms.setter
    def latency_ms(self, value: float) -> None:
        self._bench.sandbox.network.latency_ms = value

    @property
    def loss(self) -> float:
        """Share of segments lost; TCP makes delay of it."""
        return self._bench.sandbox.network.loss

    @loss.setter
    def loss(self, value: float) -> None:
        self._bench.sandbox.network.loss = value

    def drop_next(self, direction: str) -> None:
        """Lose the next "request" or "response" between terminal and acquirer."""
        self._bench.sandbox.acquirer.faults.drop_next(direction)


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
