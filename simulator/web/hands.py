"""What a person at the page may do: press keys, hold cards, pull plugs, tear paper."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from simulator import fingers
from simulator.web.hub import Message
from simulator.web.view import View

# A finger stays on a key, and off it before the next press, for so long at least, and until the
# terminal has scanned the key so often: it sees what it reads twice, slow as its computer may be.
_KEY_S, _KEY_AT_MOST_S = 0.06, 5.0
# How long a person holds a card: shortly where nothing happens, else until it may leave.
_BRIEF_S, _REACTION_S, _PATIENCE_S = 0.8, 0.25, 8.0
_EXCHANGE = ("present_card", "processing")
_ASKS_AGAIN = ("try_again", "see_phone", "one_card_only")
_MOST_LATENCY_MS = 10_000


class CommandError(Exception):
    """A command that cannot be done; the message is for the person at the page."""


class Hands:
    """Does what pages ask of the bench; `cards` are the wallet's, by name."""

    def __init__(self, bench: Any, view: View, load_card: Callable[[str], Any]) -> None:
        self._bench = bench
        self._view = view
        self._load_card = load_card
        self._cards: dict[str, Any] = {}
        self._keys: asyncio.Queue[tuple[str, bool]] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._do = {
            "key": self._key,
            "tap": self._tap,
            "hold": self._hold,
            "remove": self._remove,
            "network": self._network,
            "power": self._power,
            "paper": self._paper,
            "tear": self._tear,
        }

    async def do(self, command: Message) -> None:
        """One command of a page.  Raises CommandError when it makes no sense."""
        what = command.get("type")
        if not isinstance(what, str) or what not in self._do:
            raise CommandError(f"unknown command {what!r}")
        await self._do[what](command)

    async def press_keys(self) -> None:
        """Move the fingers, one key after the other, as fast as a person could."""
        down: set[str] = set()
        last_up, scanned = "", 0
        while True:
            name, press = await self._keys.get()
            if press and name not in down:
                if name == last_up:
                    await self._until_noticed(name, scanned + fingers.SCANS_UP)
                down.add(name)
                scanned = self._bench.wiring.keypad.scans(name)
                self._bench.key_down(name)
                await self._until_noticed(name, scanned + fingers.SCANS_DOWN)
            elif not press and name in down:
                down.remove(name)
                self._bench.key_up(name)
                last_up, scanned = name, self._bench.wiring.keypad.scans(name)

    async def _until_noticed(self, name: str, enough: int) -> None:
        """Wait until the key was scanned so often."""
        keypad = self._bench.wiring.keypad
        await asyncio.sleep(_KEY_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_KEY_AT_MOST_S):
                while self._bench.powered and not fingers.noticed(keypad, name, enough):
                    await asyncio.sleep(0.005)

    def let_go(self, names: set[str]) -> None:
        """A page has gone: its fingers leave the keys."""
        for name in names:
            self._keys.put_nowait((name, False))

    def close(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()

    # -- keys

    async def _key(self, command: Message) -> None:
        name = command.get("name")
        if not any(name in row for row in self._bench.board["keypad"]["layout"]):
            raise CommandError(f"this keypad has no key {name!r}")
        if command.get("press"):
            self._keys.put_nowait((name, True))
            self._keys.put_nowait((name, False))
        else:
            self._keys.put_nowait((name, bool(command.get("down"))))

    # -- cards

    def _card(self, command: Message) -> tuple[str, Any]:
        """The card that a command names; one object a card, since it counts its transactions."""
        name = command.get("card")
        if not isinstance(name, str):
            raise CommandError("name a card")
        if name not in self._cards:
            try:
                self._cards[name] = self._load_card(name)
            except KeyError:
                raise CommandError(f"there is no card {name!r}") from None
        return name, self._cards[name]

    async def _hold(self, command: Message) -> None:
        name, card = self._card(command)
        if name not in self._view.held:
            self._view.held.append(name)
            self._bench.present(card)

    async def _remove(self, command: Message) -> None:
        name, card = self._card(command)
        if name in self._view.held:
            self._view.held.remove(name)
            self._bench.remove(card)

    async def _tap(self, command: Message) -> None:
        """Hold the card as long as a person would, or for `hold_ms`."""
        name, _ = self._card(command)
        hold_ms = command.get("hold_ms")
        if hold_ms is not None and not (isinstance(hold_ms, int) and 0 <= hold_ms <= 60_000):
            raise CommandError("hold_ms must be from 0 to 60000")
        if name not in self._view.held:
            self._start(self._tap_and_take(command, hold_ms))

    async def _tap_and_take(self, command: Message, hold_ms: int | None) -> None:
        await self._hold(command)
        try:
            if hold_ms is not None:
                await asyncio.sleep(hold_ms / 1000)
            else:
                await self._until_it_may_leave()
        finally:
            await self._remove(command)

    async def _until_it_may_leave(self) -> None:
        first = self._bench.screen.name
        if first not in (*_EXCHANGE, *_ASKS_AGAIN):
            await asyncio.sleep(_BRIEF_S)
            return
        waiting = {first, *_EXCHANGE}
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while (name := self._bench.screen.name) in waiting:
                    if name in _EXCHANGE:
                        waiting = {*_EXCHANGE}
                    await asyncio.sleep(0.02)
        except TimeoutError:
            return
        await asyncio.sleep(_REACTION_S)

    # -- plugs and paper

    async def _network(self, command: Message) -> None:
        network = self._bench.network
        if (latency_ms := command.get("latency_ms")) is not None:
            if not isinstance(latency_ms, int) or not 0 <= latency_ms <= _MOST_LATENCY_MS:
                raise CommandError(f"latency_ms must be from 0 to {_MOST_LATENCY_MS}")
            network.latency_ms = latency_ms
        if (up := command.get("up")) is not None:
            self._view.network_up = bool(up)
            network.up() if up else network.down()

    async def _power(self, command: Message) -> None:
        if command.get("on") and not self._bench.powered:
            self._start(self._bench.power_on())
        elif not command.get("on") and self._bench.powered:
            await self._bench.cut_power()

    async def _paper(self, command: Message) -> None:
        state = command.get("state")
        if state not in ("ok", "near_end", "out"):
            raise CommandError("paper is ok, near_end or out")
        self._bench.wiring.printer.paper = state

    async def _tear(self, command: Message) -> None:
        self._view.tear()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._view.notice(f"{type(error).__name__}: {error}")
