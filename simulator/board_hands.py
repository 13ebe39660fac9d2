"""A person's hands and eyes at a virtual board: keys, cards, paper, the screen, the plug."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from simulator import cards, fingers
from simulator.board import VirtualBoard

KEYS = (*"0123456789", "00", "ENTER", "CANCEL", "CLEAR", "LANG", "MENU")
_REACTION_S = 0.25
_HOLD_AT_MOST_S = 12.0
_WAITING = ("present_card", "processing", "amount", "welcome")
_LONGEST_LINE = 1 << 16


class Hands:
    """At `board`.  screens: each screen that the firmware has shown, as it logged it: `name` and
    `words`.  events: every event that it logged.
    """

    def __init__(self, board: VirtualBoard) -> None:
        self.screens: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self._board = board
        self._line = b""
        board.console.on_output.append(self._heard)

    @property
    def screen(self) -> str:
        """The name of the screen that is shown; "" before the first."""
        return self.screens[-1]["name"] if self.screens else ""

    @property
    def words(self) -> list[str]:
        return self.screens[-1]["words"] if self.screens else []

    async def press(self, *keys: str) -> None:
        """Press keys one after the other; a string of digits is one key a digit.  Raises
        ValueError for what is no key.
        """
        names = [name for key in keys for name in ([key] if key in KEYS else key)]
        unknown = [name for name in names if name not in KEYS]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no key; keys are {', '.join(KEYS)}")
        pad = self._board.wiring.keypad
        until = self._board.until
        for name in names:
            await fingers.press(pad, name, pad.press, pad.release, asyncio.sleep, until)

    async def tap(self, profile: str) -> None:
        """Hold a card to the reader until the terminal says something about it.  Raises
        ValueError for a profile that is not there.
        """
        try:
            card = cards.load(profile)
        except KeyError:
            raise ValueError(f"there is no card called {profile!r}") from None
        held = list(getattr(card, "cards", [card]))
        shown = len(self.screens)
        for one in held:
            self._board.wiring.pn532.present(one)
        await self._board.until(
            lambda: any(screen["name"] not in _WAITING for screen in self.screens[shown:]),
            _HOLD_AT_MOST_S,
        )
        await asyncio.sleep(_REACTION_S)
        for one in held:
            self._board.wiring.pn532.remove(one)

    async def until_screen(self, *names: str, within_s: float = 20.0) -> bool:
        """Whether one of the screens is shown within the time."""
        return await self._board.until(lambda: self.screen in names, within_s)

    def _heard(self, data: bytes) -> None:
        *lines, rest = (self._line + data).split(b"\n")
        self._line = rest[-_LONGEST_LINE:]
        for line in lines:
            if not line.startswith(b"{"):
                continue
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict) and "is" in event:
                self.events.append(event)
                if (event.get("at"), event["is"]) == ("ui", "screen"):
                    self.screens.append(event)
