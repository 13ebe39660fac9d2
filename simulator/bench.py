"""A terminal on the bench: power, keys, cards, network, faults and time.

    async with Bench(board="esp32s3_devkitc", runtime="cpython", seed=7) as bench:
        await bench.press("1250", ENTER)
        await bench.tap("visa_credit")
        await bench.until_screen("approved", within_s=3)
        print(bench.screen.text, bench.printer.text)

On `cpython` the firmware runs in this process in virtual time: nothing moves except inside an
awaited call, and the same seed gives the same run.  On `micropython` the real binary runs it in
real time.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from host_tools import image
from host_tools.board import load as load_board
from simulator import cards, emv_configuration, fingers, provisioning
from simulator.chips.nor_flash import PowerCut
from simulator.clock import NS_PER_MS, NS_PER_S
from simulator.filesystem import build_image
from simulator.instruments import FlashView, NetworkSwitch, Paper, Screen
from simulator.runtimes import RUNTIMES, Runtime
from simulator.standins.world import World
from simulator.tap_numbers import TapNumbers
from simulator.taps import Taps
from simulator.timings import SaleTimings
from simulator.wiring import Wiring

ENTER, CANCEL, CLEAR, LANG, MENU = "ENTER", "CANCEL", "CLEAR", "LANG", "MENU"
KEY_NAMES = [*"0123456789", "00", ENTER, CANCEL, CLEAR, LANG, MENU]

_REACTION_MS = 250  # a person takes the card away this long after "card read OK"
_HOLD_AT_MOST_S = 12.0
_START_WITHIN_S = 20.0
_ONLINE_WITHIN_S = 10.0
_WAITING = ("present_card", "processing", "amount", "welcome")
_EPOCH = datetime.datetime(2026, 1, 5, 10, 0, tzinfo=datetime.UTC)


class BenchError(AssertionError):
    """The terminal did not do what was expected; the message says what it showed instead."""


class Bench:
    """One terminal with a sandbox acquirer at the other end.

    board: a board's name or file, see board_configs/.
    runtime: "cpython" (virtual time) or "micropython" (the real binary, real time).
    seed: for everything random in the world.
    terminal: settings that replace the sandbox terminal's own, e.g. {"language": "zh"}.
    start: the terminal's clock at power-on, UTC; by default now in real time, 2026-01-05 10:00 in
        virtual time.
    start_stands: the time of day stays at `start`, so that a card can be told the very second
        at which it was recorded; everything else goes on.
    heap: bytes of MicroPython heap.
    heap_probe: sample the peak of what lives in that heap (slow).
    realtime: pace virtual time by the wall's clock, for a person at the page.
    pictures: folder that gets the last screen and the receipt as PNG.
    emv_config: another EMV configuration than the sandbox's, as a TOML document.
    unpredictable_numbers: 4 bytes each, drawn by the terminal tap by tap; then its own.
    """

    def __init__(
        self,
        board: str | Path = "esp32s3_devkitc",
        runtime: str = "cpython",
        seed: int = 0,
        terminal: dict[str, Any] | None = None,
        start: datetime.datetime | None = None,
        heap: int = 1 << 20,
        heap_probe: bool = False,
        realtime: bool = False,
        pictures: Path | None = None,
        emv_config: Path | None = None,
        unpredictable_numbers: Sequence[bytes] = (),
        start_stands: bool = False,
    ) -> None:
        if runtime not in RUNTIMES:
            raise ValueError(f"runtime {runtime!r} is none of {', '.join(RUNTIMES)}")
        self.board = load_board(board)
        self.runtime = runtime
        self.seed = seed
        self.settings = terminal or {}
        self.start = start
        self.start_stands = start_stands and start is not None
        self.heap = heap
        self.heap_probe = heap_probe
        self.realtime = realtime or runtime == "micropython"
        self.pictures = pictures
        self.emv_document = emv_config or emv_configuration.SANDBOX
        self.numbers = TapNumbers(unpredictable_numbers)
        self.exchanges: list[tuple[bytes, bytes | None]] = []
        self.powered = False
        self.on_event: list[Callable[[dict[str, Any]], None]] = []
        self.on_apdu: list[Callable[[bytes, bytes | None, int, int], None]] = []
        self.on_message: list[Callable[[dict[str, Any]], None]] = []
        self.events: list[dict[str, Any]] = []
        self.console: list[str] = []
        self.screen = Screen(self)
        self.printer = Paper(self)
        self.flash = FlashView(self)
        self.network = NetworkSwitch(self)
        self.sale = SaleTimings()
        self.taps = Taps(self)
        self._presented: dict[int, Any] = {}

    async def __aenter__(self) -> Self:
        kind = RUNTIMES[self.runtime]
        self.clock = kind.make_clock()
        self.wiring = Wiring(self.board, self.clock, self.seed)
        self.sandbox = kind.make_sandbox(self.clock, self.seed, self.utc)
        await self.sandbox.open()
        self.sandbox.network.link = lambda: self.wiring.wlan.link
        self._runtime: Runtime = kind(self)
        self._provision()
        self._watch()
        try:
            await self.power_on()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def _close(self) -> None:
        if self.pictures is not None:
            self.pictures.mkdir(parents=True, exist_ok=True)
            (self.pictures / "screen.png").write_bytes(self.screen.png())
            (self.pictures / "receipt.png").write_bytes(self.printer.png())
        await self._runtime.power_off()
        await self.sandbox.close()

    # -- power

    async def power_on(self) -> None:
        """Switch on and wait for the welcome screen (and, with a network, for the host)."""
        if self.powered:
            return
        self.screen.name, self.screen.words = "", []
        self.powered = True
        await self._runtime.power_on()
        await self.until_screen("welcome", "out_of_order", within_s=_START_WITHIN_S)
        if self.sandbox.network.is_up:
            await self.until(lambda: self._online, _ONLINE_WITHIN_S)

    async def cut_power(self) -> None:
        """Pull the plug: the firmware stops between two instructions, the flash keeps what it
        has.
        """
        if not self.powered:
            return
        await self._runtime.power_off()
        self.powered = False
        self.wiring.power_off()
        self._online = False

    def fill_journal(self, free_slots: int) -> None:
        """Leave only so many free slots in the journal, as months of use would; with the
        power off."""
        world = World(self.wiring.mcu, root=self.wiring.filesystem())
        self.wiring.flash.power_on()
        provisioning.fill_journal(world, free_slots)
        world.close()

    # -- a person's hands

    def key_down(self, name: str) -> None:
        if name == ENTER and self.screen.name == "amount":
            self.sale.start(self.clock.now_ns)
        self.wiring.keypad.press(name)

    def key_up(self, name: str) -> None:
        self.wiring.keypad.release(name)

    async def press(self, *keys: str) -> None:
        """Press keys one after the other; a string of digits is one key a digit."""
        for key in keys:
            for name in [key] if key in KEY_NAMES else list(key):
                if name not in KEY_NAMES:
                    raise ValueError(f"{name!r} is no key; keys are {', '.join(KEY_NAMES)}")
                look = self.until if self.realtime and self.powered else None
                pad = self.wiring.keypad
                await fingers.press(pad, name, self.key_down, self.key_up, self.wait, look)

    def present(self, card: Any) -> None:
        """Hold a card (or a sequence of them) to the reader."""
        for one in _as_cards(card):
            self.wiring.pn532.present(one)
            self.taps.presented(one)
            self._presented[id(one)] = one
        self.numbers.expect()
        self.sale.card_presented(self.clock.now_ns)

    def remove(self, card: Any = None) -> None:
        """Take a card away, or all."""
        if card is None:
            self.wiring.pn532.remove()
            self.taps.removed()
        else:
            for one in _as_cards(card):
                self.wiring.pn532.remove(one)
                self.taps.removed(one)

    async def tap(self, card: Any, hold_ms: float | None = None) -> None:
        """Hold a card to the reader as a customer does, and take it away.

        `card` is a profile's name or anything with the shape of a card.  Without `hold_ms` it
        stays until the terminal says something about it (and a moment longer), however long the
        customer's patience lasts.
        """
        if isinstance(card, str):
            card = cards.load(card)
        shown = len(self.screen.history)
        self.present(card)
        if hold_ms is not None:
            await self.wait(hold_ms / 1000)
        else:
            await self._until(
                lambda: any(s["name"] not in _WAITING for s in self.screen.history[shown:]),
                _HOLD_AT_MOST_S,
            )
            await self.wait(_REACTION_MS / 1000)
        self.remove(card)

    # -- time

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        await self._until(lambda: False, seconds)

    async def until(self, happened: Callable[[], bool], within_s: float) -> bool:
        """Let time pass until `happened()`; False when it did not within `within_s`."""
        return await self._until(happened, within_s)

    async def until_paper_rests(self, quiet_s: float = 1.0, within_s: float = 20.0) -> None:
        """Wait until nothing was printed for `quiet_s`, so that slips are whole."""
        rested_ns, end_ns = 0, self.clock.now_ns + int(within_s * NS_PER_S)
        while rested_ns < quiet_s * NS_PER_S and self.clock.now_ns < end_ns:
            before_ns = self.clock.now_ns
            busy = await self.until(lambda: self.wiring.printer.busy, quiet_s)
            rested_ns = 0 if busy else rested_ns + self.clock.now_ns - before_ns
            await self.until(lambda: not self.wiring.printer.busy, within_s)

    async def until_screen(self, *names: str, within_s: float = 10.0) -> None:
        """Wait until one of the screens `names` is shown; BenchError when it is not in time."""
        if not await self._until(lambda: self.screen.name in names, within_s):
            raise BenchError(
                f"no {' or '.join(names)} screen within {within_s:g} s; the terminal shows "
                f"{self.screen.name or 'nothing'}: {' / '.join(self.screen.words)}"
                + "".join(f"\n  {line}" for line in self.console[-8:])
            )

    async def _until(self, happened: Callable[[], bool], within_s: float) -> bool:
        deadline_ns = self.clock.now_ns + int(within_s * NS_PER_S)
        while self.clock.now_ns < deadline_ns and not happened():
            try:
                await self._runtime.run_until(
                    lambda: happened() or self._runtime.reset_cause is not None, deadline_ns
                )
            except PowerCut:
                await self.cut_power()
            if self.powered and self._runtime.reset_cause is not None:
                await self._restart()
        return happened()

    async def _restart(self) -> None:
        """The chip was reset by its firmware or its watchdog: it starts again by itself."""
        self.events.append({"at": "bench", "is": "reset", "cause": self._runtime.reset_cause})
        self._online = False
        await self._runtime.power_off()
        await self._runtime.power_on()

    # -- what can be seen

    @property
    def complaints(self) -> list[str]:
        """What the cards that were at the reader noted of the terminal's mistakes, in words; see
        `simulator.cards.inspection`."""
        return [
            f"{card.name}: {complaint}"
            for card in self._presented.values()
            for complaint in getattr(card, "complaints", [])
        ]

    @property
    def world(self) -> World | None:
        """The firmware's modules while it runs on `cpython`; None elsewhere and without power."""
        return getattr(self._runtime, "world", None)

    @property
    def heap_report(self) -> dict[str, int] | None:
        """MicroPython's heap in bytes, None on CPython; the peak is only as good as the probe."""
        return self._runtime.heap

    async def measure_heap(self) -> None:
        """Have `heap_report` tell of this moment."""
        await self._runtime.measure()

    def timings(self) -> dict[str, float]:
        """Milliseconds by phase of the last sale."""
        return self.sale.report()

    def utc(self) -> datetime.datetime:
        """The time of the world."""
        if self.start_stands:
            return self._started
        return self._started + datetime.timedelta(microseconds=self.clock.now_ns // 1000)

    def _provision(self) -> None:
        if self.start is not None:
            self._started = self.start
        elif self.clock.virtual:
            self._started = _EPOCH
        else:
            self._started = datetime.datetime.now(datetime.UTC)
        self._online = False
        self.wiring.rtc.set_utc(self._started)
        self.wiring.rtc.stands = self.start_stands
        files = provisioning.files(
            self.settings, *self.sandbox.address, self.sandbox.pki, self.emv_document
        )
        # As bytecode on every runtime, also where the source beside it runs: it must fit.
        content = image.device_files(self.board, config=files)
        place = self.wiring.partition("kassa")
        self.wiring.flash.load_blocks(
            build_image(content, place["size"]), place["offset"], place["size"]
        )
        world = World(self.wiring.mcu, root=self.wiring.filesystem())
        provisioning.inject_keys(world, json.loads(files["/config/terminal.json"])["terminal_id"])
        world.close()

    def _watch(self) -> None:
        wiring = self.wiring
        wiring.pn532.on_exchange = self._exchanged
        self.numbers.watch(wiring)
        wiring.printer.on_print = lambda *_: self.sale.printed(self.clock.now_ns)
        self.sandbox.acquirer.on_message = self._message

    def _exchanged(
        self, command: bytes, response: bytes | None, start_ns: int, end_ns: int
    ) -> None:
        self.numbers.begun()
        self.exchanges.append((command, response))
        self.sale.apdu(command, response, start_ns, end_ns)
        for listener in self.on_apdu:
            listener(command, response, start_ns, end_ns)

    def _message(self, message: dict[str, Any]) -> None:
        message["t_ms"] = self.clock.now_ns // NS_PER_MS
        for listener in self.on_message:
            listener(message)

    def console_line(self, line: str) -> None:
        """A line from the terminal's console; those that are events are told on."""
        self.console.append(line)
        try:
            event = json.loads(line)
        except ValueError:
            return
        if not isinstance(event, dict) or "is" not in event:
            return
        now_ns = self.clock.now_ns
        what = (event.get("at"), event["is"])
        if what == ("ui", "screen"):
            self.screen.name, self.screen.words = event["name"], event["words"]
            self.screen.history.append(
                {"name": event["name"], "words": event["words"], "t_ms": now_ns // NS_PER_MS}
            )
        elif what == ("host", "connected"):
            self._online = True
        self.sale.event(event, now_ns)
        self.events.append(event)
        for listener in self.on_event:
            listener(event)


def _as_cards(card: Any) -> list[Any]:
    """One card, or the several that a profile such as `two_cards` stands for."""
    return list(getattr(card, "cards", [card]))
